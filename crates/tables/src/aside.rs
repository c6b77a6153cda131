//! Copies of tables that are kept beside them, and tables that are made of such copies.
//!
//! A copy is the items alone, under a prefix of its own as a table's are: so the reaper removes it as it does a dropped
//! table's. What it is a copy of, and what became of it, is its transfer's to tell.

use base::{Space, Timestamp};
use store::{Key, Read, Tx};

use crate::error::{Error, Result};
use crate::frozen::Frozen;
use crate::schema::{
    DROPPED, Direction, Dropped, ITEMS, PRIMARY, Progress, State, StoredItem, TRANSFERRING,
    TRANSFERS, Transfer, prefix,
};
use crate::transfer::row;
use crate::{Tables, Write};

/// Items copied in one transaction. One may have some hundred kilobytes.
const BATCH: usize = 64;
/// Copies that are being made, or made use of, in one space.
const AT_ONCE: usize = 1_000;

impl Tables {
    /// Copies what a table had aside. An attempt before may have left a part of it.
    ///
    /// Buffered: it is kept with how the transfer ended, which is synced after it.
    pub async fn set_aside(&self, transfer: &mut Transfer, frozen: Frozen) -> Result<()> {
        let copied = items(transfer);
        while !self.clear(copied.range()).await? {}
        let table = frozen.description.table.items();
        let mut range = table.range();
        loop {
            let found = frozen.view().scan(&range, BATCH)?;
            let Some((last, _)) = found.last() else {
                break;
            };
            range = range.after(last);
            let written = self.store.write_buffered(|tx| {
                for (row, item) in &found {
                    let rest = row.get(table.as_slice().len()..).unwrap_or_default();
                    tx.put(copied.clone().raw(rest).into_vec(), item.clone());
                }
                Ok::<_, Error>(())
            });
            written.await?;
        }
        let count = frozen.description.count;
        transfer.at = frozen.at;
        transfer.progress = Progress {
            met: count.items,
            items: count.items,
            bytes: count.bytes,
            errors: 0,
        };
        Ok(())
    }

    /// Puts what a copy has into the table that is to be filled with it.
    pub async fn bring_back(&self, space: &Space, transfer: &mut Transfer) -> Result<()> {
        transfer.progress = Progress::default();
        let mut range = items(transfer).range();
        loop {
            let found = ITEMS.scan(&self.store.read()?, &range, BATCH)?;
            let Some((last, _)) = found.last() else {
                return Ok(());
            };
            range = range.after(last);
            self.fill_in(space, transfer, found).await?;
        }
    }

    /// Puts what another table had into the one that is to be filled with it.
    pub async fn bring_over(
        &self,
        space: &Space,
        transfer: &mut Transfer,
        frozen: Frozen,
    ) -> Result<()> {
        transfer.progress = Progress::default();
        let mut range = frozen.description.table.items().range();
        loop {
            let found = ITEMS.scan(frozen.view(), &range, BATCH)?;
            let Some((last, _)) = found.last() else {
                return Ok(());
            };
            range = range.after(last);
            self.fill_in(space, transfer, found).await?;
        }
    }

    async fn fill_in(
        &self,
        space: &Space,
        transfer: &mut Transfer,
        found: Vec<(Vec<u8>, StoredItem)>,
    ) -> Result<()> {
        let put = |(_, StoredItem(item))| Write::put(&transfer.table, item);
        let writes: Vec<Write> = found.into_iter().map(put).collect();
        self.write_many(space, &writes).await?;
        let count = writes.len() as u64;
        transfer.progress.met += count;
        transfer.progress.items += count;
        Ok(())
    }

    /// Forgets a copy at once, and leaves what it has to the reaper. Tells what it was.
    pub async fn drop_copy(&self, space: &Space, id: &str) -> Result<Transfer> {
        let now = self.clock.now();
        let dropped = self.store.write(|tx| drop(tx, space, id, now)).await?;
        self.dropped.notify_one();
        Ok(dropped)
    }
}

/// Where the items of a copy are.
fn items(transfer: &Transfer) -> Key {
    ITEMS.key().u64(prefix(transfer.table_id)).u8(PRIMARY)
}

/// A copy that tables can be made of.
pub(crate) fn whole(tx: &Tx, space: &Space, id: &str) -> Result<Transfer> {
    let copy = TRANSFERS.get(tx, &row(space, Direction::Aside, id))?;
    let copy = copy.ok_or_else(|| Error::NoSuchCopy(id.to_owned()))?;
    match copy.state {
        State::Done => Ok(copy),
        State::Running => Err(Error::CopyInUse(id.to_owned())),
        State::Failed { .. } => Err(Error::NoSuchCopy(id.to_owned())),
    }
}

fn drop(tx: &mut Tx, space: &Space, id: &str, at: Timestamp) -> Result<Transfer> {
    let kept = row(space, Direction::Aside, id);
    let copy = TRANSFERS.get(tx, &kept)?;
    let copy = copy.ok_or_else(|| Error::NoSuchCopy(id.to_owned()))?;
    if copy.state == State::Running || is_brought_back(tx, space, &copy)? {
        return Err(Error::CopyInUse(id.to_owned()));
    }
    TRANSFERS.delete(tx, kept);
    let dropped = DROPPED.key().u64(prefix(copy.table_id));
    DROPPED.put(tx, dropped, &Dropped { at });
    Ok(copy)
}

fn is_brought_back(tx: &Tx, space: &Space, copy: &Transfer) -> Result<bool> {
    let all = TRANSFERRING.key().str(space.as_str()).range();
    for (_, place) in TRANSFERRING.scan(tx, &all, AT_ONCE)? {
        if place.direction != Direction::Back {
            continue;
        }
        let back = TRANSFERS.get(tx, &row(space, Direction::Back, &place.id))?;
        if back.is_some_and(|back| back.table_id == copy.table_id) {
            return Ok(true);
        }
    }
    Ok(false)
}
