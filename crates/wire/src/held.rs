//! Bodies that have to be there whole before anything is done with them, and may be too large for memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base::ByteSize;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use crate::{Body, BodyError};

/// Up to this a body is held in memory.
const IN_MEMORY: usize = 1 << 20;
/// What all bodies together may hold of it that are still coming, however many come slowly.
const MOST_COMING: usize = 64 << 20;
/// Beyond that, what of one body is still held in memory at most.
const LEAST_IN_FILE: usize = 16 << 10;
/// What is read of a file at a time.
const PIECE: usize = 256 << 10;

/// Where bodies are held that are too large for memory.
#[derive(Clone, Debug)]
pub struct Holding {
    folder: Arc<PathBuf>,
    /// Bytes in memory of bodies that are still coming.
    coming: Arc<AtomicUsize>,
}

/// What one body has in memory while it comes.
struct Coming {
    all: BytesMut,
    counted: usize,
    total: Arc<AtomicUsize>,
}

/// A body that is there whole.
#[derive(Clone, Debug)]
pub enum Held {
    Memory(Bytes),
    File(HeldFile),
}

/// A file that has no name, and is gone when nobody has it any more.
#[derive(Clone, Debug)]
pub struct HeldFile {
    file: Arc<File>,
    length: u64,
}

impl Holding {
    /// The folder has to be there when the first large body comes.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder: Arc::new(folder),
            coming: Arc::default(),
        }
    }

    /// Takes a whole body, unless it is larger than `limit`; one that says so itself is not read at all.
    pub async fn hold(&self, mut body: Body, limit: ByteSize) -> Result<Held, BodyError> {
        let too_large = |size: u64| size > limit.as_bytes();
        if too_large(http_body::Body::size_hint(&body).lower()) {
            return Err(BodyError::TooLarge(limit));
        }
        let mut first = Bytes::new();
        let mut coming = self.coming();
        let mut written = None;
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else {
                continue;
            };
            let before = written.as_ref().map_or(0, |file: &HeldFile| file.length);
            if too_large(before + (coming.all.len() + data.len()) as u64) {
                return Err(BodyError::TooLarge(limit));
            }
            if before == 0 && coming.all.is_empty() && http_body::Body::is_end_stream(&body) {
                // Most bodies are one piece: no copy.
                first = data;
                break;
            }
            coming.take(&data);
            if coming.is_for_a_file() {
                let file = match written.take() {
                    Some(file) => file,
                    None => self.file().await?,
                };
                written = Some(file.append(coming.split()).await?);
            }
        }
        Ok(match written {
            None if coming.all.is_empty() => Held::Memory(first),
            None => Held::Memory(coming.split()),
            Some(file) => Held::File(file.append(coming.split()).await?),
        })
    }

    /// Takes a whole body as [`Holding::hold`] does, and has it in memory when it is there.
    pub async fn whole(&self, body: Body, limit: ByteSize) -> Result<Bytes, BodyError> {
        match self.hold(body, limit).await? {
            Held::Memory(bytes) => Ok(bytes),
            Held::File(file) => file.whole().await,
        }
    }

    fn coming(&self) -> Coming {
        Coming {
            all: BytesMut::new(),
            counted: 0,
            total: self.coming.clone(),
        }
    }

    async fn file(&self) -> Result<HeldFile, BodyError> {
        let folder = self.folder.clone();
        let file = blocking(move || tempfile::tempfile_in(&*folder)).await?;
        Ok(HeldFile {
            file: Arc::new(file),
            length: 0,
        })
    }
}

impl Coming {
    fn take(&mut self, data: &[u8]) {
        self.all.extend_from_slice(data);
        self.counted += data.len();
        self.total.fetch_add(data.len(), Ordering::Relaxed);
    }

    fn is_for_a_file(&self) -> bool {
        let held = self.all.len();
        held >= IN_MEMORY
            || held >= LEAST_IN_FILE && self.total.load(Ordering::Relaxed) > MOST_COMING
    }

    fn split(&mut self) -> Bytes {
        self.total.fetch_sub(self.counted, Ordering::Relaxed);
        self.counted = 0;
        self.all.split().freeze()
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        self.total.fetch_sub(self.counted, Ordering::Relaxed);
    }
}

impl Held {
    pub fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(file) => file.length,
        }
    }

    /// What is in memory, and what is not: one of them is all of it.
    pub fn split(self) -> (Bytes, Option<HeldFile>) {
        match self {
            Self::Memory(bytes) => (bytes, None),
            Self::File(file) => (Bytes::new(), Some(file)),
        }
    }
}

impl HeldFile {
    pub fn length(&self) -> u64 {
        self.length
    }

