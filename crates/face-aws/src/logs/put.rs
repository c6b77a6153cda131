//! Putting lines into a stream. They are durable when they are acknowledged, as those of functions need not be.

use std::time::Duration;

use base::Timestamp;
use ledger::Line;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{invalid, no_stream, of};
use super::{Asked, group, without_nulls};
use crate::protocol::Fault;

/// What a batch has at most, counting so much for each event besides its text.
const LARGEST: usize = 1 << 20;
const BESIDE: usize = 26;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Older ones are not taken, and nor are those so much later than now.
const OLDEST: Duration = Duration::from_secs(14 * 24 * 60 * 60);
const LATEST: Duration = Duration::from_secs(2 * 60 * 60);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    log_group_name: String,
    log_stream_name: String,
    log_events: Vec<Event>,
}

#[derive(Debug, Deserialize)]
struct Event {
    timestamp: u64,
    message: String,
}

/// Which of them are not taken: those before one, those before another, and those from a third on.
#[derive(Debug, Default, PartialEq, Eq)]
struct Rejected {
    expired: usize,
    too_old: usize,
    too_new: usize,
}

pub(super) async fn put(mut asked: Asked<'_>) -> Result<Value, Fault> {
    // A sequence is kept by nobody any more: the service ignores the token.
    let known = [
        "logGroupName",
        "logStreamName",
        "logEvents",
        "sequenceToken",
    ];
    asked.call.only(&known)?;
    let input: Input = asked.call.read()?;
    check(&input.log_events)?;
    let group = group::find(&asked, Some(input.log_group_name), None)?;
    let stream = input.log_stream_name;
    if !asked.ledger.has_stream(&group, &stream).map_err(of)? {
        return Err(no_stream());
    }
    let kept = asked.ledger.settings(&group).map_err(of)?.days;
    let rejected = rejected(&input.log_events, asked.now, kept);
    let first = rejected.expired.max(rejected.too_old);
    let count = input.log_events.len();
    let lines = input.log_events.into_iter().take(rejected.too_new);
    let lines = lines.skip(first).map(|event| Line {
        at: Timestamp::from_millis(event.timestamp),
        text: event.message,
    });
    let printed = asked
        .ledger
        .append(&group, &stream, &group.name, lines.collect());
    printed.await.map_err(of)?;
    asked.ledger.sync().await.map_err(of)?;
    let told = without_nulls(json!({
        "expiredLogEventEndIndex": Some(rejected.expired).filter(|end| *end > 0),
        "tooOldLogEventEndIndex": Some(rejected.too_old).filter(|end| *end > 0),
        "tooNewLogEventStartIndex": Some(rejected.too_new).filter(|start| *start < count),
    }));
    let told = Some(told).filter(|told| told.as_object().is_some_and(|told| !told.is_empty()));
    Ok(without_nulls(json!({
        // One that there always was, and that means nothing.
        "nextSequenceToken": format!("{:056}", asked.now.as_micros()),
        "rejectedLogEventsInfo": told,
    })))
}

fn check(events: &[Event]) -> Result<(), Fault> {
    if !events.is_sorted_by_key(|event| event.timestamp) {
        return Err(invalid(
            "Log events in a single PutLogEvents request must be in chronological order.",
        ));
    }
    let size: usize = events
        .iter()
        .map(|event| event.message.len() + BESIDE)
        .sum();
    if size > LARGEST {
        return Err(invalid(format!(
            "Upload too large: {size} bytes exceeds limit of {LARGEST}"
        )));
    }
    Ok(())
}

fn rejected(events: &[Event], now: Timestamp, kept_days: Option<u32>) -> Rejected {
    let now = now.as_millis();
    let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let before = |at: u64| events.partition_point(|event| event.timestamp < at);
    let kept = kept_days.map(|days| now.saturating_sub(millis(DAY * days)));
    Rejected {
        expired: kept.map_or(0, before),
        too_old: before(now.saturating_sub(millis(OLDEST))),
        too_new: events.partition_point(|event| event.timestamp <= now + millis(LATEST)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(at: &[u64]) -> Vec<Event> {
        let events = at.iter().map(|at| Event {
            timestamp: *at,
            message: "m".into(),
        });
        events.collect()
    }

    #[test]
    fn what_is_too_old_or_too_new_is_left_out() {
        let hour = 3_600_000;
        let now = 100 * 24 * hour;
        let at = [
            now - 15 * 24 * hour,
            now - 8 * 24 * hour,
            now,
            now + 2 * hour,
            now + 2 * hour + 1,
        ];
        let now = Timestamp::from_millis(now);
        let of = |kept| rejected(&events(&at), now, kept);
        let without = Rejected {
            expired: 0,
            too_old: 1,
            too_new: 4,
        };
        assert_eq!(of(None), without);
        assert_eq!(of(Some(7)).expired, 2);
    }

    #[test]
    fn a_batch_is_in_order_and_not_too_large() {
        assert!(check(&events(&[1, 1, 2])).is_ok());
        assert!(check(&events(&[2, 1])).is_err());
        let mut large = events(&[1, 2]);
        large[0].message = "x".repeat(LARGEST - 2 * BESIDE - 1);
        assert!(check(&large).is_ok());
        large[1].message.push('x');
        assert!(check(&large).is_err());
    }
}
