//! What is in the store.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{Space, Timestamp};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use store::{Key, Keyspace, Record, Table, Timers};

/// By space, group and name.
pub(crate) const SCHEDULES: Table<Schedule> = Table::new(Keyspace::Schedules, 0);
/// By space and name.
pub(crate) const GROUPS: Table<Group> = Table::new(Keyspace::Schedules, 1);
/// Those of others, by space and the owner's two names.
pub(crate) const RULES: Table<Rule> = Table::new(Keyspace::Schedules, 2);

/// When which is due next, under its [`Whose`].
pub(crate) fn next() -> Timers {
    Timers::new("schedules")
}

pub(crate) fn schedule_key(space: &Space, group: &str, name: &str) -> Key {
    SCHEDULES.key().str(space.as_str()).str(group).str(name)
}

pub(crate) fn group_key(space: &Space, name: &str) -> Key {
    GROUPS.key().str(space.as_str()).str(name)
}

pub(crate) fn rule_key(space: &Space, bus: &str, rule: &str) -> Key {
    RULES.key().str(space.as_str()).str(bus).str(rule)
}

/// Which schedule it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Whose {
    Schedule {
        space: Space,
        group: String,
        name: String,
    },
    /// It belongs to a rule, which is kept elsewhere.
    Rule {
        space: Space,
        bus: String,
        rule: String,
    },
}

impl Record for Whose {}

/// What a schedule's owner says about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// As it was written.
    pub expression: String,
    /// A name of the database of time zones.
    pub zone: String,
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    /// How long after it is due it may be done.
    pub window: Option<Duration>,
    pub enabled: bool,
    /// Whether it is deleted when it will not be due again.
    pub ends: bool,
    pub description: Option<String>,
    /// What is to be done, in the words of whoever does it.
    pub order: Bytes,
    pub retries: Retries,
}

impl Settings {
    /// Whether they mean the same moments.
    pub(crate) fn has_times_of(&self, other: &Self) -> bool {
        let times = |one: &Self| {
            let dates = (one.start, one.end);
            (
                one.expression.clone(),
                one.zone.clone(),
                dates,
                one.window,
                one.enabled,
            )
        };
        times(self) == times(other)
    }
}

/// How long it is tried to do what was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retries {
    /// After the first attempt.
    pub most: u32,
    /// Since it was due.
    pub age: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    pub settings: Settings,
    pub created: Timestamp,
    pub modified: Timestamp,
    /// Where rates begin to count.
    pub(crate) anchor: Timestamp,
    /// No other schedule has it, not even a later one of the same name.
    pub(crate) unique: u64,
    /// What its creator called the request, so that asking again is no conflict.
    pub(crate) token: Option<String>,
}

impl Record for Schedule {}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    pub created: Timestamp,
    pub modified: Timestamp,
    /// What is in it is being deleted.
    pub ends: bool,
    pub tags: BTreeMap<String, String>,
    pub(crate) token: Option<String>,
}

impl Record for Group {}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rule {
    pub(crate) expression: String,
    pub(crate) anchor: Timestamp,
    pub(crate) unique: u64,
}

impl Record for Rule {}

/// The body of a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Planned {
    /// When it is due; the timer may be later, within the window.
    pub(crate) scheduled: Timestamp,
}

impl Record for Planned {}
