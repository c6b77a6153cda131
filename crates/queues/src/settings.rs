use crate::create::put_source;
use crate::error::{Error, Result};
use crate::schema::{Address, QUEUES, Queue, Settings, row};
use crate::{Queues, allow};

impl Queues {
    /// Changes a queue's settings to what `change` makes of them, which may be asked more than once.
    pub async fn change(&self, address: &Address, change: impl Fn(&mut Settings)) -> Result<()> {
        let now = self.now();
        self.store()
            .write(|tx| {
                let before = QUEUES.get(tx, &row(address))?;
                let before = before.ok_or_else(|| Error::NoSuchQueue(address.clone()))?;
                let mut settings = before.settings.clone();
                change(&mut settings);
                if settings.redrive != before.settings.redrive {
                    allow::check(tx, address, before.ordered, settings.redrive.as_ref())?;
                }
                put_source(tx, address, Some(&before.settings), Some(&settings));
                let after = Queue {
                    modified: now,
                    settings,
                    ..before
                };
                QUEUES.put(tx, row(address), &after);
                Ok::<_, Error>(())
            })
            .await?;
        self.refresh(address)
    }
}
