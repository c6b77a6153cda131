//! What is in the store: each bucket's bindings, and how far its log has been followed.

use base::Space;
use serde::{Deserialize, Serialize};
use store::{Keyspace, Position, Record, Table};

/// By bucket.
pub(crate) const BUCKETS: Table<BucketBindings> = Table::new(Keyspace::Triggers, 0);
/// The last entry of the objects' change log that was dealt with.
pub(crate) const OBJECTS_CURSOR: Table<Cursor> = Table::new(Keyspace::Triggers, 1);

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
