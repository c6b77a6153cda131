use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};

use fjall::{OwnedWriteBatch, UserKey};
use parking_lot::Mutex;

use super::failure::Failure;
use super::group::{Answer, Group, Work};
use super::syncer::Syncer;
use super::totals::Totals;
use super::tree::Tree;
use crate::Durability;
use crate::backend::conflicts::Conflicts;
use crate::backend::{Commit, Version};
use crate::known::Known;

/// How many transactions may share one sync. Enough for any number of waiters seen; the bound keeps one batch from
/// growing while the disk stalls.
const MOST_IN_A_GROUP: usize = 512;

/// The only writer of the tree: checks what waits, writes what may be, and hands it on to be synced.
pub(super) struct Committer {
    pub(super) tree: Tree,
    pub(super) conflicts: Conflicts<UserKey>,
    pub(super) totals: Totals,
    pub(super) last: Version,
    pub(super) failure: Arc<Failure>,
    pub(super) known: Arc<Known>,
    pub(super) syncer: Arc<Mutex<Syncer>>,
    /// To the thread that syncs while we go on.
    pub(super) groups: SyncSender<Group>,
    /// How many groups are on that way.
    pub(super) unsettled: Arc<AtomicUsize>,
}

impl Committer {
    pub(super) fn run(mut self, waiting: &Receiver<Work>) {
        while let Ok(first) = waiting.recv() {
            let works = gather(first, waiting);
            let is_alone = works.len() == 1;
            let group = self.write(works);
            self.hand_on(group, is_alone);
        }
    }

    fn hand_on(&self, group: Group, is_alone: bool) {
        // A lone writer needs nobody to sync meanwhile, and would only wait for another thread to wake.
        if is_alone && self.unsettled.load(Ordering::Acquire) == 0 {
            return self.syncer.lock().settle(vec![group]);
        }
        self.unsettled.fetch_add(1, Ordering::AcqRel);
        if let Err(unsent) = self.groups.send(group) {
            self.syncer.lock().settle(vec![unsent.0]);
        }
    }

    fn write(&mut self, works: Vec<Work>) -> Group {
        let mut group = Group {
            last: self.last,
            snapshot: None,
            durability: Durability::Buffered,
            bells: Vec::new(),
            accepted: Vec::with_capacity(works.len()),
            refused: Vec::new(),
            written: self.failure.check(),
        };
        let mut batch = self.tree.batch(2 * works.len());
        for work in works {
            match work {
                Work::Sync(done) => {
                    group.durability = Durability::Synced;
                    group.accepted.push(done);
                }
                Work::Commit(_, done) if group.written.is_err() => group.accepted.push(done),
                Work::Commit(commit, done) => self.decide(commit, done, &mut batch, &mut group),
            }
        }
        if self.last > group.last && group.written.is_ok() {
            self.write_batch(batch, &mut group);
        }
        group
    }

    /// Adds the commit to the batch unless what it read has changed, be it by this very batch.
    fn decide(
        &mut self,
        mut commit: Commit,
        done: Answer,
        batch: &mut OwnedWriteBatch,
        group: &mut Group,
    ) {
        if !self.conflicts.allow(&commit) {
            return group.refused.push(done);
        }
        group.accepted.push(done);
        for (key, by) in std::mem::take(&mut commit.added) {
            if let Err(cause) = self.totals.add(&self.tree, key, &by) {
                group.written = Err(self.failure.note(&cause));
            }
        }
        if commit.durability == Durability::Synced {
            group.durability = Durability::Synced;
        }
        commit.bells(&mut group.bells);
        self.last += 1;
        let rows = commit.into_rows(self.last);
        let told = rows.iter().map(|(key, value)| (key.as_slice(), value));
        self.known.written(self.last, told);
        let (totals, tree) = (&mut self.totals, &self.tree);
        let written = rows.into_iter().map(|(key, value)| {
            let (key, put) = (UserKey::from(key), value.is_some());
            match value {
                Some(value) => batch.insert(&tree.keys, key.clone(), value.as_ref()),
                None => {
                    totals.removed(&key);
                    batch.remove(&tree.keys, key.clone());
                }
            }
            (key, put)
        });
        self.conflicts.remember(self.last, written);
    }

    fn write_batch(&mut self, mut batch: OwnedWriteBatch, group: &mut Group) {
        for (key, value) in self.totals.rows() {
            match value {
                Some(value) => batch.insert(&self.tree.keys, key, value.as_ref()),
                None => batch.remove(&self.tree.keys, key),
            }
        }
        let puts = self.conflicts.puts_since(group.last);
        self.known.fronts.lower(self.last, puts);
        group.last = self.last;
        match self.tree.write(batch, self.last) {
            Ok(()) => group.snapshot = Some(self.tree.snapshot()),
            Err(cause) => group.written = Err(self.failure.note(&cause)),
        }
    }
}

/// All that waits by now. More gathers while that is written and what was before it is synced.
fn gather(first: Work, waiting: &Receiver<Work>) -> Vec<Work> {
    let mut works = vec![first];
    works.extend(waiting.try_iter().take(MOST_IN_A_GROUP - 1));
    works
}
