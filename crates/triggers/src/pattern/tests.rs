//! Patterns, by what they mean, what they refuse and how they are found.

mod chance;
mod index;
mod made;
mod meaning;
mod naive;
mod refused;

use serde_json::Value;

use super::{Language, Pattern};

fn matches(pattern: &Value, event: &Value) -> bool {
    let parsed = Pattern::parse(&pattern.to_string(), Language::Whole);
    parsed.expect("a pattern").matches(event)
}

fn refused(pattern: &Value) -> String {
    let parsed = Pattern::parse(&pattern.to_string(), Language::Whole);
    parsed.expect_err("no pattern").to_string()
}
