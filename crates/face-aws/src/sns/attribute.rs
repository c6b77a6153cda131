//! What is set for a subscription.

use serde::Deserialize;
use triggers::{Destination, FilterError, FilterPolicy, FilterScope, SubscriptionSettings};

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

/// What an attribute is set for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) topic: &'a str,
    pub(super) protocol: &'a str,
    pub(super) endpoint: &'a str,
}

/// Reads one attribute of a subscription. Empty ones are as if they had never been said.
pub(super) fn apply(
    call: &Call<'_>,
    place: Place<'_>,
    settings: &mut SubscriptionSettings,
    name: &str,
    value: &str,
) -> Result<(), Fault> {
    let protocol = place.protocol;
    match name {
        "RawMessageDelivery" => {
            settings.raw = match value.to_ascii_lowercase().as_str() {
                "true" => true,
                "false" | "" => false,
                _ => {
                    let why = format!(
                        "RawMessageDelivery: Invalid value [{value}]. Must be true or false."
                    );
                    return Err(bad(call, &why));
                }
            };
            if settings.raw && !RAW.contains(&protocol) {
                return Err(bad(
                    call,
                    &format!(
                        "Delivery protocol [{protocol}] does not support raw message delivery."
                    ),
                ));
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
            let scope = scope(value).ok_or_else(|| {
                let why = "Please use either MessageBody or MessageAttributes";
                bad(
                    call,
                    &format!("FilterPolicyScope: Invalid value [{value}]. {why}"),
                )
            })?;
            settings.others.insert(name.to_owned(), value.to_owned());
            if let Some(filter) = &mut settings.filter {
                filter.scope = scope;
            }
        }
        "RedrivePolicy" => {
            settings.dead_letters = match value {
                "" | "{}" => None,
                value => Some(dead_letters(call, place, value)?),
            }
        }
        DELIVERY if value.is_empty() => drop(settings.others.remove(DELIVERY)),
        DELIVERY => {
            delivery::check_subscription(call, value)?;
            settings.others.insert(name.to_owned(), value.to_owned());
        }
        "ReplayPolicy" | "SubscriptionRoleArn" => return Err(call.not_built(name)),
        _ => return Err(bad(call, "AttributeName")),
    }
    Ok(())
}

/// Says what is wrong with the whole.
pub(super) fn check(call: &Call<'_>, settings: &SubscriptionSettings) -> Result<(), Fault> {
    let Some(filter) = &settings.filter else {
        return Ok(());
    };
    filter.check().map_err(|error| match error {
        FilterError::Nested => bad(call, &error.to_string()),
        FilterError::Pattern(error) => bad(call, &format!("FilterPolicy: {}", error.problem)),
        error => bad(call, &format!("FilterPolicy: {error}")),
    })
}

fn scope(value: &str) -> Option<FilterScope> {
    match value {
        "MessageAttributes" => Some(FilterScope::Attributes),
        "MessageBody" => Some(FilterScope::Body),
        _ => None,
    }
}

fn scope_of(settings: &SubscriptionSettings) -> Option<FilterScope> {
    scope(settings.others.get("FilterPolicyScope")?)
}

fn dead_letters(call: &Call<'_>, place: Place<'_>, policy: &str) -> Result<Destination, Fault> {
    let wrong = |why: &str| bad(call, &format!("RedrivePolicy: {why}"));
    let redrive: Redrive =
        serde_json::from_str(policy).map_err(|_| wrong("failed to parse JSON."))?;
    let queue = destination::read(&redrive.target);
    let Some(Destination::Queue(queue)) = queue else {
        return Err(wrong("deadLetterTargetArn is an invalid arn"));
    };
    let keeps_order = |name: &str| name.ends_with(".fifo");
    let of_order = keeps_order(place.topic) && keeps_order(place.endpoint);
    match (of_order, keeps_order(&queue.name)) {
        (true, false) => Err(wrong(
            "must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.",
        )),
        // It would take no letter, for those belong to no group.
        (false, true) => Err(wrong("must use a standard queue as DLQ")),
        _ => Ok(Destination::Queue(queue)),
    }
}

/// Only of those that subscribe it is said that it is about their attributes.
fn bad(call: &Call<'_>, why: &str) -> Fault {
    match call.operation.name {
        "Subscribe" => invalid(format!("Attributes Reason: {why}")),
        _ => invalid(why),
    }
}
