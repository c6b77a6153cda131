//! Messages, as they are given.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value};
use topics::{Attribute, AttributeValue, Draft};

use super::LARGEST_MESSAGE;
use super::error::invalid;
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Given {
    pub(super) message: String,
    pub(super) subject: Option<String>,
    pub(super) message_structure: Option<String>,
    #[serde(default)]
    pub(super) message_attributes: BTreeMap<String, GivenAttribute>,
    pub(super) message_deduplication_id: Option<String>,
    pub(super) message_group_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GivenAttribute {
    data_type: String,
    string_value: Option<String>,
    binary_value: Option<String>,
}

const LONGEST_SUBJECT: usize = 100;
const LONGEST_ID: usize = 128;

impl Given {
    /// What counts for the limit: the message and its attributes.
    pub(super) fn size(&self) -> usize {
        let attributes = self.message_attributes.iter().map(|(name, attribute)| {
            let value = attribute.string_value.as_ref().map_or(0, String::len);
            let bytes = attribute
                .binary_value
                .as_ref()
                .map_or(0, |text| text.len() / 4 * 3);
            name.len() + attribute.data_type.len() + value + bytes
        });
        self.message.len() + attributes.sum::<usize>()
    }

    pub(super) fn draft(&self, trace: Option<&str>) -> Result<Draft, Fault> {
        if self.message.is_empty() {
            return Err(invalid("Empty message"));
        }
        if self.size() > LARGEST_MESSAGE {
            return Err(invalid("Message too long"));
        }
        let subject = self.subject.as_deref().map(check_subject).transpose()?;
        let (body, variants) = self.bodies()?;
        check_id("MessageGroupId", self.message_group_id.as_deref())?;
        check_id(
            "MessageDeduplicationId",
            self.message_deduplication_id.as_deref(),
        )?;
        let attributes = self.message_attributes.iter();
        let attributes = attributes.map(|(name, given)| Ok((name.clone(), given.read(name)?)));
        Ok(Draft {
            subject: subject.map(str::to_owned),
            body,
            variants,
            attributes: attributes.collect::<Result<_, Fault>>()?,
            group: self.message_group_id.clone(),
            repeat_id: self.message_deduplication_id.clone(),
            trace: trace.map(str::to_owned),
        })
    }

    /// The message for everybody, and those for some.
    fn bodies(&self) -> Result<(String, BTreeMap<String, String>), Fault> {
        match self.message_structure.as_deref() {
            None | Some("") => return Ok((self.message.clone(), BTreeMap::new())),
            Some("json") => {}
            Some(_) => return Err(invalid("MessageStructure")),
        }
        let broken = "Message Structure - JSON message body failed to parse";
        let all: Map<String, Value> =
            serde_json::from_str(&self.message).map_err(|_| invalid(broken))?;
        let mut texts: BTreeMap<String, String> = all
            .into_iter()
            // What is no text is nobody's message.
            .filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())))
            .collect();
        match texts.remove("default") {
            Some(default) => Ok((default, texts)),
            None => Err(invalid(
                "Message Structure - No default entry in JSON message body",
            )),
        }
    }
}

/// Printable characters in one line, of which the first is no space.
fn check_subject(subject: &str) -> Result<&str, Fault> {
    let short = (1..=LONGEST_SUBJECT).contains(&subject.chars().count());
    let plain = subject.chars().all(|one| !one.is_control());
    match short && plain && !subject.starts_with(' ') {
        true => Ok(subject),
        false => Err(invalid("Subject")),
    }
}

fn check_id(name: &str, id: Option<&str>) -> Result<(), Fault> {
    let Some(id) = id else {
        return Ok(());
    };
    let short = (1..=LONGEST_ID).contains(&id.len());
    let plain = id.bytes().all(|byte| byte.is_ascii_graphic());
    match short && plain {
        true => Ok(()),
        false => Err(invalid(format!(
            "{name} Reason: The request includes {name} parameter that is not valid"
        ))),
    }
}

impl GivenAttribute {
    fn read(&self, name: &str) -> Result<Attribute, Fault> {
        check_name(name)?;
        let kind = self.data_type.clone();
        let wrong = |message: String| Fault::new("ParameterValueInvalid", message);
        let empty = || {
            wrong(format!(
                "The message attribute '{name}' must contain non-empty message attribute value for message attribute type '{kind}'."
            ))
        };
        let value = match kind.split('.').next().unwrap_or_default() {
            "String" | "Number" => {
                let text = self.string_value.clone().filter(|text| !text.is_empty());
                let text = text.ok_or_else(empty)?;
                if kind.starts_with("Number") && text.trim().parse::<f64>().is_err() {
                    return Err(wrong(format!(
                        "Could not cast message attribute '{name}' value to number."
                    )));
                }
                AttributeValue::Text(text)
            }
            "Binary" => {
                let text = self.binary_value.as_deref().filter(|text| !text.is_empty());
                let bytes = STANDARD.decode(text.ok_or_else(empty)?);
                AttributeValue::Bytes(bytes.map_err(|_| empty())?.into())
            }
            _ => {
                return Err(wrong(format!(
                    "The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."
                )));
            }
        };
        Ok(Attribute { kind, value })
    }
}

fn check_name(name: &str) -> Result<(), Fault> {
    let short = (1..=256).contains(&name.len());
    let plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    let points = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    let lower = name.to_ascii_lowercase();
    // The service's own say how texts and notices to devices go.
    let reserved = (lower.starts_with("aws.") && !lower.starts_with("aws.sns."))
        || lower.starts_with("amazon.");
    match short && plain && !points && !reserved {
        true => Ok(()),
        false => Err(Fault::new(
            "ParameterValueInvalid",
            format!(
                "Invalid non-alphanumeric character was found in the message attribute name '{name}', or it is reserved. Can only include alphanumeric characters, hyphens, underscores, or dots."
            ),
        )),
    }
}
