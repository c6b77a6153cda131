use std::ops::Range;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::try_unfold;
use store::{Blob, BlobReader, Blobs, Read};

use crate::checksum::Checksum;
use crate::error::{Error, Result};
use crate::place::Place;
use crate::schema::{self, BODIES, Body, Object, PART_CHECKSUMS};
use crate::version::VersionId;
use crate::{Objects, bucket};

/// An object and its body, as they were together.
pub struct Found {
    pub object: Object,
    pub body: Reader,
    /// What it was stored in; none if it came in one piece.
    pub parts: Vec<ObjectPart>,
}

/// A part of an object that was stored in parts. Their numbers are counted from one, whatever they were in the upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectPart {
    pub size: u64,
    pub checksum: Option<Checksum>,
}

/// How often an object may be replaced between finding it and opening its body before we give up.
const ATTEMPTS: usize = 100;

impl Objects {
    /// Without a version, the current object.
    pub fn head(&self, bucket: &str, key: &str, version: Option<VersionId>) -> Result<Object> {
        find(&self.store.read()?, bucket, key, version)
    }

    /// As [`Objects::head`], with what the object was stored in.
    pub fn head_parts(
        &self,
        bucket: &str,
        key: &str,
        version: Option<VersionId>,
    ) -> Result<(Object, Vec<ObjectPart>)> {
        let view = self.store.read()?;
        let object = find(&view, bucket, key, version)?;
        let body = body_of(&view, bucket, key, &object)?;
        let parts = parts_of(&view, bucket, key, &object, &body)?;
        Ok((object, parts))
    }

    pub async fn get(&self, bucket: &str, key: &str, version: Option<VersionId>) -> Result<Found> {
        for _ in 0..ATTEMPTS {
            let (object, body, parts) = {
                let view = self.store.read()?;
                let object = find(&view, bucket, key, version)?;
                let body = body_of(&view, bucket, key, &object)?;
                let parts = parts_of(&view, bucket, key, &object, &body)?;
                (object, body, parts)
            };
            match Reader::open(self.store.blobs().clone(), body).await {
                Ok(body) => {
                    return Ok(Found {
                        object,
                        body,
                        parts,
                    });
                }
                // Replaced or deleted since, and already removed: look again.
                Err(store::Error::NoBlob(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(store::Error::Conflict.into())
    }
}

pub(crate) fn find(
    from: &impl Read,
    bucket: &str,
    key: &str,
    version: Option<VersionId>,
) -> Result<Object> {
    let bucket = bucket::require(from, bucket)?;
    Place::find(from, &bucket, key)?.object(from, version)
}

pub(crate) fn body_of(from: &impl Read, bucket: &str, key: &str, object: &Object) -> Result<Body> {
    BODIES
        .get(from, &schema::body_key(bucket, key, object.stamp.id))?
        .ok_or_else(|| store::Error::Damaged(format!("{bucket}/{key} has no body")).into())
}

fn parts_of(
    from: &impl Read,
    bucket: &str,
    key: &str,
    object: &Object,
    body: &Body,
) -> Result<Vec<ObjectPart>> {
    let (Some(_), Body::Extents(extents)) = (object.etag.parts, body) else {
        return Ok(Vec::new());
    };
    let id = object.stamp.id;
    let kept = PART_CHECKSUMS.get(from, &schema::part_checksums_key(bucket, key, id))?;
    let mut checksums = kept.map_or_else(Vec::new, |kept| kept.0).into_iter();
    let parts = extents.iter().map(|extent| ObjectPart {
        size: extent.len,
        checksum: checksums.next(),
    });
    Ok(parts.collect())
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
