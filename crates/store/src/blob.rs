//! Large bodies: files beside the ordered store (or memory, for a store in memory), never inside it.
//!
//! The order that makes them safe: write the file, sync it and its folder, and only then commit the record that names
//! it, calling [`Blobs::keep`] in the same transaction. A crash in between leaves a file that nothing names; a later run
//! removes those by [`Blobs::sweep`]. Removal is the mirror: the transaction that drops the last name queues the body for
//! deletion, and [`Blobs::reap`] unlinks it afterwards. A reader that already has it open reads on.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::Random;
use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use crate::key::Key;
use crate::keyspace::Keyspace;
use crate::record::{Record, Table};
use crate::tx::Tx;
use crate::view::Read;
use crate::{Error, Result, Store};

/// The run in which the body was made, then a number of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BlobId([u8; 16]);

/// One opening of the store, so that what an earlier one left behind can be told from what is being made now.
type Run = [u8; 4];

/// A finished body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    pub id: BlobId,
    pub len: u64,
}

/// How many records name a body.
const NAMES: Table<u32> = Table::new(Keyspace::Blob, 0);
/// Bodies that no record names any more and that are still to be removed.
const DROPPED: Table<()> = Table::new(Keyspace::Blob, 1);

impl Record for u32 {}
impl Record for () {}

/// The place where bodies are. Clones share it.
#[derive(Clone)]
pub struct Blobs {
    place: Place,
    run: Run,
    random: Random,
}

#[derive(Clone)]
enum Place {
    Dir(Arc<PathBuf>),
    Memory(Arc<Mutex<HashMap<BlobId, Bytes>>>),
}

/// What is written at once; smaller pieces are gathered.
const CHUNK: usize = 1 << 20;
/// What is read at once.
const READ_CHUNK: u64 = 512 << 10;

impl Blobs {
    pub(crate) fn in_dir(dir: &Path, random: Random) -> Result<Self> {
        create_shards(dir).map_err(|cause| Error::io("create the folders for bodies", cause))?;
        Ok(Self {
            place: Place::Dir(Arc::new(dir.to_owned())),
            run: random.bytes(),
            random,
        })
    }

    pub(crate) fn in_memory(random: Random) -> Self {
        Self {
            place: Place::Memory(Arc::default()),
            run: random.bytes(),
            random,
        }
    }

    /// The same bodies as another opening of the store has them.
    pub(crate) fn reopened(&self) -> Self {
        Self {
            run: self.random.bytes(),
            ..self.clone()
        }
    }

    fn new_id(&self) -> BlobId {
        let mut id = self.random.bytes::<16>();
        id[..self.run.len()].copy_from_slice(&self.run);
        BlobId(id)
    }

    /// Begins a new body. Dropping the writer before [`BlobWriter::finish`] removes it.
    pub async fn create(&self) -> Result<BlobWriter> {
        let id = self.new_id();
        let sink = match &self.place {
            Place::Memory(bodies) => Sink::Memory(bodies.clone(), BytesMut::new()),
            Place::Dir(dir) => {
                let path = id.path(dir);
                let opened = path.clone();
                let file = blocking("create a body", move || File::create_new(&opened)).await?;
                Sink::File {
                    file: Some(file),
                    path,
                    finished: false,
                }
            }
        };
        Ok(BlobWriter {
            id,
            len: 0,
            pending: Vec::new(),
            pending_len: 0,
            sink,
        })
    }

    /// Opens a body for reading. It stays readable even if it is dropped meanwhile.
    pub async fn open(&self, blob: Blob) -> Result<BlobReader> {
        let source = match &self.place {
            Place::Memory(bodies) => {
                let body = bodies.lock().get(&blob.id).cloned();
                Source::Memory(body.ok_or_else(|| Error::NoBlob(blob.id.to_string()))?)
            }
            Place::Dir(dir) => {
                let path = blob.id.path(dir);
                match blocking("open a body", move || match File::open(path) {
                    Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
                    opened => opened.map(Some),
                })
                .await?
                {
                    Some(file) => Source::File(Arc::new(file)),
                    None => return Err(Error::NoBlob(blob.id.to_string())),
                }
            }
        };
        Ok(BlobReader {
            source,
            len: blob.len,
        })
    }

