//! Objects and buckets as they were stored before there were versions.

use std::collections::BTreeMap;

use base::{Space, Timestamp};
use serde::{Deserialize, Serialize};
use store::Record;

use super::{Metadata, WatchId, v1};
use crate::checksum::Checksum;
use crate::etag::ETag;
use crate::version::{Stamp, Versioning};

#[derive(Serialize, Deserialize)]
pub(super) struct Object {
    pub(super) size: u64,
    pub(super) etag: ETag,
    pub(super) modified: Timestamp,
    pub(super) checksum: Option<Checksum>,
    pub(super) metadata: Metadata,
    pub(super) upload: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) inline: bool,
}

impl Record for Object {
    const VERSION: u8 = 2;
}

/// The first shape of buckets.
#[derive(Serialize, Deserialize)]
struct Bucket {
    name: String,
    space: Space,
    created: Timestamp,
    watched: Option<WatchId>,
}

impl Record for Bucket {}

pub(super) fn read(version: u8, body: &[u8]) -> store::Result<super::Object> {
    Object::decode(&v1::whole(version, body)).map(super::Object::from)
}

impl From<Object> for super::Object {
    fn from(old: Object) -> Self {
        Self {
            size: old.size,
            etag: old.etag,
            modified: old.modified,
            checksum: old.checksum,
            metadata: old.metadata,
            upload: old.upload,
            tags: old.tags,
            inline: old.inline,
            stamp: Stamp::FIRST,
            versioned: false,
        }
    }
}

pub(super) fn read_bucket(version: u8, body: &[u8]) -> store::Result<super::Bucket> {
    let old = Bucket::decode(&v1::whole(version, body))?;
    Ok(super::Bucket {
        name: old.name,
        space: old.space,
        created: old.created,
        watched: old.watched,
        versioning: Versioning::Never,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_stored_before_versions_reads() {
        let object = Object {
            size: 5,
            etag: ETag::of([7; 16]),
            modified: Timestamp::from_secs(1),
            checksum: None,
            metadata: Metadata::default(),
            upload: None,
            tags: BTreeMap::from([("a".into(), "b".into())]),
            inline: true,
        };
        let read = super::super::Object::decode(&object.encode()).unwrap();
        assert_eq!((read.size, read.inline), (5, true));
        assert_eq!((read.tags, read.stamp), (object.tags, Stamp::FIRST));
        let bucket = Bucket {
            name: "b".into(),
            space: Space::new("s"),
            created: Timestamp::from_secs(1),
            watched: Some(WatchId([1; 16])),
        };
        let read = super::super::Bucket::decode(&bucket.encode()).unwrap();
        assert_eq!((read.name, read.watched), (bucket.name, bucket.watched));
        assert_eq!(read.versioning, Versioning::Never);
    }
}
