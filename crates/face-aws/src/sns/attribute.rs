//! What is set for a subscription.

use serde::Deserialize;
use triggers::{Destination, FilterPolicy, FilterScope, SubscriptionSettings};

use super::delivery;
use super::error::invalid;
use crate::destination;
use crate::protocol::{Call, Fault};

pub(super) const DELIVERY: &str = "DeliveryPolicy";

/// Who takes the bare message.
const RAW: [&str; 3] = ["http", "https", "sqs"];

#[derive(Debug, Deserialize)]
struct Redrive {
    #[serde(rename = "deadLetterTargetArn")]
    target: String,
}

/// Reads one attribute of a subscription by this protocol. Empty ones are as if they had never been said.
pub(super) fn apply(
    call: &Call<'_>,
    protocol: &str,
    settings: &mut SubscriptionSettings,
    name: &str,
    value: &str,
) -> Result<(), Fault> {
    match name {
        "RawMessageDelivery" => {
            settings.raw = match value.to_ascii_lowercase().as_str() {
                "true" => true,
                "false" | "" => false,
                _ => return Err(bad("RawMessageDelivery")),
            };
            if settings.raw && !RAW.contains(&protocol) {
                return Err(bad(&format!(
                    "Delivery protocol [{protocol}] does not support raw message delivery."
                )));
            }
        }
        "FilterPolicy" => {
            let scope = settings.filter.take().map(|filter| filter.scope);
            settings.filter = (!value.is_empty() && value != "{}").then(|| FilterPolicy {
                text: value.to_owned(),
                scope: scope.or(scope_of(settings)).unwrap_or_default(),
            });
        }
        "FilterPolicyScope" => {
            let scope = scope(value)?;
            settings.others.insert(name.to_owned(), value.to_owned());
            if let Some(filter) = &mut settings.filter {
                filter.scope = scope;
            }
        }
        "RedrivePolicy" => {
            settings.dead_letters = match value {
                "" | "{}" => None,
                value => Some(dead_letters(value)?),
            }
        }
        DELIVERY if value.is_empty() => drop(settings.others.remove(DELIVERY)),
        DELIVERY => {
            delivery::check_subscription(call, value)?;
            settings.others.insert(name.to_owned(), value.to_owned());
        }
        "ReplayPolicy" | "SubscriptionRoleArn" => return Err(call.not_built(name)),
        _ => return Err(invalid("AttributeName")),
    }
    Ok(())
}

/// Says what is wrong with the whole.
pub(super) fn check(settings: &SubscriptionSettings) -> Result<(), Fault> {
    let Some(filter) = &settings.filter else {
        return Ok(());
    };
    filter.check().map_err(|error| {
        let why = match error.path.as_str() {
            "" => error.problem,
            path => format!("{path}: {}", error.problem),
        };
        bad(&format!("FilterPolicy: {why}"))
    })
}

fn scope(value: &str) -> Result<FilterScope, Fault> {
    match value {
        "MessageAttributes" => Ok(FilterScope::Attributes),
        "MessageBody" => Ok(FilterScope::Body),
        other => Err(bad(&format!(
            "FilterPolicyScope: Invalid value [{other}]. Please use either MessageBody or MessageAttributes"
        ))),
    }
}

fn scope_of(settings: &SubscriptionSettings) -> Option<FilterScope> {
    scope(settings.others.get("FilterPolicyScope")?).ok()
}

fn dead_letters(policy: &str) -> Result<Destination, Fault> {
    let redrive: Redrive = serde_json::from_str(policy)
        .map_err(|_| invalid("RedrivePolicy: failed to parse JSON."))?;
    match destination::read(&redrive.target) {
        Some(queue @ Destination::Queue(_)) => Ok(queue),
        _ => Err(invalid(
            "RedrivePolicy: deadLetterTargetArn is an invalid arn",
        )),
    }
}

fn bad(why: &str) -> Fault {
    invalid(format!("Attributes Reason: {why}"))
}
