use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;

use fjall::Snapshot;
use parking_lot::{Mutex, RwLock};

use super::counter::Counter;
use super::failure::Failure;
use super::group::Group;
use crate::backend::Version;
use crate::log::Wakes;
use crate::{Durability, Result};

/// What readers see.
#[derive(Clone)]
pub(super) struct Shown {
    pub(super) snapshot: Arc<Snapshot>,
    /// Of the last commit in it.
    pub(super) version: Version,
}

/// Syncs all that was written before it is called.
pub(super) type Sync = Box<dyn FnMut() -> io::Result<()> + Send>;

/// Makes written groups durable, and only then shows them and answers.
pub(super) struct Syncer {
    pub(super) journal: Sync,
    pub(super) counter: Counter,
    /// Up to where everything is known to be on the disk.
    pub(super) synced: Version,
    /// A sync failed. None is tried after that: the kernel has forgotten what it could not write.
    pub(super) broken: bool,
    pub(super) shown: Arc<RwLock<Shown>>,
    pub(super) failure: Arc<Failure>,
    pub(super) wakes: Arc<Wakes>,
}

/// Settles groups while the committer writes the next.
pub(super) fn run(syncer: &Mutex<Syncer>, groups: &Receiver<Group>, unsettled: &AtomicUsize) {
    while let Ok(first) = groups.recv() {
        let mut together = vec![first];
        together.extend(groups.try_iter());
        let count = together.len();
        syncer.lock().settle(together);
        unsettled.fetch_sub(count, Ordering::AcqRel);
    }
}

impl Syncer {
    /// In the order in which they were written, with one sync.
    pub(super) fn settle(&mut self, mut groups: Vec<Group>) {
        let synced = self.sync(&groups);
        if synced.is_ok() {
            self.show(&mut groups);
        }
        for group in groups {
            let outcome = group.written.clone().and_then(|()| synced.clone());
            group.answer(&outcome);
        }
    }

    fn sync(&mut self, groups: &[Group]) -> Result<()> {
        let mut written = groups.iter().filter(|group| group.written.is_ok());
        let Some(last) = written.clone().map(|group| group.last).max() else {
            return Ok(());
        };
        if self.broken {
            return self.failure.check();
        }
        let wanted = written.any(|group| group.durability == Durability::Synced);
        let nothing_new = self.synced == last && self.synced > 0;
        if !wanted || nothing_new {
            return Ok(());
        }
        if let Err(cause) = (self.journal)() {
            self.broken = true;
            return Err(self.failure.note(&cause));
        }
        self.synced = last;
        self.counter.note(last);
        Ok(())
    }

    fn show(&self, groups: &mut [Group]) {
        let newest = groups.iter_mut().rev().find_map(|group| {
            let snapshot = group.snapshot.take()?;
            Some((snapshot, group.last))
        });
        if let Some((snapshot, version)) = newest {
            let snapshot = Arc::new(snapshot);
            *self.shown.write() = Shown { snapshot, version };
        }
        let bells = groups
            .iter_mut()
            .flat_map(|group| std::mem::take(&mut group.bells));
        self.wakes.ring(bells.collect());
    }
}
