//! How large the items of one partition are together with their entries in local indexes: clouds bound it.
//!
//! A partition's size is kept in [`SHARDS`] parts, so that two writers of one partition rarely meet in one. A write
//! changes the part of its item and looks no further while that part is small: the others are about as large, as items
//! fall into parts by a hash. Only from half of the limit on does it add them all up.

use base::Space;
use store::{Key as Row, Read, Tx};

use crate::Tables;
use crate::describe::find;
use crate::error::{Error, Result};
use crate::key::{Key, hash, partition_bytes};
use crate::schema::{COLLECTIONS, Collection, Index, Table};
use crate::value::Value;

/// Of one partition of a table that has local indexes.
pub const MAX_COLLECTION: u64 = 10 << 30;

pub(crate) const SHARDS: u8 = 16;
/// Up to here a part says that the whole is below the limit, were it twice its share.
const LOOK_FROM: u64 = MAX_COLLECTION / 2 / SHARDS as u64;

impl Tables {
    /// The size of the partition with this key, if the table has local indexes, which alone make it one that is bounded.
    pub fn collection_size(
        &self,
        space: &Space,
        name: &str,
        partition: &Value,
    ) -> Result<Option<u64>> {
        let view = self.store.read()?;
        let table = find(&view, space, name)?;
        if !is_bounded(&table) {
            return Ok(None);
        }
        let bytes = partition_bytes(&table.key.partition, partition)?;
        size(&view, &table, &bytes).map(Some)
    }
}

/// Keeps a partition's size as one of its items changes from `before` to `after` bytes, and refuses to let it grow
/// beyond its limit.
pub(crate) fn change(tx: &mut Tx, table: &Table, key: &Key, before: u64, after: u64) -> Result<()> {
    if before == after {
        return Ok(());
    }
    let row = parts(table, key.partition()).u8(part(key));
    let known = COLLECTIONS.get(tx, &row)?.unwrap_or_default().bytes;
    let bytes = (known + after).saturating_sub(before);
    if bytes == 0 {
        COLLECTIONS.delete(tx, row);
    } else {
        COLLECTIONS.put(tx, row, &Collection { bytes });
    }
    let grows = after > before && bytes > LOOK_FROM;
    if grows && size(tx, table, key.partition())? > MAX_COLLECTION {
        return Err(Error::CollectionTooLarge {
            limit: MAX_COLLECTION,
        });
    }
    Ok(())
}

pub(crate) fn is_bounded(table: &Table) -> bool {
    table.indexes.iter().any(|index: &Index| index.local)
}

fn size(from: &impl Read, table: &Table, partition: &[u8]) -> Result<u64> {
    let range = parts(table, partition).range();
    let parts = COLLECTIONS.scan(from, &range, usize::from(SHARDS))?;
    Ok(parts.iter().map(|(_, part)| part.bytes).sum())
}

pub(crate) fn parts(table: &Table, partition: &[u8]) -> Row {
    COLLECTIONS.key().u64(table.prefix()).bytes(partition)
}

fn part(key: &Key) -> u8 {
    let [.., last] = hash(key.sort()).to_be_bytes();
    last % SHARDS
}
