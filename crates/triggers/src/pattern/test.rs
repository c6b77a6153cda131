//! Tests of one value.

use std::net::IpAddr;

use serde_json::Value;

use super::number::{self, Range};
use super::wildcard::Wildcard;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    /// Exactly this string, number, truth value or null.
    Is(Value),
    Prefix(Text),
    Suffix(Text),
    Same(Text),
    Wildcard(Wildcard),
    Number(Range),
    Address {
        network: IpAddr,
        bits: u8,
    },
    /// Any value at all.
    Present,
    /// No value; see the matching.
    Absent,
    /// Any value that none of these accepts.
    Not(Vec<Test>),
}

/// What a string is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    /// In small letters if `any_case`.
    pub(super) text: String,
    pub(super) any_case: bool,
}

impl Text {
    pub(super) fn new(text: &str, any_case: bool) -> Self {
        Self {
            text: if any_case {
                text.to_lowercase()
            } else {
                text.to_owned()
            },
            any_case,
        }
    }

    fn compare(&self, value: &Value, how: impl Fn(&str, &str) -> bool) -> bool {
        match value {
            Value::String(value) if self.any_case => how(&value.to_lowercase(), &self.text),
            Value::String(value) => how(value, &self.text),
            _ => false,
        }
    }
}

impl Test {
    /// Whether it accepts a value that is there.
    pub(super) fn accepts(&self, value: &Value) -> bool {
        match self {
            Self::Is(Value::Number(wanted)) => match value {
                Value::Number(given) => number::equal(wanted, given),
                _ => false,
            },
            Self::Is(wanted) => wanted == value,
            Self::Prefix(text) => text.compare(value, |value, text| value.starts_with(text)),
            Self::Suffix(text) => text.compare(value, |value, text| value.ends_with(text)),
            Self::Same(text) => text.compare(value, |value, text| value == text),
            Self::Wildcard(wildcard) => value.as_str().is_some_and(|text| wildcard.matches(text)),
            Self::Number(range) => value.as_f64().is_some_and(|number| range.contains(number)),
            Self::Address { network, bits } => {
                let address = value.as_str().and_then(|text| text.parse().ok());
                address.is_some_and(|address| within(address, *network, *bits))
            }
            Self::Present => true,
            Self::Absent => false,
            Self::Not(tests) => !tests.iter().any(|test| test.accepts(value)),
        }
    }
}

fn within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        _ => false,
    }
}
