use base::{Space, Timestamp};
use store::Tx;

use crate::describe::{copy, counted};
use crate::error::{Error, Result};
use crate::feed;
use crate::schema::{BUILDING, DROPPED, Dropped, PLACES, SETTINGS, TABLES, TAGS, Table};
use crate::{Description, Tables};

impl Tables {
    /// Forgets a table at once and leaves its items to the reaper. Tells what it was.
    pub async fn drop_table(&self, space: &Space, name: &str) -> Result<Description> {
        let at = self.clock.now();
        let description = self
            .store
            .write(|tx| {
                // The counts come from a look of their own: an item written meanwhile must not hold this up.
                let mut table = copy(tx, space, name)?;
                if table.protected {
                    return Err(Error::Protected(table.name));
                }
                forget(tx, space, &mut table, at)?;
                Ok(table)
            })
            .await
            .and_then(|table| counted(&self.store.read()?, table, at))?;
        self.dropped.notify_one();
        Ok(description)
    }
}

/// Everything of a table but its items, which are the reaper's to remove.
pub(crate) fn forget(tx: &mut Tx, space: &Space, table: &mut Table, at: Timestamp) -> Result<()> {
    TABLES.delete(tx, Table::row(space, &table.name));
    feed::end(tx, space, table, at)?;
    let prefix = table.prefix();
    BUILDING.delete(tx, BUILDING.key().u64(prefix));
    PLACES.delete(tx, PLACES.key().u64(prefix));
    TAGS.delete(tx, TAGS.key().u64(prefix));
    SETTINGS.delete(tx, SETTINGS.key().u64(prefix));
    DROPPED.put(tx, DROPPED.key().u64(prefix), &Dropped { at });
    Ok(())
}
