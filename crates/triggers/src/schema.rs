//! What is in the store: the bindings of each watched bucket, and how far its log has been followed; gateways, and who
//! may use them how much.

pub(crate) mod gateway;
mod gateway_v1;
pub(crate) mod plan;

use base::Space;
use bytes::Bytes;
use objects::WatchId;
use serde::{Deserialize, Serialize};
use store::{Key, Keyspace, Log, Position, Record, Table};

/// By what a bucket is watched under. A set stays until the log has been followed to where its watch ended, so each
/// change meets the bindings of its own time, although they have been replaced or the bucket is gone.
pub(crate) const WATCHES: Table<BucketBindings> = Table::new(Keyspace::Triggers, 2);
/// The last entry of the objects' change log that was dealt with.
pub(crate) const OBJECTS_CURSOR: Table<Cursor> = Table::new(Keyspace::Triggers, 1);

pub(crate) fn watch_key(watch: WatchId) -> Key {
    WATCHES.key().raw(watch.as_bytes())
}

/// Entries of the objects' change log that could not be read, with their places.
pub(crate) fn set_aside() -> Log {
    Log::new("triggers/set aside")
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SetAside {
    pub(crate) position: Position,
    pub(crate) body: Bytes,
}

impl Record for SetAside {}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct BucketBindings {
    pub(crate) bindings: Vec<ObjectBinding>,
}

impl Record for BucketBindings {}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Cursor(pub(crate) Position);

impl Record for Cursor {}

/// The function that a binding runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub space: Space,
    pub function: String,
    /// A version or an alias, if the binding names one.
    pub qualifier: Option<String>,
}

/// Runs a function for some of a bucket's changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectBinding {
    /// Unique among the bucket's bindings; the function sees it in the event.
    pub id: String,
    pub target: Target,
    pub kinds: Vec<EventKind>,
    /// The key must begin with this; empty for any.
    pub prefix: String,
    /// The key must end with this; empty for any.
    pub suffix: String,
}

/// Which changes. The first of each group stands for all of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventKind {
    Created,
    CreatedByPut,
    CreatedByPost,
    CreatedByCopy,
    CreatedByMultipart,
    Removed,
    RemovedByDelete,
}
