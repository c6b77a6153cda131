//! Tables, their indexes and the feeds of their changes.

use std::collections::BTreeMap;

use base::Timestamp;
use serde::Serialize;

use super::is_false;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    pub name: String,
    pub partition_key: KeyAttribute,
    pub sort_key: Option<KeyAttribute>,
    /// None for a table that is paid per request.
    pub provisioned: Option<Throughput>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<Index>,
    /// The attribute that says when an item ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiry: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feed: Option<Feed>,
    /// The days for which it is to be recoverable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery: Option<u32>,
    #[serde(skip_serializing_if = "is_false")]
    pub protected: bool,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Index {
    pub name: String,
    /// Its partitions are the table's, and it comes and goes with the table.
    pub local: bool,
    pub partition_key: KeyAttribute,
    pub sort_key: Option<KeyAttribute>,
    /// What follows the first attribute of either key, where it has several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub more_partition_keys: Vec<KeyAttribute>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub more_sort_keys: Vec<KeyAttribute>,
    pub projection: Projection,
    pub provisioned: Option<Throughput>,
}

/// Which attributes an index has, besides keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Projection {
    All,
    Keys,
    Only(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyAttribute {
    pub name: String,
    pub r#type: KeyType,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyType {
    String,
    Number,
    Binary,
}

/// A feed of a table's changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Feed {
    pub images: Images,
    /// By which it is known: see [`crate::Feeds`].
    pub began: Timestamp,
}

/// What a feed tells of a changed item besides its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Images {
    Neither,
    New,
    Old,
    Both,
}

/// Capacity units per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Throughput {
    pub read: u64,
    pub write: u64,
}
