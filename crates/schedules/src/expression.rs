//! When a schedule is due, as its owner writes it: `cron(...)`, `rate(...)`, `at(...)`.

mod cron;
mod field;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::civil::DateTime;

pub use cron::Cron;

/// Why an expression does not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(String);

impl Malformed {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    Cron(Cron),
    Rate(Duration),
    /// Once, at a time of its time zone.
    At(DateTime),
}

impl Expression {
    pub fn read(text: &str) -> Result<Self, Malformed> {
        let inside = |word: &str| {
            text.strip_prefix(word)?
                .strip_prefix('(')?
                .strip_suffix(')')
        };
        if let Some(fields) = inside("cron") {
            return Cron::with_years(fields).map(Self::Cron);
        }
        if let Some(rate) = inside("rate") {
            return read_rate(rate).map(Self::Rate);
        }
        if let Some(time) = inside("at") {
            return read_time(time).map(Self::At);
        }
        Err(Malformed::new(
            "it is neither cron(...), rate(...) nor at(...)",
        ))
    }

    /// As [`Self::read`], but one of anything is not a plural in a rate, and the other way round.
    pub(crate) fn read_strictly(text: &str) -> Result<Self, Malformed> {
        let read = Self::read(text)?;
        let digits = text.trim_start_matches("rate(").trim_start_matches('0');
        let is_one = digits.starts_with("1 ");
        if matches!(read, Self::Rate(_)) && text.ends_with("s)") == is_one {
            let why = "one has a singular unit, and more a plural one";
            return Err(Malformed::new(format!("{text}: {why}")));
        }
        Ok(read)
    }

    /// Whether it is due once only.
    pub fn is_once(&self) -> bool {
        matches!(self, Self::At(_))
    }
}

fn read_rate(text: &str) -> Result<Duration, Malformed> {
    let refuse = |why: &str| Malformed::new(format!("rate({text}): {why}"));
    let mut words = text.split(' ');
    let (Some(value), Some(unit), None) = (words.next(), words.next(), words.next()) else {
        return Err(refuse("it is a number and a unit"));
    };
    let is_plain = value.bytes().all(|byte| byte.is_ascii_digit());
    let value = value.parse().ok().filter(|value| is_plain && *value > 0);
    let value: u64 = value.ok_or_else(|| refuse("it takes a number above zero"))?;
    let seconds = match unit {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3_600,
        "day" | "days" => 86_400,
        _ => return Err(refuse("the unit is minutes, hours or days")),
    };
    let seconds = value
        .checked_mul(seconds)
        .filter(|all| *all <= LONGEST_RATE_S);
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| refuse("that is too long"))
}

/// Longer than any calendar in here.
const LONGEST_RATE_S: u64 = 300 * 366 * 86_400;

fn read_time(text: &str) -> Result<DateTime, Malformed> {
    let refuse = || Malformed::new(format!("at({text}): it is of the form yyyy-mm-ddThh:mm:ss"));
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    if shape != "0000-00-00T00:00:00" {
        return Err(refuse());
    }
    text.parse().map_err(|_| refuse())
}
