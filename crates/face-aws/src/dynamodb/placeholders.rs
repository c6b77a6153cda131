//! The names and values that an expression refers to instead of containing them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};
use tables::Value;

use super::attribute;
use super::checks::Checks;
use crate::protocol::Fault;

#[derive(Debug, Default)]
pub(super) struct Placeholders {
    names: BTreeMap<String, String>,
    values: BTreeMap<String, Value>,
    used: BTreeSet<String>,
}

const NAMES: &str = "ExpressionAttributeNames";
pub(super) const VALUES: &str = "ExpressionAttributeValues";
/// The published limit, with the mark.
const LONGEST_KEY: usize = 255;

impl Placeholders {
    /// Takes them out of the input. Where no expression is that could use them they may not be; `missing` says of
    /// values, if there are any, which could.
    pub(super) fn take(
        input: &mut Map<String, Json>,
        any: bool,
        missing: Option<&str>,
        checks: Checks,
    ) -> Result<Self, Fault> {
        const ONLY: &str = "can only be specified when using expressions";
        let mut taken = Self::default();
        if !any && input.contains_key(NAMES) {
            return Err(Fault::validation(format!("{NAMES} {ONLY}")));
        }
        for (key, name) in entries(input, NAMES, '#')? {
            let name = name.as_str().unwrap_or_default().to_owned();
            taken.names.insert(key, name);
        }
        if let Some(missing) = missing {
            return Err(Fault::validation(match checks {
                Checks::Older => format!("{VALUES} {ONLY}: {missing}"),
                Checks::Newer | Checks::Counted => format!("{VALUES} {ONLY}"),
            }));
        }
        for (key, json) in entries(input, VALUES, ':')? {
            let value = attribute::read(json)
                .map_err(|wrong| checks.wrong_placeholder(VALUES, &key, &wrong))?;
            taken.values.insert(key, value);
        }
        Ok(taken)
    }

    pub(super) fn name(&mut self, key: &str) -> Option<String> {
        self.used.insert(key.to_owned());
        self.names.get(key).cloned()
    }

    pub(super) fn value(&mut self, key: &str) -> Option<Value> {
        self.used.insert(key.to_owned());
        self.values.get(key).cloned()
    }

    /// Refuses those that no expression has used.
    pub(super) fn all_used(&self) -> Result<(), Fault> {
        self.check(NAMES, self.names.keys())?;
        self.check(VALUES, self.values.keys())
    }

    fn check<'a>(
        &self,
        parameter: &str,
        keys: impl Iterator<Item = &'a String>,
    ) -> Result<(), Fault> {
        let unused: Vec<&str> = keys
            .filter(|key| !self.used.contains(*key))
            .map(String::as_str)
            .collect();
        if unused.is_empty() {
            return Ok(());
        }
        Err(Fault::validation(format!(
            "Value provided in {parameter} unused in expressions: keys: {{{}}}",
            unused.join(", ")
        )))
    }
}

fn entries(
    input: &mut Map<String, Json>,
    parameter: &str,
    mark: char,
) -> Result<Map<String, Json>, Fault> {
    let Some(Json::Object(entries)) = input.remove(parameter) else {
        return Ok(Map::new());
    };
    if entries.is_empty() {
        let message = format!("{parameter} must not be empty");
        return Err(Fault::validation(message));
    }
    if let Some(key) = entries.keys().find(|key| key.len() > LONGEST_KEY) {
        return Err(Fault::validation(format!(
            "{parameter} contains invalid key: The expression attribute map contains a key that is too long; size of key: {}",
            key.len()
        )));
    }
    let right = |key: &str| {
        key.strip_prefix(mark).is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        })
    };
    match entries.keys().find(|key| !right(key)) {
        None => Ok(entries),
        Some(key) => Err(Fault::validation(format!(
            "{parameter} contains invalid key: Syntax error; key: \"{key}\""
        ))),
    }
}
