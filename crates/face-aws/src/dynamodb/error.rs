//! What the engine's errors are called here.

use tables::{Error, KeyType};

use super::attribute;
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
            match r#type {
                KeyType::Binary => "binary",
                KeyType::String | KeyType::Number => "string",
            }
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
        Error::WrongCondition => invalid("Condition parameter type does not match schema type"),
        Error::StartOutside => Fault::validation("The provided starting key is invalid"),
        Error::Store(error) => {
            tracing::error!(%error, "a request failed");
            Fault::internal("InternalServerError")
        }
    }
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
