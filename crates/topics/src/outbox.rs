//! What would have gone to people. It is kept to be looked at; the oldest is forgotten.

use base::{Space, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Log, Record, Tx};

use crate::schema::Parcel;
use crate::{Result, Topics};

/// How many are kept, and how many more there may be before the oldest go.
const MOST: usize = 10_000;
const SLACK: usize = 1_000;

/// Something in the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    pub id: String,
    pub at: Timestamp,
    pub space: Space,
    pub parcel: Parcel,
}

impl Record for Sent {}

fn outbox() -> Log {
    Log::new("topics/outbox")
}

impl Topics {
    /// Puts something into the outbox in the caller's transaction. To be followed by [`Topics::tidy_outbox`].
    pub fn send(&self, tx: &mut Tx, space: &Space, parcel: &Parcel) -> String {
        let id = self.random.uuid().to_string();
        let sent = Sent {
            id: id.clone(),
            at: self.clock.now(),
            space: space.clone(),
            parcel: parcel.clone(),
        };
        outbox().append(tx, sent.encode());
        id
    }

    /// As [`Topics::send`], in a transaction of its own; durable on return.
    pub async fn send_alone(&self, space: &Space, parcel: &Parcel) -> Result<String> {
        let sent = self
            .store
            .write(|tx| Ok::<_, crate::Error>(self.send(tx, space, parcel)));
        let id = sent.await?;
        self.tidy_outbox().await?;
        Ok(id)
    }

    /// The newest `limit` things in the outbox, newest first.
    pub fn outbox(&self, limit: usize) -> Result<Vec<Sent>> {
        let entries = outbox().read_back(&self.store.read()?, None, limit)?;
        let sent = entries.iter().map(|entry| Sent::decode(&entry.body));
        Ok(sent.collect::<store::Result<_>>()?)
    }

    /// Forgets the oldest if there are too many.
    pub async fn tidy_outbox(&self) -> Result<()> {
        let log = outbox();
        let view = self.store.read()?;
        let newest = log.read_back(&view, None, MOST + SLACK)?;
        if newest.len() < MOST + SLACK {
            return Ok(());
        }
        let oldest = newest[MOST].position;
        self.store
            .write_buffered(|tx| {
                log.trim(tx, oldest, usize::MAX)?;
                Ok(())
            })
            .await
    }
}
