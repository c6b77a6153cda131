//! Deriving from a table's items what it did not have when they were written: the entries of a new index, the ends of
//! items.
//!
//! A build goes through the items in the order of their rows and keeps in the table how far it has been. A writer reads
//! that with the table: it keeps up what is derived from items up to there, and leaves those after it to the build,
//! which reads them as they then are. Whoever of the two comes second in a race does its work again.

use std::time::Duration;

use base::Space;
use store::{KeyReader, Tx};
use tokio_util::sync::CancellationToken;

use crate::Tables;
use crate::describe::copy;
use crate::error::{Error, Result};
use crate::index;
use crate::key::Key;
use crate::schema::{
    BUILDING, Built, EXPIRIES, Expires, ITEMS, Index, Place, StoredItem, TABLES, Table,
};
use crate::write::{Changes, Delta, count, end_of, put_entry};

/// Items dealt with in one transaction.
const BATCH: usize = 128;
/// Should the bell be missed, as at a start.
const EVERY: Duration = Duration::from_secs(60);

impl Tables {
    /// Builds what is to be built, until told to stop.
    pub async fn run_builder(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.build().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(cause) => tracing::warn!(%cause, "an index was not built any further"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.building.notified() => {}
                () = self.clock.host().sleep(EVERY) => {}
            }
        }
    }

    /// Deals with one batch of one table's items. Says whether there may be more.
    ///
    /// Buffered: a batch that a crash loses is dealt with again.
    pub async fn build(&self) -> Result<bool> {
        let waiting = BUILDING.scan(&self.store.read()?, &BUILDING.key().range(), 1)?;
        let Some((row, place)) = waiting.into_iter().next() else {
            return Ok(false);
        };
        let prefix = KeyReader::new(&row).and_then(|mut key| key.u64());
        self.store
            .write_buffered(|tx| {
                let table = match copy(tx, &place.space, &place.name) {
                    Ok(table) if Some(table.prefix()) == prefix => table,
                    Ok(_) | Err(Error::NoSuchTable(_)) => {
                        tx.delete(row.clone());
                        return Ok(());
                    }
                    Err(error) => return Err(error),
                };
                let table = advance(tx, table)?;
                if !table.is_building() {
                    tx.delete(row.clone());
                }
                TABLES.put(tx, Table::row(&place.space, &place.name), &table);
                Ok(())
            })
            .await
            .map(|()| true)
    }
}

pub(crate) fn begin(tx: &mut Tx, table: &Table, space: &Space) {
    let place = Place {
        space: space.clone(),
        name: table.name.clone(),
    };
    BUILDING.put(tx, BUILDING.key().u64(table.prefix()), &place);
}

/// One batch for the first part of the table that is not whole.
fn advance(tx: &mut Tx, mut table: Table) -> Result<Table> {
    let unbuilt = |index: &&mut Index| index.built != Built::Whole;
    if let Some(index) = table.indexes.iter_mut().find(unbuilt) {
        let index = index.clone();
        let built = batch(tx, &table, &index.built, |tx, key, _, item| {
            let Some(entry) = index::entry(&table, &index, key, item) else {
                return Ok(());
            };
            let added = Delta::between(None, Some(&entry.item));
            put_entry(tx, entry);
            let changes = Changes {
                table: Delta::default(),
                indexes: vec![(index.number, added)],
            };
            count(tx, &table, &changes);
            Ok(())
        })?;
        for other in &mut table.indexes {
            if other.number == index.number {
                other.built = built.clone();
            }
        }
    } else if let Some(expiry) = table.expiry.clone() {
        let built = batch(tx, &table, &expiry.built, |tx, _, row, item| {
            if let Some(end) = end_of(item, &expiry.attribute) {
                EXPIRIES.put(tx, EXPIRIES.key().u64(end).raw(row), &Expires);
            }
            Ok(())
        })?;
        table.expiry = Some(crate::Expiry { built, ..expiry });
    }
    Ok(table)
}

/// Does `each` for the next items. Tells how far that was.
fn batch(
    tx: &mut Tx,
    table: &Table,
    built: &Built,
    mut each: impl FnMut(&mut Tx, &Key, &[u8], &crate::Item) -> Result<()>,
) -> Result<Built> {
    let Built::UpTo(last) = built else {
        return Ok(Built::Whole);
    };
    let range = table.items().range().after(last);
    let found = ITEMS.scan(tx, &range, BATCH)?;
    for (row, StoredItem(item)) in &found {
        each(tx, &Key::of(table, item)?, row, item)?;
    }
    Ok(match found.into_iter().next_back() {
        Some((row, _)) => Built::UpTo(row),
        None => Built::Whole,
    })
}
