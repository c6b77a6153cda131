//! A transaction while it is being decided.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::backend::{Added, Append, Commit, Reads, Snapshot};
use crate::front::front_range;
use crate::kept::Shared;
use crate::key::{Key, KeyRange};
use crate::view::{self, Decode, Pair, Read};
use crate::{Durability, Result, sums};

/// A snapshot, what was read from it, and what is to be written over it.
pub struct Tx {
    shared: Arc<crate::Shared>,
    /// Taken at the first read: most small writes need none, and taking one is a good part of their cost.
    snapshot: OnceCell<Box<dyn Snapshot>>,
    reads: RefCell<Reads>,
    writes: BTreeMap<Vec<u8>, Option<Bytes>>,
    appends: Vec<Append>,
    stamped: Vec<(Vec<u8>, Vec<u8>)>,
    timers: Vec<Vec<u8>>,
    added: Vec<Added>,
}

impl Tx {
    pub(crate) fn begin(shared: Arc<crate::Shared>) -> Self {
        Self {
            shared,
            snapshot: OnceCell::new(),
            reads: RefCell::default(),
            writes: BTreeMap::new(),
            appends: Vec::new(),
            stamped: Vec::new(),
            timers: Vec::new(),
            added: Vec::new(),
        }
    }

    pub(crate) fn into_commit(self, durability: Durability) -> Commit {
        Commit {
            // Without a snapshot nothing was read, so nothing can be stale.
            read_version: self.snapshot.get().map_or(0, |snapshot| snapshot.version()),
            reads: self.reads.into_inner(),
            writes: self.writes,
            appends: self.appends,
            stamped: self.stamped,
            timers: self.timers,
            added: self.added,
            durability,
        }
    }

    pub fn put(&mut self, key: Vec<u8>, value: impl Into<Bytes>) {
        self.unstamp(&key);
        self.writes.insert(key, Some(value.into()));
    }

    pub fn delete(&mut self, key: Vec<u8>) {
        self.unstamp(&key);
        self.writes.insert(key, None);
    }

    /// As [`Tx::put`], but what is stored ends in the number of the commit (eight bytes, the most significant first):
    /// for whoever must find out later where what it appended to a log has come to be. Within the transaction the value
    /// is read without it.
    pub fn put_stamped(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.unstamp(&key);
        self.writes.insert(key.clone(), Some(value.clone().into()));
        self.stamped.push((key, value));
    }

    /// The last write of a key counts, with or without a number.
    fn unstamp(&mut self, key: &[u8]) {
        self.stamped.retain(|(stamped, _)| stamped != key);
    }

    /// Adds the entry and returns how many this transaction has appended before it.
    pub(crate) fn append(&mut self, prefix: Vec<u8>, value: Bytes) -> u32 {
        let index = u32::try_from(self.appends.len()).unwrap_or(u32::MAX);
        self.appends.push(Append { prefix, value });
        index
    }

    /// Adds to sums, which are not to be read here. See [`crate::Sums`].
    pub(crate) fn add(&mut self, key: Vec<u8>, by: &[i64]) {
        // Most transactions add to one or two.
        match self.added.iter_mut().find(|(known, _)| *known == key) {
            Some((_, sums)) => sums::add(sums, by),
            None => self.added.push((key, by.to_vec())),
        }
    }

    pub(crate) fn ring(&mut self, timers: Vec<u8>) {
        self.timers.push(timers);
    }

    fn snapshot(&self) -> Result<&dyn Snapshot> {
        if let Some(snapshot) = self.snapshot.get() {
            return Ok(snapshot.as_ref());
        }
        let snapshot = self.shared.backend.snapshot()?;
        Ok(self.snapshot.get_or_init(|| snapshot).as_ref())
    }

