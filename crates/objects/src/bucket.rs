use std::collections::BTreeMap;

use base::Space;
use store::{Read, Tx};

use crate::error::{Error, Result};
use crate::schema::{
    self, ACCESS, BUCKET_TAGS, BUCKETS, Bucket, BucketTags, LIFECYCLES, ORIGIN_RULES, UPLOADS,
    WEBSITES,
};
use crate::version::Versioning;
use crate::{Objects, change, multipart};

/// How many buckets, or uploads of a bucket that goes, are looked at in one go.
const BATCH: usize = 256;

#[derive(Clone, Debug)]
pub struct NewBucket {
    pub name: String,
    pub space: Space,
    pub tags: BTreeMap<String, String>,
    pub versioning: Versioning,
}

impl Objects {
    pub async fn create_bucket(&self, new: NewBucket) -> Result<Bucket> {
        let bucket = Bucket {
            name: new.name,
            space: new.space,
            created: self.clock.now(),
            watched: None,
            versioning: new.versioning,
        };
        let tags = BucketTags(new.tags);
        self.store
            .write(|tx| {
                let key = schema::bucket_key(&bucket.name);
                match BUCKETS.get(tx, &key)? {
                    Some(taken) => Err(Error::BucketExists {
                        bucket: taken.name,
                        space: taken.space,
                    }),
                    None => {
                        BUCKETS.put(tx, key, &bucket);
                        if !tags.0.is_empty() {
                            BUCKET_TAGS.put(tx, schema::bucket_tags_key(&bucket.name), &tags);
                        }
                        Ok(())
                    }
                }
            })
            .await?;
        Ok(bucket)
    }

    pub fn bucket(&self, name: &str) -> Result<Bucket> {
        require(&self.store.read()?, name)
    }

    /// Every bucket whose space is `ours`, by name.
    pub fn buckets(&self, ours: impl Fn(&Space) -> bool) -> Result<Vec<Bucket>> {
        let view = self.store.read()?;
        let mut found = Vec::new();
        let mut range = BUCKETS.key().range();
        loop {
            let batch = BUCKETS.scan(&view, &range, BATCH)?;
            let Some((last, _)) = batch.last() else {
                return Ok(found);
            };
            range = range.after(last);
            let batch = batch.into_iter().map(|(_, bucket)| bucket);
            found.extend(batch.filter(|bucket| ours(&bucket.space)));
        }
    }

    /// Removes a bucket that has no objects, nor versions of any. Its unfinished uploads go with it.
    pub async fn delete_bucket(&self, name: &str) -> Result<()> {
        loop {
            {
                let view = self.store.read()?;
                let bucket = require(&view, name)?;
                require_no_objects(&view, &bucket)?;
            }
            let done = self
                .store
                .write(|tx| {
                    let bucket = require(tx, name)?;
                    require_no_objects(tx, &bucket)?;
                    delete_if_bare(tx, &bucket)
                })
                .await?;
            self.dropped.notify_one();
            if done {
                return Ok(());
            }
        }
    }
}

/// Removes the bucket, or, while it has unfinished uploads, one of those: each may have thousands of parts, and a
/// transaction has its bounds.
fn delete_if_bare(tx: &mut Tx, bucket: &Bucket) -> Result<bool> {
    let name = &bucket.name;
    let uploads = UPLOADS.scan_front(tx, &schema::uploads_of(name), None, 1)?;
    match uploads.into_iter().next() {
        Some((key, _)) => {
            let id = multipart::id_of(&key)?;
            multipart::forget(tx, key, &id)?;
            Ok(false)
        }
        None => {
            BUCKETS.delete(tx, schema::bucket_key(name));
            BUCKET_TAGS.delete(tx, schema::bucket_tags_key(name));
            ORIGIN_RULES.delete(tx, schema::origin_rules_key(name));
            WEBSITES.delete(tx, schema::website_key(name));
            ACCESS.delete(tx, schema::access_key(name));
            LIFECYCLES.delete(tx, schema::lifecycle_key(name));
            schema::sweeps().cancel(tx, name.as_bytes())?;
            change::unwatched(tx, bucket);
            Ok(true)
        }
    }
}

fn require_no_objects(from: &impl Read, bucket: &Bucket) -> Result<()> {
    let name = &bucket.name;
    // Most often right after all of them were deleted, one by one.
    for table in [schema::objects_of(name), schema::versions_in(name)] {
        if !from.scan_front(&table, None, 1)?.is_empty() {
            return Err(Error::BucketNotEmpty {
                bucket: name.clone(),
                versioned: bucket.versioning.has_begun(),
            });
        }
    }
    Ok(())
}

pub(crate) fn require(from: &impl Read, name: &str) -> Result<Bucket> {
    BUCKETS
        .get(from, &schema::bucket_key(name))?
        .ok_or_else(|| Error::NoSuchBucket(name.to_owned()))
}
