//! What a schedule calls.

use std::time::Duration;

use base::Space;
use serde::Deserialize;
use serde_json::{Map, Value};
use triggers::Destination;

use super::callable::Callable;
use super::error::invalid;
use super::universal::Universal;
use crate::destination;
use crate::protocol::Fault;

/// The services that can be called with nothing but a name, and that there are not here.
const UNBUILT: [&str; 8] = [
    "codebuild",
    "codepipeline",
    "ecs",
    "firehose",
    "inspector",
    "kinesis",
    "sagemaker",
    "states",
];

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Target {
    pub(super) arn: String,
    pub(super) input: Option<String>,
    #[serde(default)]
    pub(super) retry_policy: RetryPolicy,
    pub(super) dead_letter_config: Option<DeadLetterConfig>,
    pub(super) sqs_parameters: Option<SqsParameters>,
    pub(super) event_bridge_parameters: Option<EventBridgeParameters>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RetryPolicy {
    maximum_event_age_in_seconds: Option<u64>,
    maximum_retry_attempts: Option<u32>,
}

impl RetryPolicy {
    pub(super) fn attempts(self) -> Option<u32> {
        self.maximum_retry_attempts
    }

    pub(super) fn age(self) -> Option<Duration> {
        self.maximum_event_age_in_seconds.map(Duration::from_secs)
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeadLetterConfig {
    pub(super) arn: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SqsParameters {
    pub(super) message_group_id: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EventBridgeParameters {
    pub(super) detail_type: String,
    pub(super) source: String,
}

/// What is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Called {
    /// A place, which gets the input.
    Place(Destination),
    /// An operation that sends something, whose parameters are the input.
    Operation(Universal),
    /// Another.
    Callable(Callable),
}

impl Target {
    /// As it is in a request. What cannot be called is refused here, and not when it is due.
    pub(super) fn read(members: Map<String, Value>, space: &Space) -> Result<Self, Fault> {
        const KNOWN: [&str; 7] = [
            "Arn",
            "RoleArn",
            "Input",
            "RetryPolicy",
            "DeadLetterConfig",
            "SqsParameters",
            "EventBridgeParameters",
        ];
        if let Some(other) = members.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            return Err(Fault::not_implemented(&format!(
                "{other} of a schedule's target"
            )));
        }
        let target: Self = serde_json::from_value(Value::Object(members))
            .map_err(|cause| Fault::serialization(Some(cause.to_string())))?;
        let called = target.called()?;
        target.check(&called, space)?;
        Ok(target)
    }

    /// As it is in the store.
    pub(super) fn stored(order: &[u8]) -> Option<Self> {
        serde_json::from_slice(order).ok()
    }

    pub(super) fn called(&self) -> Result<Called, Fault> {
        if let Some(operation) = self.arn.strip_prefix("arn:aws:scheduler:::aws-sdk:") {
            return match Callable::named(operation) {
                Some(operation) => Ok(Called::Callable(operation)),
                None => Universal::named(operation).map(Called::Operation),
            };
        }
        match destination::read(&self.arn) {
            Some(Destination::Bucket(_)) | None => {
                let service = self.arn.split(':').nth(2).unwrap_or_default();
                Err(match UNBUILT.contains(&service) {
                    true => Fault::not_implemented(&format!("schedules' targets of {service}")),
                    false => invalid("Provided Arn is not in correct format."),
                })
            }
            Some(place) => Ok(Called::Place(place)),
        }
    }

    fn check(&self, called: &Called, space: &Space) -> Result<(), Fault> {
        let input = self.input.as_deref();
        let is_json = || {
            let read = |text| serde_json::from_str::<Value>(text).is_ok();
            input.is_none_or(read)
        };
        match called {
            Called::Operation(operation) => {
                operation.check(input.unwrap_or("{}"), space)?;
            }
            Called::Callable(operation) => operation.check(input.unwrap_or("{}"))?,
            Called::Place(Destination::Function(_) | Destination::Bus(_)) if !is_json() => {
                return Err(invalid("Provided Input is not valid JSON."));
            }
            Called::Place(Destination::Bus(_)) if self.event_bridge_parameters.is_none() => {
                return Err(invalid(
                    "EventBridgeParameters is required for an event bus as target.",
                ));
            }
            Called::Place(Destination::Queue(queue)) => {
                let parameters = self.sqs_parameters.as_ref();
                let group = parameters.and_then(|some| some.message_group_id.as_ref());
                if queue.name.ends_with(".fifo") != group.is_some() {
                    return Err(invalid(
                        "SqsParameters with a MessageGroupId are required for a FIFO queue, and for no other.",
                    ));
                }
            }
            Called::Place(_) => {}
        }
        match self.dead_letter() {
            Some(Destination::Queue(queue)) if queue.name.ends_with(".fifo") => Err(invalid(
                "A FIFO queue cannot be the dead-letter queue of a schedule.",
            )),
            _ => Ok(()),
        }
    }

    pub(super) fn dead_letter(&self) -> Option<Destination> {
        destination::read(self.dead_letter_config.as_ref()?.arn.as_ref()?)
    }
}
