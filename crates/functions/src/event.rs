//! What makes a function run, before any cloud has put it into its own words.

use base::{Space, Timestamp};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Handed to the function as it came.
    Raw(Bytes),
    /// Objects changed in a bucket.
    Objects(Vec<ObjectEvent>),
}

/// One change of one object, and the binding for whose sake it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectEvent {
    pub kind: ObjectEventKind,
    pub space: Space,
    pub bucket: String,
    pub key: String,
    /// Zero for a removal.
    pub size: u64,
    /// Empty for a removal.
    pub etag: String,
    /// Hexadecimal; of two changes of one key, the later one's is greater.
    pub sequencer: String,
    pub at: Timestamp,
    /// The request that made the change.
    pub request_id: String,
    /// Who made it.
    pub principal: String,
    /// From where, if it came over the network.
    pub source_ip: Option<String>,
    /// The binding's id.
    pub binding: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ObjectEventKind {
    CreatedByPut,
    CreatedByPost,
    CreatedByCopy,
    /// An upload in parts was completed.
    CreatedByMultipart,
    RemovedByDelete,
}
