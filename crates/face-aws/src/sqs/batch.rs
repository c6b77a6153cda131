//! Batches: up to ten entries, each with an id of its own, each with an outcome of its own.

use serde_json::{Value, json};

use super::error;
use crate::protocol::Fault;

const MOST: usize = 10;
const LONGEST_ID: usize = 80;

/// Refuses a batch whose entries cannot be told apart, or that has none or too many.
pub(super) fn check<'a>(
    entry: &str,
    ids: impl Iterator<Item = &'a str> + Clone,
) -> Result<(), Fault> {
    let count = ids.clone().count();
    if count == 0 {
        return Err(Fault::new(
            "EmptyBatchRequest",
            format!("There should be at least one {entry} in the request."),
        ));
    }
    if count > MOST {
        return Err(Fault::new(
            "TooManyEntriesInBatchRequest",
            format!("Maximum number of entries per request are {MOST}. You have sent {count}."),
        ));
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let valid = |id: &str| !id.is_empty() && id.len() <= LONGEST_ID && id.bytes().all(allowed);
    if !ids.clone().all(valid) {
        return Err(Fault::new(
            "InvalidBatchEntryId",
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
        ));
    }
    let mut seen: Vec<&str> = Vec::with_capacity(count);
    for id in ids {
        if seen.contains(&id) {
            return Err(Fault::new(
                "BatchEntryIdsNotDistinct",
                format!("Id {id} repeated."),
            ));
        }
        seen.push(id);
    }
    Ok(())
}

/// What a batch came to.
pub(super) fn outcome(outcomes: Vec<(String, Result<Value, Fault>)>) -> Value {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for (id, outcome) in outcomes {
        match outcome {
            Ok(mut told) => {
                if let Value::Object(members) = &mut told {
                    members.insert("Id".into(), id.into());
                }
                successful.push(told);
            }
            Err(fault) => failed.push(failure(&id, &fault)),
        }
    }
    let mut output = serde_json::Map::new();
    if !successful.is_empty() {
        output.insert("Successful".into(), successful.into());
    }
    if !failed.is_empty() {
        output.insert("Failed".into(), failed.into());
    }
    Value::Object(output)
}

fn failure(id: &str, fault: &Fault) -> Value {
    let (code, _) = error::in_forms(&fault.code);
    json!({
        "Id": id,
        "SenderFault": !fault.unmodelled.is_server_error(),
        "Code": code,
        "Message": fault.message,
    })
}
