use std::collections::BTreeMap;

use store::{Blobs, Tx};

use crate::change::{ChangeKind, Origin};
use crate::checksum::Algorithm;
use crate::condition::Condition;
use crate::error::Result;
use crate::etag::ETag;
use crate::place::Place;
use crate::receive::Received;
use crate::schema::{Body, Metadata, Object};
use crate::version::{Salt, Stamp};
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
    /// Names what was received, in the place of whatever has the key or, where versions are kept, before it.
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
                stamp: Stamp::FIRST,
                versioned: false,
            };
            let body = received.settle().await?;
            let salt = this.random.bytes();
            let named = this
                .store
                .write(|tx| name(tx, &put, &object, &body, salt))
                .await;
            if named.is_err() {
                this.discard(&body).await;
            }
            this.dropped.notify_one();
            named
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

fn name(tx: &mut Tx, put: &Put, object: &Object, body: &Body, salt: Salt) -> Result<Object> {
    let bucket = bucket::require(tx, &put.bucket)?;
    let place = Place::find(tx, &bucket, &put.key)?;
    place.check(&put.condition)?;
    if let Body::Extents(blobs) = body {
        for blob in blobs {
            Blobs::keep(tx, blob.id)?;
        }
    }
    let object = place.take(tx, object.clone(), body, salt)?;
    place.announce_stored(tx, put.kind, &object, &put.origin);
    Ok(object)
}
