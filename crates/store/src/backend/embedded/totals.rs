use std::collections::{BTreeSet, HashMap};

use super::tree::Tree;
use crate::backend::Row;
use crate::{Result, sums};

/// Sums that are remembered, so that adding to one does not read it from the tree each time.
const MOST: usize = 4_096;

/// What sums come to with all commits that were decided, written or not.
#[derive(Default)]
pub(super) struct Totals {
    known: HashMap<Vec<u8>, Vec<i64>>,
    /// Those of which this group's commits changed something.
    changed: BTreeSet<Vec<u8>>,
}

impl Totals {
    pub(super) fn add(&mut self, tree: &Tree, key: Vec<u8>, by: &[i64]) -> Result<()> {
        if let Some(known) = self.known.get_mut(&key) {
            sums::add(known, by);
        } else {
            let stored = tree.newest(&key)?;
            let mut known = match stored {
                Some(stored) => sums::decode(&stored)?,
                None => Vec::new(),
            };
            sums::add(&mut known, by);
            self.known.insert(key.clone(), known);
        }
        self.changed.insert(key);
        Ok(())
    }

    /// Notes that a commit removes this row, whatever it is.
    pub(super) fn removed(&mut self, key: &[u8]) {
        if let Some(known) = self.known.get_mut(key) {
            known.clear();
            self.changed.remove(key);
        }
    }

    /// What the group's commits have made of sums.
    pub(super) fn rows(&mut self) -> Vec<Row> {
        let changed = std::mem::take(&mut self.changed).into_iter();
        let rows = changed.map(|key| {
            let row = sums::encode(&self.known[&key]);
            (key, row)
        });
        let rows = rows.collect();
        if self.known.len() > MOST {
            self.known.clear();
        }
        rows
    }
}
