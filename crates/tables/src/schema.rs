//! What is in the store.

use base::{Space, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Key, Keyspace, Record};
use uuid::Uuid;

use crate::value::Item;

/// By space and name.
pub(crate) const TABLES: store::Table<Table> = store::Table::new(Keyspace::Tables, 0);
/// By table, [`PRIMARY`], hash of the partition key, partition key and sort key.
pub(crate) const ITEMS: store::Table<StoredItem> = store::Table::new(Keyspace::Tables, 1);
/// By table and shard.
pub(crate) const TALLIES: store::Table<Tally> = store::Table::new(Keyspace::Tables, 2);
/// Tables that were dropped and whose items are still to be removed, by table.
pub(crate) const DROPPED: store::Table<Dropped> = store::Table::new(Keyspace::Tables, 3);

/// Under a table's id, the items themselves; each index will have the next number.
pub(crate) const PRIMARY: u8 = 0;

/// How many tallies a table has. Two writers meet only when their items fall into the same shard; describing a table
/// reads them all.
pub(crate) const SHARDS: u32 = 256;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    pub id: Uuid,
    pub name: String,
    pub key: KeySchema,
    /// None for a table that is paid per request.
    pub provisioned: Option<Throughput>,
    pub created: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySchema {
    pub partition: KeyAttribute,
    pub sort: Option<KeyAttribute>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyAttribute {
    pub name: String,
    pub r#type: KeyType,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KeyType {
    String,
    Number,
    Binary,
}

/// Capacity units per second. Kept and told; nothing is throttled by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throughput {
    pub read: u64,
    pub write: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct StoredItem(pub(crate) Item);

/// One shard's part of a table's counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub(crate) items: u64,
    pub(crate) bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Dropped {
    pub(crate) at: Timestamp,
}

impl Record for Table {}
impl Record for StoredItem {}
impl Record for Tally {}
impl Record for Dropped {}

impl Table {
    pub(crate) fn row(space: &Space, name: &str) -> Key {
        TABLES.key().str(space.as_str()).str(name)
    }

    /// What everything of this table begins with.
    pub(crate) fn prefix(&self) -> u64 {
        prefix(self.id)
    }

    pub(crate) fn items(&self) -> Key {
        ITEMS.key().u64(self.prefix()).u8(PRIMARY)
    }
}

/// Half of the id tells tables apart as well as all of it, at half the cost in every key.
pub(crate) fn prefix(id: Uuid) -> u64 {
    id.as_u64_pair().0
}
