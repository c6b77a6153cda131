//! A bucket's bindings: setting all of them at once, and reading them back.

use crate::binding::check;
use crate::schema::{BucketBindings, ObjectBinding, WATCHES, watch_key};
use crate::{Result, Triggers};

impl Triggers {
    /// Replaces a bucket's bindings, and says whether its changes are put on the default bus; none takes them all away. From this transaction on the bucket's changes are
    /// matched against the new ones, and those before it against the old ones, also if they are yet to be followed.
    pub async fn set_bucket_bindings(
        &self,
        bucket: &str,
        bindings: Vec<ObjectBinding>,
        on_bus: bool,
    ) -> Result<()> {
        check(&bindings)?;
        let is_watched = on_bus || !bindings.is_empty();
        let watch = is_watched.then(|| self.objects.new_watch());
        let bindings = BucketBindings { bindings, on_bus };
        self.store
            .write(|tx| {
                self.objects.watch(tx, bucket, watch)?;
                if let Some(watch) = watch {
                    WATCHES.put(tx, watch_key(watch), &bindings);
                }
                Ok(())
            })
            .await
    }

    /// In the order in which they were set. A bucket that is not there has none.
    pub fn bucket_bindings(&self, bucket: &str) -> Result<Vec<ObjectBinding>> {
        Ok(self.watched_by(bucket)?.bindings)
    }

    /// Whether a bucket's changes are put on the default bus.
    pub fn is_bucket_on_bus(&self, bucket: &str) -> Result<bool> {
        Ok(self.watched_by(bucket)?.on_bus)
    }

    fn watched_by(&self, bucket: &str) -> Result<BucketBindings> {
        let view = self.store.read()?;
        let watch = match self.objects.watched(&view, bucket) {
            Err(objects::Error::NoSuchBucket(_)) => None,
            watch => watch?,
        };
        let Some(watch) = watch else {
            return Ok(BucketBindings::default());
        };
        let stored = WATCHES.get(&view, &watch_key(watch))?;
        Ok(stored.unwrap_or_default())
    }
}
