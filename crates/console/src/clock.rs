//! The server's clock: telling it and moving it.

use std::time::Duration;

use ::clock::{Pace, Shown};
use base::Timestamp;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use wire::Response;

use crate::query::Query;
use crate::{Parts, Problem, json, shown};

/// What the clock shows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Clock {
    pub now: String,
    /// What the machine's clock shows.
    pub machine: String,
    /// Negative where it is behind the machine's.
    pub ahead_seconds: f64,
    pub standing: bool,
    /// At how many moments something woke on the way, if it was moved.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stops: Option<u64>,
}

impl From<Shown> for Clock {
    fn from(told: Shown) -> Self {
        Self {
            now: shown(told.now),
            machine: shown(told.host),
            ahead_seconds: match told.ahead() {
                Ok(ahead) => ahead.as_secs_f64(),
                Err(behind) => -behind.as_secs_f64(),
            },
            standing: matches!(told.pace, Pace::Standing(_)),
            stops: None,
        }
    }
}

pub(crate) fn get(parts: &Parts) -> Response {
    json(StatusCode::OK, &Clock::from(parts.clock.show()))
}

pub(crate) async fn post(
    parts: &Parts,
    what: &str,
    query: &Query<'_>,
) -> Result<Response, Problem> {
    let keeper = &parts.clock;
    let patience = match query.text("wait") {
        None => ::clock::PATIENCE,
        Some(text) => duration(&text)?,
    };
    let journey = match what {
        "advance" => keeper.advance(duration(&wanted(query, "by")?)?, patience),
        "set" => {
            let to = moment(&wanted(query, "to")?, keeper.show().host)?;
            return moved(keeper.set(to, patience).await?);
        }
        "pause" => return Ok(json(StatusCode::OK, &Clock::from(keeper.pause().await?))),
        "resume" => return Ok(json(StatusCode::OK, &Clock::from(keeper.resume().await?))),
        other => {
            let message =
                format!("a clock cannot {other:?}; it can advance, set, pause and resume");
            return Err(Problem::missing(message));
        }
    };
    moved(journey.await?)
}

fn moved(journey: ::clock::Journey) -> Result<Response, Problem> {
    let clock = Clock {
        stops: Some(journey.stops),
        ..journey.shown.into()
    };
    Ok(json(StatusCode::OK, &clock))
}

fn wanted(query: &Query<'_>, name: &str) -> Result<String, Problem> {
    let text = query.text(name).map(|text| text.trim().to_owned());
    text.ok_or_else(|| Problem::invalid(format!("it takes {name}=")))
}

/// As people say it: `90s`, `24h`, `1h 30m`, `3d`.
fn duration(text: &str) -> Result<Duration, Problem> {
    let refuse = || Problem {
        hint: Some("say it in w, d, h, m, s and ms: 90s, 24h, 1h30m, 3d".to_owned()),
        ..Problem::invalid(format!("{text:?} is not a duration"))
    };
    let mut rest = text.trim();
    let mut whole = Duration::ZERO;
    if let Some(behind) = rest.strip_prefix('-') {
        let hint = "start with another data folder, or --ephemeral, to be at an earlier time";
        duration(behind)?;
        return Err(Problem {
            hint: Some(hint.to_owned()),
            ..Problem::invalid("the clock cannot go back: what has happened has happened")
        });
    }
    if rest.is_empty() {
        return Err(refuse());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, after) = rest.split_at(digits.ok_or_else(refuse)?);
        let after = after.trim_start();
        let letters = after.find(|c: char| !c.is_ascii_alphabetic());
        let (unit, after) = after.split_at(letters.unwrap_or(after.len()));
        let unit = match unit {
            "ms" | "millisecond" | "milliseconds" => 0.001,
            "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
            "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
            "h" | "hour" | "hours" => 3_600.0,
            "d" | "day" | "days" => 86_400.0,
            "w" | "week" | "weeks" => 604_800.0,
            _ => return Err(refuse()),
        };
        let number: f64 = number.parse().map_err(|_| refuse())?;
        let part = Duration::try_from_secs_f64(number * unit).map_err(|_| refuse())?;
        whole = whole.checked_add(part).ok_or_else(refuse)?;
        rest = after.trim_start();
    }
    Ok(whole)
}

/// RFC 3339, a day (its beginning in UTC), or `now`, which is what the machine's clock shows.
fn moment(text: &str, host: Timestamp) -> Result<Timestamp, Problem> {
    if text == "now" {
        return Ok(host);
    }
    let instant: Option<jiff::Timestamp> = text.parse().ok();
    let day = || {
        let day: jiff::civil::Date = (text.len() == 10).then(|| text.parse().ok())??;
        Some(day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    };
    let instant = instant.or_else(day).ok_or_else(|| Problem {
        hint: Some(
            "say it as 2027-01-31T18:00:00Z, 2027-01-31T18:00:00+01:00, 2027-01-31, or now"
                .to_owned(),
        ),
        ..Problem::invalid(format!("{text:?} is not a time"))
    })?;
    let micros = u64::try_from(instant.as_microsecond());
    let micros = micros.map_err(|_| Problem::invalid("there is no time before 1970"))?;
    Ok(Timestamp::from_micros(micros))
}

impl From<::clock::Error> for Problem {
    fn from(error: ::clock::Error) -> Self {
        let problem = Self::new(error.kind(), error.to_string());
        let hint = match &error {
            ::clock::Error::Backwards { now } => format!(
                "it shows {}; start with another data folder, or --ephemeral, to be at an earlier time",
                shown(*now)
            ),
            ::clock::Error::Unsettled { at, .. } => format!(
                "it is at {} now; see what runs with `fulmar invocations`, or give it longer: --wait 5m",
                shown(*at)
            ),
            ::clock::Error::TooFar | ::clock::Error::Moving | ::clock::Error::Store(_) => {
                return problem;
            }
        };
        Self {
            hint: Some(hint),
            ..problem
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_say_them() {
        let seconds = |text: &str| duration(text).map(|read| read.as_secs_f64()).ok();
        assert_eq!(seconds("24h"), Some(86_400.0));
        assert_eq!(seconds("90s"), Some(90.0));
        assert_eq!(seconds("3d"), Some(259_200.0));
        assert_eq!(seconds("1h30m"), Some(5_400.0));
        assert_eq!(seconds("1 hour 30 minutes"), Some(5_400.0));
        assert_eq!(seconds("1.5s"), Some(1.5));
        assert_eq!(seconds("250ms"), Some(0.25));
        for bad in ["", "5", "h", "3 parsecs", "1h-3m", "1..2s", "-3x"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        let back = duration("-3d").unwrap_err();
        assert!(back.message.contains("cannot go back"), "{}", back.message);
    }

    #[test]
    fn times_are_rfc_3339_days_or_now() {
        let host = Timestamp::from_secs(7);
        let seconds = |text: &str| moment(text, host).map(Timestamp::as_secs).ok();
        assert_eq!(seconds("2027-01-31T18:00:00Z"), Some(1_801_418_400));
        assert_eq!(seconds("2027-01-31T19:00:00+01:00"), Some(1_801_418_400));
        assert_eq!(seconds("2027-01-31"), Some(1_801_353_600));
        assert_eq!(seconds("now"), Some(7));
        for bad in [
            "2027-01-31T18:00:00",
            "tomorrow",
            "1801418400",
            "1969-12-31T23:59:59Z",
        ] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }
}
