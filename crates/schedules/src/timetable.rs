//! Which moments an expression means, in a time zone and between two dates.

use base::Timestamp;
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::expression::{Cron, Expression};

/// Everything that says when a schedule is due. It is plain data: the same one gives the same moments for ever, so that
/// a restart neither skips nor repeats one.
#[derive(Clone, Debug)]
pub struct Timetable {
    pub expression: Expression,
    pub zone: TimeZone,
    /// Where rates begin to count: they are due then for the first time.
    pub anchor: Timestamp,
    /// Nothing is due before it.
    pub start: Option<Timestamp>,
    /// Nothing is due after it.
    pub end: Option<Timestamp>,
}

impl Timetable {
    /// The first moment after `after` at which it is due.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        // It may be due at its very start.
        let after = match self.start {
            Some(start) if !self.expression.is_once() => after.max(before(start)),
            _ => after,
        };
        let next = match &self.expression {
            Expression::Cron(cron) => next_minute(cron, &self.zone, after),
            Expression::Rate(every) => next_of_rate(self.anchor, *every, after),
            Expression::At(at) => {
                // A time that a changing clock leaves out is taken for the one that as long after the change.
                let at = self.zone.to_timestamp(*at).ok().and_then(told)?;
                return (at > after).then_some(at);
            }
        };
        next.filter(|next| self.end.is_none_or(|end| *next <= end))
    }
}

/// The latest moment before `at`.
pub(crate) fn before(at: Timestamp) -> Timestamp {
    Timestamp::from_micros(at.as_micros().saturating_sub(1))
}

/// What a changing clock leaves out is not due; what it repeats is due the first time.
fn next_minute(cron: &Cron, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    let instant = jiff::Timestamp::from_microsecond(i64::try_from(after.as_micros()).ok()?).ok()?;
    let mut minute = zone.to_datetime(instant);
    loop {
        minute = cron.next(minute)?;
        let offset = match zone.to_ambiguous_timestamp(minute).offset() {
            AmbiguousOffset::Gap { .. } => continue,
            AmbiguousOffset::Unambiguous { offset } => offset,
            AmbiguousOffset::Fold { before, .. } => before,
        };
        let found = offset.to_timestamp(minute).ok().and_then(told)?;
        // In the second half of what is repeated, the first was before.
        if found > after {
            return Some(found);
        }
    }
}

fn next_of_rate(
    anchor: Timestamp,
    every: std::time::Duration,
    after: Timestamp,
) -> Option<Timestamp> {
    if after < anchor {
        return Some(anchor);
    }
    let every = u64::try_from(every.as_micros()).ok()?;
    let passed = (after.as_micros() - anchor.as_micros()) / every + 1;
    let next = passed.checked_mul(every)?.checked_add(anchor.as_micros())?;
    Some(Timestamp::from_micros(next))
}

fn told(at: jiff::Timestamp) -> Option<Timestamp> {
    u64::try_from(at.as_microsecond())
        .ok()
        .map(Timestamp::from_micros)
}

#[cfg(test)]
mod tests;
