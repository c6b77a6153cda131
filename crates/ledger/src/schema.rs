//! What is in the store: groups, the logs that hold their lines, and invocation records, newest first.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{Space, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Key, Keyspace, Log, Record, Table};

/// By space and group name.
pub(crate) const GROUPS: Table<GroupRecord> = Table::new(Keyspace::Ledger, 0);
/// By space, function, how far the start is from the end of time, request id and attempt.
pub(crate) const INVOCATIONS: Table<Invocation> = Table::new(Keyspace::Ledger, 1);

/// What was set of a group, by space and group name. One that came to be with its first line has none.
pub(crate) const SETTINGS: Table<Settings> = Table::new(Keyspace::Ledger, 2);
/// Streams that were made before they had lines, by space, group name and stream name.
pub(crate) const STREAMS: Table<MadeStream> = Table::new(Keyspace::Ledger, 3);

/// Where lines go: named by whoever configures the function.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Group {
    pub space: Space,
    pub name: String,
}

impl Group {
    /// Whether a group may be called so.
    pub fn is_name(name: &str) -> bool {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/#".contains(&byte);
        (1..=512).contains(&name.len()) && name.bytes().all(plain)
    }

    pub(crate) fn settings(&self) -> Key {
        SETTINGS.key().str(self.space.as_str()).str(&self.name)
    }

    pub(crate) fn streams(&self) -> Key {
        STREAMS.key().str(self.space.as_str()).str(&self.name)
    }

    pub(crate) fn key(&self) -> Key {
        GROUPS.key().str(self.space.as_str()).str(&self.name)
    }

    /// No name holds a zero byte, so no two groups share a log.
    pub(crate) fn log(&self) -> Log {
        Log::new(format!("ledger/lines\0{}\0{}", self.space, self.name))
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct GroupRecord {
    pub(crate) created: Timestamp,
    /// What its lines took when that was last written down: it lags, by a bounded amount.
    pub(crate) bytes: u64,
}

impl Record for GroupRecord {}

/// What may be set of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// How long its lines are kept, if their number alone does not decide.
    pub days: Option<u32>,
    pub tags: BTreeMap<String, String>,
    /// In the words of whoever made it; nothing here acts by it.
    pub kind: Option<String>,
}

impl Record for Settings {}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MadeStream {
    pub(crate) created: Timestamp,
}

impl Record for MadeStream {}

/// One thing that was printed; it may hold line breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub at: Timestamp,
    pub text: String,
}

/// What one stream printed at once: an entry of its group's log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Batch {
    pub(crate) stream: String,
    pub(crate) function: String,
    pub(crate) lines: Vec<Line>,
}

impl Record for Batch {}

/// One attempt at running a function. The only place where durations are written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invocation {
    pub request_id: String,
    pub space: Space,
    pub function: String,
    /// The published version that ran, unless it was the newest code.
    pub version: Option<u64>,
    /// What caused it: `direct`, or the kind of event source.
    pub trigger: String,
    /// When the attempt began.
    pub started: Timestamp,
    pub phases: Phases,
    /// What is charged: whole milliseconds.
    pub billed_ms: u64,
    pub memory_mb: u32,
    /// The most memory the instance has used so far, if it could be measured.
    pub max_memory_mb: Option<u32>,
    pub outcome: Outcome,
    /// From 1.
    pub attempt: u32,
    /// When it runs again, if it failed and will.
    pub next_attempt: Option<Timestamp>,
    /// Set by the last attempt of an asynchronous invocation.
    pub settlement: Option<Settlement>,
}

impl Record for Invocation {}

/// Where the time went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phases {
    /// From when it was due to when it was begun: asynchronous ones only.
    pub queued: Duration,
    /// Making the process, if none was idle.
    pub launch: Option<Duration>,
    /// From the process's start to its asking for work, if none was idle.
    pub init: Option<Duration>,
    /// From handing the event over to the outcome.
    pub run: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    Ok,
    /// The handler failed and said so.
    Failed(Failure),
    TimedOut(Failure),
    /// The process ended, or broke the protocol.
    Crashed(Failure),
    /// It did not run; why, in the words of the limit that was met.
    Throttled(String),
    /// It did not run: the platform could not. Why.
    Unavailable(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub kind: String,
    pub message: String,
}

/// How an asynchronous invocation ended for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Settlement {
    Success,
    RetriesExhausted,
    EventAgeExceeded,
    /// The function's reserved concurrency is zero: it is switched off.
    ZeroReservedConcurrency,
    /// The function was deleted meanwhile.
    FunctionGone,
    /// The chain of calls that it was part of came by the function too often.
    Looping,
}
