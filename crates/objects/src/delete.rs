use base::Timestamp;
use store::Tx;

use crate::change::{ChangeKind, News, Origin, announce};
use crate::condition::Condition;
use crate::error::{Error, Result};
use crate::place::Place;
use crate::schema::{Bucket, Version};
use crate::version::{Salt, VersionId, Versioning};
use crate::{Objects, bucket, uninterrupted};

#[derive(Clone, Debug, Default)]
pub struct Deletion {
    pub key: String,
    /// To be removed for good. Without one, the object goes or, where versions are kept, a marker comes before it.
    pub version: Option<VersionId>,
    /// Of the current object, whichever version is named.
    pub condition: Condition,
}

/// What became of one key that was to be deleted.
#[derive(Clone, Debug)]
pub struct Deleted {
    pub key: String,
    pub version: Option<VersionId>,
    /// Deleting what is not there succeeds.
    pub outcome: Result<Removal>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removal {
    /// Which version is gone, or is the marker that was made; none where there is but one.
    pub version: Option<VersionId>,
    /// Whether that is a marker, or was.
    pub marker: bool,
}

impl Objects {
    /// As [`Objects::delete_many`], one.
    pub async fn delete(
        &self,
        bucket: &str,
        deletion: Deletion,
        origin: Origin,
    ) -> Result<Removal> {
        let deleted = self.delete_many(bucket, vec![deletion], origin).await?;
        let first = deleted.into_iter().next();
        first.map_or(Ok(Removal::default()), |deleted| deleted.outcome)
    }

    /// Deletes them all in one transaction. A key whose condition fails stays, and the others go.
    pub async fn delete_many(
        &self,
        bucket: &str,
        deletions: Vec<Deletion>,
        origin: Origin,
    ) -> Result<Vec<Deleted>> {
        let this = self.clone();
        let bucket = bucket.to_owned();
        let at = self.clock.now();
        let salts: Vec<Salt> = deletions.iter().map(|_| self.random.bytes()).collect();
        uninterrupted(async move {
            let deleted = this
                .store
                .write(|tx| {
                    let bucket = bucket::require(tx, &bucket)?;
                    let asked = deletions.iter().zip(&salts);
                    asked
                        .map(|(deletion, salt)| {
                            let outcome = delete(tx, &bucket, deletion, (at, *salt), &origin);
                            settle(deletion, outcome)
                        })
                        .collect()
                })
                .await;
            this.dropped.notify_one();
            deleted
        })
        .await
    }
}

/// A store's failure is the whole transaction's; anything else is that key's alone.
fn settle(deletion: &Deletion, outcome: Result<Removal>) -> Result<Deleted> {
    match outcome {
        Err(Error::Store(error)) => Err(error.into()),
        outcome => Ok(Deleted {
            key: deletion.key.clone(),
            version: deletion.version,
            outcome,
        }),
    }
}

fn delete(
    tx: &mut Tx,
    bucket: &Bucket,
    deletion: &Deletion,
    (at, salt): (Timestamp, Salt),
    origin: &Origin,
) -> Result<Removal> {
    let place = Place::find(tx, bucket, &deletion.key)?;
    place.check(&deletion.condition)?;
    let mut removal = Removal::default();
    let kind = match (deletion.version, bucket.versioning) {
        (None, Versioning::Enabled | Versioning::Suspended) => {
            removal.version = Some(place.mark(tx, at, salt)?);
            removal.marker = true;
            ChangeKind::Marked
        }
        (version, versioning) => {
            removal.version = version.filter(|_| versioning.has_begun());
            let Some(removed) = place.remove(tx, version.unwrap_or(VersionId::Null))? else {
                return Ok(removal);
            };
            removal.marker = matches!(removed, Version::Marker(_));
            ChangeKind::Deleted
        }
    };
    let news = News {
        kind,
        key: &deletion.key,
        version: removal.version,
        size: 0,
        etag: String::new(),
        at,
        origin,
    };
    announce(tx, bucket, news);
    Ok(removal)
}
