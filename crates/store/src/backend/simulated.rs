//! The store in memory. With no faults it is what `--ephemeral` runs on; with faults it is the world in which engines
//! are tested: conflicts out of nowhere, syncs that fail, and crashes that lose all that was not synced.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use base::Random;
use bytes::Bytes;
use parking_lot::Mutex;

use super::conflicts::Conflicts;
use super::{Backend, Commit, Committed, Snapshot, Version};
use crate::blob::Blobs;
use crate::key::KeyRange;
use crate::known::Known;
use crate::log::Wakes;
use crate::view::Pair;
use crate::{Durability, Error, Result, Store, sums};

/// What goes wrong, and how often (probabilities from 0 to 1).
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// A commit is told that it met a conflict although it met none.
    pub conflict: f64,
    /// A sync fails: the store takes no more writes, and the batch may or may not be there after the crash.
    pub failed_sync: f64,
}

impl Faults {
    pub const fn none() -> Self {
        Self {
            conflict: 0.0,
            failed_sync: 0.0,
        }
    }
}

/// A disk that outlives the stores opened on it.
#[derive(Clone)]
pub struct Simulation {
    disk: Arc<Mutex<Disk>>,
    blobs: Blobs,
    random: Random,
    faults: Faults,
}

struct Disk {
    /// Every value a key has had, oldest first, as far as some snapshot may still look.
    keys: BTreeMap<Vec<u8>, Vec<(Version, Option<Bytes>)>>,
    /// The newest commit that anybody can see.
    visible: Version,
    /// The newest commit that a crash leaves standing.
    durable: Version,
    conflicts: Conflicts<Vec<u8>>,
    /// Versions that open snapshots look at, and how many of each.
    watched: BTreeMap<Version, usize>,
    /// Shared by all that have the disk open, as they see each other's writes; new after a crash.
    known: Arc<Known>,
    /// Counts crashes: a store opened before one is dead.
    epoch: u64,
    failed: bool,
}

impl Simulation {
    pub fn new(random: Random, faults: Faults) -> Self {
        let disk = Disk {
            keys: BTreeMap::new(),
            visible: 0,
            durable: 0,
            conflicts: Conflicts::since(0),
            watched: BTreeMap::new(),
            known: Arc::default(),
            epoch: 0,
            failed: false,
        };
        Self {
            disk: Arc::new(Mutex::new(disk)),
            blobs: Blobs::in_memory(random.clone()),
            random,
            faults,
        }
    }

    /// Opens the store on this disk, as a process does when it starts.
    pub fn open(&self) -> Store {
        let (epoch, known) = {
            let disk = self.disk.lock();
            (disk.epoch, disk.known.clone())
        };
        let wakes = Arc::new(Wakes::default());
        let backend = Simulated {
            wakes: wakes.clone(),
            disk: self.disk.clone(),
            epoch,
            random: self.random.clone(),
            faults: self.faults,
        };
        let blobs = self.blobs.reopened();
        let random = self.random.clone();
        Store::assemble(Box::new(backend), wakes, known, blobs, random)
    }

    /// Kills whatever has this disk open. What was synced stays; of what was only buffered a random prefix does.
    pub fn crash(&self) {
        let mut disk = self.disk.lock();
        let buffered = disk.visible - disk.durable;
        let kept = disk.durable + self.random.below(buffered + 1);
        disk.keys.retain(|_, values| {
            values.retain(|(version, _)| *version <= kept);
            !values.is_empty()
        });
        disk.visible = kept;
        disk.durable = kept;
        disk.conflicts = Conflicts::since(kept);
        disk.known = Arc::default();
        disk.epoch += 1;
        disk.failed = false;
    }
}

struct Simulated {
    disk: Arc<Mutex<Disk>>,
    epoch: u64,
    random: Random,
    faults: Faults,
    wakes: Arc<Wakes>,
}

impl Simulated {
    fn failed(&self, disk: &Disk) -> Option<Error> {
        if disk.epoch != self.epoch {
            Some(Error::Failed("the process has crashed".into()))
        } else if disk.failed {
            Some(Error::Failed("a sync failed".into()))
        } else {
            None
        }
    }

