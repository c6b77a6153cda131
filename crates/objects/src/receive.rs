//! Taking a body in: hashed as it comes, small ones gathered in memory, larger ones written beside the store.

use bytes::{Bytes, BytesMut};
use store::{Blob, BlobWriter, Blobs};

use crate::Objects;
use crate::checksum::{Algorithm, Digests, Hasher};
use crate::error::Result;
use crate::schema::Body;

/// Bodies up to this length are kept in the store itself: one sync instead of three. Larger ones would make the store's
/// journal and compaction carry them several times over.
pub(crate) const INLINE_MAX: usize = 32 << 10;

/// A body that is coming in. Dropping it forgets what has come.
pub struct Receiver {
    blobs: Blobs,
    hasher: Hasher,
    sink: Sink,
    size: u64,
    /// Part bodies are never inline: they become extents of another object.
    inline_max: usize,
}

enum Sink {
    Memory(BytesMut),
    Blob(BlobWriter),
}

/// A body that came in to its end and that nothing names yet. Dropping it forgets it.
pub struct Received {
    sink: Sink,
    size: u64,
    digests: Digests,
}

impl Objects {
    /// A place for a body to go to, computing its MD5 and these checksums.
    pub fn receive(&self, algorithms: &[Algorithm]) -> Receiver {
        self.receiver(algorithms, INLINE_MAX)
    }

    /// As [`Objects::receive`], for a part of an upload.
    pub fn receive_part(&self, algorithms: &[Algorithm]) -> Receiver {
        self.receiver(algorithms, 0)
    }

    fn receiver(&self, algorithms: &[Algorithm], inline_max: usize) -> Receiver {
        Receiver {
            blobs: self.store.blobs().clone(),
            hasher: Hasher::new(algorithms),
            sink: Sink::Memory(BytesMut::new()),
            size: 0,
            inline_max,
        }
    }
}

impl Receiver {
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.hasher.update(&bytes);
        self.size += bytes.len() as u64;
        if let Sink::Memory(gathered) = &mut self.sink {
            if gathered.len() + bytes.len() <= self.inline_max {
                gathered.extend_from_slice(&bytes);
                return Ok(());
            }
            let gathered = std::mem::take(gathered).freeze();
            let mut blob = self.blobs.create().await?;
            blob.write(gathered).await?;
            self.sink = Sink::Blob(blob);
        }
        if let Sink::Blob(blob) = &mut self.sink {
            blob.write(bytes).await?;
        }
        Ok(())
    }

    /// How many bytes have come.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Says that this was the whole body. It is for the caller to compare the digests before naming it.
    pub fn end(self) -> Received {
        Received {
            sink: self.sink,
            size: self.size,
            digests: self.hasher.finish(),
        }
    }
}

impl Received {
    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn digests(&self) -> &Digests {
        &self.digests
    }

    pub(crate) fn is_inline(&self) -> bool {
        matches!(self.sink, Sink::Memory(_))
    }

    /// Makes it durable. From here on it must be named or discarded.
    pub(crate) async fn settle(self) -> Result<Body> {
        Ok(match self.sink {
            Sink::Memory(gathered) => Body::Inline(gathered.freeze()),
            Sink::Blob(blob) => Body::Extents(vec![blob.finish().await?]),
        })
    }

    /// As `settle`, for a part: always a blob, even if an empty one.
    pub(crate) async fn settle_part(self, blobs: &Blobs) -> Result<Blob> {
        let writer = match self.sink {
            Sink::Blob(writer) => writer,
            Sink::Memory(_) => blobs.create().await?,
        };
        Ok(writer.finish().await?)
    }
}
