//! Publishing several messages at once. What is wrong with one of them fails the whole call, as it would by itself.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::of_topics;
use super::message::Given;
use super::publish::number;
use super::{Answer, Asked, LARGEST_MESSAGE, arn};
use crate::protocol::Fault;

const MOST: usize = 10;
const LONGEST_ID: usize = 80;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    topic_arn: String,
    #[serde(default)]
    publish_batch_request_entries: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    id: String,
    #[serde(flatten)]
    given: Given,
}

pub(super) async fn publish(mut asked: Asked<'_>) -> Answer {
    let input: Input = asked.call.read()?;
    let topic = arn::topic(&input.topic_arn, "TopicArn")?;
    let entries = input.publish_batch_request_entries;
    check(&entries)?;
    let drafts = entries.iter().map(|entry| entry.given.draft(asked.trace));
    let drafts = drafts.collect::<Result<Vec<_>, _>>()?;
    let published = asked
        .parts
        .topics
        .publish_all(&topic.space, &topic.name, &drafts)
        .await;
    let published = published.map_err(of_topics)?;
    let successful: Vec<Value> = entries
        .iter()
        .zip(published)
        .map(|(entry, one)| {
            json!({
                "Id": entry.id,
                "MessageId": one.id,
                "SequenceNumber": one.sequence.map(number),
            })
        })
        .collect();
    Ok(json!({ "Successful": successful, "Failed": [] }))
}

fn check(entries: &[Entry]) -> Result<(), Fault> {
    if entries.is_empty() {
        let message = "The batch request doesn't contain any entries.";
        return Err(Fault::new("EmptyBatchRequest", message));
    }
    if entries.len() > MOST {
        let message = "The batch request contains more entries than permissible.";
        return Err(Fault::new("TooManyEntriesInBatchRequest", message));
    }
    let plain = |id: &str| {
        let mut bytes = id.bytes();
        bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    let mut ids = HashSet::new();
    for Entry { id, .. } in entries {
        if id.is_empty() || id.len() > LONGEST_ID || !plain(id) {
            let message =
                "The Id of a batch entry in a batch request doesn't abide by the specification.";
            return Err(Fault::new("InvalidBatchEntryId", message));
        }
        if !ids.insert(id) {
            let message = "Two or more batch entries in the request have the same Id.";
            return Err(Fault::new("BatchEntryIdsNotDistinct", message));
        }
    }
    let size: usize = entries.iter().map(|entry| entry.given.size()).sum();
    if size > LARGEST_MESSAGE {
        let message = "The length of all the batch messages put together is more than the limit.";
        return Err(Fault::new("BatchRequestTooLong", message));
    }
    Ok(())
}
