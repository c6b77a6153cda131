//! A queue's attributes: what is set, what is obeyed, and what is only kept and shown.

use std::collections::BTreeMap;

use queues::{Address, Allow, Counts, Error, Queue, Redrive, Settings};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::{self, invalid_attribute, invalid_value, unknown_attribute};
use super::{Asked, arn, by_arn};
use crate::protocol::Fault;

pub(super) type Attributes = BTreeMap<String, String>;

/// Those that say how messages are encrypted and who may use the queue. Nothing here acts by them; the data folder is
/// its owner's alone, and all callers are the account's own.
const KEPT: &[&str] = &[
    "Policy",
    "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds",
    "SqsManagedSseEnabled",
];

/// Those that can be asked for, in the order in which they are told.
const TOLD: &[&str] = &[
    "QueueArn",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "VisibilityTimeout",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "DelaySeconds",
    "ReceiveMessageWaitTimeSeconds",
    "Policy",
    "RedrivePolicy",
    "RedriveAllowPolicy",
    "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds",
    "SqsManagedSseEnabled",
    "FifoQueue",
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "FifoThroughputLimit",
];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Get {
    queue_url: Option<String>,
    attribute_names: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Set {
    queue_url: Option<String>,
    attributes: Attributes,
}

pub(super) fn get(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let given: Get = asked.read()?;
    let address = asked.queue(given.queue_url.as_deref())?;
    let queue = asked.queues.get(&address).map_err(error::fault)?;
    let names = given.attribute_names.unwrap_or_default();
    if let Some(unknown) = names
        .iter()
        .find(|name| *name != "All" && !TOLD.contains(&name.as_str()))
    {
        return Err(unknown_attribute(unknown));
    }
    let wanted = |name: &str| names.iter().any(|wanted| wanted == "All" || wanted == name);
    let counts = if names
        .iter()
        .any(|name| name == "All" || name.starts_with("Approximate"))
    {
        asked.queues.counts(&address).map_err(error::fault)?
    } else {
        Counts::default()
    };
    let mut told = Map::new();
    for name in TOLD.iter().filter(|name| wanted(name)) {
        if let Some(value) = value(name, &address, &queue, &counts) {
            told.insert((*name).to_owned(), value.into());
        }
    }
    if told.is_empty() {
        return Ok(json!({}));
    }
    Ok(json!({ "Attributes": told }))
}

fn value(name: &str, address: &Address, queue: &Queue, counts: &Counts) -> Option<String> {
    let settings = &queue.settings;
    let ordered = |text: String| queue.ordered.then_some(text);
    match name {
        "QueueArn" => Some(arn(address)),
        "ApproximateNumberOfMessages" => Some(counts.visible.to_string()),
        "ApproximateNumberOfMessagesNotVisible" => Some(counts.in_flight.to_string()),
        "ApproximateNumberOfMessagesDelayed" => Some(counts.delayed.to_string()),
        "CreatedTimestamp" => Some(queue.created.as_secs().to_string()),
        "LastModifiedTimestamp" => Some(queue.modified.as_secs().to_string()),
        "VisibilityTimeout" => Some(settings.visibility_s.to_string()),
        "MaximumMessageSize" => Some(settings.max_bytes.to_string()),
        "MessageRetentionPeriod" => Some(settings.retention_s.to_string()),
        "DelaySeconds" => Some(settings.delay_s.to_string()),
        "ReceiveMessageWaitTimeSeconds" => Some(settings.wait_s.to_string()),
        "RedrivePolicy" => settings.redrive.as_ref().map(print_redrive),
        "RedriveAllowPolicy" => print_allow(&settings.allow),
        "FifoQueue" => ordered("true".into()),
        "ContentBasedDeduplication" => ordered(settings.once_by_content.to_string()),
        "DeduplicationScope" => ordered(scope(settings).into()),
        "FifoThroughputLimit" => ordered(throughput(settings).into()),
        // By default messages are encrypted with a key of the service's own.
        "SqsManagedSseEnabled" => {
            let kms = settings.kept.contains_key("KmsMasterKeyId");
            let kept = settings.kept.get(name).cloned();
            Some(kept.unwrap_or_else(|| (!kms).to_string()))
        }
        name => settings.kept.get(name).cloned(),
    }
}

pub(super) async fn set(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let given: Set = asked.read()?;
    let address = asked.queue(given.queue_url.as_deref())?;
    let queue = asked.queues.get(&address).map_err(error::fault)?;
    if given.attributes.contains_key("FifoQueue") && !queue.ordered {
        return Err(unknown_attribute("FifoQueue"));
    }
    let mut tried = queue.settings.clone();
    apply(&mut tried, &given.attributes, queue.ordered, &address)?;
    let change = |settings: &mut Settings| {
        // What is wrong was found just before.
        let _ = apply(settings, &given.attributes, queue.ordered, &address);
    };
    let changed = asked.queues.change(&address, change).await;
    changed.map_err(|error| about_redrive(error, &given.attributes))?;
    Ok(Value::Null)
}

/// Whether these are a queue's that keeps order.
pub(super) fn ordered(attributes: &Attributes) -> Result<bool, Fault> {
    match attributes.get("FifoQueue").map(String::as_str) {
        None => Ok(false),
        Some("true") => Ok(true),
        // One that does not is one that does not say so.
        Some("false") => Err(unknown_attribute("FifoQueue")),
        Some(_) => Err(invalid_attribute("FifoQueue")),
    }
}

/// Puts attributes among a queue's settings. An empty one takes what was there away.
pub(crate) fn apply(
    settings: &mut Settings,
    attributes: &Attributes,
    ordered: bool,
    address: &Address,
) -> Result<(), Fault> {
    for (name, text) in attributes {
        let number = |range: std::ops::RangeInclusive<u32>| {
            let number = text
                .parse::<u32>()
                .ok()
                .filter(|number| range.contains(number));
            number.ok_or_else(|| invalid_attribute(name))
        };
        match name.as_str() {
            "VisibilityTimeout" => settings.visibility_s = number(0..=43_200)?,
            "DelaySeconds" => settings.delay_s = number(0..=900)?,
            "MessageRetentionPeriod" => settings.retention_s = number(60..=1_209_600)?,
            "MaximumMessageSize" => settings.max_bytes = number(1_024..=queues::MAX_MESSAGE)?,
            "ReceiveMessageWaitTimeSeconds" => settings.wait_s = number(0..=20)?,
            "RedrivePolicy" => settings.redrive = read_redrive(text, address)?,
            "RedriveAllowPolicy" => settings.allow = read_allow(text)?,
            "FifoQueue" if text == "false" && ordered => {
                return Err(Fault::new(
                    "InvalidAttributeValue",
                    "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.",
                ));
            }
            "FifoQueue" => {
                if text != "true" || !ordered {
                    return Err(invalid_attribute(name));
                }
            }
            "ContentBasedDeduplication" | "DeduplicationScope" | "FifoThroughputLimit"
                if !ordered =>
            {
                return Err(unknown_attribute(name));
            }
            "ContentBasedDeduplication" => {
                settings.once_by_content = boolean(text).ok_or_else(|| invalid_attribute(name))?;
            }
            "DeduplicationScope" => {
                settings.once_per_group = match text.as_str() {
                    "messageGroup" => true,
                    "queue" => false,
                    _ => return Err(invalid_attribute(name)),
                }
            }
            "FifoThroughputLimit" => {
                settings.throughput_per_group = match text.as_str() {
                    "perMessageGroupId" => true,
                    "perQueue" => false,
                    _ => return Err(invalid_attribute(name)),
                }
            }
            "KmsDataKeyReusePeriodSeconds" => {
                number(60..=86_400)?;
                keep(settings, name, text);
            }
            "SqsManagedSseEnabled" => {
                boolean(text).ok_or_else(|| invalid_attribute(name))?;
                keep(settings, name, text);
            }
            "Policy" => {
                if !text.is_empty() && serde_json::from_str::<Map<String, Value>>(text).is_err() {
                    return Err(invalid_attribute(name));
                }
                keep(settings, name, text);
            }
            name if KEPT.contains(&name) => keep(settings, name, text),
            name => return Err(unknown_attribute(name)),
        }
    }
    one_encryption(settings, attributes)?;
    if settings.throughput_per_group && !settings.once_per_group {
        return Err(error::invalid(
            "Value perMessageGroupId for parameter FifoThroughputLimit is invalid. Reason: The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup.",
        ));
    }
    Ok(())
}

/// Messages are encrypted in one way only: what is set now ends the other.
fn one_encryption(settings: &mut Settings, attributes: &Attributes) -> Result<(), Fault> {
    const KEY: &str = "KmsMasterKeyId";
    const OWN: &str = "SqsManagedSseEnabled";
    let set = |name: &str| attributes.get(name).filter(|text| !text.is_empty());
    let with_key = set(KEY).is_some();
    let with_own = set(OWN).and_then(|text| boolean(text)) == Some(true);
    match (with_key, with_own) {
        (true, true) => Err(Fault::new(
            "InvalidAttributeName",
            "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
        )),
        (true, false) if set(OWN).is_none() => {
            settings.kept.remove(OWN);
            Ok(())
        }
        (false, true) => {
            settings.kept.remove(KEY);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn keep(settings: &mut Settings, name: &str, text: &str) {
    if text.is_empty() {
        settings.kept.remove(name);
    } else {
        settings.kept.insert(name.to_owned(), text.to_owned());
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// What is different in a queue that is there from what these attributes, which make `settings`, want.
pub(crate) fn differ(
    queue: &Queue,
    settings: &Settings,
    ordered: bool,
    attributes: &Attributes,
) -> Option<&'static str> {
    if queue.ordered != ordered {
        return Some("FifoQueue");
    }
    let nowhere = Address::new(&base::Space::new(""), "");
    let mut wanted = queue.clone();
    wanted.settings = settings.clone();
    let counts = Counts::default();
    TOLD.iter().copied().find(|name| {
        attributes.contains_key(*name)
            && value(name, &nowhere, queue, &counts) != value(name, &nowhere, &wanted, &counts)
    })
}

/// What is wrong with where dead letters go.
pub(super) fn about_redrive(error: Error, attributes: &Attributes) -> Fault {
    let redrive = attributes.get("RedrivePolicy");
    match (error, redrive) {
        (Error::NoSuchQueue(missing), Some(redrive))
            if redrive.contains(&format!(":{}\"", missing.name)) =>
        {
            invalid_value(
                redrive,
                "RedrivePolicy",
                "Dead letter target does not exist.",
            )
        }
        (Error::OtherKind, Some(redrive)) => invalid_value(
            redrive,
            "RedrivePolicy",
            "Dead-letter queue must be same type of queue as the source.",
        ),
        (Error::NotAllowed(_), Some(redrive)) => invalid_value(
            redrive,
            "RedrivePolicy",
            "Queue does not have permission to use the dead-letter queue: its RedriveAllowPolicy does not allow it.",
        ),
        (error, _) => error::fault(error),
    }
}

fn read_redrive(text: &str, address: &Address) -> Result<Option<Redrive>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = |reason: &str| invalid_value(text, "RedrivePolicy", reason);
    let policy: Map<String, Value> =
        serde_json::from_str(text).map_err(|_| wrong("Redrive policy is not a valid JSON map."))?;
    if policy.is_empty() {
        return Ok(None);
    }
    let known = ["deadLetterTargetArn", "maxReceiveCount"];
    if let Some(name) = policy.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(wrong(&format!(
            "Unknown element {name} in the redrive policy."
        )));
    }
    let to = policy.get("deadLetterTargetArn").and_then(Value::as_str);
    let to = to.ok_or_else(|| {
        wrong("Redrive policy does not contain mandatory attribute: deadLetterTargetArn.")
    })?;
    let most = policy.get("maxReceiveCount").ok_or_else(|| {
        wrong("Redrive policy does not contain mandatory attribute: maxReceiveCount.")
    })?;
    let most = match most {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let max_receives = most
        .and_then(|most| u32::try_from(most).ok())
        .filter(|most| (1..=1_000).contains(most))
        .ok_or_else(|| {
            wrong("Invalid value for maxReceiveCount: must be an integer between 1 and 1000.")
        })?;
    let to = by_arn(to).ok_or_else(|| wrong("Dead letter target does not exist."))?;
    if to.space != address.space {
        return Err(wrong(
            "Dead letter target owner should be same as the source.",
        ));
    }
    Ok(Some(Redrive { to, max_receives }))
}

fn print_redrive(redrive: &Redrive) -> String {
    json!({
        "deadLetterTargetArn": arn(&redrive.to),
        "maxReceiveCount": redrive.max_receives,
    })
    .to_string()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AllowPolicy {
    redrive_permission: String,
    #[serde(default)]
    source_queue_arns: Vec<String>,
}

fn read_allow(text: &str) -> Result<Allow, Fault> {
    const MOST: usize = 10;
    if text.is_empty() {
        return Ok(Allow::All);
    }
    let wrong = |reason: &str| invalid_value(text, "RedriveAllowPolicy", reason);
    let policy: AllowPolicy =
        serde_json::from_str(text).map_err(|_| wrong("Redrive allow policy is not valid."))?;
    let sources = policy.source_queue_arns;
    match policy.redrive_permission.as_str() {
        "allowAll" if sources.is_empty() => Ok(Allow::All),
        "denyAll" if sources.is_empty() => Ok(Allow::Nobody),
        "byQueue" if (1..=MOST).contains(&sources.len()) => {
            let sources: Option<Vec<Address>> = sources.iter().map(|arn| by_arn(arn)).collect();
            sources
                .map(Allow::Only)
                .ok_or_else(|| wrong("sourceQueueArns holds something that is no queue's ARN."))
        }
        "byQueue" => Err(wrong("sourceQueueArns must name 1 to 10 queues.")),
        "allowAll" | "denyAll" => Err(wrong(
            "sourceQueueArns can only be given when redrivePermission is byQueue.",
        )),
        _ => Err(wrong(
            "redrivePermission must be allowAll, denyAll or byQueue.",
        )),
    }
}

fn print_allow(allow: &Allow) -> Option<String> {
    match allow {
        Allow::All => None,
        Allow::Nobody => Some(json!({ "redrivePermission": "denyAll" }).to_string()),
        Allow::Only(sources) => {
            let arns: Vec<String> = sources.iter().map(arn).collect();
            let policy = json!({ "redrivePermission": "byQueue", "sourceQueueArns": arns });
            Some(policy.to_string())
        }
    }
}

fn scope(settings: &Settings) -> &'static str {
    if settings.once_per_group {
        "messageGroup"
    } else {
        "queue"
    }
}

fn throughput(settings: &Settings) -> &'static str {
    if settings.throughput_per_group {
        "perMessageGroupId"
    } else {
        "perQueue"
    }
}
