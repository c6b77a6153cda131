//! Objects and uploads as they were stored before they had tags.

use std::collections::BTreeMap;

use base::Timestamp;
use serde::{Deserialize, Serialize};
use store::Record;

use super::{Metadata, v2};
use crate::checksum::{Algorithm, Checksum};
use crate::etag::ETag;

#[derive(Serialize, Deserialize)]
struct Object {
    size: u64,
    etag: ETag,
    modified: Timestamp,
    checksum: Option<Checksum>,
    metadata: Metadata,
    upload: Option<String>,
    inline: bool,
}

impl Record for Object {}

#[derive(Serialize, Deserialize)]
struct Upload {
    begun: Timestamp,
    metadata: Metadata,
    algorithm: Algorithm,
    composite: bool,
    principal: String,
    declared: bool,
}

impl Record for Upload {}

pub(super) fn read(version: u8, body: &[u8]) -> store::Result<super::Object> {
    let old = Object::decode(&whole(version, body))?;
    let next = v2::Object {
        size: old.size,
        etag: old.etag,
        modified: old.modified,
        checksum: old.checksum,
        metadata: old.metadata,
        upload: old.upload,
        tags: BTreeMap::new(),
        inline: old.inline,
    };
    Ok(next.into())
}

pub(super) fn read_upload(version: u8, body: &[u8]) -> store::Result<super::Upload> {
    let old = Upload::decode(&whole(version, body))?;
    Ok(super::Upload {
        begun: old.begun,
        metadata: old.metadata,
        algorithm: old.algorithm,
        composite: old.composite,
        principal: old.principal,
        declared: old.declared,
        tags: BTreeMap::new(),
    })
}

pub(super) fn whole(version: u8, body: &[u8]) -> Vec<u8> {
    let mut stored = vec![version];
    stored.extend_from_slice(body);
    stored
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_stored_before_tags_reads() {
        let object = Object {
            size: 5,
            etag: ETag::of([7; 16]),
            modified: Timestamp::from_secs(1),
            checksum: None,
            metadata: Metadata::default(),
            upload: Some("u".into()),
            inline: true,
        };
        let read = super::super::Object::decode(&object.encode()).unwrap();
        assert_eq!((read.size, read.inline, read.tags.len()), (5, true, 0));
        assert_eq!(read.upload.as_deref(), Some("u"));
        let upload = Upload {
            begun: Timestamp::from_secs(1),
            metadata: Metadata::default(),
            algorithm: Algorithm::Sha1,
            composite: true,
            principal: "p".into(),
            declared: true,
        };
        let read = super::super::Upload::decode(&upload.encode()).unwrap();
        assert!(read.composite && read.declared && read.tags.is_empty());
        assert_eq!(read.principal, "p");
    }
}
