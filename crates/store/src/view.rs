//! Reading: from a snapshot, or from a transaction that also sees its own writes.

use std::sync::Arc;

use bytes::Bytes;

use crate::Result;
use crate::backend::Snapshot;
use crate::kept::Shared;
use crate::key::{Key, KeyRange};
use crate::known::Known;

/// A key and its value.
pub type Pair = (Vec<u8>, Bytes);

/// What a [`View`] and a [`crate::Tx`] have in common.
pub trait Read {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>>;

    /// The first `limit` pairs of a range, in key order.
    fn scan(&self, range: &KeyRange, limit: usize) -> Result<Vec<Pair>>;

    /// The first `limit` pairs whose keys begin with `prefix` and come before `end`: for what is removed from its front,
    /// as a queue is. It answers as [`Read::scan`] does, but without walking over the traces of what was removed.
    ///
    /// No prefix for which this is asked may begin with another one.
    fn scan_front(&self, prefix: &Key, end: Option<&[u8]>, limit: usize) -> Result<Vec<Pair>>;

    /// The last `limit` pairs of a range, greatest key first.
    fn scan_back(&self, range: &KeyRange, limit: usize) -> Result<Vec<Pair>>;

    /// As [`Read::get`], decoded, and shared by all who ask for this key until something is written in its table. See
    /// [`crate::Table::shared`].
    #[doc(hidden)]
    fn get_shared(&self, key: &[u8], decode: Decode) -> Result<Option<Shared>>;

    /// As [`Read::get`], and remembered for a while. See [`crate::Table::recent`].
    #[doc(hidden)]
    fn get_recent(&self, key: &[u8]) -> Result<Option<Bytes>>;
}

/// Makes of a stored value what is shared.
pub(crate) type Decode = fn(&[u8]) -> Result<Shared>;

/// Takes what is kept, or looks it up in the snapshot and keeps it.
pub(crate) fn shared(
    known: &Known,
    snapshot: &dyn Snapshot,
    key: &[u8],
    decode: Decode,
) -> Result<Option<Shared>> {
    let version = snapshot.version();
    if let Some(record) = known.kept.find(key, version) {
        return Ok(Some(record));
    }
    let Some(stored) = snapshot.get(key)? else {
        return Ok(None);
    };
    let record = decode(&stored)?;
    known.kept.keep(key, version, record.clone());
    Ok(Some(record))
}

/// Takes what is remembered, or looks it up in the snapshot and remembers it.
pub(crate) fn recent(known: &Known, snapshot: &dyn Snapshot, key: &[u8]) -> Result<Option<Bytes>> {
    let version = snapshot.version();
    if let Some(value) = known.recent.find(key, version) {
        return Ok(Some(value));
    }
    let stored = snapshot.get(key)?;
    if let Some(value) = &stored {
        known.recent.keep(key, version, value);
    }
    Ok(stored)
}

/// Everything as it was at one moment.
pub struct View {
    snapshot: Box<dyn Snapshot>,
    known: Arc<Known>,
}

impl View {
    pub(crate) fn new(snapshot: Box<dyn Snapshot>, known: Arc<Known>) -> Self {
        Self { snapshot, known }
    }
}

impl Read for View {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        self.snapshot.get(key)
    }

    fn scan(&self, range: &KeyRange, limit: usize) -> Result<Vec<Pair>> {
        self.snapshot.scan(range, limit)
    }

    fn scan_front(&self, prefix: &Key, end: Option<&[u8]>, limit: usize) -> Result<Vec<Pair>> {
        let fronts = &self.known.fronts;
        fronts.scan(self.snapshot.as_ref(), prefix, end, limit)
    }

    fn scan_back(&self, range: &KeyRange, limit: usize) -> Result<Vec<Pair>> {
        self.snapshot.scan_back(range, limit)
    }

    fn get_shared(&self, key: &[u8], decode: Decode) -> Result<Option<Shared>> {
        shared(&self.known, self.snapshot.as_ref(), key, decode)
    }

    fn get_recent(&self, key: &[u8]) -> Result<Option<Bytes>> {
        recent(&self.known, self.snapshot.as_ref(), key)
    }
}
