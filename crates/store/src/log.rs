//! Change logs: entries in the order of the commits that appended them.

use std::collections::HashMap;
use std::fmt;

use bytes::Bytes;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::key::Key;
use crate::keyspace::Keyspace;
use crate::tx::Tx;
use crate::view::Read;
use crate::{Error, Result};

/// The name of a log. Appending needs no creation; an empty log takes no room.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Log(String);

/// A place in a log: after every entry of earlier commits. A cursor is the position of the last entry that was dealt
/// with. Positions only grow, and no entry ever appears before one that was already read.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Position {
    commit: u64,
    index: u32,
}

impl Position {
    /// Before the first entry.
    pub const START: Self = Self {
        commit: 0,
        index: 0,
    };

    /// After every entry.
    pub const END: Self = Self {
        commit: u64::MAX,
        index: u32::MAX,
    };

    /// The place of the entry that the commit with this number appended after so many others.
    pub const fn new(commit: u64, index: u32) -> Self {
        Self { commit, index }
    }

    pub const fn commit(self) -> u64 {
        self.commit
    }

    pub const fn index(self) -> u32 {
        self.index
    }

    /// The position just before this one, whether or not there is an entry.
    #[must_use]
    pub fn before(self) -> Self {
        Self::from_number(self.number().saturating_sub(1)).unwrap_or(Self::START)
    }

    /// The position just after this one, whether or not there is an entry.
    #[must_use]
    pub fn after(self) -> Self {
        Self::from_number(self.number() + 1).unwrap_or(Self::END)
    }

    /// As one number, which sorts as the position does.
    pub fn number(self) -> u128 {
        u128::from(self.commit) << 32 | u128::from(self.index)
    }

    /// The position with this number, if one can have it.
    pub fn from_number(number: u128) -> Option<Self> {
        Some(Self {
            commit: u64::try_from(number >> 32).ok()?,
            index: u32::try_from(number & u128::from(u32::MAX)).ok()?,
        })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:08x}", self.commit, self.index)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub position: Position,
    pub body: Bytes,
}

impl Log {
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    fn key(&self) -> Key {
        Key::new(Keyspace::Log, 0).str(&self.0)
    }

    pub(crate) fn prefix(&self) -> Vec<u8> {
        self.key().into_vec()
    }

    /// Adds an entry that becomes readable, in its place, with the transaction's other writes. It can't be read back
    /// within the transaction: its place is only known at commit.
    ///
    /// Returns the [`Position::index`] that it will have.
    pub fn append(&self, tx: &mut Tx, body: impl Into<Bytes>) -> u32 {
        tx.append(self.prefix(), body.into())
    }

    /// Rings the log's bell with this transaction, although nothing may be appended.
    pub fn ring(&self, tx: &mut Tx) {
        tx.ring(self.prefix());
    }

    /// The entry at this position.
    pub fn get(&self, from: &impl Read, at: Position) -> Result<Option<Bytes>> {
        from.get(self.key().u64(at.commit).u32(at.index).as_slice())
    }

    /// Up to `limit` entries after `cursor`.
    pub fn read(&self, from: &impl Read, cursor: Position, limit: usize) -> Result<Vec<Entry>> {
        let prefix = self.key();
        let skip = prefix.as_slice().len();
        let entries = if cursor == Position::START {
            from.scan_front(&prefix, None, limit)?
        } else {
            from.scan(&prefix.range().from(&self.after(cursor)), limit)?
        };
        entries
            .into_iter()
            .map(|(key, body)| {
                Ok(Entry {
                    position: position(&key[skip..])?,
                    body,
                })
            })
            .collect()
    }

    /// The newest `limit` entries that are not after `before`, newest first; without `before`, of all.
    pub fn read_back(
        &self,
        from: &impl Read,
        before: Option<Position>,
        limit: usize,
    ) -> Result<Vec<Entry>> {
        let prefix = self.key();
        let skip = prefix.as_slice().len();
        let range = match before {
            None => prefix.range(),
            Some(before) => prefix.range().before(&self.after(before)),
        };
        from.scan_back(&range, limit)?
            .into_iter()
            .map(|(key, body)| {
                Ok(Entry {
                    position: position(&key[skip..])?,
                    body,
                })
            })
            .collect()
    }

    /// The least key after the entry at `at`.
    fn after(&self, at: Position) -> Vec<u8> {
        let mut key = self.key().u64(at.commit).u32(at.index).into_vec();
        key.push(0x00);
        key
    }

    /// The position of the newest entry.
    pub fn newest(&self, from: &impl Read) -> Result<Option<Position>> {
        self.newest_after(from, Position::START)
    }

    /// The position of the newest entry after `cursor`: for a log of which all may be gone, where a look further back
    /// would walk over the traces of what was trimmed.
    pub fn newest_after(&self, from: &impl Read, cursor: Position) -> Result<Option<Position>> {
        let prefix = self.key();
        let newest = from.scan_back(&prefix.range().from(&self.after(cursor)), 1)?;
        newest
            .first()
            .map(|(key, _)| position(&key[prefix.as_slice().len()..]))
            .transpose()
    }

    /// Forgets these entries, which were read.
    pub fn forget(&self, tx: &mut Tx, read: impl IntoIterator<Item = Position>) {
        for Position { commit, index } in read {
            tx.delete(self.key().u64(commit).u32(index).into_vec());
        }
    }

    /// Forgets up to `limit` entries that are not after `cursor`; returns how many.
    pub fn trim(&self, tx: &mut Tx, cursor: Position, limit: usize) -> Result<usize> {
        let old = tx.scan_front(&self.key(), Some(&self.after(cursor)), limit)?;
        let count = old.len();
        for (key, _) in old {
            tx.delete(key);
        }
        Ok(count)
    }
}

fn position(suffix: &[u8]) -> Result<Position> {
    let damaged = || Error::Damaged("a log entry's key is cut short".into());
    let (commit, index) = suffix.split_first_chunk::<8>().ok_or_else(damaged)?;
    let index = index.try_into().map_err(|_| damaged())?;
    Ok(Position {
        commit: u64::from_be_bytes(*commit),
        index: u32::from_be_bytes(index),
    })
}

/// Bells that committed transactions ring, by the prefix of the log or timer set that they touched.
#[derive(Default)]
pub(crate) struct Wakes {
    bells: Mutex<HashMap<Vec<u8>, watch::Sender<u64>>>,
}

impl Wakes {
    pub(crate) fn listen(&self, prefix: &[u8]) -> watch::Receiver<u64> {
        self.bells
            .lock()
            .entry(prefix.to_vec())
            .or_insert_with(|| watch::Sender::new(0))
            .subscribe()
    }

    /// Done by the back end and not by whoever wrote: the writer may have stopped waiting for its commit.
    pub(crate) fn ring(&self, mut prefixes: Vec<Vec<u8>>) {
        if prefixes.is_empty() {
            return;
        }
        prefixes.sort();
        prefixes.dedup();
        let bells = self.bells.lock();
        for bell in prefixes.iter().filter_map(|prefix| bells.get(prefix)) {
            bell.send_modify(|count| *count += 1);
        }
    }
}
