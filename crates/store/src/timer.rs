//! Items that come due: retries, schedules, expiries. An item is leased while it is worked on; a lease that runs out
//! makes it due again, so work whose worker died is done by another.

use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::key::{Key, KeyReader};
use crate::keyspace::Keyspace;
use crate::record::{Record, Table};
use crate::tx::Tx;
use crate::view::Read;
use crate::{Error, Result, Store};

/// A named set of items, each with an id that is unique in the set.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Timers(String);

/// An item that one worker has for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub id: Vec<u8>,
    pub body: Bytes,
    /// When the item was due.
    pub due: Timestamp,
    /// When it becomes due again unless it is finished.
    pub until: Timestamp,
    token: u64,
}

/// By due time, then id.
const DUE: Table<Item> = Table::new(Keyspace::Timer, 0);
/// Id to due time, to find the item again.
const INDEX: Table<Timestamp> = Table::new(Keyspace::Timer, 1);

#[derive(Serialize, Deserialize)]
struct Item {
    body: Bytes,
    /// Changes with every lease, so that a worker whose lease ran out can't finish another's.
    token: u64,
}

impl Record for Item {}
impl Record for Timestamp {}

impl Timers {
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// What the store's bells know this set by.
    pub(crate) fn prefix(&self) -> Vec<u8> {
        self.due().into_vec()
    }

    fn due(&self) -> Key {
        DUE.key().str(&self.0)
    }

    fn due_at(&self, due: Timestamp, id: &[u8]) -> Key {
        self.due().u64(due.as_micros()).raw(id)
    }

    fn index(&self, id: &[u8]) -> Key {
        INDEX.key().str(&self.0).raw(id)
    }

    /// Sets, or moves and replaces, the item `id`. Whoever has it leased loses it.
    pub fn set(
        &self,
        tx: &mut Tx,
        id: &[u8],
        due: Timestamp,
        body: impl Into<Bytes>,
    ) -> Result<()> {
        self.cancel(tx, id)?;
        self.insert(
            tx,
            id,
            due,
            &Item {
                body: body.into(),
                token: 0,
            },
        );
        tx.ring(self.prefix());
        Ok(())
    }

    /// Removes the item; says whether it was there.
    pub fn cancel(&self, tx: &mut Tx, id: &[u8]) -> Result<bool> {
        let Some(due) = INDEX.get(tx, &self.index(id))? else {
            return Ok(false);
        };
        INDEX.delete(tx, self.index(id));
        DUE.delete(tx, self.due_at(due, id));
        Ok(true)
    }

    /// When the item `id` is due, if it is there.
    pub fn when(&self, from: &impl Read, id: &[u8]) -> Result<Option<Timestamp>> {
        INDEX.get(from, &self.index(id))
    }

    /// When the next item is due.
    pub fn next(&self, from: &impl Read) -> Result<Option<Timestamp>> {
        let first = from.scan(&self.due().range(), 1)?;
        first
            .first()
            .map(|(key, _)| due_and_id(key).map(|(due, _)| due))
            .transpose()
    }

    /// How many items there are, counting no further than `limit`.
    pub fn count(&self, from: &impl Read, limit: usize) -> Result<usize> {
        Ok(from.scan(&self.due().range(), limit)?.len())
    }

    /// Takes up to `limit` items that are due at `now`, earliest first, for `lease`.
    ///
    /// The lease itself may be lost in a crash: then the item is simply still due.
    pub async fn lease(
        &self,
        store: &Store,
        now: Timestamp,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<Lease>> {
        let until = now + lease;
        let token = store.random().u64();
        store
            .write_buffered(|tx| {
                let end = self.due().u64(now.as_micros().saturating_add(1));
                let due = DUE.scan(tx, &self.due().range().before(end.as_slice()), limit)?;
                let mut leases = Vec::with_capacity(due.len());
                for (key, mut item) in due {
                    let (due, id) = due_and_id(&key)?;
                    tx.delete(key);
                    item.token = token;
                    self.insert(tx, &id, until, &item);
                    leases.push(Lease {
                        id,
                        body: item.body,
                        due,
                        until,
                        token,
                    });
                }
                Ok(leases)
            })
            .await
    }

    /// Makes every leased item due at `now`; returns how many. Right only where no other process can hold a lease:
    /// at the start of the one that has the store to itself, when whoever leased them is dead.
    pub async fn release(&self, store: &Store, now: Timestamp) -> Result<usize> {
        const AT_ONCE: usize = 256;
        let mut released = 0;
        let mut after = self.due().into_vec();
        loop {
            let (count, last) = store
                .write_buffered(|tx| self.release_some(tx, &after, now, AT_ONCE))
                .await?;
            released += count;
            match last {
                Some(last) => after = last,
                None => return Ok(released),
            }
        }
    }

    /// Looks at up to `limit` items after the key `after`; the last one's key, unless these were all.
    fn release_some(
        &self,
        tx: &mut Tx,
        after: &[u8],
        now: Timestamp,
        limit: usize,
    ) -> Result<(usize, Option<Vec<u8>>)> {
        let items = DUE.scan(tx, &self.due().range().after(after), limit)?;
        let last = (items.len() == limit).then(|| items.last().map(|(key, _)| key.clone()));
        let mut released = 0;
        for (key, item) in items {
            if item.token != 0 {
                let (_, id) = due_and_id(&key)?;
                self.set(tx, &id, now, item.body)?;
                released += 1;
            }
        }
        Ok((released, last.flatten()))
    }

    /// Removes a leased item: it is done. False if the lease was lost meanwhile, and then nothing is changed.
    pub fn finish(&self, tx: &mut Tx, lease: &Lease) -> Result<bool> {
        let held = self.holds(tx, lease)?;
        if held {
            self.cancel(tx, &lease.id)?;
        }
        Ok(held)
    }

    /// Gives a leased item a new body and due time. False if the lease was lost meanwhile.
    pub fn postpone(
        &self,
        tx: &mut Tx,
        lease: &Lease,
        due: Timestamp,
        body: impl Into<Bytes>,
    ) -> Result<bool> {
        let held = self.holds(tx, lease)?;
        if held {
            self.set(tx, &lease.id, due, body)?;
        }
        Ok(held)
    }

    fn holds(&self, tx: &Tx, lease: &Lease) -> Result<bool> {
        let Some(due) = INDEX.get(tx, &self.index(&lease.id))? else {
            return Ok(false);
        };
        let item = DUE.get(tx, &self.due_at(due, &lease.id))?;
        Ok(item.is_some_and(|item| item.token == lease.token))
    }

    fn insert(&self, tx: &mut Tx, id: &[u8], due: Timestamp, item: &Item) {
        DUE.put(tx, self.due_at(due, id), item);
        INDEX.put(tx, self.index(id), &due);
    }
}

fn due_and_id(key: &[u8]) -> Result<(Timestamp, Vec<u8>)> {
    let read = || {
        let mut reader = KeyReader::new(key)?;
        reader.str()?;
        let due = reader.u64()?;
        Some((Timestamp::from_micros(due), reader.raw().to_vec()))
    };
    read().ok_or_else(|| Error::Damaged("a timer's key does not read".into()))
}
