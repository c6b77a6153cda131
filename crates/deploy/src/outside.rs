//! What a template relies on and does not make: it must be there already.

use crate::Deployer;
use crate::desired::{Desired, Kind};
use crate::diagnostic::{Diagnostics, Finding};
use crate::error::Result;

impl Deployer {
    /// Refuses what would fail in the middle of the deployment, because its bus is neither here nor in the template.
    pub(crate) fn check_buses(&self, desired: &Desired) -> Result<()> {
        let resources = desired.resources.iter();
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
        match findings.is_empty() {
            true => Ok(()),
            false => Err(Diagnostics::new(desired.notices.source(), findings).into()),
        }
    }
}
