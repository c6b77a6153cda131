use base::Timestamp;
use store::Tx;

use crate::change::{ChangeKind, News, Origin, announce};
use crate::condition::Condition;
use crate::error::{Error, Result};
use crate::put::Place;
use crate::schema::Bucket;
use crate::{Objects, bucket, uninterrupted};

/// What became of one key that was to be deleted.
#[derive(Clone, Debug)]
pub struct Deleted {
    pub key: String,
    /// Deleting what is not there succeeds.
    pub outcome: std::result::Result<(), Error>,
}

impl Objects {
    pub async fn delete(
        &self,
        bucket: &str,
        key: &str,
        condition: Condition,
        origin: Origin,
    ) -> Result<()> {
        let keys = vec![(key.to_owned(), condition)];
        let mut deleted = self.delete_many(bucket, keys, origin).await?;
        deleted.pop().map_or(Ok(()), |deleted| deleted.outcome)
    }

    /// Deletes them all in one transaction. A key whose condition fails stays, and the others go.
    pub async fn delete_many(
        &self,
        bucket: &str,
        keys: Vec<(String, Condition)>,
        origin: Origin,
    ) -> Result<Vec<Deleted>> {
        let this = self.clone();
        let bucket = bucket.to_owned();
        let at = self.clock.now();
        uninterrupted(async move {
            let deleted = this
                .store
                .write(|tx| {
                    let bucket = bucket::require(tx, &bucket)?;
                    keys.iter()
                        .map(|(key, condition)| {
                            let outcome = delete(tx, &bucket, key, condition, at, &origin);
                            settle(key, outcome)
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
fn settle(key: &str, outcome: Result<()>) -> Result<Deleted> {
    match outcome {
        Err(Error::Store(error)) => Err(error.into()),
        outcome => Ok(Deleted {
            key: key.to_owned(),
            outcome,
        }),
    }
}

fn delete(
    tx: &mut Tx,
    bucket: &Bucket,
    key: &str,
    condition: &Condition,
    at: Timestamp,
    origin: &Origin,
) -> Result<()> {
    let current = bucket::object(tx, &bucket.name, key)?;
    condition.check(current.as_ref().map(|object| &object.etag), || {
        bucket::missing(&bucket.name, key)
    })?;
    if current.is_none() {
        return Ok(());
    }
    let place = Place {
        bucket,
        key,
        current: current.as_ref(),
    };
    place.clear(tx)?;
    let news = News {
        kind: ChangeKind::Deleted,
        key,
        size: 0,
        etag: String::new(),
        at,
        origin,
    };
    announce(tx, bucket, news);
    Ok(())
}
