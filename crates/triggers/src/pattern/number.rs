//! Numbers in patterns.

use serde_json::Number;

/// What the language can compare: five billions either way.
pub(super) const LARGEST: f64 = 5.0e9;

/// Numbers between two bounds, each with whether it belongs to them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    pub(super) from: Option<(f64, bool)>,
    pub(super) to: Option<(f64, bool)>,
}

impl Range {
    pub(super) fn exactly(number: f64) -> Self {
        Self {
            from: Some((number, true)),
            to: Some((number, true)),
        }
    }

    pub(super) fn contains(&self, number: f64) -> bool {
        let above = self
            .from
            .is_none_or(|(least, itself)| number > least || itself && number >= least);
        let below = self
            .to
            .is_none_or(|(most, itself)| number < most || itself && number <= most);
        above && below
    }
}

/// Whole numbers are compared as such: account numbers and the like do not fit a floating point number's digits.
pub(super) fn equal(a: &Number, b: &Number) -> bool {
    match (a.as_i64(), b.as_i64()) {
        (Some(a), Some(b)) => a == b,
        _ => match (a.as_u64(), b.as_u64()) {
            (Some(a), Some(b)) => a == b,
            _ => a.as_f64() == b.as_f64(),
        },
    }
}
