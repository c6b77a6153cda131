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

/// An item that was due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub id: Vec<u8>,
    pub body: Bytes,
    pub due: Timestamp,
}

/// What nobody has, by due time, then id.
const WAITING: Table<Item> = Table::new(Keyspace::Timer, 0);
/// Where in the other two tables an item is, by its id.
const INDEX: Table<Place> = Table::new(Keyspace::Timer, 1);
/// What somebody has, by the lease's end, then id. Apart from what waits, because it is sorted otherwise: among it, the
/// finished ones would leave their traces before all that is to be leased next.
const LEASED: Table<Item> = Table::new(Keyspace::Timer, 2);

/// When an item is due, its id and its body.
type Due = (Timestamp, Vec<u8>, Bytes);

#[derive(Serialize, Deserialize)]
struct Item {
    body: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Place {
    Waiting {
        due: Timestamp,
    },
    Leased {
        until: Timestamp,
        /// Changes with every lease, so that a worker whose lease ran out can't finish another's.
        token: u64,
    },
}

impl Place {
    /// When the item is due here.
    fn due(self) -> Timestamp {
        match self {
            Self::Waiting { due } => due,
            Self::Leased { until, .. } => until,
        }
    }
}

impl Record for Item {}
impl Record for Place {}

impl Timers {
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// What the store's bells know this set by.
    pub(crate) fn prefix(&self) -> Vec<u8> {
        self.all(&WAITING).into_vec()
    }

    fn all(&self, table: &Table<Item>) -> Key {
        table.key().str(&self.0)
    }

    fn key(&self, place: Place, id: &[u8]) -> Key {
        let table = match place {
            Place::Waiting { .. } => &WAITING,
            Place::Leased { .. } => &LEASED,
        };
        self.all(table).u64(place.due().as_micros()).raw(id)
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
        self.insert(tx, id, Place::Waiting { due }, body.into());
        tx.ring(self.prefix());
        Ok(())
    }

    /// Removes the item; says whether it was there.
    pub fn cancel(&self, tx: &mut Tx, id: &[u8]) -> Result<bool> {
        let Some(place) = INDEX.get(tx, &self.index(id))? else {
            return Ok(false);
        };
        INDEX.delete(tx, self.index(id));
        tx.delete(self.key(place, id).into_vec());
        Ok(true)
    }

    /// When the item `id` is due, if it is there; a leased one is when its lease ends.
    pub fn when(&self, from: &impl Read, id: &[u8]) -> Result<Option<Timestamp>> {
        Ok(INDEX.get(from, &self.index(id))?.map(Place::due))
    }

    /// When the next item is due.
    pub fn next(&self, from: &impl Read) -> Result<Option<Timestamp>> {
        let mut next = None;
        for table in [&WAITING, &LEASED] {
            let first = from.scan_front(&self.all(table), None, 1)?.pop();
            let due = first.map(|(key, _)| due_and_id(&key)).transpose()?;
            next = next.into_iter().chain(due.map(|(due, _)| due)).min();
        }
        Ok(next)
    }

    /// How many items there are, counting no further than `limit`.
    pub fn count(&self, from: &impl Read, limit: usize) -> Result<usize> {
        let waiting = from.scan_front(&self.all(&WAITING), None, limit)?.len();
        let leased = from.scan_front(&self.all(&LEASED), None, limit - waiting)?;
        Ok(waiting + leased.len())
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
                let mut leases = Vec::new();
                for (due, id, body) in self.due(tx, now, limit)? {
                    self.cancel(tx, &id)?;
                    self.insert(tx, &id, Place::Leased { until, token }, body.clone());
                    leases.push(Lease {
                        id,
                        body,
                        due,
                        until,
                        token,
                    });
                }
                Ok(leases)
            })
            .await
    }

    /// Removes up to `limit` items that are due at `now`, earliest first: for what is done in the transaction itself, and
    /// so neither lost nor done again.
    pub fn take(&self, tx: &mut Tx, now: Timestamp, limit: usize) -> Result<Vec<Taken>> {
        let due = self.due(tx, now, limit)?;
        due.into_iter()
            .map(|(due, id, body)| {
                self.cancel(tx, &id)?;
                Ok(Taken { id, body, due })
            })
            .collect()
    }

    /// The items that are due at `now`, waiting or with a lease that has run out, earliest first.
    fn due(&self, tx: &Tx, now: Timestamp, limit: usize) -> Result<Vec<Due>> {
        let mut found = Vec::new();
        for table in [&WAITING, &LEASED] {
            let all = self.all(table);
            let end = all.clone().u64(now.as_micros().saturating_add(1));
            for (key, item) in table.scan_front(tx, &all, Some(end.as_slice()), limit)? {
                let (due, id) = due_and_id(&key)?;
                found.push((due, id, item.body));
            }
        }
        found.sort();
        found.truncate(limit);
        Ok(found)
    }

    /// Makes every leased item due at `now`; returns how many. Right only where no other process can hold a lease:
    /// at the start of the one that has the store to itself, when whoever leased them is dead.
    pub async fn release(&self, store: &Store, now: Timestamp) -> Result<usize> {
        const AT_ONCE: usize = 256;
        let mut released = 0;
        loop {
            let count = store
                .write_buffered(|tx| self.release_some(tx, now, AT_ONCE))
                .await?;
            released += count;
            if count < AT_ONCE {
                return Ok(released);
            }
        }
    }

    fn release_some(&self, tx: &mut Tx, now: Timestamp, limit: usize) -> Result<usize> {
        let leased = LEASED.scan_front(tx, &self.all(&LEASED), None, limit)?;
        let count = leased.len();
        for (key, item) in leased {
            let (_, id) = due_and_id(&key)?;
            self.set(tx, &id, now, item.body)?;
        }
        Ok(count)
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
        let held = Place::Leased {
            until: lease.until,
            token: lease.token,
        };
        Ok(INDEX.get(tx, &self.index(&lease.id))? == Some(held))
    }

    fn insert(&self, tx: &mut Tx, id: &[u8], place: Place, body: Bytes) {
        tx.put(self.key(place, id).into_vec(), Item { body }.encode());
        INDEX.put(tx, self.index(id), &place);
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
