//! Tags: names with values that may be changed while what they are on stays.

use std::collections::BTreeMap;

use store::Tx;

use crate::change::{ChangeKind, News, Origin, announce};
use crate::error::Result;
use crate::schema::{self, BUCKET_TAGS, BucketTags, OBJECTS};
use crate::{Objects, bucket, get};

impl Objects {
    pub fn bucket_tags(&self, name: &str) -> Result<BTreeMap<String, String>> {
        let view = self.store.read()?;
        bucket::require(&view, name)?;
        let tags = BUCKET_TAGS.get(&view, &schema::bucket_tags_key(name))?;
        Ok(tags.map_or_else(BTreeMap::new, |tags| tags.0))
    }

    /// In place of all that there are.
    pub async fn tag_bucket(&self, name: &str, tags: BTreeMap<String, String>) -> Result<()> {
        let record = BucketTags(tags);
        self.store
            .write(|tx| {
                bucket::require(tx, name)?;
                let key = schema::bucket_tags_key(name);
                if record.0.is_empty() {
                    BUCKET_TAGS.delete(tx, key);
                } else {
                    BUCKET_TAGS.put(tx, key, &record);
                }
                Ok(())
            })
            .await
    }

    /// In place of all that there are. The object is not newer for it.
    pub async fn tag(
        &self,
        bucket: &str,
        key: &str,
        tags: BTreeMap<String, String>,
        origin: Origin,
    ) -> Result<()> {
        self.store
            .write(|tx| self.retag(tx, (bucket, key), (ChangeKind::Tagged, &tags), &origin))
            .await
    }

    pub async fn untag(&self, bucket: &str, key: &str, origin: Origin) -> Result<()> {
        let none = BTreeMap::new();
        self.store
            .write(|tx| self.retag(tx, (bucket, key), (ChangeKind::Untagged, &none), &origin))
            .await
    }

    fn retag(
        &self,
        tx: &mut Tx,
        (bucket, key): (&str, &str),
        (kind, tags): (ChangeKind, &BTreeMap<String, String>),
        origin: &Origin,
    ) -> Result<()> {
        let mut object = get::find(tx, bucket, key)?;
        object.tags.clone_from(tags);
        OBJECTS.put(tx, schema::object_key(bucket, key), &object);
        let news = News {
            kind,
            key,
            size: object.size,
            etag: object.etag.to_string(),
            at: self.clock.now(),
            origin,
        };
        announce(tx, &bucket::require(tx, bucket)?, news);
        Ok(())
    }
}
