//! The log-structured tree, as far as we use it.

use std::path::Path;

use fjall::{
    Database, JournalRecoveryError, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode, Readable,
    Snapshot, UserValue,
};

use crate::backend::Version;
use crate::key::Key;
use crate::keyspace::Keyspace;
use crate::{Error, Result};

/// Memory for blocks of the tree. Filled only as it is read.
const CACHE_BYTES: u64 = 64 << 20;
/// What opening after a crash may have to replay.
const JOURNAL_BYTES: u64 = 128 << 20;

/// Of two, one would hand itself the next compaction over and over, and use a whole processor, while the other compacts.
const WORKERS: usize = 1;

const COMMITTED: u8 = 0;

#[derive(Clone)]
pub(super) struct Tree {
    database: Database,
    pub(super) keys: fjall::Keyspace,
}

impl Tree {
    /// Opens it, or says why its journal does not read.
    pub(super) fn open(dir: &Path) -> Result<std::result::Result<Self, JournalRecoveryError>> {
        let opened = Database::builder(dir)
            .cache_size(CACHE_BYTES)
            .worker_threads(WORKERS)
            .max_journaling_size(JOURNAL_BYTES)
            .open();
        let database = match opened {
            Ok(database) => database,
            Err(fjall::Error::Locked) => return Err(Error::InUse(dir.display().to_string())),
            Err(fjall::Error::JournalRecovery(damage)) => return Ok(Err(damage)),
            Err(other) => return Err(Error::io("open the store", other)),
        };
        let keys = database
            .keyspace("keys", KeyspaceCreateOptions::default)
            .map_err(|cause| Error::io("open the keyspace", cause))?;
        Ok(Ok(Self { database, keys }))
    }

    pub(super) fn batch(&self, rows: usize) -> OwnedWriteBatch {
        // And one more, for the number of the last commit.
        OwnedWriteBatch::with_capacity(self.database.clone(), rows + 1)
    }

    /// Writes the batch, which ends with commit `last`, into the journal (not further than the kernel) and the tree.
    pub(super) fn write(&self, mut batch: OwnedWriteBatch, last: Version) -> fjall::Result<()> {
        batch.insert(&self.keys, committed_key(), last.to_be_bytes());
        batch.durability(Some(PersistMode::Buffer)).commit()
    }

    /// All that was written, synced or not. Only whoever writes may take one.
    pub(super) fn snapshot(&self) -> Snapshot {
        self.database.snapshot()
    }

    /// What was written last, synced or not. Only whoever writes may ask.
    pub(super) fn newest(&self, key: &[u8]) -> Result<Option<UserValue>> {
        let found = self.keys.get(key);
        found.map_err(|cause| Error::io("read", cause))
    }

    /// The number of the last commit in the tree.
    pub(super) fn committed(&self) -> Result<Version> {
        let stored = self.database.snapshot().get(&self.keys, committed_key());
        let stored = stored.map_err(|cause| Error::io("read the commit counter", cause))?;
        let Some(stored) = stored else {
            return Ok(0);
        };
        let bytes = stored.as_ref().try_into();
        let bytes = bytes.map_err(|_| Error::Damaged("the commit counter does not read".into()))?;
        Ok(Version::from_be_bytes(bytes))
    }
}

fn committed_key() -> Vec<u8> {
    Key::new(Keyspace::Store, COMMITTED).into_vec()
}
