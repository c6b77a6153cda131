//! The one durable store: ordered keys, serializable transactions, change logs, timers, and large bodies beside them.
//!
//! Everything that Fulmar must remember is here, and nothing here knows what it means. A [`Store`] is a cheap handle
//! over a back end; the back ends are embedded (a log-structured tree and our own committer) and simulated (in memory,
//! which also serves `--ephemeral`). One suite, `tests/suite.rs`, is what each of them must pass.
//!
//! # Transactions
//!
//! Reads come from a snapshot and are remembered; writes are buffered; one committer checks that nothing that was read
//! has changed since, applies what waits as one batch and syncs it once. A closure handed to [`Store::write`] may run
//! again after a conflict, so it must touch nothing but its [`Tx`]. It is a plain function: deciding needs no await.
//!
//! # What is acknowledged
//!
//! [`Store::write`] returns when the transaction is synced; [`Store::write_buffered`] when it is visible, and it
//! becomes durable with the next synced one. Later transactions never become durable before earlier ones, so a buffered
//! write is right wherever losing it together with everything after it only means doing that work again.
//!
//! Must never know: engines, faces, HTTP, or which cloud asks.

mod attend;
mod backend;
mod blob;
mod error;
mod front;
mod hashed;
mod kept;
mod key;
mod keyspace;
mod known;
mod log;
mod recent;
mod record;
mod sums;
mod timer;
mod tx;
mod view;
mod working;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base::Random;

pub use attend::attend;
pub use backend::simulated::{Faults, Simulation};
pub use blob::{Blob, BlobId, BlobReader, BlobWriter, Blobs};
pub use error::{Error, Result};
pub use key::{Key, KeyRange, KeyReader};
pub use keyspace::Keyspace;
pub use log::{Entry, Log, Position};
pub use record::{Record, Table};
pub use sums::Sums;
pub use timer::{Lease, Taken, Timers};
pub use tx::Tx;
pub use view::{Pair, Read, View};
pub use working::Working;

use backend::Backend;
use known::Known;
use log::Wakes;

/// A handle on the store. Clones share it.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    backend: Box<dyn Backend>,
    blobs: Blobs,
    wakes: Arc<Wakes>,
    known: Arc<Known>,
    random: Random,
    unfinished: AtomicUsize,
}

/// Counts what waits for the back end.
struct Unfinished<'a>(&'a AtomicUsize);

impl<'a> Unfinished<'a> {
    fn one(of: &'a AtomicUsize) -> Self {
        of.fetch_add(1, Ordering::SeqCst);
        Self(of)
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How long [`Store::write`] goes on running a closure that keeps meeting conflicts. Each round means that some other
/// transaction won, so the store as a whole makes progress; a single one that loses this often is a design error.
const MAX_ATTEMPTS: usize = 1_000;

/// When a transaction counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Durability {
    Synced,
    Buffered,
}

impl Store {
    /// Opens, or creates, the embedded store in `dir`. Locks it against other processes.
    pub fn open(dir: &Path, random: Random) -> Result<Self> {
        let wakes = Arc::new(Wakes::default());
        let known = Arc::new(Known::default());
        let backend = backend::embedded::Embedded::open(dir, wakes.clone(), known.clone())?;
        let blobs = Blobs::in_dir(&dir.join("blobs"), random.clone())?;
        sync_names(dir)?;
        let backend = Box::new(backend);
        Ok(Self::assemble(backend, wakes, known, blobs, random))
    }

    /// A store in memory that is gone with the process.
    pub fn ephemeral(random: Random) -> Self {
        Simulation::new(random, Faults::none()).open()
    }

