use std::time::Duration;

use store::{KeyReader, Read};
use tokio_util::sync::CancellationToken;

use crate::Tables;
use crate::error::{Error, Result};
use crate::schema::{DROPPED, ITEMS, TALLIES};

/// Rows removed in one transaction.
const BATCH: usize = 512;
/// Should the bell be missed, as at a start.
const EVERY: Duration = Duration::from_secs(60);

impl Tables {
    /// Everything that is done in the background, until told to stop.
    pub async fn run_upkeep(&self, stop: CancellationToken) {
        tokio::join!(
            self.run_reaper(stop.clone()),
            self.run_builder(stop.clone()),
            self.run_expirer(stop),
        );
    }

    /// Removes what dropped tables and indexes left behind, until told to stop.
    pub async fn run_reaper(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.reap().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(cause) => tracing::warn!(%cause, "a dropped table's items were not removed"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.dropped.notified() => {}
                () = self.clock.sleep(EVERY) => {}
            }
        }
    }

    /// Removes one batch. Says whether there may be more.
    ///
    /// Buffered: a batch that a crash loses is removed again.
    pub async fn reap(&self) -> Result<bool> {
        let dropped = self.store.read()?.scan_front(&DROPPED.key(), None, 1)?;
        let Some((row, _)) = dropped.into_iter().next() else {
            return Ok(false);
        };
        let Some(mut key) = KeyReader::new(&row) else {
            return Ok(false);
        };
        let Some(table) = key.u64() else {
            return Ok(false);
        };
        // Of an index that was dropped, its number.
        let index = key.raw();
        // The keys are looked for outside of the transaction: nobody writes them any more.
        let view = self.store.read()?;
        let mut rows = view.scan_front(&ITEMS.key().u64(table).raw(index), None, BATCH)?;
        if index.is_empty() {
            rows.extend(view.scan_front(&TALLIES.key().u64(table), None, BATCH)?);
        }
        let rows: Vec<Vec<u8>> = rows.into_iter().map(|(row, _)| row).collect();
        self.store
            .write_buffered(|tx| {
                if rows.is_empty() {
                    tx.delete(row.clone());
                }
                for row in &rows {
                    tx.delete(row.clone());
                }
                Ok::<_, Error>(())
            })
            .await
            .map(|()| true)
    }
}
