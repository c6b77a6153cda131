use std::time::Duration;

use store::{KeyRange, KeyReader, Read};
use tokio_util::sync::CancellationToken;

use crate::Tables;
use crate::error::{Error, Result};
use crate::schema::{COLLECTIONS, COUNTS, DROPPED, ITEMS, TALLIES};

/// Rows removed in one transaction.
const BATCH: usize = 512;
/// Before looking whether to stop.
const BATCHES: usize = 64;
/// Should the bell be missed, as at a start.
const EVERY: Duration = Duration::from_secs(60);

impl Tables {
    /// Everything that is done in the background, until told to stop.
    pub async fn run_upkeep(&self, stop: CancellationToken) {
        tokio::join!(
            self.run_reaper(stop.clone()),
            self.run_builder(stop.clone()),
            self.run_expirer(stop.clone()),
            self.run_feeds(stop),
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
                () = self.clock.host().sleep(EVERY) => {}
            }
        }
    }

    /// Removes some of what was dropped. Says whether there may be more.
    ///
    /// Buffered: what a crash brings back is removed again.
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
        let mut rest = vec![
            ITEMS.key().u64(table).raw(index).range(),
            COUNTS.key().u64(table).raw(index).range(),
        ];
        if index.is_empty() {
            rest.push(TALLIES.key().u64(table).range());
            rest.push(COLLECTIONS.key().u64(table).range());
        }
        for range in rest {
            if !self.clear(range).await? {
                return Ok(true);
            }
        }
        self.remove(vec![row]).await.map(|()| true)
    }

    /// Removes what is in the range, or a bounded part of it; says whether it is empty now. Going on from the last row,
    /// and not from the beginning, it does not walk over the traces of what it has just removed.
    pub(crate) async fn clear(&self, mut range: KeyRange) -> Result<bool> {
        for _ in 0..BATCHES {
            // Outside of the transaction: nobody writes these keys any more.
            let found = self.store.read()?.scan(&range, BATCH)?;
            let rows: Vec<Vec<u8>> = found.into_iter().map(|(row, _)| row).collect();
            let all = rows.len() < BATCH;
            if let Some(last) = rows.last() {
                range = range.after(last);
            }
            self.remove(rows).await?;
            if all {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn remove(&self, rows: Vec<Vec<u8>>) -> Result<()> {
        self.store
            .write_buffered(|tx| {
                for row in &rows {
                    tx.delete(row.clone());
                }
                Ok::<_, Error>(())
            })
            .await
    }
}
