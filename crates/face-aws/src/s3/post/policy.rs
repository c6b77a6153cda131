//! What a form may say: a document of conditions that each of its fields must meet.

use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::form::Form;
use crate::s3::fault::{Fault, Result};

/// Fields that no condition has to allow.
const FREE: [&str; 5] = [
    "awsaccesskeyid",
    "file",
    "policy",
    "signature",
    "x-amz-signature",
];

#[derive(Debug)]
pub(super) struct Policy {
    expires: Timestamp,
    conditions: Vec<Condition>,
}

#[derive(Debug)]
enum Condition {
    Field {
        begins: bool,
        /// As the policy has it, to say it again.
        operation: String,
        name: String,
        value: String,
    },
    Size {
        least: Value,
        most: Value,
    },
}

fn invalid(why: impl std::fmt::Display) -> Fault {
    Fault::bad("InvalidPolicyDocument", format!("Invalid Policy: {why}"))
}

fn not_met(why: impl std::fmt::Display) -> Fault {
    Fault::denied(format!("Invalid according to Policy: {why}"))
}

impl Policy {
    pub(super) fn read(encoded: &str) -> Result<Self> {
        let text = STANDARD.decode(encoded.trim());
        let text = text.map_err(|_| invalid("invalid Base64 encoding."))?;
        let document: Value =
            serde_json::from_slice(&text).map_err(|_| invalid("Invalid JSON."))?;
        let expires = document.get("expiration");
        let expires = expires.ok_or_else(|| invalid("Policy missing expiration."))?;
        let conditions = document.get("conditions");
        let conditions = conditions.ok_or_else(|| invalid("Policy missing conditions."))?;
        let conditions = conditions.as_array();
        let conditions =
            conditions.ok_or_else(|| invalid("Invalid 'conditions' value: must be a List."))?;
        Ok(Self {
            expires: moment(expires.as_str().unwrap_or_default())?,
            conditions: conditions
                .iter()
                .map(Condition::read)
                .collect::<Result<_>>()?,
        })
    }

    pub(super) fn check(&self, form: &Form, bucket: &str, now: Timestamp) -> Result<()> {
        if now >= self.expires {
            return Err(not_met("Policy expired."));
        }
        for condition in &self.conditions {
            if !condition.holds(form, bucket) {
                return Err(not_met(format!("Policy Condition failed: {condition}")));
            }
        }
        let extra: Vec<&str> = form
            .iter()
            .map(|(name, _)| name)
            .filter(|name| !self.allows(name))
            .collect();
        if extra.is_empty() {
            Ok(())
        } else {
            Err(not_met(format!("Extra input fields: {}", extra.join(", "))))
        }
    }

    fn allows(&self, field: &str) -> bool {
        let lower = field.to_ascii_lowercase();
        let is_free = FREE.contains(&lower.as_str()) || lower.starts_with("x-ignore-");
        is_free || self.conditions.iter().any(|each| each.is_about(field))
    }

    /// The least and the most that the file may have.
    pub(super) fn sizes(&self) -> (u64, u64) {
        let bounds = self.conditions.iter().filter_map(Condition::bounds);
        bounds.fold((0, u64::MAX), |(least, most), (low, high)| {
            (least.max(low), most.min(high))
        })
    }
}

pub(super) fn check_size(size: u64, least: u64, most: u64) -> Result<()> {
    if size > most {
        return Err(Fault::too_large(size, base::ByteSize::bytes(most)));
    }
    if size < least {
        return Err(Fault::too_small(size, least));
    }
    Ok(())
}

fn moment(text: &str) -> Result<Timestamp> {
    let unreadable = || invalid(format!("Invalid 'expiration' value: '{text}'"));
    // In the service's own time zone, and in no other words for it.
    let is_utc = text.ends_with('Z') && text.contains('T');
    let time: jiff::Timestamp = text.parse().map_err(|_| unreadable())?;
    u64::try_from(time.as_second())
        .ok()
        .filter(|_| is_utc)
        .map(Timestamp::from_secs)
        .ok_or_else(unreadable)
}

impl Condition {
    fn read(value: &Value) -> Result<Self> {
        if let Some(pair) = value.as_object() {
            let mut pairs = pair.iter();
            let (Some((name, value)), None) = (pairs.next(), pairs.next()) else {
                return Err(invalid(
                    "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.",
                ));
            };
            let value = value.as_str();
            let value = value
                .ok_or_else(|| invalid("Invalid Simple-Condition: value must be a string."))?;
            return Ok(Self::Field {
                begins: false,
                operation: "eq".to_owned(),
                name: format!("${name}"),
                value: value.to_owned(),
            });
        }
        let list = value.as_array();
        let list = list.ok_or_else(|| invalid("Invalid condition: must be a List or Object."))?;
        Self::listed(list)
    }

    fn listed(list: &[Value]) -> Result<Self> {
        let operation = list.first().and_then(Value::as_str);
        let operation =
            operation.ok_or_else(|| invalid("Invalid Condition: missing operation identifier."))?;
        let [_, first, second] = list else {
            return Err(invalid(format!(
                "Invalid {operation}: wrong number of arguments."
            )));
        };
        let begins = match operation.to_ascii_lowercase().as_str() {
            "content-length-range" => {
                return Ok(Self::Size {
                    least: first.clone(),
                    most: second.clone(),
                });
            }
            "eq" => false,
            "starts-with" => true,
            other => {
                return Err(invalid(format!(
                    "Invalid Condition: unknown operation '{other}'."
                )));
            }
        };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let unreadable = || invalid("Invalid JSON.");
        Ok(Self::Field {
            begins,
            operation: operation.to_owned(),
            name: text(first).ok_or_else(unreadable)?,
            value: text(second).ok_or_else(unreadable)?,
        })
    }

    fn is_about(&self, field: &str) -> bool {
        match self {
            Self::Field { name, .. } => name
                .strip_prefix('$')
                .is_some_and(|name| name.eq_ignore_ascii_case(field)),
            Self::Size { .. } => false,
        }
    }

    fn holds(&self, form: &Form, bucket: &str) -> bool {
        let Self::Field {
            begins,
            name,
            value,
            ..
        } = self
        else {
            return self.bounds().is_some();
        };
        let Some(field) = name.strip_prefix('$') else {
            return false;
        };
        let said = if field.eq_ignore_ascii_case("bucket") {
            Some(bucket)
        } else {
            form.get(field)
        };
        let Some(said) = said else {
            return false;
        };
        match begins {
            false => said == value,
            // A list of types is one of which each must begin so.
            true if field.eq_ignore_ascii_case("content-type") => said
                .split(',')
                .all(|each| each.trim().starts_with(value.as_str())),
            true => said.starts_with(value.as_str()),
        }
    }

    /// None for what is no range, which no size is in.
    fn bounds(&self) -> Option<(u64, u64)> {
        let number = |value: &Value| {
            let text = value.as_str().and_then(|text| text.parse().ok());
            value.as_u64().or(text)
        };
        match self {
            Self::Size { least, most } => Some((number(least)?, number(most)?)),
            Self::Field { .. } => None,
        }
    }
}

/// As the service writes it.
impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let quoted = |text: &str| Value::from(text).to_string();
        match self {
            Self::Field {
                operation,
                name,
                value,
                ..
            } => write!(
                f,
                "[{}, {}, {}]",
                quoted(operation),
                quoted(name),
                quoted(value)
            ),
            Self::Size { least, most } => write!(f, "[\"content-length-range\", {least}, {most}]"),
        }
    }
}
