//! A bucket's bindings: setting all of them at once, and reading them back.

use crate::binding::check;
use crate::schema::{BUCKETS, BucketBindings, ObjectBinding};
use crate::{Result, Triggers};

impl Triggers {
    /// Replaces a bucket's bindings; none takes them all away. From this transaction on the bucket's changes are
    /// matched against the new ones.
    pub async fn set_bucket_bindings(
        &self,
        bucket: &str,
        bindings: Vec<ObjectBinding>,
    ) -> Result<()> {
        check(&bindings)?;
        let bindings = BucketBindings { bindings };
        self.store
            .write(|tx| {
                let key = BUCKETS.key().str(bucket);
                self.objects
                    .watch(tx, bucket, !bindings.bindings.is_empty())?;
                if bindings.bindings.is_empty() {
                    BUCKETS.delete(tx, key);
                } else {
                    BUCKETS.put(tx, key, &bindings);
                }
                Ok(())
            })
            .await
    }

    /// In the order in which they were set.
    pub fn bucket_bindings(&self, bucket: &str) -> Result<Vec<ObjectBinding>> {
        let stored = BUCKETS.get(&self.store.read()?, &BUCKETS.key().str(bucket))?;
        Ok(stored.unwrap_or_default().bindings)
    }

    /// To be called once a bucket is gone: another of its name must not inherit what this one was bound to.
    pub async fn forget_bucket(&self, bucket: &str) -> Result<()> {
        self.store
            .write(|tx| {
                BUCKETS.delete(tx, BUCKETS.key().str(bucket));
                Ok(())
            })
            .await
    }
}
