//! What a parameter's value must be.

use regex::Regex;

#[derive(Clone, Debug)]
pub(super) enum Constraint {
    Int,
    Long,
    Bool,
    Number,
    Letters,
    Instant,
    Guid,
    /// In characters.
    Length(usize, usize),
    Range(i64, i64),
    Expression(Regex),
    /// The last part has a dot, or has none.
    File(bool),
    Required,
}

impl Constraint {
    /// `int`, `length(2,5)`, `regex(^a)`.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let (name, argument) = match text.split_once('(') {
            None => (text, None),
            Some((name, rest)) => {
                let argument = rest.strip_suffix(')');
                (
                    name,
                    Some(argument.ok_or_else(|| format!("`{text}` lacks a `)`"))?),
                )
            }
        };
        let number = |text: &str| {
            let parsed = text.trim().parse::<i64>();
            parsed.map_err(|_| format!("`{text}` is no whole number"))
        };
        let size = |text: &str| -> Result<usize, String> {
            Ok(usize::try_from(number(text)?).unwrap_or(0))
        };
        let pair = |text: &str| -> Result<(i64, i64), String> {
            match text.split_once(',') {
                Some((least, most)) => Ok((number(least)?, number(most)?)),
                None => Err(format!("`{text}` is not two numbers")),
            }
        };
        Ok(match (name, argument) {
            ("int", None) => Self::Int,
            ("long", None) => Self::Long,
            ("bool", None) => Self::Bool,
            ("decimal" | "double" | "float", None) => Self::Number,
            ("alpha", None) => Self::Letters,
            ("datetime", None) => Self::Instant,
            ("guid", None) => Self::Guid,
            ("required", None) => Self::Required,
            ("file", None) => Self::File(true),
            ("nonfile", None) => Self::File(false),
            ("minlength", Some(least)) => Self::Length(size(least)?, usize::MAX),
            ("maxlength", Some(most)) => Self::Length(0, size(most)?),
            ("length", Some(both)) if both.contains(',') => {
                let (least, most) = pair(both)?;
                let length = |number| usize::try_from(number).unwrap_or(0);
                Self::Length(length(least), length(most))
            }
            ("length", Some(exactly)) => Self::Length(size(exactly)?, size(exactly)?),
            ("min", Some(least)) => Self::Range(number(least)?, i64::MAX),
            ("max", Some(most)) => Self::Range(i64::MIN, number(most)?),
            ("range", Some(both)) => {
                let (least, most) = pair(both)?;
                Self::Range(least, most)
            }
            ("regex", Some(expression)) => {
                let expression = Regex::new(&format!("(?i){expression}"));
                Self::Expression(expression.map_err(|why| why.to_string())?)
            }
            _ => return Err(format!("there is no constraint `{text}`")),
        })
    }

    pub(super) fn fits(&self, value: &str) -> bool {
        match self {
            Self::Int => value.parse::<i32>().is_ok(),
            Self::Long => value.parse::<i64>().is_ok(),
            Self::Bool => ["true", "false"].contains(&value.to_lowercase().as_str()),
            Self::Number => value.parse::<f64>().is_ok_and(f64::is_finite),
            Self::Letters => value.bytes().all(|byte| byte.is_ascii_alphabetic()),
            Self::Instant => {
                value.parse::<jiff::civil::DateTime>().is_ok()
                    || value.parse::<jiff::Timestamp>().is_ok()
            }
            Self::Guid => is_guid(value),
            Self::Length(least, most) => (*least..=*most).contains(&value.chars().count()),
            Self::Range(least, most) => value
                .parse::<i64>()
                .is_ok_and(|number| (*least..=*most).contains(&number)),
            Self::Expression(expression) => expression.is_match(value),
            Self::File(wanted) => {
                let last = value.rsplit('/').next().unwrap_or(value);
                let has_ending = last
                    .rsplit_once('.')
                    .is_some_and(|(_, ending)| !ending.is_empty());
                has_ending == *wanted
            }
            Self::Required => !value.is_empty(),
        }
    }
}

/// 32 hexadecimal digits, with dashes or without, maybe in braces or parentheses.
fn is_guid(value: &str) -> bool {
    let inner = [('{', '}'), ('(', ')')]
        .iter()
        .find_map(|(open, close)| value.strip_prefix(*open)?.strip_suffix(*close));
    let value = inner.unwrap_or(value);
    let digits = value.replace('-', "");
    let dashes: Vec<usize> = value.match_indices('-').map(|(at, _)| at).collect();
    digits.len() == 32
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        && (dashes.is_empty() && inner.is_none() || dashes == [8, 13, 18, 23])
}