    fn assemble(
        backend: Box<dyn Backend>,
        wakes: Arc<Wakes>,
        known: Arc<Known>,
        blobs: Blobs,
        random: Random,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                backend,
                blobs,
                wakes,
                known,
                random,
                unfinished: AtomicUsize::new(0),
            }),
        }
    }

    /// A consistent view of everything that was visible at this moment.
    pub fn read(&self) -> Result<View> {
        Ok(View::new(
            self.shared.backend.snapshot()?,
            self.shared.known.clone(),
        ))
    }

    /// Runs `decide` in a transaction and returns once its writes are durable.
    ///
    /// An error from `decide` abandons the transaction. `decide` may run several times.
    pub async fn write<T, E>(
        &self,
        decide: impl FnMut(&mut Tx) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E>
    where
        E: From<Error>,
    {
        self.transact(Durability::Synced, decide).await
    }

    /// As [`Store::write`], but returns as soon as the writes are visible: see the crate's page for when that is right.
    pub async fn write_buffered<T, E>(
        &self,
        decide: impl FnMut(&mut Tx) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E>
    where
        E: From<Error>,
    {
        self.transact(Durability::Buffered, decide).await
    }

    async fn transact<T, E>(
        &self,
        durability: Durability,
        mut decide: impl FnMut(&mut Tx) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E>
    where
        E: From<Error>,
    {
        for _ in 0..MAX_ATTEMPTS {
            let (outcome, commit) = {
                let mut tx = Tx::begin(self.shared.clone());
                let outcome = decide(&mut tx)?;
                (outcome, tx.into_commit(durability))
            };
            if commit.is_empty() {
                return Ok(outcome);
            }
            let unfinished = Unfinished::one(&self.shared.unfinished);
            let committed = self.shared.backend.commit(commit).await;
            drop(unfinished);
            match committed {
                Ok(()) => return Ok(outcome),
                Err(Error::Conflict) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Conflict.into())
    }

    /// Large bodies, beside the ordered keys.
    pub fn blobs(&self) -> &Blobs {
        &self.shared.blobs
    }

    /// Waits for news in `log`: returns when something was appended after `seen`.
    pub async fn appended(&self, log: &Log, seen: Position) -> Result<()> {
        let mut bell = self.shared.wakes.listen(&log.prefix());
        loop {
            bell.borrow_and_update();
            if log.read(&self.read()?, seen, 1)?.is_empty() {
                // The sender lives in `self.shared`, so it cannot be gone while we borrow it.
                let _ = bell.changed().await;
            } else {
                return Ok(());
            }
        }
    }

    /// A bell that rings whenever something is appended to this log, or [`Log::ring`] was called.
    pub fn log_bell(&self, log: &Log) -> tokio::sync::watch::Receiver<u64> {
        self.shared.wakes.listen(&log.prefix())
    }

    /// A bell that rings whenever a timer of this set was set or moved.
    pub fn timer_bell(&self, timers: &Timers) -> tokio::sync::watch::Receiver<u64> {
        self.shared.wakes.listen(&timers.prefix())
    }

    /// Why the store refuses writes, if it does: a failed sync cannot be undone, so the process must be restarted.
    pub fn failure(&self) -> Option<Error> {
        self.shared.backend.failure()
    }

    /// Waits until everything committed so far is durable.
    pub async fn sync(&self) -> Result<()> {
        let _unfinished = Unfinished::one(&self.shared.unfinished);
        self.shared.backend.sync().await
    }

    /// How many writes and syncs are under way.
    pub fn unfinished(&self) -> usize {
        self.shared.unfinished.load(Ordering::SeqCst)
    }

    pub(crate) fn random(&self) -> &Random {
        &self.shared.random
    }
}

/// Nothing is acknowledged before the names under which it will be found are on the disk.
fn sync_names(dir: &Path) -> Result<()> {
    let failed = |cause| Error::io("sync the data folder", cause);
    let dir = dir.canonicalize().map_err(failed)?;
    File::open(&dir)
        .and_then(|dir| dir.sync_all())
        .map_err(failed)?;
    let above = dir.parent().map(|above| File::open(above)?.sync_all());
    if let Some(Err(cause)) = above {
        // It may be somebody else's and not for us to open.
        tracing::debug!(%cause, "the folder above the data folder was not synced");
    }
    Ok(())
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}
