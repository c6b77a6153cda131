//! Rules of buses, and what they send to, as they are kept.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{Space, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Key, Keyspace, Record, Table};

use super::Cursor;
use crate::target::{Destination, Named};

/// By space, bus and name.
pub(crate) const RULES: Table<Rule> = Table::new(Keyspace::Triggers, 21);
/// The last entry of the buses' log that was dealt with.
pub(crate) const BUSES_CURSOR: Table<Cursor> = Table::new(Keyspace::Triggers, 22);
/// By space and name.
pub(crate) const ADDRESSES: Table<Address> = Table::new(Keyspace::Triggers, 23);
/// By space and name.
pub(crate) const CONNECTIONS: Table<Connection> = Table::new(Keyspace::Triggers, 24);

pub(crate) fn rules_of(space: &Space, bus: &str) -> Key {
    RULES.key().str(space.as_str()).str(bus)
}

pub(crate) fn rule_key(space: &Space, bus: &str, name: &str) -> Key {
    rules_of(space, bus).str(name)
}

pub(crate) fn address_key(space: &Space, name: &str) -> Key {
    ADDRESSES.key().str(space.as_str()).str(name)
}

pub(crate) fn connection_key(space: &Space, name: &str) -> Key {
    CONNECTIONS.key().str(space.as_str()).str(name)
}

/// Sends some of a bus' events to places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    pub space: Space,
    pub bus: String,
    pub name: String,
    /// Which events.
    pub pattern: Option<String>,
    /// When it makes an event of its own, in the words of the face.
    pub schedule: Option<String>,
    pub state: RuleState,
    pub description: Option<String>,
    /// Recorded for whoever asks.
    pub role: Option<String>,
    pub tags: BTreeMap<String, String>,
    pub created: Timestamp,
    pub targets: Vec<RuleTarget>,
}

impl Record for Rule {}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RuleState {
    Enabled,
    /// As enabled, and for what the cloud itself would record too, which nothing here does.
    EnabledForAll,
    Disabled,
}

/// One of the places that a rule sends to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleTarget {
    /// Unique among the rule's.
    pub id: String,
    pub to: Place,
    /// What the face calls it.
    pub named: String,
    /// Recorded for whoever asks.
    pub role: Option<String>,
    pub input: Input,
    pub retries: Option<RetryLimits>,
    pub dead_letters: Option<Destination>,
    /// For queues that keep order.
    pub group: Option<String>,
    /// For addresses.
    pub request: RequestParts,
}

/// Where a rule sends to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Place {
    Ours(Destination),
    /// The name of an address outside.
    Address(String),
    /// A group of log lines.
    Log(Named),
}

/// What is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// The event.
    Whole,
    /// Always this, which is JSON.
    Fixed(String),
    /// The part of the event that this path leads to.
    Part(String),
    /// A text with placeholders, and the paths to what stands in their places.
    Template {
        paths: BTreeMap<String, String>,
        template: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryLimits {
    pub most: Option<u32>,
    pub age: Option<Duration>,
}

/// What a target adds to the request to an address. Values may be paths into the event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestParts {
    /// What the stars in the address' URL stand for.
    pub fill: Vec<String>,
    pub headers: BTreeMap<String, String>,
    pub query: BTreeMap<String, String>,
}

/// A place outside that takes requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub space: Space,
    pub name: String,
    /// Another of the same name, later, has another.
    pub id: String,
    pub description: Option<String>,
    /// The name of the connection that says who asks.
    pub connection: String,
    /// With stars for what each target says.
    pub url: String,
    pub method: String,
    /// Requests a second, at most.
    pub rate: u32,
    pub created: Timestamp,
    pub modified: Timestamp,
}

impl Record for Address {}

/// How requests to addresses show who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    pub space: Space,
    pub name: String,
    /// Another of the same name, later, has another.
    pub id: String,
    pub description: Option<String>,
    /// None once it was taken away.
    pub proof: Option<Proof>,
    /// What each request has besides.
    pub extra: Extra,
    pub created: Timestamp,
    pub modified: Timestamp,
    pub authorized: Option<Timestamp>,
}

impl Record for Connection {}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proof {
    Password {
        user: String,
        password: String,
    },
    /// A header with a value.
    Key {
        header: String,
        value: String,
    },
    /// A token, for which a server is asked.
    Token {
        url: String,
        method: String,
        client: String,
        secret: String,
        extra: Extra,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extra {
    pub headers: Vec<Parameter>,
    pub query: Vec<Parameter>,
    pub body: Vec<Parameter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    pub name: String,
    pub value: String,
    /// Whether it is told to nobody.
    pub is_secret: bool,
}
