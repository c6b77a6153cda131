//! Files that an application looks for in a bucket when it runs: they are put there before anything of it is made.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use objects::{ChangeKind, Condition, Metadata, NewBucket, Origin, Put, Versioning};

use crate::desired::Desired;
use crate::engines::Failure;
use crate::error::Result;
use crate::{Context, Deployer, Template};

/// A file that stands beside a template, and where it is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Published<'a> {
    pub(crate) bucket: String,
    pub(crate) key: &'a str,
    /// None of what is made only by the application's own tools.
    pub(crate) path: Option<&'a Path>,
}

impl Deployer {
    /// The bucket belongs to no stack, as there.
    pub(crate) async fn publish_assets(
        &self,
        template: &Template,
        context: &Context,
        desired: &Desired,
    ) -> Result<()> {
        for file in template.published(context) {
            let done = self.put_published(&file).await;
            let name = || format!("{} of {}", file.key, desired.stack);
            done.map_err(|cause| cause.of_step("publish", "asset", name()))?;
        }
        Ok(())
    }

    async fn put_published(&self, file: &Published<'_>) -> Result<(), Failure> {
        let objects = &self.engines.objects;
        // Its key says what is in it.
        if objects.head(&file.bucket, file.key, None).is_ok() {
            return Ok(());
        }
        let path = file.path.ok_or_else(|| {
            Failure::invalid("a program of the application's tools makes it when they publish it")
        })?;
        let bucket = NewBucket {
            name: file.bucket.clone(),
            space: self.space(),
            tags: BTreeMap::new(),
            versioning: Versioning::Never,
        };
        match objects.create_bucket(bucket).await {
            Ok(_) | Err(objects::Error::BucketExists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let mut receiver = objects.receive(&[]);
        receiver.write(content(path).await?).await?;
        let put = Put {
            bucket: file.bucket.clone(),
            key: file.key.to_owned(),
            metadata: Metadata::default(),
            tags: BTreeMap::new(),
            condition: Condition::default(),
            checksum: None,
            kind: ChangeKind::Put,
            origin: Origin::default(),
        };
        objects.put(put, receiver.end()).await?;
        Ok(())
    }
}

/// A folder is packed.
async fn content(path: &Path) -> Result<Bytes, Failure> {
    if path.is_dir() {
        return Ok(functions::pack(path).await?);
    }
    let read = tokio::fs::read(path).await;
    let unread = |cause| Failure::invalid(format!("cannot read {}: {cause}", path.display()));
    read.map(Bytes::from).map_err(unread)
}
