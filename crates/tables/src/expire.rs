//! Items that end.
//!
//! When an item ends is a row of its own, in the order of time and then of the items' rows, kept by whoever writes the
//! item. So finding what has ended is reading the beginning of that range, whatever else is in the tables.

use std::time::Duration;

use base::{Space, Timestamp};
use store::{Key as Row, Read, Tx};
use tokio_util::sync::CancellationToken;

use crate::Tables;
use crate::build;
use crate::describe::{copy, find};
use crate::error::{Error, Result};
use crate::key::Key;
use crate::schema::{
    Built, EXPIRIES, Expiry, ITEMS, PLACES, Place, StoredItem, TABLES, TOKEN_SPAN_S, TOKENS, Table,
    table_of,
};
use crate::write::{Cause, end_of, replace};

/// Rows dealt with in one transaction.
const BATCH: usize = 128;
const EVERY: Duration = Duration::from_secs(1);
/// How often a look begins at the very beginning of time and not where the last one stopped: deleted rows leave traces
/// in the tree for a while, and walking over all of them every second would cost more than the rows did.
const AFRESH: Duration = Duration::from_secs(60);
/// The last second that a timestamp can tell.
const LATEST_S: u64 = Timestamp::MAX.as_secs();
/// Five years. An item that ended longer ago is taken for one whose attribute means something else.
const TOO_LONG_AGO_S: u64 = 5 * 365 * 24 * 60 * 60;

impl Tables {
    /// Lets items end at what a number in `attribute` says, or no longer.
    pub async fn set_expiry(
        &self,
        space: &Space,
        name: &str,
        attribute: Option<&str>,
    ) -> Result<()> {
        self.store
            .write(|tx| {
                let mut table = copy(tx, space, name)?;
                let prefix = table.prefix();
                let current = table.expiry.as_ref().map(|expiry| &*expiry.attribute);
                if current == attribute {
                    return Ok(());
                }
                table.expiry = attribute.map(|attribute| Expiry {
                    attribute: attribute.to_owned(),
                    built: Built::UpTo(Vec::new()),
                });
                // Rows of another attribute stay until they are due, and then are found to be nothing.
                if table.expiry.is_some() {
                    let place = Place {
                        space: space.clone(),
                        name: name.to_owned(),
                    };
                    PLACES.put(tx, PLACES.key().u64(prefix), &place);
                    build::begin(tx, &table, space);
                } else {
                    PLACES.delete(tx, PLACES.key().u64(prefix));
                }
                TABLES.put(tx, Table::row(space, name), &table);
                Ok::<_, Error>(())
            })
            .await?;
        self.building.notify_one();
        Ok(())
    }

    /// Removes what has ended, until told to stop.
    pub async fn run_expirer(&self, stop: CancellationToken) {
        let mut from = Vec::new();
        let mut afresh = self.clock.now();
        // Known only while somebody moves the clock: otherwise a look every second is cheaper than keeping it up.
        let mut next = None;
        while !stop.is_cancelled() {
            let now = self.clock.now();
            if now >= afresh {
                from.clear();
                afresh = now + AFRESH;
                if let Err(cause) = self.forget_tokens().await {
                    tracing::warn!(%cause, "old tokens of transactions were not removed");
                }
            }
            match self.expire(&mut from).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(cause) => tracing::warn!(%cause, "items that have ended were not removed"),
            }
            let due = next.map_or_else(
                || Box::pin(std::future::pending()) as base::Sleep,
                |next| self.clock.sleep_until(next),
            );
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.clock.host().sleep(EVERY) => next = None,
                () = self.clock.about_to_move() => next = self.next_end(&mut from),
                () = due => next = None,
            }
        }
    }

    /// Removes one batch of what has ended, after the row `from`, which is moved. Says whether there may be more.
    ///
    /// Buffered: what a crash brings back is removed again.
    pub async fn expire(&self, from: &mut Vec<u8>) -> Result<bool> {
        let now = self.clock.now();
        let all = EXPIRIES.key();
        let end = all.clone().u64(now.as_secs().saturating_add(1));
        let range = all.range().after(from).before(end.as_slice());
        let skip = all.as_slice().len();
        let view = self.store.read()?;
        let due: Vec<Vec<u8>> = view
            .scan(&range, BATCH)?
            .into_iter()
            .map(|(row, _)| row)
            .collect();
        let Some(last) = due.last() else {
            return Ok(false);
        };
        *from = last.clone();
        self.store
            .write_buffered(|tx| {
                for row in &due {
                    let (end, item) = row[skip..].split_at_checked(8).unwrap_or_default();
                    let end = u64::from_be_bytes(end.try_into().unwrap_or_default());
                    expire(tx, now, end, item)?;
                    tx.delete(row.clone());
                }
                Ok::<_, Error>(())
            })
            .await
            .map(|()| true)
    }

    /// When the next item ends. Also begins the next look at the beginning: what it knew was of another time.
    fn next_end(&self, from: &mut Vec<u8>) -> Option<Timestamp> {
        from.clear();
        let beginning = EXPIRIES.key();
        let first = self
            .store
            .read()
            .and_then(|view| view.scan(&beginning.range(), 1));
        let first = first
            .inspect_err(|cause| tracing::warn!(%cause, "the next end of an item was not found"))
            .ok()?;
        let (row, _) = first.into_iter().next()?;
        let end = row.strip_prefix(beginning.as_slice())?.first_chunk()?;
        Some(Timestamp::from_secs(u64::from_be_bytes(*end).min(LATEST_S)))
    }

    async fn forget_tokens(&self) -> Result<()> {
        let oldest = (self.clock.now().as_secs() / TOKEN_SPAN_S).saturating_sub(1);
        let range = TOKENS.key().range();
        let range = range.before(TOKENS.key().u64(oldest).as_slice());
        loop {
            let old = self.store.read()?.scan(&range, BATCH)?;
            if old.is_empty() {
                return Ok(());
            }
            self.store
                .write_buffered(|tx| {
                    for (row, _) in &old {
                        tx.delete(row.clone());
                    }
                    Ok::<_, Error>(())
                })
                .await?;
        }
    }
}

/// Removes the item in a row, if it still is and still ends then.
fn expire(tx: &mut Tx, now: Timestamp, end: u64, row: &[u8]) -> Result<()> {
    if end.saturating_add(TOO_LONG_AGO_S) < now.as_secs() {
        return Ok(());
    }
    let Some(prefix) = table_of(row) else {
        return Ok(());
    };
    let Some(place) = PLACES.get(tx, &PLACES.key().u64(prefix))? else {
        return Ok(());
    };
    let table = match find(tx, &place.space, &place.name) {
        Ok(table) if table.prefix() == prefix => table,
        Ok(_) | Err(Error::NoSuchTable(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    let (Some(expiry), Some(StoredItem(item))) = (&table.expiry, item_at(tx, row)?) else {
        return Ok(());
    };
    if end_of(&item, &expiry.attribute) == Some(end) {
        let key = Key::of(&table, &item)?;
        replace(tx, &table, &key, Some(&item), None, Cause::Expired(now))?;
    }
    Ok(())
}

fn item_at(tx: &Tx, row: &[u8]) -> Result<Option<StoredItem>> {
    let beginning = ITEMS.key();
    let Some(rest) = row.strip_prefix(beginning.as_slice()) else {
        return Ok(None);
    };
    let row: Row = beginning.clone().raw(rest);
    Ok(ITEMS.get(tx, &row)?)
}
