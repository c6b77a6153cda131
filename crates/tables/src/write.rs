//! The one way in which items change.

use store::Tx;

use crate::error::{Error, Result};
use crate::key::Key;
use crate::schema::{ITEMS, SHARDS, StoredItem, TALLIES, Table, Tally};
use crate::size::{MAX_ITEM, item_size};
use crate::value::Item;

/// Puts `new` in the place of whatever is at `key`, or removes that, and keeps the counts. Returns what was there.
pub(crate) fn replace(
    tx: &mut Tx,
    table: &Table,
    key: &Key,
    new: Option<&StoredItem>,
) -> Result<Option<Item>> {
    let row = key.row(table);
    let old = ITEMS.get(tx, &row)?.map(|StoredItem(item)| item);
    match new {
        Some(item) => ITEMS.put(tx, row, item),
        None if old.is_some() => ITEMS.delete(tx, row),
        None => return Ok(None),
    }
    tally(tx, table, key, old.as_ref(), new.map(|new| &new.0))?;
    Ok(old)
}

pub(crate) fn sized(item: Item) -> Result<StoredItem> {
    if item_size(&item) > MAX_ITEM {
        return Err(Error::ItemTooLarge { limit: MAX_ITEM });
    }
    Ok(StoredItem(item))
}

fn tally(
    tx: &mut Tx,
    table: &Table,
    key: &Key,
    old: Option<&Item>,
    new: Option<&Item>,
) -> Result<()> {
    let size = |item: Option<&Item>| item.map_or(0, |item| item_size(item) as u64);
    let (before, after) = (size(old), size(new));
    if before == after && old.is_some() == new.is_some() {
        return Ok(());
    }
    let row = TALLIES.key().u64(table.prefix()).u32(key.shard() % SHARDS);
    let tally = TALLIES.get(tx, &row)?.unwrap_or_default();
    let tally = Tally {
        items: tally.items + u64::from(new.is_some()) - u64::from(old.is_some()),
        bytes: tally.bytes + after - before,
    };
    if tally.items == 0 {
        TALLIES.delete(tx, row);
    } else {
        TALLIES.put(tx, row, &tally);
    }
    Ok(())
}
