use std::collections::BTreeMap;

use store::{Blobs, Tx};

use crate::change::{ChangeKind, News, Origin, announce};
use crate::checksum::Algorithm;
use crate::condition::Condition;
use crate::error::{Error, Result};
use crate::etag::ETag;
use crate::receive::Received;
use crate::schema::{self, BODIES, Body, Bucket, Metadata, OBJECTS, Object, PART_CHECKSUMS};
use crate::{Objects, bucket, uninterrupted};

#[derive(Clone, Debug)]
pub struct Put {
    pub bucket: String,
    pub key: String,
    pub metadata: Metadata,
    pub tags: BTreeMap<String, String>,
    pub condition: Condition,
    /// Which of the received body's checksums is kept with it.
    pub checksum: Option<Algorithm>,
    pub kind: ChangeKind,
    pub origin: Origin,
}

impl Objects {
    /// Names what was received, in the place of whatever has the key.
    pub async fn put(&self, put: Put, received: Received) -> Result<Object> {
        let this = self.clone();
        uninterrupted(async move {
            let object = Object {
                size: received.size(),
                etag: ETag::of(received.digests().md5),
                modified: this.clock.now(),
                checksum: put
                    .checksum
                    .and_then(|algorithm| received.digests().checksum(algorithm)),
                metadata: put.metadata.clone(),
                upload: None,
                tags: put.tags.clone(),
                inline: received.is_inline(),
            };
            let body = received.settle().await?;
            let named = this.store.write(|tx| name(tx, &put, &object, &body)).await;
            if named.is_err() {
                this.discard(&body).await;
            }
            this.dropped.notify_one();
            named.map(|()| object)
        })
        .await
    }

    /// Gives up a settled body that came to no name.
    pub(crate) async fn discard(&self, body: &Body) {
        let Body::Extents(blobs) = body else {
            return;
        };
        let discarded = self
            .store
            .write_buffered(|tx| {
                blobs
                    .iter()
                    .try_for_each(|blob| Blobs::drop_name(tx, blob.id))
            })
            .await;
        if let Err(cause) = discarded {
            // A later run sweeps it.
            tracing::warn!(%cause, "a body without a name was not removed");
        }
        self.dropped.notify_one();
    }
}

fn name(tx: &mut Tx, put: &Put, object: &Object, body: &Body) -> Result<()> {
    let bucket = bucket::require(tx, &put.bucket)?;
    let current = bucket::object(tx, &put.bucket, &put.key)?;
    put.condition
        .check(current.as_ref().map(|object| &object.etag), || {
            bucket::missing(&put.bucket, &put.key)
        })?;
    if let Body::Extents(blobs) = body {
        for blob in blobs {
            Blobs::keep(tx, blob.id)?;
        }
    }
    let place = Place {
        bucket: &bucket,
        key: &put.key,
        current: current.as_ref(),
    };
    place.take(tx, object, body)?;
    place.announce_stored(tx, put.kind, object, &put.origin);
    Ok(())
}

/// Where an object is to be, and what is there now.
pub(crate) struct Place<'a> {
    pub(crate) bucket: &'a Bucket,
    pub(crate) key: &'a str,
    pub(crate) current: Option<&'a Object>,
}

impl Place<'_> {
    /// Puts an object here whose extents are already counted.
    pub(crate) fn take(&self, tx: &mut Tx, object: &Object, body: &Body) -> Result<()> {
        self.drop_current(tx)?;
        let bucket = &self.bucket.name;
        OBJECTS.put(tx, schema::object_key(bucket, self.key), object);
        BODIES.put(tx, schema::body_key(bucket, self.key), body);
        Ok(())
    }

    pub(crate) fn clear(&self, tx: &mut Tx) -> Result<()> {
        self.drop_current(tx)?;
        let bucket = &self.bucket.name;
        OBJECTS.delete(tx, schema::object_key(bucket, self.key));
        BODIES.delete(tx, schema::body_key(bucket, self.key));
        Ok(())
    }

    fn drop_current(&self, tx: &mut Tx) -> Result<()> {
        if self.current.is_none_or(|current| current.inline) {
            return Ok(());
        }
        let bucket = &self.bucket.name;
        if self.is_in_parts() {
            PART_CHECKSUMS.delete(tx, schema::part_checksums_key(bucket, self.key));
        }
        match BODIES.get(tx, &schema::body_key(bucket, self.key))? {
            Some(Body::Extents(blobs)) => blobs
                .iter()
                .try_for_each(|blob| Blobs::drop_name(tx, blob.id))
                .map_err(Error::from),
            _ => Ok(()),
        }
    }

    fn is_in_parts(&self) -> bool {
        self.current
            .is_some_and(|current| current.etag.parts.is_some())
    }

    pub(crate) fn announce_stored(
        &self,
        tx: &mut Tx,
        kind: ChangeKind,
        object: &Object,
        origin: &Origin,
    ) {
        let news = News {
            kind,
            key: self.key,
            size: object.size,
            etag: object.etag.to_string(),
            at: object.modified,
            origin,
        };
        announce(tx, self.bucket, news);
    }
}
