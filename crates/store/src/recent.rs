//! Values that were read lately, for tables whose single records are read again and again: what is in the tree's memory
//! is found by some twenty steps from key to key, each a wait for memory, and here by one.
//!
//! # Why nobody is given another than the one in the snapshot
//!
//! What holds at all times is: *a value is what every snapshot has at its key that sees at least commit `since`, up to the
//! next commit that is told*. So a reader that takes its snapshot first and asks here after is given just what it would
//! find in it, and what a transaction is given counts as read.
//!
//! - The back end tells what a commit writes before any of it is visible. What is known of these keys is replaced, with
//!   that commit as `since`. A snapshot with the write in it is therefore taken after the older value went, and one
//!   without it is older than `since` and is given nothing.
//! - A reader keeps what it found only if its snapshot is sure to see all that was told of the keys that share its key's
//!   *slot*: an older one may have found what was written over meanwhile. There are many slots, because what was told may
//!   take a sync to become visible.
//! - Commits are told of tables from which somebody reads in this way, and no others. A table begins with the newest
//!   commit there was then: nobody knows what it, or one before it, wrote there.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};

use crate::backend::Version;
use crate::hashed::ByHash;

/// Parts that are locked by themselves, and slots in each.
const PARTS: usize = 64;
const SLOTS: usize = 64;
/// Bytes of all values and their keys together, and of one value.
const MOST: usize = 16 << 20;
const LARGEST: usize = 4 << 10;
/// What a value takes besides its bytes and its key's.
const BESIDES: usize = 96;

/// By what all keys of a table begin with.
type TableId = [u8; 2];

pub(crate) struct Recent {
    hashes: RandomState,
    parts: Box<[Mutex<Part>]>,
    /// The newest commit that was told; it may not be visible yet.
    told: AtomicU64,
    /// From which tables somebody reads here, and since which commit all that is written there is told.
    tables: RwLock<Vec<(TableId, Version)>>,
}

/// Values are remembered in two generations. One that is read moves to the young one; when that is full, it becomes the
/// old one, and what was not read since then goes.
struct Part {
    /// By slot: the newest commit that wrote one of its keys.
    told: [Version; SLOTS],
    young: Values,
    old: Values,
    /// Of the young.
    bytes: usize,
}

/// By their keys' hashes. Of two keys that share one, the one that was read last is remembered.
type Values = ByHash<Remembered>;

struct Remembered {
    key: Box<[u8]>,
    value: Bytes,
    since: Version,
}

impl Default for Recent {
    fn default() -> Self {
        Self {
            hashes: RandomState::new(),
            parts: (0..PARTS).map(|_| Mutex::new(Part::empty())).collect(),
            told: AtomicU64::new(0),
            tables: RwLock::default(),
        }
    }
}

impl Recent {
    /// The value at `key` in a snapshot of this version, which was taken before this is asked.
    pub(crate) fn find(&self, key: &[u8], version: Version) -> Option<Bytes> {
        let hash = self.hashes.hash_one(key);
        let mut part = self.part(hash).lock();
        let found = part.find(hash, key)?;
        (version >= found.since).then(|| found.value.clone())
    }

    /// Keeps what a snapshot of this version has at `key`.
    pub(crate) fn keep(&self, key: &[u8], version: Version, value: &Bytes) {
        if value.len() > LARGEST {
            return;
        }
        let since = self.since(key);
        let hash = self.hashes.hash_one(key);
        let mut part = self.part(hash).lock();
        let since = since.max(part.told[slot(hash)]);
        if version >= since {
            let remembered = Remembered {
                key: key.into(),
                value: value.clone(),
                since,
            };
            part.put(hash, remembered);
        }
    }

    /// Tells what commit `version` writes. To be called before any of it can be seen, and for each commit.
    pub(crate) fn written<'a>(
        &self,
        version: Version,
        writes: impl Iterator<Item = (&'a [u8], &'a Option<Bytes>)>,
    ) {
        // Before the look at the tables: one that comes after it begins with this commit.
        self.told.store(version, Ordering::SeqCst);
        let tables = self.tables.read();
        if tables.is_empty() {
            return;
        }
        for (key, value) in writes {
            if tables.iter().any(|(table, _)| key.starts_with(table)) {
                let hash = self.hashes.hash_one(key);
                let mut part = self.part(hash).lock();
                part.told[slot(hash)] = version;
                part.replace(hash, key, value.as_ref(), version);
            }
        }
    }

    /// From which commit on all is told of the table of this key.
    fn since(&self, key: &[u8]) -> Version {
        let Some(id) = key.first_chunk::<2>() else {
            return Version::MAX;
        };
        let known = |tables: &[(TableId, Version)]| {
            let mut tables = tables.iter();
            tables.find(|(table, _)| table == id).map(|found| found.1)
        };
        if let Some(since) = known(&self.tables.read()) {
            return since;
        }
        let mut tables = self.tables.write();
        if let Some(since) = known(&tables) {
            return since;
        }
        let since = self.told.load(Ordering::SeqCst);
        tables.push((*id, since));
        since
    }

    fn part(&self, hash: u64) -> &Mutex<Part> {
        // Not the bits by which the maps tell keys apart.
        &self.parts[(hash >> 32) as usize % PARTS]
    }
}

