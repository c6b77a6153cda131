//! Patterns: which events somebody wants.
//!
//! A pattern has the shape of the events that it matches. At its leaves are lists of tests, of which one must accept the
//! event's value; everything that a pattern names must be found, unless a test asks for its absence. `$or` holds
//! alternatives for the level that it stands on.
//!
//! An array in an event stands for each of its elements. Tests of fields below one array must be met by the same
//! element: of `[{"a": 1, "b": 2}, {"a": 3, "b": 4}]` no element has `a` 1 and `b` 4, so a pattern for both does not
//! match. Empty arrays and empty objects hold no value, so what leads to them is absent.
//!
//! A point in a name, in a pattern as in an event, divides it as if there were an object for each of its parts.
//!
//! A pattern is compiled to its alternatives: lists of paths with tests, in the order of their names. An event is walked
//! once along the paths that the pattern names, and nowhere else. Of many patterns, an `Index` finds those that an event
//! may match without a look at the others.

mod cost;
mod index;
mod matching;
mod number;
mod operand;
mod parse;
mod test;
mod wildcard;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

pub use index::Index;
use test::Test;

/// Which events somebody wants.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// What to look for in an event.
    names: Names,
    /// By number.
    paths: Vec<Vec<String>>,
    /// One of them must match. Each is in the order of its paths.
    alternatives: Vec<Vec<Condition>>,
}

/// The part of a pattern's paths that begins with the same names.
#[derive(Clone, Debug, Default)]
struct Names {
    /// The number of the path that ends here, if one does.
    path: Option<usize>,
    below: BTreeMap<String, Names>,
}

impl Names {
    /// What is below the parts of a name that has points in it.
    fn along(&self, name: &str) -> Option<&Self> {
        name.split('.')
            .try_fold(self, |at, part| at.below.get(part))
    }
}

/// One of these tests must accept the value at the path with this number.
#[derive(Clone, Debug)]
struct Condition {
    path: usize,
    tests: Arc<[Test]>,
}

/// How much of the language may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// All of it.
    Whole,
    /// What filters of records may use: no wildcards and no address ranges.
    Filters,
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", if path.is_empty() { String::new() } else { format!("at {path:?}: ") })]
pub struct PatternError {
    /// Names with points between them; empty for the whole.
    pub path: String,
    pub problem: String,
}

impl Pattern {
    pub fn parse(text: &str, language: Language) -> Result<Self, PatternError> {
        parse::parse(text, language)
    }

    /// As [`Pattern::parse`], of one that many events are to be compared with: refuses what would take too long.
    pub fn parse_cheap(text: &str, language: Language) -> Result<Self, PatternError> {
        let pattern = Self::parse(text, language)?;
        if cost::is_costly(&pattern) {
            return Err(PatternError {
                path: String::new(),
                problem: "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard character".to_owned(),
            });
        }
        Ok(pattern)
    }

    pub fn matches(&self, event: &Value) -> bool {
        matching::matches(self, event)
    }
}
