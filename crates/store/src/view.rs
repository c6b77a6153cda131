//! Reading: from a snapshot, or from a transaction that also sees its own writes.

use bytes::Bytes;

use crate::Result;
use crate::backend::Snapshot;
use crate::key::KeyRange;

/// A key and its value.
pub type Pair = (Vec<u8>, Bytes);

/// What a [`View`] and a [`crate::Tx`] have in common.
pub trait Read {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>>;

    /// The first `limit` pairs of a range, in key order.
    fn scan(&self, range: &KeyRange, limit: usize) -> Result<Vec<Pair>>;

    /// The last `limit` pairs of a range, greatest key first.
    fn scan_back(&self, range: &KeyRange, limit: usize) -> Result<Vec<Pair>>;
}

/// Everything as it was at one moment.
pub struct View {
    snapshot: Box<dyn Snapshot>,
}

impl View {
    pub(crate) fn new(snapshot: Box<dyn Snapshot>) -> Self {
        Self { snapshot }
    }
}

impl Read for View {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        self.snapshot.get(key)
    }

    fn scan(&self, range: &KeyRange, limit: usize) -> Result<Vec<Pair>> {
        self.snapshot.scan(range, limit)
    }

    fn scan_back(&self, range: &KeyRange, limit: usize) -> Result<Vec<Pair>> {
        self.snapshot.scan_back(range, limit)
    }
}
