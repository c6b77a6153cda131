//! Tables of items: sets of named values under a key of one or two attributes.
//!
//! A table's partition key says where an item is, its optional sort key orders the items of one partition. Numbers are
//! exact decimals of 38 digits and sort by value. Everything that changes an item goes through `write.rs`, in whose
//! transaction everything is kept that follows from the items: counts, entries of indexes, when an item ends.
//!
//! # Order
//!
//! Partitions are stored in the order of a hash of their keys, items of a partition in the order of their sort keys. So
//! a scan meets partitions in an order that means nothing, as in the clouds, where code that relied on it would break
//! too; and a part of a scan is a range of hashes.
//!
//! # Where things are
//!
//! An item is one row: the table, a hash of its partition key, that key, its sort key. An entry of an index is one row
//! too: the table, the index, a hash of the index's partition key, the attributes of the index's keys one after another,
//! and the item's key, which tells apart entries whose keys are the same. An entry holds the attributes that the index
//! has, so a query of an index reads one range of rows and nothing else. A write costs its item's row and one row of
//! counts, and for each index whose entry changes that row, or two when the entry moves.
//!
//! # Feeds
//!
//! A table may have a feed, which tells each change of its items for a day: see `feed.rs`.
//!
//! Must never know: how any cloud writes a value, a condition or an error.

mod alter;
mod aside;
mod build;
mod capacity;
mod collection;
mod condition;
mod create;
mod delete;
mod describe;
mod drop;
mod error;
mod expire;
mod feed;
mod frozen;
mod get;
mod index;
mod key;
mod list;
mod number;
mod page;
mod path;
mod projection;
mod put;
mod query;
mod reap;
mod scan;
mod schema;
mod settings;
mod size;
mod tags;
mod transact;
mod transfer;
mod update;
mod value;
mod write;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use base::{Clock, Random};
use store::Store;
use tokio::sync::Notify;

pub use alter::{Alteration, IndexAlteration};
pub use capacity::Ready;
pub use collection::MAX_COLLECTION;
pub use condition::{Comparison, Condition, Operand};
pub use create::{NewFeed, NewIndex, NewTable};
pub use describe::Description;
pub use error::{Error, Result};
pub use feed::{Changes, Feeds, ItemChange, Reading, Shard, ShardId, Since};
pub use frozen::Frozen;
pub use key::Key;
pub use list::Names;
pub use number::{Number, NumberError};
pub use page::Page;
pub use path::{Path, Step};
pub use projection::Projection;
pub use query::{Query, SortCondition};
pub use scan::{Scan, Segment};
pub use schema::{
    Count, Direction, Expiry, Feed, Images, Index, IndexKey, ItemChangeKind, Kept, KeyAttribute,
    KeyParts, KeySchema, KeyType, Most, Progress, Projected, Provisioning, Recovery, Settings,
    State, Table, TableFeed, Throughput, Transfer,
};
pub use settings::Keeping;
pub use size::{MAX_ITEM, item_size};
pub use transact::{MAX_TRANSACTION, Once, Transacted};
pub use update::{Change, Term, Update};
pub use value::{DEEPEST, Item, Type, Value};
pub use write::{Write, Written, WrittenEntry};

/// A handle on the tables. Clones share it.
#[derive(Clone)]
pub struct Tables {
    store: Store,
    clock: Arc<dyn Clock>,
    random: Random,
    /// Rung when a table was dropped and left its items behind.
    dropped: Arc<Notify>,
    /// Rung when something is to be derived from a table's items.
    building: Arc<Notify>,
    /// Rung when a copy of a table is to be made.
    transfers: Arc<Notify>,
}

impl Tables {
    pub fn new(store: Store, clock: Arc<dyn Clock>, random: Random) -> Self {
        Self {
            store,
            clock,
            random,
            dropped: Arc::new(Notify::new()),
            building: Arc::new(Notify::new()),
            transfers: Arc::new(Notify::new()),
        }
    }
}

impl std::fmt::Debug for Tables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tables")
    }
}