    /// Counts one more record that names this body. The first must be in the transaction that first names it.
    pub fn keep(tx: &mut Tx, id: BlobId) -> Result<()> {
        let names = NAMES.get(tx, &id.names_key())?.unwrap_or(0);
        NAMES.put(tx, id.names_key(), &(names + 1));
        Ok(())
    }

    /// Counts one record less; after the last one the body is removed by [`Blobs::reap`].
    pub fn drop_name(tx: &mut Tx, id: BlobId) -> Result<()> {
        match NAMES.get(tx, &id.names_key())? {
            Some(names) if names > 1 => NAMES.put(tx, id.names_key(), &(names - 1)),
            _ => {
                NAMES.delete(tx, id.names_key());
                DROPPED.put(tx, DROPPED.key().raw(&id.0), &());
            }
        }
        Ok(())
    }

    /// Removes up to `limit` dropped bodies; returns how many.
    pub async fn reap(&self, store: &Store, limit: usize) -> Result<usize> {
        // Only what is durably dropped may be unlinked, else a crash brings back a record without its body.
        let dropped = store.read()?.scan_front(&DROPPED.key(), None, limit)?;
        if dropped.is_empty() {
            return Ok(0);
        }
        store.sync().await?;
        for (key, _) in &dropped {
            if let Ok(id) = key[2..].try_into() {
                self.remove(BlobId(id)).await?;
            }
        }
        store
            .write_buffered(|tx| {
                for (key, _) in &dropped {
                    tx.delete(key.clone());
                }
                Ok::<_, Error>(())
            })
            .await?;
        Ok(dropped.len())
    }

    async fn remove(&self, id: BlobId) -> Result<()> {
        match &self.place {
            Place::Memory(bodies) => {
                bodies.lock().remove(&id);
                Ok(())
            }
            Place::Dir(dir) => {
                let path = id.path(dir);
                blocking("remove a body", move || remove_if_there(&path)).await
            }
        }
    }

    /// Removes bodies that no record names although no run can be about to name them: their writers were killed. Returns
    /// how many. It looks at every body there is, so it is for the background.
    pub async fn sweep(&self, store: &Store) -> Result<usize> {
        let mut removed = 0;
        for shard in SHARDS {
            let blobs = self.clone();
            let listed = spawn_blocking(move || blobs.list(shard)).await;
            let listed = listed.map_err(|cause| Error::io("list bodies", cause))??;
            let view = store.read()?;
            for id in listed.into_iter().filter(|id| !id.0.starts_with(&self.run)) {
                let named = NAMES.get(&view, &id.names_key())?.is_some();
                let queued = DROPPED.get(&view, &DROPPED.key().raw(&id.0))?.is_some();
                if !named && !queued {
                    self.remove(id).await?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }

    fn list(&self, shard: char) -> Result<Vec<BlobId>> {
        let here = |id: &BlobId| id.shard() == shard;
        match &self.place {
            Place::Memory(bodies) => Ok(bodies.lock().keys().copied().filter(here).collect()),
            Place::Dir(dir) => {
                let failed = |cause| Error::io("list bodies", cause);
                let mut found = Vec::new();
                let folder = dir.join(shard.to_string());
                for file in std::fs::read_dir(folder).map_err(failed)? {
                    let name = file.map_err(failed)?.file_name();
                    found.extend(name.to_str().and_then(BlobId::parse));
                }
                Ok(found)
            }
        }
    }
}

/// Folders of bodies: by the last digit of the id, so that none grows beyond what tools like to list.
const SHARDS: [char; 16] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
];

/// Makes all shards at once. A shard's own name must outlive a power cut as the body's will; made only when a first body
/// needs it, it would be found there by another's body before it is synced.
fn create_shards(dir: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    for shard in SHARDS {
        match std::fs::create_dir(dir.join(shard.to_string())) {
            Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => {}
            created => created?,
        }
    }
    File::open(dir)?.sync_all()
}

fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(cause),
        _ => Ok(()),
    }
}

/// A body being written.
pub struct BlobWriter {
    id: BlobId,
    len: u64,
    pending: Vec<Bytes>,
    pending_len: usize,
    sink: Sink,
}

