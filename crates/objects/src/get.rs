use std::ops::Range;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::try_unfold;
use store::{Blob, BlobReader, Blobs, Read};

use crate::error::{Error, Result};
use crate::schema::{self, BODIES, Body, Object};
use crate::{Objects, bucket};

/// An object and its body, as they were together.
pub struct Found {
    pub object: Object,
    pub body: Reader,
}

/// How often an object may be replaced between finding it and opening its body before we give up.
const ATTEMPTS: usize = 100;

impl Objects {
    pub fn head(&self, bucket: &str, key: &str) -> Result<Object> {
        find(&self.store.read()?, bucket, key)
    }

    pub async fn get(&self, bucket: &str, key: &str) -> Result<Found> {
        for _ in 0..ATTEMPTS {
            let (object, body) = {
                let view = self.store.read()?;
                let object = find(&view, bucket, key)?;
                (object, body_of(&view, bucket, key)?)
            };
            match Reader::open(self.store.blobs().clone(), body).await {
                Ok(body) => return Ok(Found { object, body }),
                // Replaced or deleted since, and already removed: look again.
                Err(store::Error::NoBlob(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(store::Error::Conflict.into())
    }
}

pub(crate) fn find(from: &impl Read, bucket: &str, key: &str) -> Result<Object> {
    bucket::require(from, bucket)?;
    bucket::object(from, bucket, key)?.ok_or_else(|| bucket::missing(bucket, key))
}

pub(crate) fn body_of(from: &impl Read, bucket: &str, key: &str) -> Result<Body> {
    BODIES
        .get(from, &schema::body_key(bucket, key))?
        .ok_or_else(|| store::Error::Damaged(format!("{bucket}/{key} has no body")).into())
}

/// A body being read, any part of it.
pub struct Reader(Source);

enum Source {
    Inline(Bytes),
    Extents { blobs: Blobs, extents: Vec<Extent> },
}

struct Extent {
    blob: Blob,
    opened: Option<BlobReader>,
}

/// How many extents are opened with the object. They stay readable whatever happens to it; opening thousands at once
/// would use up the process's descriptors.
const OPENED_AT_ONCE: usize = 64;

impl Reader {
    async fn open(blobs: Blobs, body: Body) -> store::Result<Self> {
        let named = match body {
            Body::Inline(bytes) => return Ok(Self(Source::Inline(bytes))),
            Body::Extents(named) => named,
        };
        let mut extents = Vec::with_capacity(named.len());
        for blob in named {
            let opened = if extents.len() < OPENED_AT_ONCE {
                Some(blobs.open(blob).await?)
            } else {
                None
            };
            extents.push(Extent { blob, opened });
        }
        Ok(Self(Source::Extents { blobs, extents }))
    }

    /// How long each part is, for an object that was stored in parts.
    pub fn part_sizes(&self) -> Vec<u64> {
        match &self.0 {
            Source::Inline(bytes) => vec![bytes.len() as u64],
            Source::Extents { extents, .. } => {
                extents.iter().map(|extent| extent.blob.len).collect()
            }
        }
    }

    /// The bytes of `range`, in pieces. A range that goes beyond the end stops there.
    pub fn stream(self, range: Range<u64>) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
        try_unfold((self.0, range), |(mut source, mut range)| async move {
            let piece = source.piece(&range).await?;
            range.start += piece.len() as u64;
            let more = !piece.is_empty();
            Ok::<_, Error>(more.then_some((piece, (source, range))))
        })
    }
}

impl Source {
    /// Some bytes from the beginning of `range`; none only when there are none.
    async fn piece(&mut self, range: &Range<u64>) -> Result<Bytes> {
        let (blobs, extents) = match self {
            Self::Inline(bytes) => {
                let end = clamp(range.end, bytes.len());
                return Ok(bytes.slice(clamp(range.start, end)..end));
            }
            Self::Extents { blobs, extents } => (blobs, extents),
        };
        let mut offset = 0;
        for extent in extents {
            let end = offset + extent.blob.len;
            if range.start < end && range.start < range.end {
                let reader = extent.reader(blobs).await?;
                let most = range.end.min(end) - range.start;
                let piece = reader.read_at(range.start - offset, most).await?;
                if range.start + piece.len() as u64 == end {
                    extent.opened = None;
                }
                return Ok(piece);
            }
            offset = end;
        }
        Ok(Bytes::new())
    }
}

impl Extent {
    async fn reader(&mut self, blobs: &Blobs) -> store::Result<BlobReader> {
        match &self.opened {
            Some(reader) => Ok(reader.clone()),
            None => {
                let reader = blobs.open(self.blob).await?;
                self.opened = Some(reader.clone());
                Ok(reader)
            }
        }
    }
}

fn clamp(at: u64, most: usize) -> usize {
    usize::try_from(at).map_or(most, |at| at.min(most))
}