/// Neither by the bits of the part nor by those with which the maps tell keys apart.
fn slot(hash: u64) -> usize {
    (hash >> 44) as usize % SLOTS
}

impl Part {
    fn empty() -> Self {
        Self {
            told: [0; SLOTS],
            young: Values::default(),
            old: Values::default(),
            bytes: 0,
        }
    }

    fn find(&mut self, hash: u64, key: &[u8]) -> Option<&Remembered> {
        let is_old = |part: &Self| part.old.get(&hash).is_some_and(|old| *old.key == *key);
        if is_old(self)
            && let Some(again) = self.old.remove(&hash)
        {
            self.put(hash, again);
        }
        self.young.get(&hash).filter(|young| *young.key == *key)
    }

    fn put(&mut self, hash: u64, remembered: Remembered) {
        if self.bytes + remembered.bytes() > MOST / 2 / PARTS {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        self.bytes += remembered.bytes();
        if let Some(other) = self.young.insert(hash, remembered) {
            self.bytes -= other.bytes();
        }
    }

    /// Has the value in the place of what is known at `key`, if that is known.
    fn replace(&mut self, hash: u64, key: &[u8], value: Option<&Bytes>, version: Version) {
        let is_it = |values: &Values| values.get(&hash).is_some_and(|it| *it.key == *key);
        let mut known = None;
        if is_it(&self.old) {
            known = self.old.remove(&hash);
        }
        if is_it(&self.young) {
            known = self.young.remove(&hash);
            self.bytes -= known.as_ref().map_or(0, Remembered::bytes);
        }
        if let Some(known) = known
            && let Some(value) = value.filter(|value| value.len() <= LARGEST)
        {
            let remembered = Remembered {
                value: value.clone(),
                since: version,
                ..known
            };
            self.put(hash, remembered);
        }
    }
}

impl Remembered {
    fn bytes(&self) -> usize {
        self.key.len() + self.value.len() + BESIDES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = &[7, 1, b'a'];

    fn value(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    fn write(recent: &Recent, version: Version, key: &[u8], text: Option<&'static str>) {
        let text = text.map(value);
        recent.written(version, std::iter::once((key, &text)));
    }

    #[test]
    fn what_is_written_is_what_is_found() {
        let recent = Recent::default();
        recent.keep(KEY, 0, &value("one"));
        assert_eq!(recent.find(KEY, 0), Some(value("one")));
        write(&recent, 1, KEY, Some("two"));
        assert_eq!(recent.find(KEY, 0), None, "it is from before the write");
        assert_eq!(recent.find(KEY, 1), Some(value("two")));
        write(&recent, 2, KEY, None);
        assert_eq!(recent.find(KEY, 2), None);
        write(&recent, 3, KEY, Some("three"));
        assert_eq!(recent.find(KEY, 3), None, "nobody has read it yet");
    }

    #[test]
    fn a_snapshot_from_before_a_write_brings_nothing() {
        let recent = Recent::default();
        recent.keep(KEY, 0, &value("one"));
        write(&recent, 1, KEY, None);
        recent.keep(KEY, 0, &value("one"));
        assert_eq!(recent.find(KEY, 1), None);
        recent.keep(KEY, 1, &value("two"));
        assert_eq!(recent.find(KEY, 1), Some(value("two")));
        assert_eq!(recent.find(KEY, 0), None);
    }

    #[test]
    fn what_was_written_before_anything_was_read_counts_too() {
        let recent = Recent::default();
        write(&recent, 9, KEY, Some("new"));
        recent.keep(KEY, 8, &value("old"));
        assert_eq!(recent.find(KEY, 9), None);
        recent.keep(KEY, 9, &value("new"));
        assert_eq!(recent.find(KEY, 8), None, "it has the old one");
        assert_eq!(recent.find(KEY, 9), Some(value("new")));
    }

    #[test]
    fn what_is_read_stays_and_there_is_an_end_to_the_rest() {
        let recent = Recent::default();
        recent.keep(KEY, 0, &value("one"));
        let large = Bytes::from(vec![0; LARGEST]);
        for n in 0..u32::try_from(4 * MOST / LARGEST).unwrap() {
            let key = [&[7, 1][..], &n.to_be_bytes()].concat();
            recent.keep(&key, 0, &large);
            assert_eq!(recent.find(KEY, 0), Some(value("one")), "{n}");
        }
        let bytes = |values: &Values| values.values().map(Remembered::bytes).sum::<usize>();
        for part in &recent.parts {
            let part = part.lock();
            assert_eq!(part.bytes, bytes(&part.young));
            assert!(bytes(&part.young) + bytes(&part.old) <= MOST / PARTS);
        }
        recent.keep(b"\x07\x01large", 0, &Bytes::from(vec![0; LARGEST + 1]));
        assert_eq!(recent.find(b"\x07\x01large", 0), None);
    }
}