enum Sink {
    File {
        file: Option<File>,
        path: PathBuf,
        finished: bool,
    },
    Memory(Arc<Mutex<HashMap<BlobId, Bytes>>>, BytesMut),
}

impl BlobWriter {
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.len += bytes.len() as u64;
        self.pending_len += bytes.len();
        self.pending.push(bytes);
        if self.pending_len >= CHUNK {
            self.flush().await
        } else {
            Ok(())
        }
    }

    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    async fn flush(&mut self) -> Result<()> {
        let pieces = std::mem::take(&mut self.pending);
        self.pending_len = 0;
        match &mut self.sink {
            Sink::Memory(_, body) => {
                for piece in pieces {
                    body.extend_from_slice(&piece);
                }
                Ok(())
            }
            Sink::File { file, .. } => {
                let mut taken = file
                    .take()
                    .ok_or_else(|| Error::io("write a body", "an earlier write failed"))?;
                let written = blocking("write a body", move || {
                    for piece in pieces {
                        taken.write_all(&piece)?;
                    }
                    Ok(taken)
                })
                .await?;
                *file = Some(written);
                Ok(())
            }
        }
    }

    /// Syncs the body and its folder. Only now may a record name it.
    pub async fn finish(mut self) -> Result<Blob> {
        self.flush().await?;
        let blob = Blob {
            id: self.id,
            len: self.len,
        };
        match &mut self.sink {
            Sink::Memory(bodies, body) => {
                bodies.lock().insert(self.id, std::mem::take(body).freeze());
            }
            Sink::File {
                file,
                path,
                finished,
            } => {
                let file = file
                    .take()
                    .ok_or_else(|| Error::io("sync a body", "an earlier write failed"))?;
                let folder = path.parent().expect("a body is in a folder").to_owned();
                blocking("sync a body", move || {
                    file.sync_data()?;
                    File::open(folder)?.sync_all()
                })
                .await?;
                *finished = true;
            }
        }
        Ok(blob)
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        if let Sink::File {
            path,
            finished: false,
            ..
        } = &self.sink
            && let Err(cause) = remove_if_there(path)
        {
            // A later run sweeps it.
            tracing::warn!(%cause, "an unfinished body was not removed");
        }
    }
}

/// A body being read, any part of it.
#[derive(Clone)]
pub struct BlobReader {
    source: Source,
    len: u64,
}

#[derive(Clone)]
enum Source {
    File(Arc<File>),
    Memory(Bytes),
}

impl BlobReader {
    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A piece that begins at `offset` and is as long as is convenient, at most `most`. Empty only at the end.
    pub async fn read_at(&self, offset: u64, most: u64) -> Result<Bytes> {
        let len = most.min(READ_CHUNK).min(self.len.saturating_sub(offset));
        let len = usize::try_from(len).expect("a piece fits in memory");
        match &self.source {
            Source::Memory(body) => {
                let start =
                    usize::try_from(offset).map_or(body.len(), |start| start.min(body.len()));
                Ok(body.slice(start..start + len))
            }
            Source::File(file) => {
                let file = file.clone();
                blocking("read a body", move || {
                    let mut piece = vec![0; len];
                    file.read_exact_at(&mut piece, offset)?;
                    Ok(piece.into())
                })
                .await
            }
        }
    }
}

impl BlobId {
    fn path(self, dir: &Path) -> PathBuf {
        dir.join(self.shard().to_string()).join(self.to_string())
    }

    fn shard(self) -> char {
        SHARDS[usize::from(self.0[15] & 0x0f)]
    }

    fn names_key(self) -> Key {
        NAMES.key().raw(&self.0)
    }

    fn parse(name: &str) -> Option<Self> {
        u128::from_str_radix(name, 16)
            .ok()
            .filter(|_| name.len() == 32)
            .map(|id| Self(id.to_be_bytes()))
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobId({self})")
    }
}

async fn blocking<T: Send + 'static>(
    verb: &'static str,
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T> {
    match spawn_blocking(work).await {
        Ok(done) => done.map_err(|cause| Error::io(verb, cause)),
        Err(stopped) => Err(Error::io(verb, stopped)),
    }
}
