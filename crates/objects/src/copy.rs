use base::Timestamp;
use futures_util::{StreamExt, pin_mut};
use store::{Blobs, Tx};

use crate::change::{ChangeKind, Origin};
use crate::checksum::{Algorithm, Checksum};
use crate::condition::Condition;
use crate::error::{Error, Result};
use crate::get::{self, Found};
use crate::put::Place;
use crate::schema::{Body, Metadata, Object};
use crate::{ETag, Objects, bucket, uninterrupted};

#[derive(Clone, Debug)]
pub struct Copy {
    pub source_bucket: String,
    pub source_key: String,
    /// The source as the caller saw it when it checked what it wanted of it.
    pub source_etag: ETag,
    pub bucket: String,
    pub key: String,
    /// In place of the source's.
    pub metadata: Option<Metadata>,
    /// Of the copy.
    pub condition: Condition,
    /// In place of the source's checksum, one by this algorithm.
    pub checksum: Option<Algorithm>,
    pub origin: Origin,
}

impl Objects {
    /// Names the source's body once more. It takes the same short time whatever the size, unless another checksum is
    /// asked for: then the body is read once.
    pub async fn copy(&self, copy: Copy) -> Result<Object> {
        let checksum = match copy.checksum {
            Some(algorithm) => self.checksum_of_source(&copy, algorithm).await?,
            None => None,
        };
        let this = self.clone();
        uninterrupted(async move {
            let now = this.clock.now();
            let copied = this
                .store
                .write(|tx| duplicate(tx, &copy, checksum.as_ref(), now))
                .await;
            this.dropped.notify_one();
            copied
        })
        .await
    }

    /// None if it already has one by that algorithm over the whole.
    async fn checksum_of_source(
        &self,
        copy: &Copy,
        algorithm: Algorithm,
    ) -> Result<Option<Checksum>> {
        let Found { object, body } = self.get(&copy.source_bucket, &copy.source_key).await?;
        if object.checksum.is_some_and(|checksum| {
            checksum.algorithm == algorithm && checksum.coverage == crate::Coverage::Whole
        }) {
            return Ok(None);
        }
        let mut hasher = crate::checksum::Hasher::new(&[algorithm]);
        let pieces = body.stream(0..object.size);
        pin_mut!(pieces);
        while let Some(piece) = pieces.next().await {
            hasher.update(&piece?);
        }
        Ok(hasher.finish().checksum(algorithm))
    }
}

fn duplicate(
    tx: &mut Tx,
    copy: &Copy,
    checksum: Option<&Checksum>,
    now: Timestamp,
) -> Result<Object> {
    let source = get::find(tx, &copy.source_bucket, &copy.source_key)?;
    if source.etag != copy.source_etag {
        return Err(Error::ConditionFailed("the source has changed"));
    }
    let body = get::body_of(tx, &copy.source_bucket, &copy.source_key)?;
    let bucket = bucket::require(tx, &copy.bucket)?;
    let current = bucket::object(tx, &copy.bucket, &copy.key)?;
    copy.condition
        .check(current.as_ref().map(|object| &object.etag), || {
            bucket::missing(&copy.bucket, &copy.key)
        })?;
    let object = Object {
        modified: now,
        checksum: checksum.cloned().or(source.checksum),
        metadata: copy.metadata.clone().unwrap_or(source.metadata),
        upload: None,
        ..source
    };
    if let Body::Extents(blobs) = &body {
        // Before the place drops what it has: it may be the same body.
        for blob in blobs {
            Blobs::keep(tx, blob.id)?;
        }
    }
    let place = Place {
        bucket: &bucket,
        key: &copy.key,
        current: current.as_ref(),
    };
    place.take(tx, &object, &body)?;
    place.announce_stored(tx, ChangeKind::Copied, &object, &copy.origin);
    Ok(object)
}
