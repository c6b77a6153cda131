//! A bucket's bindings: setting all of them at once, and reading them back.

use crate::binding::check;
use crate::schema::{BucketBindings, ObjectBinding, WATCHES, watch_key};
use crate::target::Destination;
use crate::{Result, Triggers};

impl Triggers {
    /// Replaces a bucket's bindings, and says whether its changes are put on the default bus; none takes them all away.
    /// From this transaction on the bucket's changes are matched against the new ones, and those before it against the
    /// old ones, also if they are yet to be followed. Each place that is no function is told that it will be told.
    pub async fn set_bucket_bindings(
        &self,
        bucket: &str,
        bindings: Vec<ObjectBinding>,
        on_bus: bool,
    ) -> Result<()> {
        check(&bindings)?;
        let is_watched = on_bus || !bindings.is_empty();
        let watch = is_watched.then(|| self.objects.new_watch());
        let mut told: Vec<Destination> = Vec::new();
        for binding in &bindings {
            let is_function = matches!(binding.target, Destination::Function(_));
            if !is_function && !told.contains(&binding.target) {
                told.push(binding.target.clone());
            }
        }
        let request = self.functions.new_request_id();
        let greeting = self.wording.watching(bucket, self.clock.now(), &request);
        let bindings = BucketBindings { bindings, on_bus };
        self.store
            .write(|tx| {
                self.objects.watch(tx, bucket, watch)?;
                if let Some(watch) = watch {
                    WATCHES.put(tx, watch_key(watch), &bindings);
                }
                for place in &told {
                    if let Err(refusal) = self.send(tx, place, &greeting)? {
                        tracing::warn!(%refusal, ?place, "a place was not told that a bucket's changes go there");
                    }
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
