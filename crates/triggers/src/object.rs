//! Putting an object into a bucket, for what is told by way of one.

use std::collections::BTreeMap;

use bytes::Bytes;
use objects::{ChangeKind, Condition, Metadata, Origin, Put};

use crate::Triggers;

impl Triggers {
    pub(crate) async fn put_object(
        &self,
        bucket: &str,
        key: &str,
        body: Bytes,
    ) -> Result<(), objects::Error> {
        let mut receiver = self.objects.receive(&[]);
        receiver.write(body).await?;
        let put = Put {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            metadata: Metadata {
                content_type: Some("application/json".to_owned()),
                ..Metadata::default()
            },
            tags: BTreeMap::new(),
            condition: Condition::default(),
            checksum: None,
            kind: ChangeKind::Put,
            origin: Origin::default(),
        };
        self.objects.put(put, receiver.end()).await?;
        Ok(())
    }
}
