//! What goes wrong, in the names of both protocols.

use http::{HeaderValue, StatusCode, header};
use queues::{Address, Error};

use super::SERVICE;
use crate::protocol::Fault;

/// Codes in JSON, what they are in forms, and the status there.
const NAMES: &[(&str, &str, StatusCode)] = &[
    (
        "QueueDoesNotExist",
        "AWS.SimpleQueueService.NonExistentQueue",
        StatusCode::BAD_REQUEST,
    ),
    (
        "QueueNameExists",
        "QueueAlreadyExists",
        StatusCode::BAD_REQUEST,
    ),
    (
        "QueueDeletedRecently",
        "AWS.SimpleQueueService.QueueDeletedRecently",
        StatusCode::BAD_REQUEST,
    ),
    (
        "PurgeQueueInProgress",
        "AWS.SimpleQueueService.PurgeQueueInProgress",
        StatusCode::FORBIDDEN,
    ),
    (
        "EmptyBatchRequest",
        "AWS.SimpleQueueService.EmptyBatchRequest",
        StatusCode::BAD_REQUEST,
    ),
    (
        "TooManyEntriesInBatchRequest",
        "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        StatusCode::BAD_REQUEST,
    ),
    (
        "BatchEntryIdsNotDistinct",
        "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
        StatusCode::BAD_REQUEST,
    ),
    (
        "InvalidBatchEntryId",
        "AWS.SimpleQueueService.InvalidBatchEntryId",
        StatusCode::BAD_REQUEST,
    ),
    (
        "BatchRequestTooLong",
        "AWS.SimpleQueueService.BatchRequestTooLong",
        StatusCode::BAD_REQUEST,
    ),
    (
        "MessageNotInflight",
        "AWS.SimpleQueueService.MessageNotInflight",
        StatusCode::BAD_REQUEST,
    ),
    (
        "UnsupportedOperation",
        "AWS.SimpleQueueService.UnsupportedOperation",
        StatusCode::BAD_REQUEST,
    ),
    ("OverLimit", "OverLimit", StatusCode::FORBIDDEN),
    (
        "ResourceNotFoundException",
        "ResourceNotFoundException",
        StatusCode::NOT_FOUND,
    ),
    (
        "InvalidParameterValueException",
        "InvalidParameterValue",
        StatusCode::BAD_REQUEST,
    ),
    (
        "MissingRequiredParameterException",
        "MissingParameter",
        StatusCode::BAD_REQUEST,
    ),
];

pub(super) fn in_forms(code: &str) -> (&str, Option<StatusCode>) {
    let found = NAMES.iter().find(|(json, _, _)| *json == code);
    found.map_or((code, None), |(_, form, status)| (form, Some(*status)))
}

/// A refusal in JSON, with its older name in a header: clients that tell errors apart by that go on doing so.
pub(super) fn json(request_id: &str, fault: &Fault) -> wire::Response {
    let mut response = SERVICE.refuse(request_id, fault);
    let (code, status) = in_forms(&fault.code);
    // The model does not tell those that are the same in both.
    if let Some(status) = status {
        *response.status_mut() = status;
    }
    let whose = if response.status().is_server_error() {
        "Receiver"
    } else {
        "Sender"
    };
    if let Ok(older) = HeaderValue::from_str(&format!("{code};{whose}")) {
        response.headers_mut().insert("x-amzn-query-error", older);
    }
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-amz-json-1.0"),
    );
    response
}

pub(super) fn unknown_operation(name: &str) -> Fault {
    Fault::new(
        "InvalidAction",
        format!("The action {name} is not valid for this endpoint."),
    )
}

pub(super) fn missing_parameter(name: &str) -> Fault {
    Fault::new(
        "MissingRequiredParameterException",
        format!("The request must contain the parameter {name}."),
    )
}

pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("InvalidParameterValueException", message)
}

