//! Moments as the services have them: in JSON, seconds since 1970 with a fraction; elsewhere texts.

use std::time::Duration;

use base::Timestamp;

pub(crate) fn seconds(at: Timestamp) -> f64 {
    Duration::from_micros(at.as_micros()).as_secs_f64()
}

/// As requests have them, to the millisecond.
pub(crate) fn moment(seconds: f64) -> Timestamp {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast from a floating point number saturates"
    )]
    let millis = (seconds * 1_000.0).round() as u64;
    Timestamp::from_micros(millis.saturating_mul(1_000))
}

/// `2026-11-23T07:30:00.000Z`
pub(crate) fn instant(moment: Timestamp) -> String {
    utc(moment).strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

pub(crate) fn utc(moment: Timestamp) -> jiff::Timestamp {
    let micros = i64::try_from(moment.as_micros()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::MAX)
}
