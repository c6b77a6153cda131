//! What is kept of a stack: which resources are its own, and as what they were last made.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use store::{Key, Keyspace, Record, Table};

use crate::desired::OnRemoval;

/// By the stack's name.
pub(crate) const STACKS: Table<Stack> = Table::new(Keyspace::Deploy, 0);
/// By the stack's name and the logical id.
pub(crate) const HELD: Table<Held> = Table::new(Keyspace::Deploy, 1);
/// By the stack's name, the noun and the physical name.
pub(crate) const LEFTOVERS: Table<Leftover> = Table::new(Keyspace::Deploy, 2);

/// By the name of a version's resource: the number that it has been published under.
pub(crate) const NUMBERS: Table<Number> = Table::new(Keyspace::Deploy, 3);

/// By the stack's name: what it gives to other stacks and takes from them. Only of those that do.
pub(crate) const LINKS: Table<Links> = Table::new(Keyspace::Deploy, 4);

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Links {
    /// Values by the names that they have everywhere.
    pub(crate) exports: BTreeMap<String, String>,
    pub(crate) imports: BTreeSet<String>,
}

impl Record for Links {}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Number(pub(crate) u64);

impl Record for Number {}

pub(crate) fn number_key(version: &str) -> Key {
    NUMBERS.key().str(version)
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stack {
    /// What the generated names are made of.
    pub(crate) suffix: String,
    /// Counts the deployments that began, so that a plan made before another one does not count after it.
    pub(crate) version: u64,
    /// Name, description and value, as last deployed.
    pub(crate) outputs: Vec<(String, Option<String>, String)>,
}

/// A resource of the stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) noun: Noun,
    /// The physical name.
    pub(crate) name: String,
    /// Of everything that was asked for when it was last made; none while it is being made, so that whoever comes after
    /// a crash makes it again.
    pub(crate) fingerprint: Option<String>,
    /// Of what cannot be changed without making it anew.
    pub(crate) identity: String,
    pub(crate) on_delete: OnRemoval,
    pub(crate) on_replace: OnRemoval,
    /// Where it came in the order of making; it goes in the reverse of that.
    pub(crate) position: u32,
}

/// A resource that no template asks for any more, but that is still there: not yet removed, not to be removed, or a
/// bucket that was not empty. It is still the stack's own, so a template that asks for it again gets it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Leftover {
    pub(crate) noun: Noun,
    pub(crate) name: String,
    pub(crate) identity: String,
    pub(crate) on_removal: OnRemoval,
    pub(crate) position: u32,
}

/// What is kept says which by their places here, so new ones come last; in which order they are removed is their rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Noun {
    Gateway,
    Notification,
    Function,
    Table,
    Bucket,
    Layer,
    Alias,
    Version,
    Mapping,
    #[serde(rename = "usage plan")]
    Plan,
    #[serde(rename = "client key")]
    ClientKey,
    Topic,
    Subscription,
    #[serde(rename = "load balancer")]
    Balancer,
    #[serde(rename = "event rule")]
    EventRule,
    #[serde(rename = "bus policy")]
    BusPolicy,
    Archive,
    #[serde(rename = "API destination")]
    Address,
    Connection,
    #[serde(rename = "event bus")]
    EventBus,
    #[serde(rename = "distribution")]
    Edge,
    Queue,
    Schedule,
    #[serde(rename = "schedule group")]
    ScheduleGroup,
    #[serde(rename = "log group")]
    LogGroup,
    #[serde(rename = "custom resource")]
    Custom,
    #[serde(rename = "bucket policy")]
    BucketPolicy,
    #[serde(rename = "subscription filter")]
    LineSubscription,
}

impl Noun {
    /// The order in which kinds are removed: what refers to others first.
    pub(crate) fn rank(self) -> u8 {
        match self {
            // Whoever takes it away may need everything else.
            Self::Custom => 0,
            Self::Mapping
            | Self::Subscription
            | Self::LineSubscription
            | Self::Balancer
            | Self::Edge
            | Self::EventRule
            | Self::Schedule
            | Self::BucketPolicy => 1,
            other => 2 + other as u8,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Plan => "usage plan",
            Self::ClientKey => "client key",
            Self::Notification => "notification",
            Self::Function => "function",
            Self::Table => "table",
            Self::Queue => "queue",
            Self::Bucket => "bucket",
            Self::Layer => "layer",
            Self::Alias => "alias",
            Self::Version => "version",
            Self::Mapping => "mapping",
            Self::Topic => "topic",
            Self::Subscription => "subscription",
            Self::Balancer => "load balancer",
            Self::EventRule => "event rule",
            Self::BusPolicy => "bus policy",
            Self::Archive => "archive",
            Self::Address => "API destination",
            Self::Connection => "connection",
            Self::EventBus => "event bus",
            Self::Edge => "distribution",
            Self::Schedule => "schedule",
            Self::ScheduleGroup => "schedule group",
            Self::LogGroup => "log group",
            Self::LineSubscription => "subscription filter",
            Self::Custom => "custom resource",
            Self::BucketPolicy => "bucket policy",
        }
    }
}

impl std::fmt::Display for Noun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Record for Stack {}
impl Record for Held {}
impl Record for Leftover {}

pub(crate) fn stack_key(stack: &str) -> Key {
    STACKS.key().str(stack)
}

pub(crate) fn held_of(stack: &str) -> Key {
    HELD.key().str(stack)
}

pub(crate) fn held_key(stack: &str, logical_id: &str) -> Key {
    held_of(stack).str(logical_id)
}

pub(crate) fn leftovers_of(stack: &str) -> Key {
    LEFTOVERS.key().str(stack)
}

pub(crate) fn leftover_key(stack: &str, noun: Noun, name: &str) -> Key {
    leftovers_of(stack).u8(noun as u8).str(name)
}