pub(super) fn invalid_value(value: &str, parameter: &str, reason: &str) -> Fault {
    invalid(format!(
        "Value {value} for parameter {parameter} is invalid. Reason: {reason}"
    ))
}

pub(super) fn unknown_attribute(name: &str) -> Fault {
    Fault::new("InvalidAttributeName", format!("Unknown Attribute {name}."))
}

pub(super) fn invalid_attribute(name: &str) -> Fault {
    Fault::new(
        "InvalidAttributeValue",
        format!("Invalid value for the parameter {name}."),
    )
}

pub(super) fn invalid_receipt(handle: &str) -> Fault {
    Fault::new(
        "ReceiptHandleIsInvalid",
        format!("The input receipt handle \"{handle}\" is not a valid receipt handle."),
    )
}

pub(super) fn no_queue() -> Fault {
    Fault::new("QueueDoesNotExist", "The specified queue does not exist.")
}

/// What a receipt that does not do is called.
pub(super) fn about_receipt(error: Error, handle: &str) -> Fault {
    match error {
        Error::NoReceipt => invalid_receipt(handle),
        Error::ReceiptExpired => {
            invalid_value(handle, "ReceiptHandle", "The receipt handle has expired.")
        }
        Error::NotInFlight => invalid_value(
            handle,
            "ReceiptHandle",
            "Message does not exist or is not available for visibility timeout change.",
        ),
        Error::HeldTooLong { limit_s } => invalid(format!(
            "Total VisibilityTimeout for the message is beyond the limit [{limit_s} seconds]"
        )),
        error => fault(error),
    }
}

pub(super) fn fault(error: Error) -> Fault {
    match error {
        Error::NoSuchQueue(_) => no_queue(),
        Error::QueueExists { what, .. } => Fault::new(
            "QueueNameExists",
            format!(
                "A queue already exists with the same name and a different value for attribute {what}"
            ),
        ),
        Error::DroppedJustNow(_) => Fault::new(
            "QueueDeletedRecently",
            "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
        ),
        Error::PurgedJustNow(Address { name, .. }) => Fault::new(
            "PurgeQueueInProgress",
            format!("Only one PurgeQueue operation on {name} is allowed every 60 seconds."),
        ),
        Error::NoGroup => missing_parameter("MessageGroupId"),
        Error::NothingTellsRepetitions => invalid(
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        ),
        Error::DelayWithinOrder => invalid(
            "DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type.",
        ),
        Error::TooLarge { limit } => invalid(format!(
            "One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes."
        )),
        Error::TooManyInFlight(_) => Fault::new(
            "OverLimit",
            "Too many messages are in flight: at most 120000 of a queue can be received and not yet deleted.",
        ),
        error @ (Error::NoReceipt
        | Error::ReceiptExpired
        | Error::NotInFlight
        | Error::HeldTooLong { .. }) => Fault::new("ReceiptHandleIsInvalid", error.to_string()),
        Error::NotAllowed(_) => invalid(
            "Value for parameter RedrivePolicy is invalid. Reason: Dead letter target does not allow this queue as its source.",
        ),
        Error::OtherKind => invalid(
            "Value for parameter RedrivePolicy is invalid. Reason: Dead-letter queue must be same type of queue as the source.",
        ),
        Error::NotForDeadLetters(_) => {
            invalid("Source queue must be configured as a Dead Letter Queue.")
        }
        Error::Moving(_) => invalid(
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
        ),
        Error::NoSuchMove => Fault::new("ResourceNotFoundException", "Task does not exist."),
        Error::MoveIsOver => Fault::new(
            "UnsupportedOperation",
            "Only active tasks can be cancelled.",
        ),
        Error::TooManyTags(Address { name, .. }) => {
            invalid(format!("Too many tags added for queue {name}."))
        }
        Error::Store(error) => {
            tracing::error!(%error, "a request failed");
            Fault::internal("InternalFailure")
        }
    }
}
