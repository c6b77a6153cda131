//! What is in the store. What it costs, and why it is so: `docs/storage.md`.

use std::collections::BTreeMap;

use base::{Space, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Key, KeyReader, Keyspace, Log, Position, Record, Sums, Table};
use uuid::Uuid;

use crate::place::Place;

/// By space and name.
pub(crate) const QUEUES: Table<Queue> = Table::new(Keyspace::Queues, 0);
/// Messages that were not to be had from the beginning, by queue, time and chance.
pub(crate) const APART: Table<Message> = Table::new(Keyspace::Queues, 2);
/// Messages that were received or are delayed, by queue and place.
pub(crate) const HELD: Table<Held> = Table::new(Keyspace::Queues, 3);
/// The same by queue, the end of what holds them, and place; of queues without order.
pub(crate) const DUE: Table<Due> = Table::new(Keyspace::Queues, 4);
/// What was sent lately, by queue and what tells repetitions. Not a record: see `once.rs`.
pub(crate) const ONCE: u8 = 5;
/// When the entries of [`ONCE`] are over: by queue, time and what tells repetitions.
pub(crate) const ONCE_UNTIL: Table<Due> = Table::new(Keyspace::Queues, 6);
/// By queue and slot: what [`COUNTS`] are now, and what was counted before they were.
pub(crate) const TALLIES: Table<Tally> = Table::new(Keyspace::Queues, 7);
/// Before which messages were received once at least, by queue. It may lag.
pub(crate) const CURSORS: Table<Cursor> = Table::new(Keyspace::Queues, 8);
/// By queue.
pub(crate) const TAGS: Table<Tags> = Table::new(Keyspace::Queues, 9);
/// Queues that are gone and whose messages are still to be removed, by number.
pub(crate) const DROPPED: Table<Dropped> = Table::new(Keyspace::Queues, 10);
/// When a queue of this name was dropped, by space and name; for as long as its name cannot be taken.
pub(crate) const GONE: Table<Dropped> = Table::new(Keyspace::Queues, 11);
/// By space, the queue that messages are moved from, and id.
pub(crate) const MOVES: Table<Move> = Table::new(Keyspace::Queues, 12);
/// Those that are under way, by the same.
pub(crate) const MOVING: Table<Due> = Table::new(Keyspace::Queues, 13);
/// Which queues give their dead letters to a queue: by the space and name of that queue, then of theirs.
pub(crate) const SOURCES: Table<Due> = Table::new(Keyspace::Queues, 14);
/// How many messages there are, by queue.
pub(crate) const COUNTS: Sums<1> = Sums::new(Keyspace::Queues, 15);

/// What a queue is known by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address {
    pub space: Space,
    pub name: String,
}

impl Address {
    pub fn new(space: &Space, name: impl Into<String>) -> Self {
        Self {
            space: space.clone(),
            name: name.into(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    pub(crate) number: u64,
    pub created: Timestamp,
    pub modified: Timestamp,
    /// Messages of a group come in the order in which they were sent, and each is sent once.
    pub ordered: bool,
    /// What had arrived by then is no longer there.
    pub(crate) purged: Option<Timestamp>,
    pub settings: Settings,
}

/// What may be changed of a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// For how long nobody else sees a message that was received.
    pub visibility_s: u32,
    /// For how long nobody sees one that was sent.
    pub delay_s: u32,
    /// For how long one is kept.
    pub retention_s: u32,
    /// The most that one may have.
    pub max_bytes: u32,
    /// How long who receives waits.
    pub wait_s: u32,
    pub redrive: Option<Redrive>,
    pub allow: Allow,
    /// A message that names nothing to tell repetitions by is told by its body.
    pub once_by_content: bool,
    /// Repetitions are told within a group, and not within the queue.
    pub once_per_group: bool,
    /// The throughput that is promised is a group's. Kept and told; nothing is throttled by it.
    pub throughput_per_group: bool,
    /// In the words of whoever asked; nothing here acts by it.
    pub kept: BTreeMap<String, String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            visibility_s: 30,
            delay_s: 0,
            retention_s: 4 * 24 * 3600,
            max_bytes: crate::MAX_MESSAGE,
            wait_s: 0,
            redrive: None,
            allow: Allow::All,
            once_by_content: false,
            once_per_group: false,
            throughput_per_group: false,
            kept: BTreeMap::new(),
        }
    }
}

/// Where messages go that were received too often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redrive {
    pub to: Address,
    pub max_receives: u32,
}

/// Which queues may give a queue their dead letters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Allow {
    #[default]
    All,
    Nobody,
    Only(Vec<Address>),
}

