//! Batches: up to ten entries, each with an id of its own, each with an outcome of its own.

use serde::Serialize;

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
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Outcome<T> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    successful: Vec<Success<T>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed: Vec<Failure>,
}

#[derive(Serialize)]
struct Success<T> {
    #[serde(rename = "Id")]
    id: String,
    #[serde(flatten)]
    told: T,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Failure {
    id: String,
    sender_fault: bool,
    code: String,
    message: Option<String>,
}

/// By the entries' ids.
pub(super) fn outcome<T>(
    outcomes: impl ExactSizeIterator<Item = (String, Result<T, Fault>)>,
) -> Outcome<T> {
    let mut outcome = Outcome {
        successful: Vec::with_capacity(outcomes.len()),
        failed: Vec::new(),
    };
    for (id, told) in outcomes {
        match told {
            Ok(told) => outcome.successful.push(Success { id, told }),
            Err(fault) => outcome.failed.push(failure(id, fault)),
        }
    }
    outcome
}

fn failure(id: String, fault: Fault) -> Failure {
    let (code, _) = error::in_forms(&fault.code);
    Failure {
        id,
        sender_fault: !fault.unmodelled.is_server_error(),
        code: code.into(),
        message: fault.message,
    }
}