    /// What begins at `from`: some of it, and nothing only at the end.
    pub async fn piece(&self, from: u64) -> io::Result<Bytes> {
        let left = self.length.saturating_sub(from);
        let wanted = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
        let file = self.file.clone();
        run(move || {
            let mut piece = vec![0; wanted];
            file.read_exact_at(&mut piece, from)?;
            Ok(piece.into())
        })
        .await
    }

    async fn whole(self) -> Result<Bytes, BodyError> {
        let length =
            usize::try_from(self.length).map_err(|cause| BodyError::Source(Box::new(cause)))?;
        blocking(move || {
            let mut all = vec![0; length];
            self.file.read_exact_at(&mut all, 0)?;
            Ok(all.into())
        })
        .await
    }

    async fn append(self, bytes: Bytes) -> Result<Self, BodyError> {
        let length = self.length + bytes.len() as u64;
        blocking(move || {
            self.file.write_all_at(&bytes, self.length)?;
            Ok(Self { length, ..self })
        })
        .await
    }
}

/// Whether it is the same file.
impl PartialEq for HeldFile {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.file, &other.file)
    }
}

impl Eq for HeldFile {}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, BodyError> {
    run(work)
        .await
        .map_err(|cause| BodyError::Source(Box::new(cause)))
}

async fn run<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|cause| Err(io::Error::other(cause)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{full, stream};

    fn pieces(bytes: &[u8]) -> Body {
        let pieces: Vec<_> = bytes.chunks(100_000).map(Bytes::copy_from_slice).collect();
        stream(futures_util::stream::iter(pieces.into_iter().map(Ok)))
    }

    #[tokio::test]
    async fn many_that_come_slowly_share_what_there_is_of_memory() {
        let folder = tempfile::tempdir().unwrap();
        let holding = Holding::new(folder.path().to_owned());
        let small = vec![7; LEAST_IN_FILE];
        let mut others = holding.coming();
        others.take(&vec![0; MOST_COMING]);
        let held = holding
            .hold(pieces(&small), ByteSize::mib(1))
            .await
            .unwrap();
        assert!(matches!(held, Held::File(_)));
        let tiny = holding.hold(pieces(&small[1..]), ByteSize::mib(1)).await;
        assert!(matches!(tiny.unwrap(), Held::Memory(_)));
        assert_eq!(holding.coming.load(Ordering::Relaxed), MOST_COMING);
        drop(others);
        let held = holding
            .hold(pieces(&small), ByteSize::mib(1))
            .await
            .unwrap();
        assert!(matches!(held, Held::Memory(_)));
        let broken = stream(futures_util::stream::iter([
            Ok(Bytes::from_static(b"some")),
            Err(BodyError::TooSlow),
        ]));
        assert!(holding.hold(broken, ByteSize::mib(1)).await.is_err());
        assert_eq!(holding.coming.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_body_that_was_in_a_file_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let holding = Holding::new(folder.path().to_owned());
        for length in [0, 1, IN_MEMORY * 3 + 5] {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let whole = holding.whole(pieces(&bytes), ByteSize::mib(10)).await;
            assert!(whole.unwrap() == bytes);
        }
        let whole = holding.whole(full("one piece"), ByteSize::mib(10)).await;
        assert_eq!(&whole.unwrap()[..], b"one piece");
    }

    async fn whole(held: Held) -> Vec<u8> {
        let file = match held {
            Held::Memory(bytes) => return bytes.to_vec(),
            Held::File(file) => file,
        };
        let mut all = Vec::new();
        while (all.len() as u64) < file.length() {
            all.extend_from_slice(&file.piece(all.len() as u64).await.unwrap());
        }
        assert!(file.piece(file.length()).await.unwrap().is_empty());
        all
    }

    #[tokio::test]
    async fn only_large_bodies_are_held_in_files_and_none_that_is_too_large() {
        let folder = tempfile::tempdir().unwrap();
        let holding = Holding::new(folder.path().to_owned());
        for (length, in_file) in [
            (0, false),
            (IN_MEMORY - 1, false),
            (IN_MEMORY, true),
            (3 * IN_MEMORY + 7, true),
        ] {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let held = holding
                .hold(pieces(&bytes), ByteSize::mib(10))
                .await
                .unwrap();
            assert_eq!(matches!(held, Held::File(_)), in_file, "{length}");
            assert_eq!(held.length(), length as u64);
            assert!(whole(held).await == bytes, "{length}");
        }
        let large = holding.hold(full(vec![0; 100]), ByteSize::bytes(99)).await;
        assert!(matches!(large, Err(BodyError::TooLarge(_))));
        let grows = stream(futures_util::stream::repeat_with(|| {
            Ok(Bytes::from_static(&[0; 1024]))
        }));
        let grown = holding.hold(grows, ByteSize::mib(2)).await;
        assert!(matches!(grown, Err(BodyError::TooLarge(_))));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
