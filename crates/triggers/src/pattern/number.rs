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
    pub(super) fn contains(&self, number: f64) -> bool {
        let number = comparable(number);
        let above = self.from.is_none_or(|(least, itself)| {
            let least = comparable(least);
            number > least || itself && number >= least
        });
        let below = self.to.is_none_or(|(most, itself)| {
            let most = comparable(most);
            number < most || itself && number <= most
        });
        above && below
    }
}

/// Whole numbers are compared as such: account numbers and the like do not fit a floating point number's digits.
pub(super) fn equal(a: &Number, b: &Number) -> bool {
    match (a.as_i64(), b.as_i64()) {
        (Some(a), Some(b)) => a == b,
        _ => match (a.as_u64(), b.as_u64()) {
            (Some(a), Some(b)) => a == b,
            _ => a.as_f64().map(comparable) == b.as_f64().map(comparable),
        },
    }
}

/// A number without what is behind the sixth digit after its point, which counts for nothing.
pub(super) fn comparable(number: f64) -> f64 {
    const UNIT: f64 = 1.0e6;
    if number.abs() > LARGEST {
        return number;
    }
    let scaled = number * UNIT;
    let nearest = scaled.round();
    // What is one of six digits is hit only nearly by the multiplication.
    let is_hit = (scaled - nearest).abs() <= 4.0 * f64::EPSILON * scaled.abs();
    let cut = if is_hit { nearest } else { scaled.floor() };
    // Minus zero equals zero.
    cut / UNIT + 0.0
}
