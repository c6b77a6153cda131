//! What is in the store: topics, what ordered ones remember so that nothing counts twice, devices, and how texting is set.

use std::collections::BTreeMap;

use base::{Space, Timestamp};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use store::{Key, Keyspace, Record, Table};

/// By space and name.
pub(crate) const TOPICS: Table<Topic> = Table::new(Keyspace::Topics, 0);
/// What was published to an ordered topic lately: by topic, scope and id.
pub(crate) const REPEATS: Table<Repeat> = Table::new(Keyspace::Topics, 1);
/// When each of those is forgotten: by that time, and its key in the other table.
pub(crate) const REPEAT_ENDS: Table<Nothing> = Table::new(Keyspace::Topics, 2);
/// The number that was given last: by ordered topic and lane.
pub(crate) const SEQUENCES: Table<Sequence> = Table::new(Keyspace::Topics, 3);
/// By space, platform and name.
pub(crate) const APPS: Table<App> = Table::new(Keyspace::Topics, 4);
/// By app and id.
pub(crate) const DEVICES: Table<Device> = Table::new(Keyspace::Topics, 5);
/// The device with a token: by app and token.
pub(crate) const TOKENS: Table<DeviceId> = Table::new(Keyspace::Topics, 6);
/// How texting is set, in the face's words: by space.
pub(crate) const TEXTING: Table<Texting> = Table::new(Keyspace::Topics, 7);
/// Numbers that are to be proven: by space and number.
pub(crate) const NUMBERS: Table<Number> = Table::new(Keyspace::Topics, 8);

pub(crate) fn topic_key(space: &Space, name: &str) -> Key {
    TOPICS.key().str(space.as_str()).str(name)
}

pub(crate) fn app_key(space: &Space, platform: &str, name: &str) -> Key {
    APPS.key().str(space.as_str()).str(platform).str(name)
}

pub(crate) fn devices_of(app: &App) -> Key {
    let key = DEVICES.key().str(app.space.as_str());
    key.str(&app.platform).str(&app.name)
}

pub(crate) fn token_key(app: &App, token: &str) -> Key {
    let key = TOKENS.key().str(app.space.as_str());
    key.str(&app.platform).str(&app.name).str(token)
}

pub(crate) fn number_key(space: &Space, number: &str) -> Key {
    NUMBERS.key().str(space.as_str()).str(number)
}

/// Tells a topic from those that had its name before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TopicId(pub(crate) [u8; 16]);

impl TopicId {
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    pub id: TopicId,
    pub space: Space,
    pub name: String,
    pub kind: Kind,
    /// What else its owner has set, in the words of the face that was told.
    pub settings: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
    pub created: Timestamp,
}

impl Record for Topic {}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    Standard,
    Ordered(Ordering),
}

/// How an ordered topic tells messages apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ordering {
    /// By what they say, if they bring no id.
    pub by_content: bool,
    /// Within their group, and not in the whole topic.
    pub per_group: bool,
}

/// A message that was published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub id: String,
    pub topic: TopicId,
    pub space: Space,
    pub topic_name: String,
    pub subject: Option<String>,
    pub body: String,
    /// What subscribers of one kind get in the body's place, by the kind's name in the face's words.
    pub variants: BTreeMap<String, String>,
    pub attributes: BTreeMap<String, Attribute>,
    pub group: Option<String>,
    /// By which an ordered topic told it apart.
    pub repeat_id: Option<String>,
    /// Of an ordered topic: greater than those of the group's messages before it.
    pub sequence: Option<u64>,
    pub published: Timestamp,
    /// The trace of the call in which it was published.
    pub trace: Option<String>,
}

impl Record for Message {}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// In the face's words.
    pub kind: String,
    pub value: AttributeValue,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttributeValue {
    Text(String),
    Bytes(Bytes),
}

/// What became of the first of some messages that count as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Repeat {
    pub(crate) id: String,
    pub(crate) sequence: u64,
    pub(crate) until: Timestamp,
}

impl Record for Repeat {}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Nothing;

impl Record for Nothing {}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sequence(pub(crate) u64);

impl Record for Sequence {}

/// A program on people's devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    pub space: Space,
    /// Of its devices, in the face's words.
    pub platform: String,
    pub name: String,
    pub settings: BTreeMap<String, String>,
}

impl Record for App {}

/// An app on one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    pub id: String,
    /// By which the platform knows it.
    pub token: String,
    pub enabled: bool,
    /// What its owner wants to know of it.
    pub note: Option<String>,
}

impl Record for Device {}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeviceId(pub(crate) String);

impl Record for DeviceId {}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Texting(pub(crate) BTreeMap<String, String>);

impl Record for Texting {}

/// A telephone number whose holder was sent a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Number {
    pub number: String,
    pub code: String,
    pub proven: bool,
}

impl Record for Number {}

/// Something for people. It stays in the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Parcel {
    Mail {
        to: String,
        subject: String,
        body: String,
    },
    Text {
        to: String,
        /// Whom it says that it is from.
        sender: Option<String>,
        body: String,
    },
    Notice {
        platform: String,
        app: String,
        device: String,
        token: String,
        body: String,
    },
}
