//! Uploads in parts: begun, filled in any order, and completed into one object or given up.

mod complete;
mod list;

use std::collections::BTreeMap;

use base::Timestamp;
use store::{Blob, Blobs, KeyReader, Read, Tx};

use crate::checksum::Algorithm;
use crate::error::{Error, Result};
use crate::receive::Received;
use crate::schema::{self, Metadata, PARTS, Part, UPLOADS, Upload};
use crate::{Objects, bucket, uninterrupted};

pub use complete::{Complete, CompletedPart};
pub use list::{ListParts, ListUploads, PartListing, UploadListing};

#[derive(Clone, Debug)]
pub struct Begin {
    pub bucket: String,
    pub key: String,
    pub metadata: Metadata,
    pub tags: BTreeMap<String, String>,
    pub algorithm: Algorithm,
    /// The object's checksum is to be made of the parts' checksums, not over the whole.
    pub composite: bool,
    /// Whether the algorithm was asked for, rather than chosen for want of one.
    pub declared: bool,
    pub principal: String,
}

#[derive(Clone, Debug)]
pub struct UploadPart {
    pub bucket: String,
    pub key: String,
    pub upload: String,
    pub number: u32,
}

/// An upload that is not completed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadInfo {
    pub key: String,
    pub id: String,
    pub begun: Timestamp,
    pub algorithm: Algorithm,
    pub composite: bool,
    pub declared: bool,
    pub principal: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartInfo {
    pub number: u32,
    pub size: u64,
    pub md5: [u8; 16],
    pub modified: Timestamp,
    pub checksums: Vec<crate::Checksum>,
}

impl Objects {
    pub async fn begin_upload(&self, begin: Begin) -> Result<UploadInfo> {
        let begun = self.clock.now();
        let tail = u64::from_le_bytes(self.random.bytes());
        let id = format!("{:016x}{tail:016x}", begun.as_micros());
        let upload = Upload {
            begun,
            metadata: begin.metadata,
            algorithm: begin.algorithm,
            composite: begin.composite,
            principal: begin.principal,
            declared: begin.declared,
            tags: begin.tags,
        };
        self.store
            .write(|tx| {
                bucket::require(tx, &begin.bucket)?;
                let key = schema::upload_key(&begin.bucket, &begin.key, &id);
                UPLOADS.put(tx, key, &upload);
                Ok::<_, Error>(())
            })
            .await?;
        Ok(info(begin.key, id, upload))
    }

    pub fn upload(&self, bucket: &str, key: &str, id: &str) -> Result<UploadInfo> {
        let view = self.store.read()?;
        bucket::require(&view, bucket)?;
        let upload = require(&view, bucket, key, id)?;
        Ok(info(key.to_owned(), id.to_owned(), upload))
    }

    /// Names a part that was received by [`Objects::receive_part`], in the place of an earlier one with its number.
    pub async fn upload_part(&self, part: UploadPart, received: Received) -> Result<PartInfo> {
        let this = self.clone();
        uninterrupted(async move {
            let md5 = received.digests().md5;
            let checksums = received.digests().checksums().collect();
            let blob = received.settle_part(this.store.blobs()).await?;
            let record = Part {
                blob,
                md5,
                modified: this.clock.now(),
                checksums,
            };
            let named = this.store.write(|tx| name(tx, &part, &record)).await;
            if named.is_err() {
                this.discard(&schema::Body::Extents(vec![blob])).await;
            }
            this.dropped.notify_one();
            named.map(|()| part_info(part.number, record))
        })
        .await
    }

    pub async fn abort_upload(&self, bucket: &str, key: &str, id: &str) -> Result<()> {
        self.store
            .write(|tx| {
                bucket::require(tx, bucket)?;
                require(tx, bucket, key, id)?;
                let stored = schema::upload_key(bucket, key, id).into_vec();
                forget(tx, stored, id)
            })
            .await?;
        self.dropped.notify_one();
        Ok(())
    }
}

fn name(tx: &mut Tx, part: &UploadPart, record: &Part) -> Result<()> {
    bucket::require(tx, &part.bucket)?;
    require(tx, &part.bucket, &part.key, &part.upload)?;
    let key = schema::parts_of(&part.upload).u32(part.number);
    if let Some(earlier) = PARTS.get(tx, &key)? {
        Blobs::drop_name(tx, earlier.blob.id)?;
    }
    Blobs::keep(tx, record.blob.id)?;
    PARTS.put(tx, key, record);
    Ok(())
}

fn require(from: &impl Read, bucket: &str, key: &str, id: &str) -> Result<Upload> {
    UPLOADS
        .get(from, &schema::upload_key(bucket, key, id))?
        .ok_or_else(|| Error::NoSuchUpload(id.to_owned()))
}

/// Removes an upload and its parts with their bodies.
pub(crate) fn forget(tx: &mut Tx, stored_key: Vec<u8>, id: &str) -> Result<()> {
    for (number, part) in all_parts(tx, id)? {
        Blobs::drop_name(tx, part.blob.id)?;
        PARTS.delete(tx, schema::parts_of(id).u32(number));
    }
    tx.delete(stored_key);
    Ok(())
}

fn all_parts(from: &impl Read, id: &str) -> Result<Vec<(u32, Part)>> {
    // Bounded by the part numbers that the faces let through.
    PARTS
        .scan(from, &schema::parts_of(id).range(), usize::MAX)?
        .into_iter()
        .map(|(key, part)| Ok((number_of(&key)?, part)))
        .collect()
}

fn number_of(stored: &[u8]) -> Result<u32> {
    let read = || {
        let mut reader = KeyReader::new(stored)?;
        reader.str()?;
        reader.u32()
    };
    read().ok_or_else(|| store::Error::Damaged("a part's key does not read".into()).into())
}

/// The third part of an upload's stored key: after the bucket and the key.
pub(crate) fn id_of(stored: &[u8]) -> Result<String> {
    let read = || {
        let mut reader = KeyReader::new(stored)?;
        reader.str()?;
        reader.str()?;
        reader.str()
    };
    read().ok_or_else(|| store::Error::Damaged("an upload's key does not read".into()).into())
}

fn info(key: String, id: String, upload: Upload) -> UploadInfo {
    UploadInfo {
        key,
        id,
        begun: upload.begun,
        algorithm: upload.algorithm,
        composite: upload.composite,
        declared: upload.declared,
        principal: upload.principal,
    }
}

fn part_info(number: u32, part: Part) -> PartInfo {
    let Blob { len, .. } = part.blob;
    PartInfo {
        number,
        size: len,
        md5: part.md5,
        modified: part.modified,
        checksums: part.checksums,
    }
}
