//! Putting events on buses, and reading what happened on them.

use base::Space;
use bytes::Bytes;
use store::{Log, Position, Read, Record, Tx};

use crate::schema::{Event, Happened, Wiring, log};
use crate::{Buses, Error, Result};

/// An entry of the log, with its place.
#[derive(Debug)]
pub struct Logged {
    pub position: Position,
    /// As it is stored.
    pub body: Bytes,
    pub happened: store::Result<Happened>,
}

impl Buses {
    /// Puts an event on a bus, with the caller's transaction.
    pub fn put(&self, tx: &mut Tx, space: &Space, bus: &str, event: &Event) -> Result<()> {
        self.check(tx, space, bus)?;
        let happened = Happened::Put {
            space: space.clone(),
            bus: bus.to_owned(),
            event: Box::new(event.clone()),
        };
        log().append(tx, happened.encode());
        Ok(())
    }

    /// Puts events on buses of one space, all at once; durable on return. Says of each whether there is such a bus.
    pub async fn put_alone(&self, space: &Space, events: &[(String, Event)]) -> Result<Vec<bool>> {
        self.store
            .write(|tx| {
                let mut taken = Vec::with_capacity(events.len());
                for (bus, event) in events {
                    taken.push(match self.put(tx, space, bus, event) {
                        Err(Error::NoSuchBus(_)) => false,
                        put => put.map(|()| true)?,
                    });
                }
                Ok(taken)
            })
            .await
    }

    /// Says to whoever follows the log that something of a bus' wiring is different from here on.
    pub fn wired(&self, tx: &mut Tx, space: &Space, bus: &str, wiring: Wiring) {
        let happened = Happened::Wired {
            space: space.clone(),
            bus: bus.to_owned(),
            wiring,
        };
        log().append(tx, happened.encode());
    }

    /// What happens on all buses.
    pub fn log(&self) -> Log {
        log()
    }

    /// Up to `limit` entries of the log after `cursor`. One that does not read does not hide the others.
    pub fn happened(
        &self,
        from: &impl Read,
        cursor: Position,
        limit: usize,
    ) -> Result<Vec<Logged>> {
        let entries = log().read(from, cursor, limit)?;
        Ok(entries
            .into_iter()
            .map(|entry| Logged {
                position: entry.position,
                happened: Happened::decode(&entry.body),
                body: entry.body,
            })
            .collect())
    }

    /// An id for a new event.
    pub fn new_id(&self) -> String {
        self.random.uuid().to_string()
    }
}
