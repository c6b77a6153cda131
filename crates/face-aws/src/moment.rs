//! Moments as the services' JSON has them: seconds since 1970, with a fraction.

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
