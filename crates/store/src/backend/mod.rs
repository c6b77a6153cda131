//! What a back end must do. `tests/suite.rs` is the specification.

mod conflicts;
pub(crate) mod embedded;
pub(crate) mod simulated;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

use crate::key::KeyRange;
use crate::view::Pair;
use crate::{Durability, Error, Result};

/// Counts commits; a snapshot sees those up to its own.
pub(crate) type Version = u64;

pub(crate) type Committed = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

pub(crate) trait Backend: Send + Sync {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>>;

    /// Checks, applies and (unless buffered) syncs; resolves to [`Error::Conflict`] if anything that was read has
    /// changed since the transaction's snapshot.
    fn commit(&self, commit: Commit) -> Committed;

    /// Resolves when all that was committed before is durable.
    fn sync(&self) -> Committed;

    fn failure(&self) -> Option<Error>;
}

/// The state at one version.
pub(crate) trait Snapshot: Send {
    /// Nothing newer than this is promised to be seen.
    fn version(&self) -> Version;
    /// Nothing newer than this is seen.
    fn newest(&self) -> Result<Version>;
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>>;
    fn scan(&self, range: &KeyRange, limit: usize) -> Result<Vec<Pair>>;
    fn scan_back(&self, range: &KeyRange, limit: usize) -> Result<Vec<Pair>>;
}

/// A key and its new value; `None` deletes.
pub(crate) type Row = (Vec<u8>, Option<Bytes>);

/// The key of a row of sums, and what is added to each of them.
pub(crate) type Added = (Vec<u8>, Vec<i64>);

/// All that a transaction wants, and all that must still hold for it to be right.
#[derive(Debug)]
pub(crate) struct Commit {
    pub(crate) read_version: Version,
    pub(crate) reads: Reads,
    /// `None` deletes.
    pub(crate) writes: BTreeMap<Vec<u8>, Option<Bytes>>,
    /// Puts whose keys end in the commit's own place in the order of all commits.
    pub(crate) appends: Vec<Append>,
    /// Puts whose values end in the commit's number; the writes have them without it.
    pub(crate) stamped: Vec<(Vec<u8>, Vec<u8>)>,
    /// Timer sets that were touched; rung, like the logs appended to, once the commit is visible.
    pub(crate) timers: Vec<Vec<u8>>,
    /// Sums, none of them twice, and what is added to them.
    pub(crate) added: Vec<Added>,
    pub(crate) durability: Durability,
}

#[derive(Debug)]
pub(crate) struct Append {
    pub(crate) prefix: Vec<u8>,
    pub(crate) value: Bytes,
}

#[derive(Debug, Default)]
pub(crate) struct Reads {
    pub(crate) keys: Vec<Vec<u8>>,
    pub(crate) ranges: Vec<KeyRange>,
}

impl Commit {
    pub(crate) fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.appends.is_empty() && self.added.is_empty()
    }

    /// Adds the bells to ring once it is visible: of the logs it appends to and the timer sets it touches.
    pub(crate) fn bells(&self, bells: &mut Vec<Vec<u8>>) {
        let logs = self.appends.iter().map(|append| &append.prefix);
        for bell in logs.chain(&self.timers) {
            // Most transactions touch one log, if often.
            if bells.last() != Some(bell) {
                bells.push(bell.clone());
            }
        }
    }

    /// What it writes, with the appends' keys and the stamps filled in, for the commit numbered `version`. No key is there
    /// twice.
    pub(crate) fn into_rows(mut self, version: Version) -> Vec<Row> {
        for (key, mut value) in self.stamped {
            value.extend_from_slice(&version.to_be_bytes());
            self.writes.insert(key, Some(value.into()));
        }
        let mut rows: Vec<Row> = Vec::with_capacity(self.writes.len() + self.appends.len());
        rows.extend(self.writes);
        for (index, append) in (0_u32..).zip(self.appends) {
            let mut key = append.prefix;
            key.extend_from_slice(&version.to_be_bytes());
            key.extend_from_slice(&index.to_be_bytes());
            rows.push((key, Some(append.value)));
        }
        rows
    }
}
