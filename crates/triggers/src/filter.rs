//! Which messages a subscription wants.
//!
//! A filter is a pattern, matched against an object that is made of the message's attributes, or against its body if that
//! is a JSON object. An attribute that is a list stands for each of its elements; one that is bytes is no value at all.

use serde_json::{Map, Value};
use topics::{AttributeValue, Message};

use crate::pattern::{Language, Pattern, PatternError};
use crate::schema::subscription::{FilterPolicy, FilterScope};

/// The published limits: names in a filter of attributes, and combinations of its values.
const MOST_NAMES: usize = 5;
const MOST_COMBINATIONS: u64 = 150;

/// Why a filter is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// Attributes have nothing below them.
    #[error("Filter policy scope MessageAttributes does not support nested filter policy")]
    Nested,
    #[error("Filter policy can not have more than {MOST_NAMES} keys")]
    TooManyNames,
    #[error("Filter policy is too complex")]
    TooComplex,
}

/// A filter that is ready for use.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pattern: Pattern,
    scope: FilterScope,
}

impl FilterPolicy {
    /// Says what is wrong with it.
    pub fn check(&self) -> Result<(), FilterError> {
        Filter::read(self)?;
        let policy: Map<String, Value> =
            serde_json::from_str(&self.text).map_err(|cause| PatternError {
                path: String::new(),
                problem: format!("the filter does not read: {cause}"),
            })?;
        if self.scope == FilterScope::Attributes && is_nested(&policy) {
            return Err(FilterError::Nested);
        }
        if names(&policy) > MOST_NAMES {
            return Err(FilterError::TooManyNames);
        }
        if combinations(&policy, 1) > MOST_COMBINATIONS {
            return Err(FilterError::TooComplex);
        }
        Ok(())
    }
}

impl Filter {
    pub(crate) fn read(policy: &FilterPolicy) -> Result<Self, PatternError> {
        Ok(Self {
            pattern: Pattern::parse(&policy.text, Language::Whole)?,
            scope: policy.scope,
        })
    }

    pub(crate) fn wants(&self, message: &Message) -> bool {
        match self.scope {
            FilterScope::Attributes => self.pattern.matches(&attributes(message)),
            FilterScope::Body => serde_json::from_str::<Map<String, Value>>(&message.body)
                .is_ok_and(|body| self.pattern.matches(&Value::Object(body))),
        }
    }
}

fn is_nested(policy: &Map<String, Value>) -> bool {
    policy.iter().any(|(name, value)| match value {
        Value::Object(_) => true,
        Value::Array(choices) if name == "$or" => {
            choices.iter().filter_map(Value::as_object).any(is_nested)
        }
        _ => false,
    })
}

/// What is below another counts for nothing.
fn names(policy: &Map<String, Value>) -> usize {
    let counts = policy.iter().map(|(name, value)| match value {
        Value::Array(choices) if name == "$or" => {
            choices.iter().filter_map(Value::as_object).map(names).sum()
        }
        _ => 1,
    });
    counts.sum()
}

/// How many combinations of values there are, each counted as often as it is deep.
fn combinations(policy: &Map<String, Value>, depth: u64) -> u64 {
    policy.iter().fold(1, |product: u64, (name, value)| {
        let here = match value {
            Value::Array(choices) if name == "$or" => choices
                .iter()
                .filter_map(Value::as_object)
                .map(|choice| combinations(choice, depth))
                .sum(),
            Value::Array(values) => depth * values.len() as u64,
            Value::Object(below) => combinations(below, depth + 1),
            _ => 1,
        };
        product.saturating_mul(here.max(1))
    })
}

fn attributes(message: &Message) -> Value {
    let values = message.attributes.iter().filter_map(|(name, attribute)| {
        let AttributeValue::Text(text) = &attribute.value else {
            return None;
        };
        let value = match kind(&attribute.kind) {
            "String.Array" => list(text)?,
            "Number" => serde_json::from_str::<serde_json::Number>(text)
                .ok()?
                .into(),
            _ => text.as_str().into(),
        };
        Some((name.clone(), value))
    });
    Value::Object(values.collect())
}

/// What stands behind a point is its owner's, except that lists are told by it.
fn kind(kind: &str) -> &str {
    match kind {
        "String.Array" => kind,
        _ => kind.split('.').next().unwrap_or(kind),
    }
}

/// Only of plain values; otherwise nobody can say what it means. What is no list is one of itself.
fn list(text: &str) -> Option<Value> {
    let plain = |value: &Value| !value.is_object() && !value.is_array();
    let value: Value = serde_json::from_str(text).ok()?;
    let is_list = value.as_array().is_some_and(|list| list.iter().all(plain));
    (is_list || plain(&value)).then_some(value)
}

#[cfg(test)]
mod tests;
