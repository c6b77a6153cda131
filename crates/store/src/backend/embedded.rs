//! The embedded back end: a log-structured tree, a committer that alone writes to it, and a syncer.
//!
//! The tree holds its journal's lock across a sync, so callers that each commit by themselves pay one sync each. Here the
//! committer takes whatever waits, checks it against what was written since each transaction's snapshot, and writes it as
//! one batch, a *group*; the syncer makes the groups that were written meanwhile durable with one sync, from beside the
//! tree (`journal.rs`), while the committer writes the next one.
//!
//! What is written is in the tree before it is synced, so readers get no snapshots of the tree's own: the committer takes
//! one with each group, and the syncer *shows* it to readers when it is synced. So nobody reads what a power cut could
//! undo, nothing else than buffered commits aside.
//!
//! Every batch stores the number of its last commit. The same number goes, unsynced, into the file `commits` beside the
//! tree; it can lag but never lead. A tree that opens with less than that file says has lost acknowledged writes (a
//! journal damaged in the middle looks just like a shorter one), and is refused. What a power cut left of batches that
//! were never synced is no such loss, and cut off (`mend.rs`).

mod committer;
mod counter;
mod failure;
mod group;
mod journal;
mod mend;
mod syncer;
mod totals;
mod tree;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use fjall::Readable;
use parking_lot::{Mutex, RwLock};
use tokio::sync::oneshot;

use super::conflicts::Conflicts;
use super::{Backend, Commit, Committed, Snapshot, Version};
use crate::key::KeyRange;
use crate::known::Known;
use crate::log::Wakes;
use crate::view::Pair;
use crate::{Error, Result};
use committer::Committer;
use counter::Counter;
use failure::Failure;
use group::Work;
use journal::Journal;
use syncer::{Shown, Syncer};
use totals::Totals;
use tree::Tree;

const TREE: &str = "tree";
/// How many transactions may wait for the committer before their senders do.
const MOST_WAITING: usize = 4_096;
/// How many groups may wait for the syncer before the committer does. All of them share its next sync, so that what comes
/// during one sync waits for no more than the next.
const MOST_UNSYNCED: usize = 64;

pub(crate) struct Embedded {
    keys: fjall::Keyspace,
    shown: Arc<RwLock<Shown>>,
    failure: Arc<Failure>,
    work: Option<SyncSender<Work>>,
    /// In the order in which they end.
    threads: Vec<JoinHandle<()>>,
}

impl Embedded {
    pub(crate) fn open(dir: &Path, wakes: Arc<Wakes>, known: Arc<Known>) -> Result<Self> {
        let mut journal = Journal::of(&dir.join(TREE));
        Self::open_with(dir, wakes, known, Box::new(move || journal.sync()))
    }

    fn open_with(
        dir: &Path,
        wakes: Arc<Wakes>,
        known: Arc<Known>,
        journal: syncer::Sync,
    ) -> Result<Self> {
        std::fs::create_dir_all(dir).map_err(|cause| Error::io("create the data folder", cause))?;
        let tree = open_tree(dir)?;
        let committed = tree.committed()?;
        let counter = Counter::open(dir.join("commits"))?;
        counter.check(committed)?;

        let shown = Arc::new(RwLock::new(Shown {
            snapshot: Arc::new(tree.snapshot()),
            version: committed,
        }));
        let failure = Arc::new(Failure::default());
        let syncer = Syncer {
            journal,
            counter,
            // What was found may be in the cache of a process that was killed.
            synced: 0,
            broken: false,
            shown: shown.clone(),
            failure: failure.clone(),
            wakes,
        };
        let keys = tree.keys.clone();
        let (work, waiting) = sync_channel(MOST_WAITING);
        let committer = |groups, syncer, unsettled| Committer {
            tree,
            conflicts: Conflicts::since(committed),
            totals: Totals::default(),
            last: committed,
            failure: failure.clone(),
            known,
            syncer,
            groups,
            unsettled,
        };
        let threads = start(syncer, committer, waiting)?;
        Ok(Self {
            keys,
            shown,
            failure,
            work: Some(work),
            threads,
        })
    }

