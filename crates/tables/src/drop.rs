use base::Space;

use crate::describe::{counted, find};
use crate::error::Result;
use crate::schema::{DROPPED, Dropped, TABLES, Table};
use crate::{Description, Tables};

impl Tables {
    /// Forgets a table at once and leaves its items to the reaper. Tells what it was.
    pub async fn drop_table(&self, space: &Space, name: &str) -> Result<Description> {
        let row = Table::row(space, name);
        let at = self.clock.now();
        let description = self
            .store
            .write(|tx| {
                // The counts come from a look of their own: an item written meanwhile must not hold this up.
                let table = find(tx, space, name)?;
                TABLES.delete(tx, row.clone());
                let left = DROPPED.key().u64(table.prefix());
                DROPPED.put(tx, left, &Dropped { at });
                Ok::<_, crate::Error>(table)
            })
            .await
            .and_then(|table| counted(&self.store.read()?, table))?;
        self.dropped.notify_one();
        Ok(description)
    }
}
