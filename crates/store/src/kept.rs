//! Records that almost every request needs and that are seldom written, such as what a table of items is: looked up and
//! decoded once, and shared until something is written in their table.
//!
//! # Why nobody is given another than the one in the snapshot
//!
//! What holds at all times is: *a kept record is what every snapshot has that sees at least commit `since`*. So a reader
//! that takes its snapshot first and asks here after is given just what it would find in it, and what a transaction is
//! given counts as read.
//!
//! - The back end tells which keys a commit writes before any of it is visible. All records of their tables go, and
//!   `since` is that commit. A snapshot with the write in it is therefore taken after the old record went.
//! - A reader keeps what it found only if its snapshot is sure to see `since`: an older one may have found what was
//!   written over meanwhile. For the same reason it is given nothing then.
//! - A table from which nothing was kept yet begins with the newest commit that was told: nobody knows what it, or one
//!   before it, wrote.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use crate::backend::Version;

/// How many records of a table are kept. When there are more all go: whoever still needs one brings it again.
const MOST: usize = 1_024;

/// A decoded record; what it is, whoever asks for it knows.
pub(crate) type Shared = Arc<dyn Any + Send + Sync>;

#[derive(Default)]
pub(crate) struct Kept {
    /// The newest commit that was told; it may not be visible yet.
    told: AtomicU64,
    /// By what all keys of a table begin with.
    tables: RwLock<HashMap<[u8; 2], Records>>,
}

struct Records {
    since: Version,
    by_key: HashMap<Vec<u8>, Shared>,
}

impl Kept {
    /// The record at `key` in a snapshot of this version, which was taken before this is asked.
    pub(crate) fn find(&self, key: &[u8], version: Version) -> Option<Shared> {
        let tables = self.tables.read();
        let records = tables.get(&table(key)?)?;
        let sure = version >= records.since;
        records.by_key.get(key).filter(|_| sure).cloned()
    }

    /// Keeps what a snapshot of this version has at `key`.
    pub(crate) fn keep(&self, key: &[u8], version: Version, record: Shared) {
        let Some(table) = table(key) else {
            return;
        };
        let mut tables = self.tables.write();
        let records = tables.entry(table).or_insert_with(|| Records {
            since: self.told.load(Ordering::SeqCst),
            by_key: HashMap::new(),
        });
        if version < records.since {
            return;
        }
        if records.by_key.len() >= MOST {
            records.by_key.clear();
        }
        records.by_key.insert(key.to_vec(), record);
    }

    /// Tells that commit `version` writes these keys. To be called before any of it can be seen, and for each commit.
    pub(crate) fn written<'a>(&self, version: Version, keys: impl Iterator<Item = &'a [u8]>) {
        // Before the look at the tables: one that comes after it begins with this commit.
        self.told.store(version, Ordering::SeqCst);
        let tables = self.tables.read();
        let mut kept: Vec<[u8; 2]> = Vec::new();
        let mut before = None;
        // Those of a table mostly come one after the other.
        for written in keys.filter_map(table) {
            if before.replace(written) != Some(written) && tables.contains_key(&written) {
                kept.push(written);
            }
        }
        drop(tables);
        if kept.is_empty() {
            return;
        }
        let mut tables = self.tables.write();
        for table in kept {
            let by_key = HashMap::new();
            let since = version;
            tables.insert(table, Records { since, by_key });
        }
    }
}

fn table(key: &[u8]) -> Option<[u8; 2]> {
    key.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = &[7, 1, b'a'];

    fn found(kept: &Kept, version: Version) -> Option<u32> {
        let record = kept.find(KEY, version)?;
        record.downcast_ref().copied()
    }

    fn write(kept: &Kept, version: Version, key: &[u8]) {
        kept.written(version, [key].into_iter());
    }

    #[test]
    fn a_record_stays_until_something_is_written_in_its_table() {
        let kept = Kept::default();
        write(&kept, 4, &[7, 1, b'z']);
        kept.keep(KEY, 4, Arc::new(1_u32));
        write(&kept, 5, &[7, 2, b'a']);
        assert_eq!(found(&kept, 4), Some(1));
        assert_eq!(found(&kept, 5), Some(1));
        write(&kept, 6, &[7, 1, b'b']);
        assert_eq!(found(&kept, 6), None);
        kept.keep(KEY, 6, Arc::new(2_u32));
        assert_eq!(found(&kept, 7), Some(2));
    }

    #[test]
    fn a_snapshot_from_before_a_write_neither_brings_nor_gets_a_record() {
        let kept = Kept::default();
        kept.keep(KEY, 0, Arc::new(1_u32));
        write(&kept, 1, KEY);
        kept.keep(KEY, 0, Arc::new(1_u32));
        assert_eq!(found(&kept, 1), None, "it is from before the write");
        kept.keep(KEY, 1, Arc::new(2_u32));
        assert_eq!(found(&kept, 0), None, "it is from after the snapshot");
        assert_eq!(found(&kept, 1), Some(2));
    }

    #[test]
    fn what_was_written_before_anything_was_kept_counts_too() {
        let kept = Kept::default();
        write(&kept, 9, KEY);
        kept.keep(KEY, 8, Arc::new(1_u32));
        assert_eq!(found(&kept, 9), None);
    }

    #[test]
    fn there_is_an_end_to_what_is_kept() {
        let kept = Kept::default();
        for n in 0..u16::try_from(3 * MOST).unwrap() {
            let key = [&[7, 1][..], &n.to_be_bytes()].concat();
            kept.keep(&key, 0, Arc::new(n));
        }
        assert!(kept.tables.read()[&[7, 1]].by_key.len() <= MOST);
    }
}
