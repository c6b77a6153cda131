use std::time::Duration;

use queues::{NewMessage, Queue, Sent, SequenceNumber};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::body::Output;
use super::error::{self, invalid, invalid_value, missing_parameter};
use super::message::{self, GivenMap};
use super::{Asked, batch};
use crate::protocol::Fault;
use crate::sts;

const LONGEST_DELAY_S: i64 = 900;
/// Of the messages of a batch together.
const LARGEST_BATCH: usize = 1 << 20;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch {
    queue_url: Option<String>,
    #[serde(default)]
    entries: Vec<Given>,
}

/// A message as it comes, by itself or in a batch. All in one, for what is flattened is read twice.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    /// Of one by itself.
    queue_url: Option<String>,
    /// Of one in a batch.
    id: Option<String>,
    message_body: Option<String>,
    delay_seconds: Option<i64>,
    message_attributes: Option<GivenMap>,
    message_system_attributes: Option<GivenMap>,
    message_deduplication_id: Option<String>,
    message_group_id: Option<String>,
}

/// What the sender can see of a message that it has arrived whole.
#[derive(Serialize)]
struct Digests {
    #[serde(rename = "MD5OfMessageBody")]
    body: String,
    #[serde(
        rename = "MD5OfMessageAttributes",
        skip_serializing_if = "Option::is_none"
    )]
    attributes: Option<String>,
    #[serde(
        rename = "MD5OfMessageSystemAttributes",
        skip_serializing_if = "Option::is_none"
    )]
    system_attributes: Option<String>,
}

/// What the sender is told of a message.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Told {
    message_id: Uuid,
    #[serde(flatten)]
    digests: Digests,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence_number: Option<String>,
}

pub(super) async fn one(mut asked: Asked<'_>) -> Result<Output, Fault> {
    let message: Given = asked.read()?;
    let address = asked.queue(message.queue_url.as_deref())?;
    let queue = asked.queues.get(&address).map_err(error::fault)?;
    let group = message.message_group_id.as_deref();
    asked.pace.send(&address, &queue, [group].into_iter())?;
    let (message, told) = message.understand(&asked, &queue)?;
    let sent = asked.queues.send_all(&address, vec![message]).await;
    let sent = sent.map_err(error::fault)?.pop();
    let sent = sent.expect("there is an outcome for each message");
    asked.print(&told.of(sent.map_err(error::fault)?))
}

pub(super) async fn batch(mut asked: Asked<'_>) -> Result<Output, Fault> {
    let Batch { queue_url, entries } = asked.read()?;
    let address = asked.queue(queue_url.as_deref())?;
    let queue = asked.queues.get(&address).map_err(error::fault)?;
    let (ids, entries) = named(entries)?;
    let each = ids.iter().map(String::as_str);
    batch::check("SendMessageBatchRequestEntry", each)?;
    let groups = entries
        .iter()
        .map(|entry| entry.message_group_id.as_deref());
    asked.pace.send(&address, &queue, groups)?;
    check_order(&queue, &entries)?;
    let understood: Vec<_> = ids
        .into_iter()
        .zip(entries)
        .map(|(id, entry)| (id, entry.understand(&asked, &queue)))
        .collect();
    check_size(&understood)?;
    let mut messages = Vec::with_capacity(understood.len());
    let mut rest = Vec::with_capacity(understood.len());
    for (id, understood) in understood {
        rest.push((
            id,
            understood.map(|(message, told)| {
                messages.push(message);
                told
            }),
        ));
    }
    let sent = asked.queues.send_all(&address, messages).await;
    let mut sent = sent.map_err(error::fault)?.into_iter();
    let outcomes = rest.into_iter().map(|(id, told)| {
        let outcome = told.and_then(|told| {
            let sent = sent.next().expect("there is an outcome for each message");
            Ok(told.of(sent.map_err(error::fault)?))
        });
        (id, outcome)
    });
    asked.print(&batch::outcome(outcomes))
}

/// Refuses the whole of a batch for an entry that says too little of its place among others.
fn check_order(queue: &Queue, entries: &[Given]) -> Result<(), Fault> {
    if !queue.ordered {
        return Ok(());
    }
    let by_content = queue.settings.once_by_content;
    for entry in entries {
        if entry.message_group_id.is_none() {
            let why = "The request must contain the parameter MessageGroupId.";
            return Err(invalid(why));
        }
        if entry.message_deduplication_id.is_none() && !by_content {
            return Err(error::fault(queues::Error::NothingTellsRepetitions));
        }
    }
    Ok(())
}

/// The entries and their ids, which all must have.
fn named(mut entries: Vec<Given>) -> Result<(Vec<String>, Vec<Given>), Fault> {
    let ids = entries.iter_mut().map(|entry| entry.id.take());
    let ids: Option<Vec<String>> = ids.collect();
    Ok((ids.ok_or_else(|| missing_parameter("Id"))?, entries))
}

