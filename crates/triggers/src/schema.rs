//! What is in the store: the bindings of each watched bucket, and how far its log has been followed; mappings from streams
//! to functions, and how far each has delivered; gateways, and who may use them how much.

pub(crate) mod balancer;
mod bucket_v1;
pub(crate) mod edge;
pub(crate) mod gateway;
mod gateway_v1;
pub(crate) mod lines;
pub(crate) mod plan;
pub(crate) mod rule;
pub(crate) mod subscription;

use std::collections::BTreeMap;
use std::time::Duration;

use base::{Space, Timestamp};
use bytes::Bytes;
use objects::WatchId;
use serde::{Deserialize, Serialize};
use store::{Key, Keyspace, Log, Position, Record, Table};

use self::bucket_v1::BucketBindingsV1;
use crate::delivery::Progress;
use crate::target::{Destination, Target};

/// By what a bucket is watched under. A set stays until the log has been followed to where its watch ended, so each
/// change meets the bindings of its own time, although they have been replaced or the bucket is gone.
pub(crate) const WATCHES: Table<BucketBindings> = Table::new(Keyspace::Triggers, 2);
/// The last entry of the objects' change log that was dealt with.
pub(crate) const OBJECTS_CURSOR: Table<Cursor> = Table::new(Keyspace::Triggers, 1);

/// By space and id.
pub(crate) const MAPPINGS: Table<Mapping> = Table::new(Keyspace::Triggers, 4);
/// The mapping from a source to a function, of which there is one at most: by space, source and target.
pub(crate) const PAIRS: Table<MappingId> = Table::new(Keyspace::Triggers, 5);
/// How far a mapping has delivered: by space, id and partition.
pub(crate) const DELIVERIES: Table<StoredDelivery> = Table::new(Keyspace::Triggers, 6);
/// What came of a mapping's last batch: by space and id.
pub(crate) const RESULTS: Table<LastResult> = Table::new(Keyspace::Triggers, 7);

pub(crate) fn mapping_key(space: &Space, id: &str) -> Key {
    MAPPINGS.key().str(space.as_str()).str(id)
}

pub(crate) fn result_key(space: &Space, id: &str) -> Key {
    RESULTS.key().str(space.as_str()).str(id)
}

pub(crate) fn deliveries_of(space: &Space, id: &str) -> Key {
    DELIVERIES.key().str(space.as_str()).str(id)
}

pub(crate) fn pair_key(space: &Space, source: &MappingSource, target: &Target) -> Key {
    let pair = PAIRS.key().str(space.as_str());
    let pair = match source {
        MappingSource::Table { table, began } => {
            pair.str("table").str(table).u64(began.as_millis())
        }
        MappingSource::Queue { queue } => pair.str("queue").str(queue),
    };
    let pair = pair.str(target.space.as_str());
    let pair = pair.str(&target.function);
    pair.str(target.qualifier.as_deref().unwrap_or_default())
}

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
    /// Whether the bucket's changes are put on the default bus.
    pub(crate) on_bus: bool,
}

impl Record for BucketBindings {
    const VERSION: u8 = 2;

    fn migrate(version: u8, body: &[u8]) -> store::Result<Self> {
        BucketBindingsV1::read(version, body).map(Self::from)
    }
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Cursor(pub(crate) Position);

impl Record for Cursor {}

/// Tells a place of some of a bucket's changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectBinding {
    /// Unique among the bucket's bindings; the place sees it in the event.
    pub id: String,
    pub target: Destination,
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
    Tagging,
    Tagged,
    Untagged,
    RemovedByMarker,
    Expiry,
    Expired,
    ExpiredByMarker,
}

/// Hands the records of a source to a function, in batches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    pub id: String,
    pub space: Space,
    pub source: MappingSource,
    pub target: Target,
    pub settings: MappingSettings,
    /// From where on it delivered at first.
    pub starting: Starting,
    pub enabled: bool,
    pub state: MappingState,
    pub modified: Timestamp,
    pub tags: BTreeMap<String, String>,
    /// Grows with every change.
    pub(crate) revision: u64,
}

impl Record for Mapping {}

/// Where records come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MappingSource {
    /// The feed of a table that began in this millisecond.
    Table { table: String, began: Timestamp },
    /// The queue of this name.
    Queue { queue: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Starting {
    /// With the oldest record that there is.
    Oldest,
    /// With what comes after the mapping is made.
    Newest,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappingSettings {
    /// Records in a batch at most.
    pub batch: u32,
    /// How long a batch waits to be full.
    pub wait: Duration,
    /// Batches of one shard that are delivered at once. Of a queue: at most, and nothing for as many as there are.
    pub lanes: u32,
    /// How often a batch that fails is tried again; none for as long as its records are kept.
    pub retries: Option<u32>,
    /// Older records are discarded; none for those that are no longer kept.
    pub age: Option<Duration>,
    /// Halve a batch that fails.
    pub bisect: bool,
    /// Let the function say which records failed.
    pub partial: bool,
    /// Hand over what happened in windows of this length, with a state.
    pub tumbling: Option<Duration>,
    /// Only records that match one of these; none for all.
    pub filters: Vec<String>,
    /// Who is told of records that were discarded.
    pub on_failure: Option<Destination>,
}

/// What is going on with a mapping. All but two end by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MappingState {
    Creating,
    Enabling,
    Enabled,
    Updating,
    Disabling,
    Disabled,
    Deleting,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MappingId(pub(crate) String);

impl Record for MappingId {}

/// How far the records of one partition were delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredDelivery {
    /// Of the shard that is being delivered.
    pub(crate) generation: u32,
    pub(crate) progress: Progress,
}

impl Record for StoredDelivery {}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LastResult {
    Ok,
    FunctionFailed,
    FunctionThrottled,
    NoFunction,
    NoSource,
    /// No instance could be started, or whatever else is not the function's fault.
    NotStarted,
}

impl Record for LastResult {}
