//! What is in the store: buses, what was put on them, archives with what they hold, and replays.

use std::collections::BTreeMap;

use base::{Space, Timestamp};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use store::{Key, Keyspace, Log, Record, Table, Timers};

/// By space and name. The default bus is here once something about it was set.
pub(crate) const BUSES: Table<Bus> = Table::new(Keyspace::Buses, 1);
/// By space and name.
pub(crate) const ARCHIVES: Table<Archive> = Table::new(Keyspace::Buses, 2);
/// What an archive holds: by its number, the event's time and its place among those of that time.
pub(crate) const ARCHIVED: Table<Event> = Table::new(Keyspace::Buses, 3);
/// How much an archive holds: by its number.
pub(crate) const HOLDINGS: Table<Holdings> = Table::new(Keyspace::Buses, 4);
/// By space and name.
pub(crate) const REPLAYS: Table<Replay> = Table::new(Keyspace::Buses, 5);

/// What happened on all buses, in one order.
pub(crate) fn log() -> Log {
    Log::new("buses/events")
}

/// When archives have something to forget; by the archive's number.
pub(crate) fn expiries() -> Timers {
    Timers::new("buses/expiries")
}

pub(crate) fn bus_key(space: &Space, name: &str) -> Key {
    BUSES.key().str(space.as_str()).str(name)
}

pub(crate) fn archive_key(space: &Space, name: &str) -> Key {
    ARCHIVES.key().str(space.as_str()).str(name)
}

pub(crate) fn replay_key(space: &Space, name: &str) -> Key {
    REPLAYS.key().str(space.as_str()).str(name)
}

pub(crate) fn holdings_key(archive: u64) -> Key {
    HOLDINGS.key().u64(archive)
}

pub(crate) fn archived(archive: u64) -> Key {
    ARCHIVED.key().u64(archive)
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bus {
    pub space: Space,
    pub name: String,
    pub description: Option<String>,
    /// Where what could not be dealt with goes, in the words of the face.
    pub dead_letters: Option<String>,
    pub created: Timestamp,
    pub modified: Timestamp,
    /// Who else may put events on it.
    pub policy: Vec<Statement>,
    pub tags: BTreeMap<String, String>,
}

impl Record for Bus {}

/// A sentence of a policy: JSON, in the words of the face.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    pub id: String,
    pub text: String,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub id: String,
    /// Where it was put first.
    pub space: Space,
    pub source: String,
    pub kind: String,
    pub resources: Vec<String>,
    /// JSON.
    pub detail: Bytes,
    /// When it happened, as whoever put it says.
    pub at: Timestamp,
    pub taken: Timestamp,
    pub trace: Option<String>,
    /// Whether it came from another bus. It goes to no third one.
    pub passed_on: bool,
    /// The replay that put it on the bus again.
    pub replayed: Option<Replayed>,
}

impl Record for Event {}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replayed {
    pub name: String,
    /// The rules that get it; all if empty.
    pub rules: Vec<String>,
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Happened {
    Put {
        space: Space,
        bus: String,
        event: Box<Event>,
    },
    /// Something that decides where events go was made, changed or deleted. Events that come later meet it as it is
    /// then.
    Wired {
        space: Space,
        bus: String,
        wiring: Wiring,
    },
}

impl Record for Happened {}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Wiring {
    Rule(String),
    Archive(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    pub space: Space,
    pub name: String,
    /// Another of the same name, later, has another.
    pub number: u64,
    /// The bus whose events it keeps.
    pub bus: String,
    pub description: Option<String>,
    /// Which events; none for all.
    pub pattern: Option<String>,
    /// For how long; none for ever.
    pub days: Option<u32>,
    pub created: Timestamp,
}

impl Record for Archive {}

/// How much an archive holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holdings {
    pub events: u64,
    pub bytes: u64,
    /// How many there ever were.
    pub(crate) ever: u64,
}

impl Record for Holdings {}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    pub space: Space,
    pub name: String,
    pub description: Option<String>,
    /// The archive's name, and its number.
    pub archive: String,
    pub(crate) number: u64,
    /// Where its events go.
    pub bus: String,
    /// The rules that get them; all if empty.
    pub rules: Vec<String>,
    /// Events of this time and later, and before the other.
    pub from: Timestamp,
    pub to: Timestamp,
    pub state: ReplayState,
    pub began: Timestamp,
    pub ended: Option<Timestamp>,
    /// The time of the last event that was put on the bus.
    pub last: Option<Timestamp>,
    /// Its place in the archive.
    pub(crate) cursor: Vec<u8>,
}

impl Record for Replay {}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReplayState {
    Starting,
    Running,
    Cancelling,
    Completed,
    Cancelled,
    /// Its archive or its bus is gone.
    Failed,
}

impl ReplayState {
    pub fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Failed)
    }
}