    /// Walks a range forwards or backwards, laying this transaction's writes over the snapshot.
    /// `stored` looks up as many pairs of the snapshot as it is told.
    fn merged(
        &self,
        range: &KeyRange,
        limit: usize,
        back: bool,
        stored: impl FnOnce(&dyn Snapshot, usize) -> Result<Vec<Pair>>,
    ) -> Result<Vec<Pair>> {
        if range.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        let mut own: Vec<(&Vec<u8>, &Option<Bytes>)> = self
            .writes
            .range(range.start.clone()..range.end.clone())
            .collect();
        // Each deletion of ours may hide one stored pair, so that many more are asked for.
        let hidden = own.iter().filter(|(_, value)| value.is_none()).count();
        let ask = limit.saturating_add(hidden);
        let stored = stored(self.snapshot()?, ask)?;
        if back {
            own.reverse();
        }
        let before = |a: &[u8], b: &[u8]| if back { a > b } else { a < b };
        let mut pairs: Vec<Pair> = Vec::with_capacity(stored.len().min(limit));
        let mut own = own.into_iter().peekable();
        let mut stored = stored.into_iter().peekable();
        while pairs.len() < limit {
            match (own.peek(), stored.peek()) {
                (None, None) => break,
                (Some(_), None) => push_own(&mut pairs, own.next()),
                (None, Some(_)) => pairs.extend(stored.next()),
                (Some((mine, _)), Some((theirs, _))) => {
                    if before(theirs, mine) {
                        pairs.extend(stored.next());
                    } else {
                        if theirs == *mine {
                            stored.next();
                        }
                        push_own(&mut pairs, own.next());
                    }
                }
            }
        }
        self.reads
            .borrow_mut()
            .ranges
            .push(seen(range, &pairs, limit, back));
        Ok(pairs)
    }
}

fn push_own(pairs: &mut Vec<Pair>, own: Option<(&Vec<u8>, &Option<Bytes>)>) {
    if let Some((key, Some(value))) = own {
        pairs.push((key.clone(), value.clone()));
    }
}

/// The part of `range` that the answer depends on: up to the last pair, or all of it when the pairs ran out.
fn seen(range: &KeyRange, pairs: &[Pair], limit: usize, back: bool) -> KeyRange {
    match pairs.last() {
        Some((last, _)) if pairs.len() == limit && back => range.clone().from(last),
        Some((last, _)) if pairs.len() == limit => {
            let mut end = last.clone();
            end.push(0x00);
            range.clone().before(&end)
        }
        _ => range.clone(),
    }
}

impl Read for Tx {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        if let Some(own) = self.writes.get(key) {
            return Ok(own.clone());
        }
        self.reads.borrow_mut().keys.push(key.to_vec());
        self.snapshot()?.get(key)
    }

    fn scan(&self, range: &KeyRange, limit: usize) -> Result<Vec<Pair>> {
        self.merged(range, limit, false, |snapshot, ask| {
            snapshot.scan(range, ask)
        })
    }

    fn scan_front(&self, prefix: &Key, end: Option<&[u8]>, limit: usize) -> Result<Vec<Pair>> {
        self.merged(&front_range(prefix, end), limit, false, |snapshot, ask| {
            self.shared.known.fronts.scan(snapshot, prefix, end, ask)
        })
    }

    fn scan_back(&self, range: &KeyRange, limit: usize) -> Result<Vec<Pair>> {
        self.merged(range, limit, true, |snapshot, ask| {
            snapshot.scan_back(range, ask)
        })
    }

    fn get_shared(&self, key: &[u8], decode: Decode) -> Result<Option<Shared>> {
        if let Some(own) = self.writes.get(key) {
            return own.as_deref().map(decode).transpose();
        }
        self.reads.borrow_mut().keys.push(key.to_vec());
        view::shared(&self.shared.known, self.snapshot()?, key, decode)
    }

    fn get_recent(&self, key: &[u8]) -> Result<Option<Bytes>> {
        if let Some(own) = self.writes.get(key) {
            return Ok(own.clone());
        }
        self.reads.borrow_mut().keys.push(key.to_vec());
        view::recent(&self.shared.known, self.snapshot()?, key)
    }
}