    fn send(&self, work: Work, done: oneshot::Receiver<Result<()>>) -> Committed {
        let Some(sender) = self.work.clone() else {
            return Box::pin(std::future::ready(Err(Error::Failed(
                "the store is closed".into(),
            ))));
        };
        let stopped = || Error::Failed("the committer has stopped".into());
        match sender.try_send(work) {
            Ok(()) => Box::pin(async move { done.await.unwrap_or_else(|_| Err(stopped())) }),
            Err(TrySendError::Full(work)) => Box::pin(async move {
                // Rare: the disk stalls. Waiting belongs on a thread that may block.
                let sent = tokio::task::spawn_blocking(move || sender.send(work).is_ok()).await;
                if !matches!(sent, Ok(true)) {
                    return Err(stopped());
                }
                done.await.unwrap_or_else(|_| Err(stopped()))
            }),
            Err(TrySendError::Disconnected(_)) => Box::pin(std::future::ready(Err(stopped()))),
        }
    }
}

/// Opens the tree of this folder, without what a power cut left half written.
fn open_tree(dir: &Path) -> Result<Tree> {
    let path = dir.join(TREE);
    let damage = match Tree::open(&path)? {
        Ok(tree) => return Ok(tree),
        Err(damage) => damage,
    };
    let cut = mend::cut(&path, dir).map_err(|cause| Error::io("mend the journal", cause))?;
    if let Some(kept) = cut {
        let kept = kept.display();
        tracing::warn!(%damage, %kept, "the end of the journal does not read and was cut off");
    }
    let still = |damage| Error::io("open the store", damage);
    Tree::open(&path)?.map_err(still)
}

/// Starts the two threads; they end one after the other when nobody can send any more work.
fn start(
    syncer: Syncer,
    committer: impl FnOnce(SyncSender<group::Group>, Arc<Mutex<Syncer>>, Arc<AtomicUsize>) -> Committer,
    waiting: Receiver<Work>,
) -> Result<Vec<JoinHandle<()>>> {
    let (groups, written) = sync_channel(MOST_UNSYNCED);
    let (syncer, unsettled) = (Arc::new(Mutex::new(syncer)), Arc::new(AtomicUsize::new(0)));
    let committer = committer(groups, syncer.clone(), unsettled.clone());
    let committer = spawn("committer", move || committer.run(&waiting))?;
    let syncer = spawn("syncer", move || syncer::run(&syncer, &written, &unsettled))?;
    Ok(vec![committer, syncer])
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let named = thread::Builder::new().name(name.to_owned());
    let started = named.spawn(run);
    started.map_err(|cause| Error::io("start a thread of the store", cause))
}

impl Drop for Embedded {
    fn drop(&mut self) {
        // Closing the channel ends the committer once it has done all that waits, and the syncer after it.
        self.work = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the store panicked");
            }
        }
    }
}

impl Backend for Embedded {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>> {
        let Shown { snapshot, version } = self.shown.read().clone();
        Ok(Box::new(At {
            snapshot,
            keys: self.keys.clone(),
            version,
        }))
    }

    fn commit(&self, commit: Commit) -> Committed {
        let (done, wait) = oneshot::channel();
        self.send(Work::Commit(commit, done), wait)
    }

    fn sync(&self) -> Committed {
        let (done, wait) = oneshot::channel();
        self.send(Work::Sync(done), wait)
    }

    fn failure(&self) -> Option<Error> {
        self.failure.get()
    }
}

struct At {
    snapshot: Arc<fjall::Snapshot>,
    keys: fjall::Keyspace,
    version: Version,
}

impl Snapshot for At {
    fn version(&self) -> Version {
        self.version
    }

    fn newest(&self) -> Result<Version> {
        // It was taken between two groups, and of this one the version is the last.
        Ok(self.version)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        let value = self
            .snapshot
            .get(&self.keys, key)
            .map_err(|cause| Error::io("read", cause))?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn scan(&self, range: &KeyRange, limit: usize) -> Result<Vec<Pair>> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        self.snapshot
            .range(&self.keys, range.start.as_slice()..range.end.as_slice())
            .take(limit)
            .map(pair)
            .collect()
    }

    fn scan_back(&self, range: &KeyRange, limit: usize) -> Result<Vec<Pair>> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        self.snapshot
            .range(&self.keys, range.start.as_slice()..range.end.as_slice())
            .rev()
            .take(limit)
            .map(pair)
            .collect()
    }
}

fn pair(guard: fjall::Guard) -> Result<Pair> {
    let (key, value) = guard
        .into_inner()
        .map_err(|cause| Error::io("scan", cause))?;
    Ok((key.to_vec(), Bytes::copy_from_slice(&value)))
}
