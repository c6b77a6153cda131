use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use queues::{Address, Error, MAX_MOVES_PER_SECOND, Move, MoveFailure, MoveState, NewMove};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::error::{self, invalid};
use super::receive::between;
use super::{Asked, arn, by_arn};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Start {
    source_arn: String,
    destination_arn: Option<String>,
    max_number_of_messages_per_second: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Cancel {
    task_handle: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    source_arn: String,
    max_results: Option<i64>,
}

/// What a move is known by.
#[derive(serde::Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Handle {
    task_id: Uuid,
    source_arn: String,
}

pub(super) async fn start(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let given: Start = asked.read()?;
    let most = i64::from(MAX_MOVES_PER_SECOND);
    let per_second = between(
        given.max_number_of_messages_per_second,
        "MaxNumberOfMessagesPerSecond",
        1..=most,
        "Must be between 1 and 500, if provided.",
    )?;
    let to = given
        .destination_arn
        .as_deref()
        .map(|arn| named(arn, "DestinationArn"))
        .transpose()?;
    let from = named(&given.source_arn, "SourceArn")?;
    if to.as_ref() == Some(&from) {
        return Err(invalid(
            "Source queue arn and destination queue arn cannot be the same.",
        ));
    }
    let new = NewMove {
        from: from.clone(),
        to,
        per_second: per_second.and_then(|most| u32::try_from(most).ok()),
    };
    let id = asked.queues.start_move(new).await;
    let id = id.map_err(|error| match error {
        Error::NoSuchQueue(queue) if queue != from => missing("DestinationArn"),
        error => absent(error),
    })?;
    let handle = Handle {
        task_id: id,
        source_arn: given.source_arn,
    };
    Ok(json!({ "TaskHandle": handle.print() }))
}

pub(super) async fn cancel(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let given: Cancel = asked.read()?;
    let handle = Handle::read(&given.task_handle);
    let read = handle.and_then(|handle| Some((by_arn(&handle.source_arn)?, handle.task_id)));
    let (from, id) = read.ok_or_else(|| invalid("Value for parameter TaskHandle is invalid."))?;
    let moved = asked.queues.cancel_move(&from, id).await;
    Ok(json!({ "ApproximateNumberOfMessagesMoved": moved.map_err(absent)? }))
}

pub(super) fn list(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let given: List = asked.read()?;
    let from = named(&given.source_arn, "SourceArn")?;
    let most = between(
        given.max_results,
        "MaxResults",
        1..=10,
        "Value must be between 1 and 10.",
    )?;
    let most = most
        .and_then(|most| usize::try_from(most).ok())
        .unwrap_or(1);
    let moves = asked.queues.moves(&from, most).map_err(absent)?;
    let printed: Vec<Value> = moves.iter().map(printed).collect();
    Ok(json!({ "Results": printed }))
}

fn printed(task: &Move) -> Value {
    let mut told = Map::new();
    let state = match task.state {
        MoveState::Running => "RUNNING",
        MoveState::Completed => "COMPLETED",
        MoveState::Cancelling => "CANCELLING",
        MoveState::Cancelled => "CANCELLED",
        MoveState::Failed => "FAILED",
    };
    let source_arn = arn(&task.from);
    if task.state == MoveState::Running {
        let handle = Handle {
            task_id: task.id,
            source_arn: source_arn.clone(),
        };
        told.insert("TaskHandle".into(), handle.print().into());
    }
    told.insert("Status".into(), state.into());
    told.insert("SourceArn".into(), source_arn.into());
    if let Some(to) = &task.to {
        told.insert("DestinationArn".into(), arn(to).into());
    }
    if let Some(most) = task.per_second {
        told.insert("MaxNumberOfMessagesPerSecond".into(), most.into());
    }
    told.insert("ApproximateNumberOfMessagesMoved".into(), task.moved.into());
    told.insert(
        "ApproximateNumberOfMessagesToMove".into(),
        task.expected.into(),
    );
    if let Some(failure) = task.failure {
        let reason = match failure {
            MoveFailure::NoSuchQueue => "AWS.SimpleQueueService.NonExistentQueue",
            MoveFailure::OtherKind => "AWS.SimpleQueueService.UnsupportedOperation",
            MoveFailure::NoSource => "CouldNotDetermineMessageSource",
        };
        told.insert("FailureReason".into(), reason.into());
    }
    told.insert("StartedTimestamp".into(), task.started.as_millis().into());
    Value::Object(told)
}

fn named(arn: &str, parameter: &str) -> Result<Address, Fault> {
    by_arn(arn).ok_or_else(|| {
        invalid(format!(
            "You must use this format to specify the {parameter}: arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
        ))
    })
}

fn absent(error: Error) -> Fault {
    match error {
        Error::NoSuchQueue(_) => missing("SourceArn"),
        error => error::fault(error),
    }
}

fn missing(parameter: &str) -> Fault {
    Fault::new(
        "ResourceNotFoundException",
        format!("The resource that you specified for the {parameter} parameter doesn't exist."),
    )
}

impl Handle {
    fn print(&self) -> String {
        STANDARD.encode(serde_json::to_string(self).unwrap_or_default())
    }

    fn read(text: &str) -> Option<Self> {
        serde_json::from_slice(&STANDARD.decode(text).ok()?).ok()
    }
}
