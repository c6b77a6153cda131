//! What a template relies on and does not make: it must be there already.

use triggers::Destination;

use crate::Deployer;
use crate::desired::{Desired, Kind};
use crate::diagnostic::{Diagnostics, Finding};
use crate::engines::place;
use crate::error::Result;
use crate::schema::Noun;

impl Deployer {
    /// As [`Self::check_buses`], of buckets with policies.
    pub(crate) fn check_buckets(&self, desired: &Desired) -> Result<()> {
        let is_made = |bucket: &str| {
            let mut made = desired.resources.iter();
            made.any(|one| matches!(&one.kind, Kind::Bucket(made) if made.name == bucket))
        };
        let is_there = |bucket: &str| {
            let found = self.engines.objects.bucket(bucket);
            is_made(bucket) || !matches!(found, Err(objects::Error::NoSuchBucket(_)))
        };
        let unanswered = &desired.unanswered;
        let resources = desired.resources.iter();
        let missing = resources
            .filter(|one| !unanswered.waits(&one.logical_id))
            .filter_map(|resource| match &resource.kind {
                Kind::BucketPolicy(policy) if !is_there(&policy.bucket) => {
                    Some((resource, &policy.bucket))
                }
                _ => None,
            });
        let findings: Vec<Finding> = missing
            .map(|(resource, bucket)| {
                Finding::error(resource.span, format!("there is no bucket `{bucket}`"))
                    .why("this is its policy, and the template does not make it")
                    .help("make it first, or name one that is there")
            })
            .collect();
        refuse(desired, findings)
    }

    /// Refuses what would fail in the middle of the deployment, because its bus is neither here nor in the template.
    pub(crate) fn check_buses(&self, desired: &Desired) -> Result<()> {
        let unanswered = &desired.unanswered;
        let resources = desired.resources.iter();
        // What waits may need a bus of the template that waits too.
        let resources = resources.filter(|one| !unanswered.waits(&one.logical_id));
        let on_buses = resources.filter_map(|resource| match &resource.kind {
            Kind::EventRule(rule) => Some((resource, &rule.bus)),
            Kind::BusPolicy(policy) => Some((resource, &policy.bus)),
            Kind::Archive(archive) => Some((resource, &archive.bus)),
            _ => None,
        });
        let space = self.space();
        let is_there = |bus: &str| {
            let mut made = desired.resources.iter();
            bus == buses::DEFAULT
                || made.any(|one| matches!(&one.kind, Kind::EventBus(made) if made.name == bus))
                || !matches!(
                    self.engines.buses.bus(&space, bus),
                    Err(buses::Error::NoSuchBus(_))
                )
        };
        let missing = on_buses.filter(|(_, bus)| !is_there(bus));
        let findings: Vec<Finding> = missing
            .map(|(resource, bus)| {
                Finding::error(resource.span, format!("there is no bus `{bus}`"))
                    .why("this needs it, and the template does not make it")
                    .help("make it first, by another template or by `CreateEventBus`, or name one that is there")
            })
            .collect();
        refuse(desired, findings)
    }

    /// Refuses custom resources that nobody would make.
    pub(crate) fn check_makers(&self, desired: &Desired) -> Result<()> {
        let unanswered = &desired.unanswered;
        let mut findings = Vec::new();
        for resource in &desired.resources {
            let Kind::Custom(custom) = &resource.kind else {
                continue;
            };
            if unanswered.waits(&resource.logical_id) || is_made(desired, &custom.token) {
                continue;
            }
            let there = self.maker_is_there(&custom.token);
            let there = there.map_err(|cause| {
                cause.of_step("look for the maker of", Noun::Custom.as_str(), &custom.name)
            })?;
            if !there {
                let token = &custom.token;
                findings.push(
                    Finding::error(resource.span, format!("there is no {token}"))
                        .why("this is made by it, and the template does not make it")
                        .help("make it first, by another template, or name one that is there"),
                );
            }
        }
        refuse(desired, findings)
    }
}

/// Whether the template makes the function or the topic that a token names.
fn is_made(desired: &Desired, token: &str) -> bool {
    let place = place::named(token);
    let mut made = desired.resources.iter();
    made.any(|one| match (&one.kind, &place) {
        (Kind::Function(made), Some(Destination::Function(target))) => made.name == target.function,
        (Kind::Topic(made), Some(Destination::Topic(topic))) => made.name == topic.name,
        _ => false,
    })
}

fn refuse(desired: &Desired, findings: Vec<Finding>) -> Result<()> {
    match findings.is_empty() {
        true => Ok(()),
        false => Err(Diagnostics::new(desired.notices.source(), findings).into()),
    }
}
