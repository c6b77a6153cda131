//! What is done beside: removing what is over, and noting how far each queue has come.

use std::time::Duration;

use base::{Space, Timestamp};
use store::{KeyReader, Read};
use tokio_util::sync::CancellationToken;

use crate::Queues;
use crate::error::{Error, Result};
use crate::once;
use crate::schema::{Address, CURSORS, Cursor, QUEUES};

/// How often all queues are looked at. Nobody sees what is over meanwhile; it only takes room.
const EVERY: Duration = Duration::from_secs(60);
/// How many queues are read at once, and how much is forgotten at once.
const AT_ONCE: usize = 512;

impl Queues {
    /// Works until `stop`.
    pub async fn upkeep(&self, stop: CancellationToken) {
        loop {
            let next = match self.round().await {
                Ok(next) => next,
                Err(cause) => {
                    tracing::warn!(%cause, "the upkeep of queues failed; it is tried again");
                    Some(self.now() + EVERY)
                }
            };
            let next = self
                .shared
                .clock
                .sleep_until(next.unwrap_or(Timestamp::MAX));
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.shared.upkeep.notified() => {}
                () = next => {}
            }
        }
    }

    /// One round over all queues. Returns when the next one is due; never, if there are no queues.
    pub(crate) async fn round(&self) -> Result<Option<Timestamp>> {
        let now = self.now();
        let mut next = self.bury_dropped(now).await?;
        let mut rest = QUEUES.key().range();
        loop {
            let rows = self.store().read()?.scan(&rest, AT_ONCE)?;
            for (key, _) in &rows {
                if let Some(address) = address(key) {
                    self.keep(&address, now).await?;
                    next = next.into_iter().chain(Some(now + EVERY)).min();
                }
            }
            match rows.last() {
                Some((last, _)) if rows.len() == AT_ONCE => rest = rest.after(last),
                _ => return Ok(next),
            }
        }
    }

    async fn keep(&self, address: &Address, now: Timestamp) -> Result<()> {
        let desk = match self.desk(address) {
            Ok(desk) => desk,
            Err(Error::NoSuchQueue(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        while self.sweep(&desk, now).await? {}
        let queue = desk.queue();
        while queue.ordered
            && self
                .store()
                .write_buffered(|tx| once::forget(tx, queue.number, now, AT_ONCE))
                .await?
                == AT_ONCE
        {}
        if let Some(cursor) = desk.cursor() {
            self.note(queue.number, cursor).await?;
        }
        Ok(())
    }

    /// Notes before where all was received once, so that a start need not find it out.
    async fn note(&self, number: u64, cursor: store::Position) -> Result<()> {
        let key = CURSORS.key().u64(number);
        if CURSORS.get(&self.store().read()?, &key)? == Some(Cursor(cursor)) {
            return Ok(());
        }
        self.store()
            .write_buffered(|tx| {
                CURSORS.put(tx, key.clone(), &Cursor(cursor));
                Ok::<_, Error>(())
            })
            .await
    }
}

fn address(key: &[u8]) -> Option<Address> {
    let mut reader = KeyReader::new(key)?;
    Some(Address {
        space: Space::new(&reader.str()?),
        name: reader.str()?,
    })
}
