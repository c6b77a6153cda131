//! Tags: names with values that may be changed while what they are on stays.

use std::collections::BTreeMap;

use store::Tx;

use crate::change::{ChangeKind, News, Origin, announce};
use crate::error::Result;
use crate::place::Place;
use crate::schema::{self, BUCKET_TAGS, BucketTags, Object};
use crate::version::VersionId;
use crate::{Objects, bucket};

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

    /// In place of all that there are. The object is not newer for it. Which one it was.
    pub async fn tag(
        &self,
        bucket: &str,
        key: &str,
        version: Option<VersionId>,
        tags: BTreeMap<String, String>,
        origin: Origin,
    ) -> Result<Object> {
        let which = (bucket, key, version);
        self.store
            .write(|tx| self.retag(tx, which, (ChangeKind::Tagged, &tags), &origin))
            .await
    }

    pub async fn untag(
        &self,
        bucket: &str,
        key: &str,
        version: Option<VersionId>,
        origin: Origin,
    ) -> Result<Object> {
        let which = (bucket, key, version);
        let none = BTreeMap::new();
        self.store
            .write(|tx| self.retag(tx, which, (ChangeKind::Untagged, &none), &origin))
            .await
    }

    fn retag(
        &self,
        tx: &mut Tx,
        (bucket, key, version): (&str, &str, Option<VersionId>),
        (kind, tags): (ChangeKind, &BTreeMap<String, String>),
        origin: &Origin,
    ) -> Result<Object> {
        let bucket = bucket::require(tx, bucket)?;
        let place = Place::find(tx, &bucket, key)?;
        let mut object = place.clone().object(tx, version)?;
        object.tags.clone_from(tags);
        place.amend(tx, &object);
        let news = News {
            kind,
            key,
            version: object.version(),
            size: object.size,
            etag: object.etag.to_string(),
            at: self.clock.now(),
            origin,
        };
        announce(tx, &bucket, news);
        Ok(object)
    }
}
