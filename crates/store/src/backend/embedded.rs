//! The embedded back end: a log-structured tree, and one committer thread in front of it.
//!
//! The tree holds its journal's lock across a sync, so callers that each commit by themselves pay one sync each. Here one
//! thread takes whatever waits, checks it against what was written since each transaction's snapshot, and writes it as
//! one batch with one sync. A batch is visible only once it is synced, so nobody reads what a power cut could undo.
//!
//! Every batch stores the number of its last commit. The same number goes, unsynced, into the file `commits` beside the
//! tree; it can lag but never lead. A tree that opens with less than that file says has lost acknowledged writes (a
//! journal damaged in the middle looks just like a shorter one), and is refused.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use base::Stopwatch;
use bytes::Bytes;
use fjall::{Database, KeyspaceCreateOptions, PersistMode, Readable};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::conflicts::Conflicts;
use super::{Backend, Commit, Committed, Snapshot, Version};
use crate::key::{Key, KeyRange};
use crate::keyspace::Keyspace;
use crate::known::Known;
use crate::log::Wakes;
use crate::view::Pair;
use crate::{Durability, Error, Result};

/// How many transactions may share one sync. Enough for any number of waiters seen; the bound keeps one batch from
/// growing while the disk stalls.
const MOST_IN_A_BATCH: usize = 512;
/// How many transactions may wait for the committer before their senders do.
const MOST_WAITING: usize = 4_096;
/// However slow the disk, nobody is kept waiting for company longer than this.
const MOST_PATIENCE: Duration = Duration::from_millis(1);
/// Memory for blocks of the tree. Filled only as it is read.
const CACHE_BYTES: u64 = 64 << 20;
/// What opening after a crash may have to replay.
const JOURNAL_BYTES: u64 = 128 << 20;

const COMMITTED: u8 = 0;

pub(crate) struct Embedded {
    tree: Tree,
    /// The newest commit that snapshots are sure to see.
    visible: Arc<AtomicU64>,
    failure: Arc<Mutex<Option<Error>>>,
    work: Option<SyncSender<Work>>,
    committer: Option<thread::JoinHandle<()>>,
}

#[derive(Clone)]
struct Tree {
    database: Database,
    keys: fjall::Keyspace,
}

enum Work {
    Commit(Commit, oneshot::Sender<Result<()>>),
    Sync(oneshot::Sender<Result<()>>),
}