/// A message as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub id: Uuid,
    pub body: String,
    pub attributes: Vec<Attribute>,
    /// Of whoever sent it.
    pub sender: String,
    pub trace: Option<String>,
    pub group: Option<String>,
    /// What tells repetitions of it.
    pub once: Option<String>,
    pub sent: Timestamp,
    /// In this queue; later than when it was sent if it was moved here.
    pub(crate) arrived: Timestamp,
    /// How often it had been received where it was before.
    pub(crate) earlier_receives: u32,
    /// When it was first received where it was before.
    pub(crate) first_received: Option<Timestamp>,
    /// Whose dead letter it is.
    pub source: Option<Address>,
}

/// What is said beside a message's body. The type is in the words of whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    pub name: String,
    pub r#type: String,
    pub value: AttributeValue,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttributeValue {
    Text(String),
    Bytes(Vec<u8>),
}

impl Attribute {
    pub fn bytes(&self) -> usize {
        let value = match &self.value {
            AttributeValue::Text(text) => text.len(),
            AttributeValue::Bytes(bytes) => bytes.len(),
        };
        self.name.len() + self.r#type.len() + value
    }
}

/// That a message was received, or is delayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    /// Until when nobody sees it.
    pub(crate) until: Timestamp,
    /// How often it was received.
    pub(crate) receives: u32,
    pub(crate) first_received: Timestamp,
    pub(crate) last_received: Timestamp,
    /// Changes whenever it is received, so that who had it before can't settle it.
    pub(crate) token: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Due;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally(pub(crate) i64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor(pub(crate) Position);

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Tags(pub(crate) BTreeMap<String, String>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Dropped {
    pub(crate) at: Timestamp,
    pub(crate) number: u64,
    pub(crate) ordered: bool,
}

/// An entry of an ordered queue's log. The message itself is in its group's log, appended right after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Turn {
    pub(crate) group: String,
    pub(crate) arrived: Timestamp,
}

/// Messages that are or were moved out of a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    pub id: Uuid,
    pub from: Address,
    /// None: each goes back to where it came from.
    pub to: Option<Address>,
    pub per_second: Option<u32>,
    pub state: MoveState,
    pub moved: u64,
    /// About how many there were to move.
    pub expected: u64,
    pub started: Timestamp,
    pub failure: Option<MoveFailure>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MoveState {
    Running,
    Completed,
    Cancelling,
    Cancelled,
    Failed,
}

/// Why a move could not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MoveFailure {
    NoSuchQueue,
    /// One is ordered and the other is not.
    OtherKind,
    /// It is not known where a message came from.
    NoSource,
}

impl Record for Queue {}
impl Record for Message {}
impl Record for Held {}
impl Record for Due {}
impl Record for Tally {}
impl Record for Cursor {}
impl Record for Tags {}
impl Record for Dropped {}
impl Record for Turn {}
impl Record for Move {}

impl Queue {
    pub(crate) fn log(&self) -> Log {
        log(self.number)
    }

    pub(crate) fn group(&self, group: &str) -> Log {
        group_log(self.number, group)
    }

    pub(crate) fn held(&self, place: Place) -> Key {
        place.put(HELD.key().u64(self.number))
    }

    pub(crate) fn due(&self, until: Timestamp, place: Place) -> Key {
        place.put(self.all_due().u64(until.as_micros()))
    }

    pub(crate) fn all_due(&self) -> Key {
        DUE.key().u64(self.number)
    }
}

/// The messages of a queue; of an ordered one, the order of the messages of all groups.
pub(crate) fn log(number: u64) -> Log {
    Log::new(format!("queues/{number:016x}"))
}

pub(crate) fn group_log(number: u64, group: &str) -> Log {
    Log::new(format!("queues/{number:016x}/{group}"))
}

pub(crate) fn row(address: &Address) -> Key {
    QUEUES.key().str(address.space.as_str()).str(&address.name)
}

pub(crate) fn gone(address: &Address) -> Key {
    GONE.key().str(address.space.as_str()).str(&address.name)
}

pub(crate) fn sources(of: &Address) -> Key {
    SOURCES.key().str(of.space.as_str()).str(&of.name)
}

/// When and where something is due, from the key of it.
pub(crate) fn due_and_place(key: &[u8]) -> store::Result<(Timestamp, Place)> {
    let read = || {
        let mut reader = KeyReader::new(key)?;
        reader.u64()?;
        let until = Timestamp::from_micros(reader.u64()?);
        Some((until, Place::read(&mut reader)?))
    };
    read().ok_or_else(|| store::Error::Damaged("the key of what is due does not read".into()))
}

/// Where something is that is held, from the key of it.
pub(crate) fn held_place(key: &[u8]) -> store::Result<Place> {
    let read = || {
        let mut reader = KeyReader::new(key)?;
        reader.u64()?;
        Place::read(&mut reader)
    };
    read().ok_or_else(|| store::Error::Damaged("the key of what is held does not read".into()))
}
