//! What is wrong with a value, in the real service's words.

use std::borrow::Cow;
use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tables::NumberError;

use super::Wrong;
use crate::dynamodb::checks::Checks;

impl Wrong {
    pub(in crate::dynamodb) fn told(&self, checks: Checks) -> Cow<'static, str> {
        let older = checks == Checks::Older;
        match self {
            Self::Said(what) => (*what).into(),
            Self::Invalid(what) => invalid(what),
            Self::Number(NumberError::NotANumber, text) if !older => {
                format!("{NOT_A_NUMBER}: {text}").into()
            }
            Self::Number(error, text) => number_fault(*error, text),
            Self::RepeatedString(texts) => {
                let listed = match older {
                    true => texts.join(", "),
                    false => quoted(&by_bytes(texts, |text| text.as_bytes().into()), ", "),
                };
                invalid(&format!("Input collection [{listed}] contains duplicates."))
            }
            Self::RepeatedNumber if older => "Input collection contains duplicates".into(),
            Self::RepeatedNumber => invalid("Input collection contains duplicates."),
            // The space that is missing is missing there too.
            Self::RepeatedBinary(texts) => {
                let decoded = |text: &str| STANDARD.decode(text).unwrap_or_default();
                let listed = match older {
                    true => texts.join(", "),
                    false => quoted(&by_bytes(texts, decoded), ","),
                };
                invalid(&format!(
                    "Input collection [{listed}]of type BS contains duplicates."
                ))
            }
        }
    }
}

fn invalid(what: &str) -> Cow<'static, str> {
    format!("One or more parameter values were invalid: {what}").into()
}

const NOT_A_NUMBER: &str = "The parameter cannot be converted to a numeric value";

/// What the older checks say of a number.
pub(in crate::dynamodb) fn number_fault(error: NumberError, text: &str) -> Cow<'static, str> {
    match error {
        NumberError::NotANumber if text.is_empty() => NOT_A_NUMBER.into(),
        NumberError::NotANumber => format!("{NOT_A_NUMBER}: {text}").into(),
        NumberError::Overflow => {
            "Number overflow. Attempting to store a number with magnitude larger than supported range".into()
        }
        NumberError::Underflow => {
            "Number underflow. Attempting to store a number with magnitude smaller than supported range".into()
        }
        NumberError::TooPrecise => {
            "Attempting to store more than 38 significant digits in a Number".into()
        }
    }
}

/// The members of a set as the newer checks list them: those before the first that is repeated in the order of their
/// bytes, and the others as they were sent.
fn by_bytes(texts: &[String], bytes: impl Fn(&str) -> Vec<u8>) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    let repeated = texts.iter().position(|text| !seen.insert(bytes(text)));
    let (before, from) = texts.split_at(repeated.unwrap_or(texts.len()));
    let mut listed: Vec<&str> = before.iter().map(String::as_str).collect();
    listed.sort_by_key(|text| bytes(text));
    listed.extend(from.iter().map(String::as_str));
    listed
}

fn quoted(texts: &[&str], between: &str) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| format!("\"{text}\"")).collect();
    quoted.join(between)
}
