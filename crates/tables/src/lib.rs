//! Tables of items: sets of named values under a key of one or two attributes.
//!
//! A table's partition key says where an item is, its optional sort key orders the items of one partition. Numbers are
//! exact decimals of 38 digits and sort by value. Everything that changes an item goes through `write.rs`, in whose
//! transaction the counts are kept and whatever else follows a change will be: entries of indexes, the change log.
//!
//! # Order
//!
//! Partitions are stored in the order of a hash of their keys, items of a partition in the order of their sort keys. So
//! a scan meets partitions in an order that means nothing, as in the clouds, where code that relied on it would break
//! too; and a part of a scan is a range of hashes.
//!
//! Must never know: how any cloud writes a value, a condition or an error.

mod create;
mod delete;
mod describe;
mod drop;
mod error;
mod get;
mod key;
mod list;
mod number;
mod page;
mod put;
mod query;
mod reap;
mod scan;
mod schema;
mod size;
mod throughput;
mod value;
mod write;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use base::{Clock, Random};
use store::Store;
use tokio::sync::Notify;

pub use create::NewTable;
pub use describe::Description;
pub use error::{Error, Result};
pub use key::Key;
pub use list::Names;
pub use number::{Number, NumberError};
pub use page::Page;
pub use query::{Query, SortCondition};
pub use scan::{Scan, Segment};
pub use schema::{KeyAttribute, KeySchema, KeyType, Table, Throughput};
pub use size::{MAX_ITEM, item_size};
pub use value::{Item, Type, Value};

/// A handle on the tables. Clones share it.
#[derive(Clone)]
pub struct Tables {
    store: Store,
    clock: Arc<dyn Clock>,
    random: Random,
    /// Rung when a table was dropped and left its items behind.
    dropped: Arc<Notify>,
}

impl Tables {
    pub fn new(store: Store, clock: Arc<dyn Clock>, random: Random) -> Self {
        Self {
            store,
            clock,
            random,
            dropped: Arc::new(Notify::new()),
        }
    }
}

impl std::fmt::Debug for Tables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tables")
    }
}
