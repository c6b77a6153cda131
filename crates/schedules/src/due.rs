//! What is due.

use std::time::Duration;

use base::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use store::{Record, Tx};
use tokio::sync::watch;

use crate::Schedules;
use crate::error::Result;
use crate::expression::Expression;
use crate::put::remove;
use crate::schema::{
    Planned, RULES, Rule, SCHEDULES, Schedule, Settings, Whose, next, rule_key, schedule_key,
};
use crate::timetable::Timetable;

/// A moment at which something is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occasion {
    pub whose: Whose,
    pub owner: Owner,
    /// When it was due, whenever it is done.
    pub scheduled: Timestamp,
    /// The same for this moment of this schedule whenever it is asked, and for no other.
    pub execution: u128,
    /// It will not be due again.
    pub is_last: bool,
    /// It is too late for it.
    pub is_stale: bool,
}

/// What is known of whoever is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Owner {
    Schedule(Box<Settings>),
    Rule,
}

/// How long after its time a rule is still due.
const RULE_AGE: Duration = Duration::from_secs(24 * 60 * 60);

impl Schedules {
    /// Takes up to `limit` moments that have come, earliest first. The caller does in the same transaction what is due.
    pub fn take_due(&self, tx: &mut Tx, limit: usize) -> Result<Vec<Occasion>> {
        let now = self.clock.now();
        let mut occasions = Vec::new();
        for taken in next().take(tx, now, limit)? {
            let whose = Whose::decode(&taken.id)?;
            let Planned { scheduled } = Planned::decode(&taken.body)?;
            let occasion = match &whose {
                Whose::Schedule { space, group, name } => {
                    match SCHEDULES.get(tx, &schedule_key(space, group, name))? {
                        Some(schedule) => of_schedule(tx, &whose, &schedule, scheduled, now)?,
                        None => continue,
                    }
                }
                Whose::Rule { space, bus, rule } => {
                    match RULES.get(tx, &rule_key(space, bus, rule))? {
                        Some(rule) => of_rule(tx, &whose, &rule, scheduled, now)?,
                        None => continue,
                    }
                }
            };
            occasions.push(occasion);
        }
        Ok(occasions)
    }

    /// When something is due next.
    pub fn next_due(&self) -> Result<Option<Timestamp>> {
        Ok(next().next(&self.store.read()?)?)
    }

    /// Rings whenever that changes.
    pub fn bell(&self) -> watch::Receiver<u64> {
        self.store.timer_bell(&next())
    }

    /// Deletes a schedule that has ended and was to be deleted then.
    pub fn end(&self, tx: &mut Tx, occasion: &Occasion) -> Result<()> {
        let Whose::Schedule { space, group, name } = &occasion.whose else {
            return Ok(());
        };
        let there = SCHEDULES.get(tx, &schedule_key(space, group, name))?;
        let is_over = there.is_some_and(|there| {
            occasion.is_last
                && there.settings.ends
                && execution(there.unique, occasion.scheduled) == occasion.execution
        });
        if is_over && next().when(tx, &occasion.whose.encode())?.is_none() {
            remove(tx, space, group, name)?;
        }
        Ok(())
    }
}

fn of_schedule(
    tx: &mut Tx,
    whose: &Whose,
    schedule: &Schedule,
    scheduled: Timestamp,
    now: Timestamp,
) -> Result<Occasion> {
    let settings = &schedule.settings;
    let late = settings.retries.age + settings.window.unwrap_or_default();
    let is_stale = now.since(scheduled) > late;
    let after = passed_over(whose, scheduled, now, is_stale, late);
    let goes_on = plan(tx, whose, schedule, after)?;
    Ok(Occasion {
        whose: whose.clone(),
        owner: Owner::Schedule(Box::new(settings.clone())),
        scheduled,
        execution: execution(schedule.unique, scheduled),
        is_last: !goes_on,
        is_stale,
    })
}

fn of_rule(
    tx: &mut Tx,
    whose: &Whose,
    rule: &Rule,
    scheduled: Timestamp,
    now: Timestamp,
) -> Result<Occasion> {
    let is_stale = now.since(scheduled) > RULE_AGE;
    let after = passed_over(whose, scheduled, now, is_stale, RULE_AGE);
    let goes_on = plan_rule(tx, whose, rule, after)?;
    Ok(Occasion {
        whose: whose.clone(),
        owner: Owner::Rule,
        scheduled,
        execution: execution(rule.unique, scheduled),
        is_last: !goes_on,
        is_stale,
    })
}

/// From where the next moment is looked for. What is too old to be done is passed over in one go: after a month without
/// a server, each minute of it would only be looked at to be dropped.
fn passed_over(
    whose: &Whose,
    scheduled: Timestamp,
    now: Timestamp,
    is_stale: bool,
    late: Duration,
) -> Timestamp {
    if !is_stale {
        return scheduled;
    }
    tracing::warn!(
        ?whose,
        "a schedule was due while there was no server, so long ago that it is passed over"
    );
    scheduled.max(now - late)
}

/// Sets when a schedule is due next, after `after`; false if it never is.
pub(crate) fn plan(
    tx: &mut Tx,
    whose: &Whose,
    schedule: &Schedule,
    after: Timestamp,
) -> Result<bool> {
    let settings = &schedule.settings;
    let timetable = settings.timetable(schedule.anchor)?;
    let scheduled = settings.enabled.then(|| timetable.next(after)).flatten();
    let Some(scheduled) = scheduled else {
        next().cancel(tx, &whose.encode())?;
        return Ok(false);
    };
    let within = settings.window.unwrap_or_default();
    let due = scheduled + later(execution(schedule.unique, scheduled), within);
    next().set(tx, &whose.encode(), due, Planned { scheduled }.encode())?;
    Ok(true)
}

pub(crate) fn plan_rule(tx: &mut Tx, whose: &Whose, rule: &Rule, after: Timestamp) -> Result<bool> {
    let timetable = Timetable {
        expression: Expression::read(&rule.expression)?,
        zone: TimeZone::UTC,
        anchor: rule.anchor,
        start: None,
        end: None,
    };
    let Some(scheduled) = timetable.next(after) else {
        next().cancel(tx, &whose.encode())?;
        return Ok(false);
    };
    next().set(
        tx,
        &whose.encode(),
        scheduled,
        Planned { scheduled }.encode(),
    )?;
    Ok(true)
}

/// Somewhere in a window, in whole seconds. It follows from which moment it is, so that planning it again, as after a
/// conflict, moves nothing.
fn later(execution: u128, window: Duration) -> Duration {
    match u128::from(window.as_secs()) {
        0 => Duration::ZERO,
        seconds => Duration::from_secs(u64::try_from(execution % seconds).unwrap_or_default()),
    }
}

/// Mixes a schedule's number with a moment, so that every bit of either shows in all of the result.
fn execution(unique: u64, scheduled: Timestamp) -> u128 {
    let mixed = |seed: u64| {
        let mut bits = seed ^ scheduled.as_micros().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    };
    u128::from(mixed(unique)) << 64 | u128::from(mixed(!unique))
}