impl Embedded {
    pub(crate) fn open(dir: &Path, wakes: Arc<Wakes>, known: Arc<Known>) -> Result<Self> {
        std::fs::create_dir_all(dir).map_err(|cause| Error::io("create the data folder", cause))?;
        let tree = Tree::open(&dir.join("tree"))?;
        let committed = tree.committed()?;
        let counter = Counter::open(dir.join("commits"))?;
        counter.check(committed)?;

        let visible = Arc::new(AtomicU64::new(committed));
        let failure = Arc::new(Mutex::new(None));
        let (work, waiting) = sync_channel(MOST_WAITING);
        let committer = Committer {
            tree: tree.clone(),
            counter,
            conflicts: Conflicts::since(committed),
            last: committed,
            // What was found may be in the cache of a process that was killed.
            synced: 0,
            visible: visible.clone(),
            failure: failure.clone(),
            wakes,
            known,
        };
        let committer = thread::Builder::new()
            .name("committer".into())
            .spawn(move || committer.run(&waiting))
            .map_err(|cause| Error::io("start the committer", cause))?;
        Ok(Self {
            tree,
            visible,
            failure,
            work: Some(work),
            committer: Some(committer),
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
            Err(std::sync::mpsc::TrySendError::Full(work)) => Box::pin(async move {
                // Rare: the disk stalls. Waiting belongs on a thread that may block.
                let sent = tokio::task::spawn_blocking(move || sender.send(work).is_ok()).await;
                if !matches!(sent, Ok(true)) {
                    return Err(stopped());
                }
                done.await.unwrap_or_else(|_| Err(stopped()))
            }),
            Err(std::sync::mpsc::TrySendError::Disconnected(_)) => {
                Box::pin(std::future::ready(Err(stopped())))
            }
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        // Closing the channel ends the committer once it has done all that waits.
        self.work = None;
        if let Some(committer) = self.committer.take()
            && committer.join().is_err()
        {
            tracing::error!("the committer panicked");
        }
    }
}

impl Backend for Embedded {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>> {
        // In this order: the snapshot may see more than its version says, which at worst is a needless conflict.
        let version = self.visible.load(Ordering::Acquire);
        Ok(Box::new(At {
            snapshot: self.tree.database.snapshot(),
            keys: self.tree.keys.clone(),
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
        self.failure.lock().clone()
    }
}

impl Tree {
    fn open(dir: &Path) -> Result<Self> {
        let database = Database::builder(dir)
            .cache_size(CACHE_BYTES)
            .worker_threads(2)
            .max_journaling_size(JOURNAL_BYTES)
            .open()
            .map_err(|cause| match cause {
                fjall::Error::Locked => Error::InUse(dir.display().to_string()),
                other => Error::io("open the store", other),
            })?;
        let keys = database
            .keyspace("keys", KeyspaceCreateOptions::default)
            .map_err(|cause| Error::io("open the keyspace", cause))?;
        Ok(Self { database, keys })
    }

    fn committed(&self) -> Result<Version> {
        last_commit(self.keys.get(committed_key()))
    }
}

fn last_commit(stored: fjall::Result<Option<fjall::UserValue>>) -> Result<Version> {
    let stored = stored.map_err(|cause| Error::io("read the commit counter", cause))?;
    match stored {
        None => Ok(0),
        Some(stored) => {
            let bytes = stored
                .as_ref()
                .try_into()
                .map_err(|_| Error::Damaged("the commit counter does not read".into()))?;
            Ok(Version::from_be_bytes(bytes))
        }
    }
}

fn committed_key() -> Vec<u8> {
    Key::new(Keyspace::Store, COMMITTED).into_vec()
}

/// The file that says how far the tree must at least reach.
struct Counter(File);

impl Counter {
    fn open(path: PathBuf) -> Result<Self> {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path);
        file.map(Self)
            .map_err(|cause| Error::io("open the commit counter", cause))
    }

    fn check(&self, committed: Version) -> Result<()> {
        let mut stored = [0; 16];
        // A new file is empty, and one cut short by a power failure proves nothing.
        if self.0.read_exact_at(&mut stored, 0).is_err() {
            return Ok(());
        }
        let (version, check) = stored.split_at(8);
        if check != checksum(version) {
            return Ok(());
        }
        let counted = Version::from_be_bytes(version.try_into().expect("eight bytes"));
        if committed < counted {
            return Err(Error::Damaged(format!(
                "its journal ends at commit {committed}, but commit {counted} was acknowledged: the file system has lost or changed what was synced"
            )));
        }
        Ok(())
    }

    fn note(&self, version: Version) {
        let version = version.to_be_bytes();
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&version);
        bytes[8..].copy_from_slice(&checksum(&version));
        if let Err(cause) = self.0.write_all_at(&bytes, 0) {
            tracing::warn!(%cause, "the commit counter was not noted; damage to the journal could go unnoticed");
        }
    }
}

fn checksum(bytes: &[u8]) -> [u8; 8] {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, bytes).to_be_bytes()
}

/// The only writer of the tree.
struct Committer {
    tree: Tree,
    counter: Counter,
    conflicts: Conflicts,
    last: Version,
    /// Up to where everything is known to be on the disk.
    synced: Version,
    visible: Arc<AtomicU64>,
    failure: Arc<Mutex<Option<Error>>>,
    wakes: Arc<Wakes>,
    known: Arc<Known>,
}

impl Committer {
    fn run(mut self, waiting: &Receiver<Work>) {
        let mut pace = Pace::default();
        while let Ok(first) = waiting.recv() {
            let works = pace.gather(first, waiting);
            let count = works.len();
            let stopwatch = Stopwatch::start();
            self.batch(works);
            pace.note(count, stopwatch.elapsed());
        }
    }

    fn batch(&mut self, works: Vec<Work>) {
        let failed = self.failure.lock().clone();
        let mut batch = self.tree.database.batch();
        let mut accepted = Vec::with_capacity(works.len());
        let mut refused = Vec::new();
        let mut bells = Vec::new();
        let before = self.last;
        let mut durability = Durability::Buffered;
        for work in works {
            let (commit, done) = match work {
                Work::Commit(commit, done) => (commit, done),
                Work::Sync(done) => {
                    durability = Durability::Synced;
                    accepted.push(done);
                    continue;
                }
            };
            if let Some(error) = &failed {
                answer(done, Err(error.clone()));
            } else if self.conflicts.allow(&commit) {
                self.last += 1;
                if commit.durability == Durability::Synced {
                    durability = Durability::Synced;
                }
                bells.extend(commit.bells());
                let writes = commit.into_writes(self.last);
                self.known.kept.written(self.last, writes.keys());
                let written = writes.into_iter().map(|(key, value)| {
                    let put = value.is_some();
                    match value {
                        Some(value) => {
                            batch.insert(&self.tree.keys, key.as_slice(), value.as_ref());
                        }
                        None => batch.remove(&self.tree.keys, key.as_slice()),
                    }
                    (key, put)
                });
                // Also against the rest of this very batch.
                self.conflicts.remember(self.last, written);
                accepted.push(done);
            } else {
                refused.push(done);
            }
        }
        let outcome = match failed {
            Some(error) => Err(error),
            None => {
                let puts = self.conflicts.puts_since(before);
                self.known.fronts.lower(self.last, puts);
                self.apply(batch, durability)
            }
        };
        if outcome.is_ok() {
            self.wakes.ring(bells);
        }
        for done in accepted {
            answer(done, outcome.clone());
        }
        // Only now: run again earlier, they would read what they have just conflicted over.
        for done in refused {
            answer(done, Err(Error::Conflict));
        }
    }

    fn apply(&mut self, mut batch: fjall::OwnedWriteBatch, durability: Durability) -> Result<()> {
        let applied = if batch.is_empty() && self.synced == self.last && self.synced > 0 {
            // Nothing but requests to sync, and nothing to sync.
            Ok(())
        } else if batch.is_empty() {
            self.tree.database.persist(PersistMode::SyncData)
        } else {
            batch.insert(&self.tree.keys, committed_key(), self.last.to_be_bytes());
            let mode = match durability {
                Durability::Synced => PersistMode::SyncData,
                Durability::Buffered => PersistMode::Buffer,
            };
            batch.durability(Some(mode)).commit()
        };
        match applied {
            Ok(()) => {
                self.visible.store(self.last, Ordering::Release);
                if durability == Durability::Synced && self.synced < self.last {
                    self.synced = self.last;
                    self.counter.note(self.last);
                }
                Ok(())
            }
            Err(cause) => {
                // After a failed sync nobody knows what is on the disk: only a restart, which reads it, does.
                let error = Error::Failed(cause.to_string());
                tracing::error!(%cause, "a commit failed; the store takes no more writes until it is restarted");
                *self.failure.lock() = Some(error.clone());
                Err(error)
            }
        }
    }
}

/// How long to wait for company.
///
/// Those who were answered together come back together, a few microseconds apart. Taking only the first of them would
/// spend a whole sync on it while the others wait; so up to a quarter of the last sync's time is spent on letting as many
/// gather as there were the last time. A lone writer waits for nobody.
#[derive(Default)]
struct Pace {
    expected: usize,
    patience: Duration,
}

impl Pace {
    fn gather(&self, first: Work, waiting: &Receiver<Work>) -> Vec<Work> {
        let mut works = Vec::with_capacity(self.expected.max(1));
        works.push(first);
        let stopwatch = Stopwatch::start();
        while works.len() < MOST_IN_A_BATCH {
            let work = match waiting.try_recv() {
                Ok(work) => work,
                Err(_) if works.len() >= self.expected => break,
                Err(_) => {
                    let left = self.patience.saturating_sub(stopwatch.elapsed());
                    if left.is_zero() {
                        break;
                    }
                    // Not `recv_timeout`, or each of them would have to wake us.
                    thread::park_timeout(left);
                    continue;
                }
            };
            works.push(work);
        }
        works
    }

    fn note(&mut self, count: usize, took: Duration) {
        self.expected = count;
        self.patience = (took / 4).min(MOST_PATIENCE);
    }
}

fn answer(done: oneshot::Sender<Result<()>>, outcome: Result<()>) {
    // Whoever asked may have gone away; the commit stands all the same.
    let _ = done.send(outcome);
}

struct At {
    snapshot: fjall::Snapshot,
    keys: fjall::Keyspace,
    version: Version,
}

impl Snapshot for At {
    fn version(&self) -> Version {
        self.version
    }

    fn newest(&self) -> Result<Version> {
        last_commit(self.snapshot.get(&self.keys, committed_key()))
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
