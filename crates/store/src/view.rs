//! Reading: from a snapshot, or from a transaction that also sees its own writes.

use std::sync::Arc;

use bytes::Bytes;

use crate::Result;
use crate::backend::Snapshot;
use crate::front::Fronts;
use crate::key::{Key, KeyRange};

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
}

/// Everything as it was at one moment.
pub struct View {
    snapshot: Box<dyn Snapshot>,
    fronts: Arc<Fronts>,
}

impl View {
    pub(crate) fn new(snapshot: Box<dyn Snapshot>, fronts: Arc<Fronts>) -> Self {
        Self { snapshot, fronts }
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
        self.fronts.scan(self.snapshot.as_ref(), prefix, end, limit)
    }

    fn scan_back(&self, range: &KeyRange, limit: usize) -> Result<Vec<Pair>> {
        self.snapshot.scan_back(range, limit)
    }
}
