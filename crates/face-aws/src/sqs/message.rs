//! Messages and their attributes, as they are written and checked here.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use queues::{Attribute, AttributeValue, Message, Received};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::invalid;
use crate::protocol::Fault;
use crate::signature::hex;

const MOST_ATTRIBUTES: usize = 10;

/// An attribute as it comes. Lists of values are in the model, and refused, as they are there.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Given {
    data_type: Option<String>,
    string_value: Option<String>,
    binary_value: Option<String>,
    #[serde(default)]
    string_list_values: Vec<String>,
    #[serde(default)]
    binary_list_values: Vec<String>,
}

pub(super) type GivenMap = BTreeMap<String, Given>;

/// The attributes, sorted by name: so they are digested.
pub(super) fn attributes(given: GivenMap) -> Result<Vec<Attribute>, Fault> {
    if given.len() > MOST_ATTRIBUTES {
        return Err(invalid(format!(
            "Number of message attributes [{}] exceeds the allowed maximum [{MOST_ATTRIBUTES}].",
            given.len()
        )));
    }
    given
        .into_iter()
        .map(|(name, given)| attribute(name, given))
        .collect()
}

fn attribute(name: String, given: Given) -> Result<Attribute, Fault> {
    check_name(&name)?;
    let Some(r#type) = given.data_type.filter(|r#type| !r#type.is_empty()) else {
        return Err(invalid(format!(
            "The message attribute '{name}' must contain a non-empty message attribute type."
        )));
    };
    let kind = r#type.split('.').next().unwrap_or_default();
    if !given.string_list_values.is_empty() || !given.binary_list_values.is_empty() {
        return Err(Fault::new(
            "UnsupportedOperation",
            "Message attribute list values in SendMessage operation are not supported.",
        ));
    }
    if r#type.len() > 256 {
        return Err(invalid(format!(
            "Length of message attribute type must be less than 256 bytes: '{name}'."
        )));
    }
    let value = match kind {
        "String" | "Number" => {
            let text = given.string_value.filter(|text| !text.is_empty());
            let text = text.ok_or_else(|| no_value(&name, "String"))?;
            super::send::check_text(&text)?;
            if kind == "Number" && !is_number(&text) {
                return Err(invalid(format!(
                    "Can't cast the value of message (user) attribute '{name}' to a number."
                )));
            }
            AttributeValue::Text(text)
        }
        "Binary" => {
            let bytes = given.binary_value.filter(|bytes| !bytes.is_empty());
            let bytes = bytes.ok_or_else(|| no_value(&name, "Binary"))?;
            let bytes = STANDARD.decode(bytes).map_err(|_| {
                invalid(format!(
                    "The message attribute '{name}' is not valid base64."
                ))
            })?;
            AttributeValue::Bytes(bytes)
        }
        _ => {
            return Err(invalid(format!(
                "The type of message (user) attribute '{name}' is invalid. You must use only the following supported type prefixes: Binary, Number, String."
            )));
        }
    };
    Ok(Attribute {
        name,
        r#type,
        value,
    })
}

fn no_value(name: &str, kind: &str) -> Fault {
    invalid(format!(
        "Message (user) attribute '{name}' must contain a non-empty value of type '{kind}'."
    ))
}

fn check_name(name: &str) -> Result<(), Fault> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let lower = name.to_ascii_lowercase();
    if name.is_empty() || !name.bytes().all(allowed) {
        return Err(invalid(format!(
            "Invalid message attribute name '{name}': names can contain only alphanumeric characters, underscores, hyphens and periods."
        )));
    }
    if name.len() > 256 {
        return Err(invalid(
            "Length of message attribute name must be less than 256 bytes.",
        ));
    }
    if name.starts_with('.') || name.ends_with('.') || name.contains("..") {
        return Err(invalid(format!(
            "Invalid message attribute name '{name}': names must not begin or end with a period, or have two in a row."
        )));
    }
    if lower.starts_with("aws.") || lower.starts_with("amazon.") {
        return Err(invalid(format!(
            "Message attribute name '{name}' must not start with a reserved prefix: AWS. or Amazon."
        )));
    }
    Ok(())
}

/// Numbers have up to 38 digits and lie between -10¹²⁸ and 10¹²⁶.
fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(|number| {
        number.is_finite() && number.abs() <= 1e128 && text.bytes().any(|b| b.is_ascii_digit())
    })
}

pub(crate) fn md5(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

/// The digest of attributes, which are sorted by name: lengths, names, types and values one after the other.
pub(crate) fn md5_of_attributes<'a>(
    attributes: impl IntoIterator<Item = &'a Attribute>,
) -> Option<String> {
    let mut digest = Md5::new();
    let mut any = false;
    for attribute in attributes {
        any = true;
        let (kind, value): (u8, &[u8]) = match &attribute.value {
            AttributeValue::Text(text) => (1, text.as_bytes()),
            AttributeValue::Bytes(bytes) => (2, bytes),
        };
        put(&mut digest, attribute.name.as_bytes());
        put(&mut digest, attribute.r#type.as_bytes());
        digest.update([kind]);
        put(&mut digest, value);
    }
    any.then(|| hex(&digest.finalize()))
}

fn put(digest: &mut Md5, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    digest.update(length.to_be_bytes());
    digest.update(bytes);
}

/// What tells repetitions of a trace header is not among what is sent by name, so it is digested by itself.
pub(super) fn trace_attribute(trace: &str) -> Attribute {
    Attribute {
        name: "AWSTraceHeader".to_owned(),
        r#type: "String".to_owned(),
        value: AttributeValue::Text(trace.to_owned()),
    }
}

/// An attribute as receivers see it.
pub(super) fn printed(attribute: &Attribute) -> Value {
    match &attribute.value {
        AttributeValue::Text(text) => {
            json!({ "StringValue": text, "DataType": attribute.r#type })
        }
        AttributeValue::Bytes(bytes) => {
            json!({ "BinaryValue": STANDARD.encode(bytes), "DataType": attribute.r#type })
        }
    }
}

/// What the service itself says of a message, as far as `wanted`.
pub(crate) fn system_attributes(
    received: &Received,
    wanted: impl Fn(&str) -> bool,
) -> Map<String, Value> {
    let message: &Message = &received.message;
    let mut told = Map::new();
    let mut tell = |name: &str, value: Option<String>| {
        if let Some(value) = value
            && wanted(name)
        {
            told.insert(name.to_owned(), value.into());
        }
    };
    tell("SenderId", Some(message.sender.clone()));
    tell("SentTimestamp", Some(message.sent.as_millis().to_string()));
    tell(
        "ApproximateReceiveCount",
        Some(received.receives.to_string()),
    );
    tell(
        "ApproximateFirstReceiveTimestamp",
        Some(received.first_received.as_millis().to_string()),
    );
    tell(
        "SequenceNumber",
        received.sequence.map(|sequence| sequence.to_string()),
    );
    tell(
        "MessageDeduplicationId",
        message.once.clone().filter(|_| received.sequence.is_some()),
    );
    tell("MessageGroupId", message.group.clone());
    tell("AWSTraceHeader", message.trace.clone());
    tell(
        "DeadLetterQueueSourceArn",
        message.source.as_ref().map(super::arn),
    );
    told
}
