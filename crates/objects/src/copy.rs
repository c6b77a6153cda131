use std::collections::BTreeMap;

use base::Timestamp;
use futures_util::{StreamExt, pin_mut};
use store::{Blobs, Tx};

use crate::change::{ChangeKind, Origin};
use crate::checksum::{Algorithm, Checksum, Hasher};
use crate::condition::Condition;
use crate::error::{Error, Result};
use crate::get::{self, Found};
use crate::place::Place;
use crate::schema::{Body, Metadata, Object};
use crate::version::{Salt, VersionId};
use crate::{ETag, Objects, bucket, uninterrupted};

#[derive(Clone, Debug)]
pub struct Copy {
    pub source_bucket: String,
    pub source_key: String,
    pub source_version: Option<VersionId>,
    /// The source as the caller saw it when it checked what it wanted of it.
    pub source_etag: ETag,
    pub bucket: String,
    pub key: String,
    /// In place of the source's.
    pub metadata: Option<Metadata>,
    /// In place of the source's.
    pub tags: Option<BTreeMap<String, String>>,
    /// Of the copy.
    pub condition: Condition,
    /// By which algorithm the copy's checksum is to be, if not by the source's.
    pub checksum: Option<Algorithm>,
    pub origin: Origin,
}

impl Objects {
    /// Names the source's body once more. A copy is one piece, whatever its source was stored in. It takes the same short
    /// time whatever the size, unless the source was in parts or another checksum is asked for: then the body is read
    /// once.
    pub async fn copy(&self, copy: Copy) -> Result<Object> {
        let seal = self.seal(&copy).await?;
        let this = self.clone();
        uninterrupted(async move {
            let fresh = (this.clock.now(), this.random.bytes());
            let copied = this
                .store
                .write(|tx| duplicate(tx, &copy, seal.as_ref(), fresh))
                .await;
            this.dropped.notify_one();
            copied
        })
        .await
    }

    /// None if the source's own will do.
    async fn seal(&self, copy: &Copy) -> Result<Option<Seal>> {
        let (bucket, key) = (&copy.source_bucket, &copy.source_key);
        let source = self.head(bucket, key, copy.source_version)?;
        let kept = source.checksum.map(|checksum| checksum.algorithm);
        let algorithm = copy.checksum.or(kept);
        if source.etag.parts.is_none() && algorithm == kept {
            return Ok(None);
        }
        let Found { object, body, .. } = self.get(bucket, key, copy.source_version).await?;
        if object.etag != copy.source_etag {
            return Err(changed());
        }
        let mut hasher = Hasher::new(algorithm.as_slice());
        let pieces = body.stream(0..object.size);
        pin_mut!(pieces);
        while let Some(piece) = pieces.next().await {
            hasher.update(&piece?);
        }
        let digests = hasher.finish();
        Ok(Some(Seal {
            etag: ETag::of(digests.md5),
            checksum: algorithm.and_then(|algorithm| digests.checksum(algorithm)),
        }))
    }
}

fn changed() -> Error {
    Error::ConditionFailed("the source has changed")
}

/// What vouches for a body as one piece.
struct Seal {
    etag: ETag,
    checksum: Option<Checksum>,
}

fn duplicate(
    tx: &mut Tx,
    copy: &Copy,
    seal: Option<&Seal>,
    (now, salt): (Timestamp, Salt),
) -> Result<Object> {
    let (bucket, key) = (&copy.source_bucket, &copy.source_key);
    let source = get::find(tx, bucket, key, copy.source_version)?;
    if source.etag != copy.source_etag {
        return Err(changed());
    }
    let body = get::body_of(tx, bucket, key, &source)?;
    let bucket = bucket::require(tx, &copy.bucket)?;
    let place = Place::find(tx, &bucket, &copy.key)?;
    place.check(&copy.condition)?;
    let object = Object {
        modified: now,
        etag: seal.map_or(source.etag, |seal| seal.etag),
        checksum: seal.map_or(source.checksum, |seal| seal.checksum.clone()),
        metadata: copy.metadata.clone().unwrap_or(source.metadata),
        tags: copy.tags.clone().unwrap_or(source.tags),
        upload: None,
        ..source
    };
    if let Body::Extents(blobs) = &body {
        // Before the place drops what it has: it may be the same body.
        for blob in blobs {
            Blobs::keep(tx, blob.id)?;
        }
    }
    let object = place.take(tx, object, &body, salt)?;
    place.announce_stored(tx, ChangeKind::Copied, &object, &copy.origin);
    Ok(object)
}
