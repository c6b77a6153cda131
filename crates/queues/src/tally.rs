//! How many messages a queue has.
//!
//! One counter would make all writers conflict. So the number is the sum of many slots: a writer has a slot to itself
//! while its transaction is under way, knows what it holds without reading it, and puts its new value together with what
//! it counts. There are as many slots as there were ever writers at once. A writer that is gone before it heard of its
//! commit leaves its slot in doubt until it is read again.
//!
//! Whoever sends within another's transaction has no such slot, and changes one of a few that are read and written.

use std::sync::Arc;

use parking_lot::Mutex;
use store::{Key, KeyReader, Read, Store, Tx};

use crate::schema::{self, TALLIES};

/// From here on are the slots that are read and written.
const SHARED: u32 = 1 << 31;
/// How many of them there are.
const SHARED_SLOTS: u32 = 16;
/// More than there are ever.
const ALL: usize = 1 << 20;

pub(crate) struct Tally {
    queue: u64,
    slots: Mutex<Slots>,
}

#[derive(Default)]
struct Slots {
    values: Vec<i64>,
    free: Vec<u32>,
    doubtful: Vec<u32>,
}

/// A part of a queue's tally that nobody else changes.
pub(crate) struct Slot {
    tally: Arc<Tally>,
    number: u32,
    value: i64,
    known: bool,
}

impl Tally {
    pub(crate) fn load(from: &impl Read, queue: u64) -> store::Result<Self> {
        let mut slots = Slots::default();
        let own = all(queue).range().before(all(queue).u32(SHARED).as_slice());
        for (key, tally) in TALLIES.scan(from, &own, ALL)? {
            let number = number(&key).unwrap_or_default();
            // One before it may never have counted anything.
            slots.values.resize(number as usize, 0);
            slots.values.push(tally.0);
        }
        slots.free = (0..).take(slots.values.len()).collect();
        Ok(Self {
            queue,
            slots: Mutex::new(slots),
        })
    }

    pub(crate) fn slot(self: &Arc<Self>) -> Slot {
        let mut slots = self.slots.lock();
        let number = slots.free.pop().unwrap_or_else(|| {
            slots.values.push(0);
            u32::try_from(slots.values.len() - 1).expect("there are fewer writers")
        });
        Slot {
            tally: self.clone(),
            number,
            value: slots.values[number as usize],
            known: false,
        }
    }

    pub(crate) fn total(&self, from: &impl Read) -> store::Result<u64> {
        let shared = all(self.queue)
            .range()
            .from(all(self.queue).u32(SHARED).as_slice());
        let shared = TALLIES.scan(from, &shared, ALL)?;
        let shared: i64 = shared.iter().map(|(_, tally)| tally.0).sum();
        let own: i64 = self.slots.lock().values.iter().sum();
        Ok(u64::try_from(own + shared).unwrap_or(0))
    }

    pub(crate) fn in_doubt(&self) -> bool {
        !self.slots.lock().doubtful.is_empty()
    }

    /// Reads what is in doubt again.
    pub(crate) async fn clear_doubts(&self, store: &Store) -> store::Result<()> {
        let doubtful = std::mem::take(&mut self.slots.lock().doubtful);
        if doubtful.is_empty() {
            return Ok(());
        }
        // After which all that had been sent to be committed is.
        store.sync().await?;
        let view = store.read()?;
        for number in doubtful {
            let stored = TALLIES.get(&view, &all(self.queue).u32(number))?;
            let mut slots = self.slots.lock();
            slots.values[number as usize] = stored.map_or(0, |tally| tally.0);
            slots.free.push(number);
        }
        Ok(())
    }
}

impl Slot {
    pub(crate) fn put(&self, tx: &mut Tx, change: i64) {
        if change != 0 {
            let tally = schema::Tally(self.value + change);
            TALLIES.put(tx, all(self.tally.queue).u32(self.number), &tally);
        }
    }

    /// To be said when the transaction is committed, or when it is sure that it never will be.
    pub(crate) fn settle(mut self, change: i64) {
        self.known = true;
        let mut slots = self.tally.slots.lock();
        slots.values[self.number as usize] += change;
        slots.free.push(self.number);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if !self.known {
            self.tally.slots.lock().doubtful.push(self.number);
        }
    }
}

/// Counts within a transaction that is not ours.
pub(crate) fn add(tx: &mut Tx, queue: u64, change: i64, chance: u64) -> store::Result<()> {
    let slot = u32::try_from(chance % u64::from(SHARED_SLOTS)).unwrap_or(0);
    let key = all(queue).u32(SHARED + slot);
    let before = TALLIES.get(tx, &key)?.map_or(0, |tally| tally.0);
    TALLIES.put(tx, key, &schema::Tally(before + change));
    Ok(())
}

fn number(key: &[u8]) -> Option<u32> {
    let mut reader = KeyReader::new(key)?;
    reader.u64()?;
    reader.u32()
}

pub(crate) fn all(queue: u64) -> Key {
    TALLIES.key().u64(queue)
}
