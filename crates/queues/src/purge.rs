use std::time::Duration;

use crate::Queues;
use crate::error::{Error, Result};
use crate::schema::{Address, QUEUES, Queue, row};

/// How long after a queue was emptied it can be emptied again.
const RESTS: Duration = Duration::from_secs(60);
/// How many rounds of removing the caller waits for. What is left is removed in time; nobody sees it.
const ROUNDS: usize = 32;

impl Queues {
    /// Empties a queue of all that was sent before.
    pub async fn purge(&self, address: &Address) -> Result<()> {
        let now = self.now();
        self.store()
            .write(|tx| {
                let queue = QUEUES.get(tx, &row(address))?;
                let queue = queue.ok_or_else(|| Error::NoSuchQueue(address.clone()))?;
                if queue.purged.is_some_and(|purged| purged + RESTS > now) {
                    return Err(Error::PurgedJustNow(address.clone()));
                }
                let purged = Queue {
                    purged: Some(now),
                    ..queue
                };
                QUEUES.put(tx, row(address), &purged);
                Ok(())
            })
            .await?;
        self.refresh(address)?;
        let desk = self.desk(address)?;
        for _ in 0..ROUNDS {
            if !self.sweep(&desk, now).await? {
                return Ok(());
            }
        }
        self.shared.upkeep.notify_one();
        Ok(())
    }
}
