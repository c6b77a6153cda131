//! What the engine's errors are called here.

use serde_json::json;
use tables::{Error, KeyType, NumberError};

use super::attribute::{self, PrintedItem};
use super::warm;
use crate::protocol::Fault;

pub(super) fn invalid(what: impl std::fmt::Display) -> Fault {
    Fault::validation(format!("One or more parameter values were invalid: {what}"))
}

pub(super) fn missing(message: impl Into<String>) -> Fault {
    Fault::new("ResourceNotFoundException", message)
}

pub(super) fn fault(error: Error) -> Fault {
    match error {
        Error::NoSuchTable(_) => missing("Requested resource not found"),
        Error::TableExists(name) => Fault::new(
            "ResourceInUseException",
            format!("Table already exists: {name}"),
        ),
        Error::MissingKey(name) => invalid(format!("Missing the key {name} in the item")),
        Error::WrongKeyType {
            attribute,
            expected,
            actual,
        } => invalid(format!(
            "Type mismatch for key {attribute} expected: {} actual: {}",
            attribute::code(expected.r#type()),
            attribute::code(actual),
        )),
        Error::EmptyKey { attribute, r#type } => Fault::validation(format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty {} value. Key: {attribute}",
            empty(r#type)
        )),
        // The missing space is theirs.
        Error::PartitionKeyTooLarge { limit } => invalid(format!(
            "Size of hashkey has exceeded the maximum size limit of{limit} bytes"
        )),
        Error::SortKeyTooLarge { limit } => invalid(format!(
            "Aggregated size of all range keys has exceeded the size limit of {limit} bytes"
        )),
        Error::NotAKey => Fault::validation("The provided key element does not match the schema"),
        Error::ItemTooLarge { .. } => {
            Fault::validation("Item size has exceeded the maximum allowed size")
        }
        Error::CollectionTooLarge { .. } => Fault::new(
            "ItemCollectionSizeLimitExceededException",
            "Collection size exceeded.",
        ),
        Error::WrongCondition => invalid("Condition parameter type does not match schema type"),
        Error::StartOutside => Fault::validation("The provided starting key is invalid"),
        Error::WrongIndexKeyType {
            index,
            attribute,
            expected,
            actual,
        } => invalid(format!(
            "Type mismatch for Index Key {attribute} Expected: {} Actual: {} IndexName: {index}",
            attribute::code(expected.r#type()),
            attribute::code(actual),
        )),
        Error::EmptyIndexKey {
            index,
            attribute,
            r#type,
        } => Fault::validation(format!(
            "One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty {} value. IndexName: {index}, IndexKey: {attribute}",
            empty(r#type)
        )),
        Error::EmptiesIndexKey { r#type } => Fault::validation(format!(
            "One or more parameter values are not valid. The update expression attempted to update a secondary index key to a value that is not supported. The AttributeValue for a key attribute cannot contain an empty {} value.",
            empty(r#type)
        )),
        Error::NoSuchIndex(name) => Fault::validation(format!(
            "The table does not have the specified index: {name}"
        )),
        Error::IndexExists(_) => {
            Fault::validation("Attempting to create an index which already exists")
        }
        Error::IndexNotBuilt(name) => Fault::validation(format!(
            "Cannot read from backfilling global secondary index: {name}"
        )),
        Error::Building(_) => Fault::new(
            "LimitExceededException",
            "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table",
        ),
        Error::Protected(_) => Fault::validation(
            "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.",
        ),
        Error::LessReady { index, reads } => warm::decreasing(index.as_deref(), reads),
        Error::NoSuchCopy(id) => {
            Fault::new("BackupNotFoundException", format!("Backup not found: {id}"))
        }
        Error::CopyInUse(_) => Fault::new(
            "BackupInUseException",
            "There is another ongoing conflicting backup control plane operation on the table. The backup is either being created, deleted or restored to a table.",
        ),
        Error::RepeatedItem => {
            Fault::validation("Transaction request cannot include multiple operations on one item")
        }
        // It says so twice.
        Error::TransactionTooLarge { size } => Fault::validation(format!(
            "Transaction payload size cannot exceed 4MB. Payload Size: : Transaction payload size cannot exceed 4MB. Payload Size: {size}"
        )),
        Error::AnotherTransaction => Fault::new(
            "IdempotentParameterMismatchException",
            "The request uses the same client token as a previous, but non-identical request.",
        ),
        Error::Cancelled(reasons) => cancelled(&reasons, &[]),
        Error::ConditionFailed(_) => condition_failed(),
        Error::UpdatesKey(name) => invalid(format!(
            "Cannot update attribute {name}. This attribute is part of the key"
        )),
        Error::PartOfIndexKey(name) => Fault::validation(format!(
            "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: IndexKey: {name}"
        )),
        Error::MissingOperand => Fault::validation(
            "The provided expression refers to an attribute that does not exist in the item",
        ),
        Error::WrongOperand => {
            Fault::validation("An operand in the update expression has an incorrect data type")
        }
        Error::NoSuchPath => Fault::validation(
            "The document path provided in the update expression is invalid for update",
        ),
        Error::UpdatedItemTooLarge { .. } => {
            Fault::validation("Item size to update has exceeded the maximum allowed size")
        }
        Error::TooDeep { .. } => Fault::validation(attribute::TOO_DEEP),
        // They call a sum that has more digits than a number too large.
        Error::Number(NumberError::TooPrecise) => fault(Error::Number(NumberError::Overflow)),
        Error::Number(error) => Fault::validation(attribute::number_fault(error, "")),
        Error::FeedExists(name) => Fault::validation(format!(
            "Table already has an enabled stream: TableName: {name}"
        )),
        Error::NoFeed(name) => {
            Fault::validation(format!("Table has no stream to disable: TableName: {name}"))
        }
        // The streams' own service says which stream, shard or record that is.
        Error::NoSuchFeed(_) | Error::NoSuchShard | Error::Forgotten => {
            missing("Requested resource not found")
        }
        Error::Store(error) => {
            tracing::error!(%error, "a request failed");
            Fault::internal("InternalServerError")
        }
    }
}

fn empty(r#type: KeyType) -> &'static str {
    match r#type {
        KeyType::Binary => "binary",
        KeyType::String | KeyType::Number => "string",
    }
}

fn condition_failed() -> Fault {
    Fault::new(
        "ConditionalCheckFailedException",
        "The conditional request failed",
    )
}

/// As [`fault`], but a condition that failed is told with the item that was there.
pub(super) fn fault_with_item(error: Error) -> Fault {
    match error {
        Error::ConditionFailed(Some(item)) => {
            condition_failed().with_field("Item", json!(PrintedItem(&item)))
        }
        error => fault(error),
    }
}

/// A transaction was not done for these reasons, one for each of its parts. `tell` says for which parts the item is
/// told.
pub(super) fn cancelled(reasons: &[Option<Error>], tell: &[bool]) -> Fault {
    cancelled_statements(reasons, tell, &[])
}

/// As [`cancelled`], of statements, of which these `inserts`: what they want is that nothing is there.
pub(super) fn cancelled_statements(
    reasons: &[Option<Error>],
    tell: &[bool],
    inserts: &[bool],
) -> Fault {
    let mut codes = Vec::new();
    let mut printed = Vec::new();
    for (at, reason) in reasons.iter().enumerate() {
        let Some(error) = reason else {
            codes.push("None");
            printed.push(json!({ "Code": "None" }));
            continue;
        };
        let inserts = inserts.get(at) == Some(&true);
        let code = match error {
            Error::ConditionFailed(_) if inserts => "DuplicateItem",
            Error::ConditionFailed(_) => "ConditionalCheckFailed",
            Error::CollectionTooLarge { .. } => "ItemCollectionSizeLimitExceeded",
            _ => "ValidationError",
        };
        codes.push(code);
        let message = match code {
            "DuplicateItem" => Some("Duplicate primary key exists in table".to_owned()),
            _ => fault(error.clone()).message,
        };
        let mut reason = json!({ "Code": code, "Message": message });
        if let Error::ConditionFailed(Some(item)) = error
            && tell.get(at) == Some(&true)
        {
            reason["Item"] = json!(PrintedItem(item));
        }
        printed.push(reason);
    }
    Fault::new(
        "TransactionCanceledException",
        format!(
            "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
            codes.join(", ")
        ),
    )
    .with_field("CancellationReasons", printed)
}

/// Where the table itself is what is asked about, its name is told.
pub(super) fn about_table(error: Error) -> Fault {
    match error {
        Error::NoSuchTable(name) => missing(format!(
            "Requested resource not found: Table: {name} not found"
        )),
        error => fault(error),
    }
}
