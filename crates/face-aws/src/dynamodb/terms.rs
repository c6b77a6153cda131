//! The expressions of a request, or of one part of a transaction, and the older parameters that say the same.

use serde_json::{Map, Value as Json};
use tables::{Condition, Projection, Update};

use super::checks::Checks;
use super::expression::{self, Conditions};
use super::legacy;
use super::placeholders::{Placeholders, VALUES};
use crate::protocol::Fault;

/// What an operation may say in expressions, in the order in which messages list them.
pub(super) struct Grammar {
    /// Those that can use values.
    pub(super) with_values: &'static [&'static str],
    /// That only use names.
    pub(super) with_names: &'static [&'static str],
    pub(super) legacy: &'static [&'static str],
    pub(super) checks: Checks,
}

/// The expressions, while they are being read. Each is taken out of the input.
pub(super) struct Terms<'a> {
    input: &'a mut Map<String, Json>,
    placeholders: Placeholders,
    checks: Checks,
}

/// Both are in one request.
pub(super) fn mixed(legacy: &[&str], expressions: &[&str]) -> Fault {
    Fault::validation(format!(
        "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {{{}}} Expression parameters: {{{}}}",
        legacy.join(", "),
        expressions.join(", ")
    ))
}

impl<'a> Terms<'a> {
    pub(super) fn of(input: &'a mut Map<String, Json>, grammar: &Grammar) -> Result<Self, Fault> {
        let given = |names: &[&'static str]| -> Vec<&'static str> {
            let present = names.iter().filter(|name| input.contains_key(**name));
            present.copied().collect()
        };
        let with_values = given(grammar.with_values);
        let mut expressions = given(grammar.with_names);
        expressions.extend(&with_values);
        let legacy = given(grammar.legacy);
        if !expressions.is_empty() && !legacy.is_empty() {
            return Err(mixed(&legacy, &expressions));
        }
        let unusable = with_values.is_empty() && input.contains_key(VALUES);
        let missing = unusable.then(|| {
            let verb = match grammar.with_values {
                [_] => "is",
                _ => "are",
            };
            format!("{} {verb} null", grammar.with_values.join(" and "))
        });
        let any = !expressions.is_empty();
        let checks = grammar.checks;
        let placeholders = Placeholders::take(input, any, missing.as_deref(), checks)?;
        Ok(Self {
            input,
            placeholders,
            checks,
        })
    }

    fn text(&mut self, parameter: &str) -> Option<String> {
        match self.input.remove(parameter) {
            Some(Json::String(text)) => Some(text),
            _ => None,
        }
    }

    /// `ConditionExpression`, or `Expected`.
    pub(super) fn condition(&mut self) -> Result<Option<Condition>, Fault> {
        self.holding("ConditionExpression", legacy::expected)
    }

    /// `FilterExpression`, or the filter of the older parameter with this name.
    pub(super) fn filter(&mut self, legacy: &'static str) -> Result<Option<Condition>, Fault> {
        self.holding("FilterExpression", |input, checks| {
            legacy::filter(input, legacy, checks)
        })
    }

    fn holding(
        &mut self,
        parameter: &'static str,
        legacy: impl FnOnce(&mut Map<String, Json>, Checks) -> Result<Option<Condition>, Fault>,
    ) -> Result<Option<Condition>, Fault> {
        match self.text(parameter) {
            Some(text) => expression::condition(parameter, &text, &mut self.placeholders).map(Some),
            None => legacy(self.input, self.checks),
        }
    }

    /// `UpdateExpression`, or `AttributeUpdates`.
    pub(super) fn update(&mut self) -> Result<Update, Fault> {
        match self.text("UpdateExpression") {
            Some(text) => expression::update(&text, &mut self.placeholders),
            None => legacy::updates(self.input, self.checks),
        }
    }

    /// `ProjectionExpression`, or `AttributesToGet`.
    pub(super) fn projection(&mut self) -> Result<Option<Projection>, Fault> {
        match self.text("ProjectionExpression") {
            Some(text) => expression::projection(&text, &mut self.placeholders).map(Some),
            None => legacy::attributes_to_get(self.input),
        }
    }

    /// `KeyConditionExpression`, or `KeyConditions`.
    pub(super) fn key_conditions(&mut self) -> Result<Option<Conditions>, Fault> {
        match self.text("KeyConditionExpression") {
            Some(text) => expression::key_condition(&text, &mut self.placeholders).map(Some),
            None => legacy::key_conditions(self.input, self.checks),
        }
    }

    /// All have been read: no placeholder may be left.
    pub(super) fn done(self) -> Result<(), Fault> {
        self.placeholders.all_used()
    }
}
