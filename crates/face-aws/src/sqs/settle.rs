//! Deleting messages that were received, and changing when they are seen again.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use queues::Receipt;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::Output;
use super::error::{self, about_receipt, invalid_receipt, missing_parameter};
use super::pace::Action;
use super::receive::{LONGEST_VISIBILITY_S, between};
use super::{Asked, batch};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct One {
    queue_url: Option<String>,
    receipt_handle: Option<String>,
    visibility_timeout: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch {
    queue_url: Option<String>,
    #[serde(default)]
    entries: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    id: String,
    receipt_handle: String,
    visibility_timeout: Option<i64>,
}

pub(super) async fn delete(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let given: One = asked.read()?;
    let address = asked.queue(given.queue_url.as_deref())?;
    let queue = asked.queues.get(&address).map_err(error::fault)?;
    asked.pace.call(&address, &queue, Action::Delete)?;
    let handle = handle(given.receipt_handle)?;
    let receipt = receipt(&handle)?;
    let done = asked.queues.settle(&address, &[receipt]).await;
    match done.map_err(error::fault)?.pop() {
        Some(Err(error)) => Err(about_receipt(error, &handle)),
        _ => Ok(Value::Null),
    }
}

pub(super) async fn delete_batch(mut asked: Asked<'_>) -> Result<Output, Fault> {
    let Batch { queue_url, entries } = asked.read()?;
    let address = asked.queue(queue_url.as_deref())?;
    let queue = asked.queues.get(&address).map_err(error::fault)?;
    let ids = entries.iter().map(|entry| entry.id.as_str());
    batch::check("DeleteMessageBatchRequestEntry", ids)?;
    asked.pace.call(&address, &queue, Action::Delete)?;
    let read: Vec<_> = entries
        .into_iter()
        .map(|entry| {
            (
                entry.id,
                receipt(&entry.receipt_handle),
                entry.receipt_handle,
            )
        })
        .collect();
    let receipts: Vec<Receipt> = read
        .iter()
        .filter_map(|(_, receipt, _)| receipt.as_ref().ok().copied())
        .collect();
    let done = asked.queues.settle(&address, &receipts).await;
    let mut done = done.map_err(error::fault)?.into_iter();
    let outcomes = read.into_iter().map(|(id, receipt, handle)| {
        let outcome = receipt.and_then(|_| {
            let done = done.next().expect("there is an outcome for each receipt");
            done.map_err(|error| about_receipt(error, &handle))?;
            Ok(json!({}))
        });
        (id, outcome)
    });
    asked.print(&batch::outcome(outcomes))
}

pub(super) async fn hold(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let given: One = asked.read()?;
    let address = asked.queue(given.queue_url.as_deref())?;
    let queue = asked.queues.get(&address).map_err(error::fault)?;
    asked.pace.call(&address, &queue, Action::Hold)?;
    let handle = handle(given.receipt_handle)?;
    hold_one(&asked, &address, &handle, given.visibility_timeout).await?;
    Ok(Value::Null)
}

pub(super) async fn hold_batch(mut asked: Asked<'_>) -> Result<Output, Fault> {
    let Batch { queue_url, entries } = asked.read()?;
    let address = asked.queue(queue_url.as_deref())?;
    let queue = asked.queues.get(&address).map_err(error::fault)?;
    asked.pace.call(&address, &queue, Action::Hold)?;
    let ids = entries.iter().map(|entry| entry.id.as_str());
    batch::check("ChangeMessageVisibilityBatchRequestEntry", ids)?;
    let mut outcomes = Vec::with_capacity(entries.len());
    for entry in entries {
        let seconds = entry.visibility_timeout;
        let held = hold_one(&asked, &address, &entry.receipt_handle, seconds).await;
        outcomes.push((entry.id, held.map(|()| json!({}))));
    }
    asked.print(&batch::outcome(outcomes.into_iter()))
}

async fn hold_one(
    asked: &Asked<'_>,
    address: &queues::Address,
    handle: &str,
    seconds: Option<i64>,
) -> Result<(), Fault> {
    let seconds = between(
        seconds,
        "VisibilityTimeout",
        0..=LONGEST_VISIBILITY_S,
        "Must be between 0 and 43200, if provided.",
    )?;
    let seconds = seconds.ok_or_else(|| missing_parameter("VisibilityTimeout"))?;
    let receipt = receipt(handle)?;
    let held = asked
        .queues
        .hold_for(address, receipt, Duration::from_secs(seconds));
    held.await.map_err(|error| about_receipt(error, handle))
}

fn handle(given: Option<String>) -> Result<String, Fault> {
    given
        .filter(|handle| !handle.is_empty())
        .ok_or_else(|| missing_parameter("ReceiptHandle"))
}

fn receipt(handle: &str) -> Result<Receipt, Fault> {
    let bytes = STANDARD.decode(handle).ok();
    bytes
        .and_then(|bytes| Receipt::from_bytes(&bytes))
        .ok_or_else(|| invalid_receipt(handle))
}