/// An entry of a batch by its id: what it sends, or what is wrong with it.
type Understood = (String, Result<(NewMessage, Digests), Fault>);

fn check_size(entries: &[Understood]) -> Result<(), Fault> {
    let sizes = entries.iter().flat_map(|(_, understood)| understood);
    let size: usize = sizes.map(|(message, _)| message.bytes()).sum();
    if size > LARGEST_BATCH {
        return Err(Fault::new(
            "BatchRequestTooLong",
            format!(
                "Batch requests cannot be longer than {LARGEST_BATCH} bytes. You have sent {size} bytes."
            ),
        ));
    }
    Ok(())
}

impl Given {
    fn understand(self, asked: &Asked<'_>, queue: &Queue) -> Result<(NewMessage, Digests), Fault> {
        let body = self.message_body.filter(|body| !body.is_empty());
        let body = body.ok_or_else(|| missing_parameter("MessageBody"))?;
        check_text(&body)?;
        let delay = delay(self.delay_seconds, queue.ordered)?;
        let attributes = message::attributes(self.message_attributes.unwrap_or_default())?;
        let trace = trace(self.message_system_attributes.unwrap_or_default())?;
        let system_attributes = trace
            .as_deref()
            .and_then(|trace| message::md5_of_attributes([&message::trace_attribute(trace)]));
        let group = token("MessageGroupId", self.message_group_id)?;
        let once = token("MessageDeduplicationId", self.message_deduplication_id)?;
        if let Some(once) = once.as_ref().filter(|_| !queue.ordered) {
            return Err(invalid_value(
                once,
                "MessageDeduplicationId",
                "The request includes a parameter that is not valid for this queue type.",
            ));
        }
        let digests = Digests {
            body: message::md5(body.as_bytes()),
            attributes: message::md5_of_attributes(&attributes),
            system_attributes,
        };
        let message = NewMessage {
            body,
            attributes,
            sender: sts::id(&asked.context.principal),
            trace: trace.or_else(|| asked.trace()),
            group,
            once,
            delay,
        };
        Ok((message, digests))
    }
}

impl Digests {
    fn of(self, (sent, sequence): (Sent, Option<SequenceNumber>)) -> Told {
        Told {
            message_id: sent.id,
            digests: self,
            sequence_number: sequence.map(|sequence| sequence.to_string()),
        }
    }
}

fn delay(seconds: Option<i64>, ordered: bool) -> Result<Option<Duration>, Fault> {
    let Some(seconds) = seconds else {
        return Ok(None);
    };
    if !(0..=LONGEST_DELAY_S).contains(&seconds) {
        return Err(invalid_value(
            &seconds.to_string(),
            "DelaySeconds",
            "DelaySeconds must be >= 0 and <= 900.",
        ));
    }
    if ordered && seconds > 0 {
        return Err(invalid_value(
            &seconds.to_string(),
            "DelaySeconds",
            "The request include parameter that is not valid for this queue type.",
        ));
    }
    Ok(u64::try_from(seconds).ok().map(Duration::from_secs))
}

/// The one attribute that may be sent in the service's own name.
fn trace(given: GivenMap) -> Result<Option<String>, Fault> {
    let mut trace = None;
    for attribute in message::attributes(given)? {
        match (attribute.name.as_str(), attribute.value) {
            ("AWSTraceHeader", queues::AttributeValue::Text(text)) => trace = Some(text),
            (name, _) => {
                return Err(invalid(format!(
                    "Message system attribute name '{name}' is invalid."
                )));
            }
        }
    }
    Ok(trace)
}

/// An id of a group, or what tells repetitions.
fn token(name: &str, given: Option<String>) -> Result<Option<String>, Fault> {
    let Some(token) = given else {
        return Ok(None);
    };
    let valid =
        (1..=128).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic());
    if valid {
        return Ok(Some(token));
    }
    Err(invalid_value(
        &token,
        name,
        &format!(
            "{name} can only include alphanumeric and punctuation characters. 1 to 128 in length."
        ),
    ))
}

/// Refuses what cannot be written in XML.
pub(super) fn check_text(text: &str) -> Result<(), Fault> {
    let forbidden = |c: &char| matches!(*c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    // Nearly all texts have none, and bytes are looked through faster than characters.
    let suspicious =
        |byte: &u8| (*byte < 0x20 && !matches!(*byte, b'\t' | b'\n' | b'\r')) || *byte == 0xef;
    if !text.as_bytes().iter().any(suspicious) {
        return Ok(());
    }
    match text.chars().find(forbidden) {
        None => Ok(()),
        Some(c) => Err(Fault::new(
            "InvalidMessageContents",
            format!(
                "Invalid binary character '#x{:X}' was found in the message body, the set of allowed characters is #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
                u32::from(c)
            ),
        )),
    }
}
