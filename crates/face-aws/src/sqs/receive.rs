use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use queues::{Attribute, Receive, Received};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::{self, invalid_value};
use super::pace::Action;
use super::{Asked, message};
use crate::protocol::Fault;

const MOST: i64 = 10;
const LONGEST_WAIT_S: i64 = 20;
pub(super) const LONGEST_VISIBILITY_S: i64 = 43_200;

/// What the service itself tells of messages.
const TOLD: &[&str] = &[
    "All",
    "SenderId",
    "SentTimestamp",
    "ApproximateReceiveCount",
    "ApproximateFirstReceiveTimestamp",
    "SequenceNumber",
    "MessageDeduplicationId",
    "MessageGroupId",
    "AWSTraceHeader",
    "DeadLetterQueueSourceArn",
];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    queue_url: Option<String>,
    /// The older name of the next one.
    attribute_names: Option<Vec<String>>,
    message_system_attribute_names: Option<Vec<String>>,
    message_attribute_names: Option<Vec<String>>,
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    receive_request_attempt_id: Option<String>,
}

pub(super) async fn receive(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let given: Given = asked.read()?;
    let address = asked.queue(given.queue_url.as_deref())?;
    let most = between(
        given.max_number_of_messages,
        "MaxNumberOfMessages",
        1..=MOST,
        "Must be between 1 and 10, if provided.",
    )?;
    let wait = between(
        given.wait_time_seconds,
        "WaitTimeSeconds",
        0..=LONGEST_WAIT_S,
        "Must be >= 0 and <= 20, if provided.",
    )?;
    let visibility = between(
        given.visibility_timeout,
        "VisibilityTimeout",
        0..=LONGEST_VISIBILITY_S,
        "Must be between 0 and 43200, if provided.",
    )?;
    let mut system = given.attribute_names.unwrap_or_default();
    system.extend(given.message_system_attribute_names.unwrap_or_default());
    if let Some(unknown) = system.iter().find(|name| !TOLD.contains(&name.as_str())) {
        return Err(error::unknown_attribute(unknown));
    }
    let queue = asked.queues.get(&address).map_err(error::fault)?;
    asked.pace.call(&address, &queue, Action::Receive)?;
    let how = Receive {
        most: most.map_or(1, |most| usize::try_from(most).unwrap_or(1)),
        visibility: visibility.map(Duration::from_secs),
        wait: wait.map(Duration::from_secs),
        attempt: given.receive_request_attempt_id,
    };
    let received = asked.queues.receive(&address, how).await;
    let received = received.map_err(error::fault)?;
    if received.is_empty() {
        return Ok(json!({}));
    }
    let own = given.message_attribute_names.unwrap_or_default();
    let messages: Vec<Value> = received
        .into_iter()
        .map(|received| printed(received, &system, &own))
        .collect();
    Ok(json!({ "Messages": messages }))
}

pub(super) fn between(
    given: Option<i64>,
    name: &str,
    range: std::ops::RangeInclusive<i64>,
    reason: &str,
) -> Result<Option<u64>, Fault> {
    match given {
        None => Ok(None),
        Some(value) if range.contains(&value) => Ok(u64::try_from(value).ok()),
        Some(value) => Err(invalid_value(&value.to_string(), name, reason)),
    }
}

fn printed(received: Received, system: &[String], own: &[String]) -> Value {
    let mut told = Map::new();
    let system = |name: &str| {
        system
            .iter()
            .any(|wanted| wanted == "All" || wanted == name)
    };
    let attributes = message::system_attributes(&received, system);
    let receipt = STANDARD.encode(received.receipt.to_bytes());
    let message = received.message;
    told.insert("MessageId".into(), message.id.to_string().into());
    told.insert("ReceiptHandle".into(), receipt.into());
    told.insert(
        "MD5OfBody".into(),
        message::md5(message.body.as_bytes()).into(),
    );
    told.insert("Body".into(), message.body.into());
    if !attributes.is_empty() {
        told.insert("Attributes".into(), attributes.into());
    }
    let own: Vec<&Attribute> = message
        .attributes
        .iter()
        .filter(|attribute| is_wanted(own, &attribute.name))
        .collect();
    if let Some(md5) = message::md5_of_attributes(own.iter().copied()) {
        let printed = own
            .iter()
            .map(|own| (own.name.clone(), message::printed(own)));
        told.insert("MD5OfMessageAttributes".into(), md5.into());
        told.insert(
            "MessageAttributes".into(),
            printed.collect::<Map<_, _>>().into(),
        );
    }
    Value::Object(told)
}

/// A name, a beginning of names followed by `.*`, or all.
fn is_wanted(wanted: &[String], name: &str) -> bool {
    wanted.iter().any(|wanted| match wanted.as_str() {
        "All" | ".*" | "*" => true,
        wanted => match wanted.strip_suffix(".*") {
            Some(beginning) => name.starts_with(beginning),
            None => wanted == name,
        },
    })
}