    fn apply(&self, mut commit: Commit) -> Result<()> {
        let mut disk = self.disk.lock();
        if let Some(error) = self.failed(&disk) {
            return Err(error);
        }
        if !disk.conflicts.allow(&commit) || self.random.chance(self.faults.conflict) {
            return Err(Error::Conflict);
        }
        let version = disk.visible + 1;
        let durability = commit.durability;
        let mut bells = Vec::new();
        commit.bells(&mut bells);
        let added = std::mem::take(&mut commit.added);
        let mut rows = commit.into_rows(version);
        for (key, by) in added {
            let row = disk.added(&key, &by)?;
            rows.push((key, row));
        }
        let told = rows.iter().map(|(key, value)| (key.as_slice(), value));
        disk.known.written(version, told);
        let keys = rows
            .iter()
            .map(|(key, value)| (key.clone(), value.is_some()));
        disk.conflicts.remember(version, keys);
        let puts = disk.conflicts.puts_since(version - 1);
        disk.known.fronts.lower(version, puts);
        // A crash goes back as far as what is durable, so that must stay visible too.
        let watched = disk.watched.keys().next().copied().unwrap_or(version);
        let oldest = watched.min(disk.durable);
        for (key, value) in rows {
            let values = disk.keys.entry(key.clone()).or_default();
            values.push((version, value));
            forget(values, oldest);
            if matches!(values.as_slice(), [(_, None)]) {
                disk.keys.remove(&key);
            }
        }
        disk.visible = version;
        if durability == Durability::Synced {
            if self.random.chance(self.faults.failed_sync) {
                disk.failed = true;
                return Err(Error::Failed("a sync failed".into()));
            }
            disk.durable = version;
        }
        drop(disk);
        self.wakes.ring(bells);
        Ok(())
    }
}

impl Disk {
    /// What a row of sums comes to.
    fn added(&self, key: &[u8], by: &[i64]) -> Result<Option<Bytes>> {
        let newest = self.keys.get(key).and_then(|values| values.last());
        let mut row = match newest {
            Some((_, Some(stored))) => sums::decode(stored)?,
            _ => Vec::new(),
        };
        sums::add(&mut row, by);
        Ok(sums::encode(&row))
    }
}

/// Drops values that no snapshot from `oldest` on can see.
fn forget(values: &mut Vec<(Version, Option<Bytes>)>, oldest: Version) {
    let needed = values
        .iter()
        .rposition(|(version, _)| *version <= oldest)
        .unwrap_or(0);
    values.drain(..needed);
}

impl Backend for Simulated {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>> {
        let mut disk = self.disk.lock();
        if disk.epoch != self.epoch {
            return Err(Error::Failed("the process has crashed".into()));
        }
        let version = disk.visible;
        *disk.watched.entry(version).or_default() += 1;
        Ok(Box::new(At {
            disk: self.disk.clone(),
            version,
        }))
    }

    fn commit(&self, commit: Commit) -> Committed {
        let applied = self.apply(commit);
        Box::pin(std::future::ready(applied))
    }

    fn sync(&self) -> Committed {
        let mut disk = self.disk.lock();
        let synced = match self.failed(&disk) {
            Some(error) => Err(error),
            None => {
                disk.durable = disk.visible;
                Ok(())
            }
        };
        Box::pin(std::future::ready(synced))
    }

    fn failure(&self) -> Option<Error> {
        self.failed(&self.disk.lock())
    }
}

/// The disk as it was at one version.
struct At {
    disk: Arc<Mutex<Disk>>,
    version: Version,
}

impl At {
    fn value<'a>(&self, values: &'a [(Version, Option<Bytes>)]) -> Option<&'a Bytes> {
        values
            .iter()
            .rev()
            .find(|(version, _)| *version <= self.version)
            .and_then(|(_, value)| value.as_ref())
    }
}

impl Drop for At {
    fn drop(&mut self) {
        let mut disk = self.disk.lock();
        if let Some(count) = disk.watched.get_mut(&self.version) {
            *count -= 1;
            if *count == 0 {
                disk.watched.remove(&self.version);
            }
        }
    }
}

impl Snapshot for At {
    fn version(&self) -> Version {
        self.version
    }

    fn newest(&self) -> Result<Version> {
        Ok(self.version)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        Ok(self
            .disk
            .lock()
            .keys
            .get(key)
            .and_then(|values| self.value(values))
            .cloned())
    }

    fn scan(&self, range: &KeyRange, limit: usize) -> Result<Vec<Pair>> {
        let disk = self.disk.lock();
        let pairs = bounded(&disk.keys, range)
            .filter_map(|(key, values)| Some((key.clone(), self.value(values)?.clone())));
        Ok(pairs.take(limit).collect())
    }

    fn scan_back(&self, range: &KeyRange, limit: usize) -> Result<Vec<Pair>> {
        let disk = self.disk.lock();
        let pairs = bounded(&disk.keys, range)
            .rev()
            .filter_map(|(key, values)| Some((key.clone(), self.value(values)?.clone())));
        Ok(pairs.take(limit).collect())
    }
}

fn bounded<'a, V>(
    keys: &'a BTreeMap<Vec<u8>, V>,
    range: &KeyRange,
) -> std::collections::btree_map::Range<'a, Vec<u8>, V> {
    // `BTreeMap::range` panics on an inside-out range.
    let end = if range.is_empty() {
        &range.start
    } else {
        &range.end
    };
    keys.range::<[u8], _>((
        Bound::Included(range.start.as_slice()),
        Bound::Excluded(end.as_slice()),
    ))
}
