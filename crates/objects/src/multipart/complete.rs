use std::collections::BTreeMap;

use base::{ByteSize, Timestamp};
use md5::{Digest, Md5};
use store::{Blob, Blobs, Tx};

use super::{all_parts, require};
use crate::change::{ChangeKind, Origin};
use crate::checksum::{self, Checksum};
use crate::condition::Condition;
use crate::error::{Error, Result};
use crate::etag::ETag;
use crate::place::Place;
use crate::schema::{
    self, Body, Object, PART_CHECKSUMS, PARTS, Part, PartChecksums, UPLOADS, Upload,
};
use crate::version::{Salt, Stamp};
use crate::{Objects, bucket, uninterrupted};

#[derive(Clone, Debug)]
pub struct Complete {
    pub bucket: String,
    pub key: String,
    pub upload: String,
    /// In the order in which they make the object.
    pub parts: Vec<CompletedPart>,
    pub condition: Condition,
    /// The least a part may have, the last aside.
    pub least_part: ByteSize,
    /// What the whole must come to, where the caller knows.
    pub size: Option<u64>,
    pub checksum: Option<Checksum>,
    /// Whether the object's checksum is to be made of the parts' ones, where the caller says so.
    pub composite: Option<bool>,
    pub origin: Origin,
}

#[derive(Clone, Debug)]
pub struct CompletedPart {
    pub number: u32,
    /// Its tag without quotes.
    pub etag: String,
    /// Compared where the part has one by the same algorithm.
    pub checksums: Vec<Checksum>,
}

impl Objects {
    /// Joins parts into an object, whatever their size in the same time per part. Doing it again says again what came
    /// of it, for a caller that lost the answer, so long as nobody replaced the object.
    pub async fn complete_upload(&self, complete: Complete) -> Result<Object> {
        let this = self.clone();
        uninterrupted(async move {
            let fresh = (this.clock.now(), this.random.bytes());
            let object = this.store.write(|tx| finish(tx, &complete, fresh)).await;
            this.dropped.notify_one();
            object
        })
        .await
    }
}

fn finish(tx: &mut Tx, complete: &Complete, (now, salt): (Timestamp, Salt)) -> Result<Object> {
    let bucket = bucket::require(tx, &complete.bucket)?;
    let place = Place::find(tx, &bucket, &complete.key)?;
    let upload = match require(tx, &complete.bucket, &complete.key, &complete.upload) {
        Err(Error::NoSuchUpload(id)) => {
            return place
                .current
                .filter(|object| object.upload.as_ref() == Some(&id))
                .ok_or(Error::NoSuchUpload(id));
        }
        upload => upload?,
    };
    let mut stored: BTreeMap<u32, Part> = all_parts(tx, &complete.upload)?.into_iter().collect();
    let numbers: Vec<u32> = stored.keys().copied().collect();
    let chosen = choose(complete, &upload, &mut stored)?;
    place.check(&complete.condition)?;
    let object = join(complete, &upload, &chosen, now)?;

    for number in numbers {
        PARTS.delete(tx, schema::parts_of(&complete.upload).u32(number));
    }
    for unused in stored.values() {
        Blobs::drop_name(tx, unused.blob.id)?;
    }
    let key = schema::upload_key(&complete.bucket, &complete.key, &complete.upload);
    UPLOADS.delete(tx, key);
    // The parts' names for their bodies become the object's: nothing to count.
    let extents: Vec<Blob> = chosen.iter().map(|part| part.blob).collect();
    let object = place.take(tx, object, &Body::Extents(extents), salt)?;
    if upload.declared {
        let key = place.part_checksums_key(object.stamp.id);
        let checksums = chosen
            .iter()
            .map(|part| checksum_of(&upload, part).cloned());
        PART_CHECKSUMS.put(tx, key, &PartChecksums(checksums.collect::<Result<_>>()?));
    }
    place.announce_stored(tx, ChangeKind::Completed, &object, &complete.origin);
    Ok(object)
}

/// Takes the named parts out of the stored ones, checking that they are what the caller thinks.
fn choose(
    complete: &Complete,
    upload: &Upload,
    stored: &mut BTreeMap<u32, Part>,
) -> Result<Vec<Part>> {
    let ascending = complete
        .parts
        .windows(2)
        .all(|pair| pair[0].number < pair[1].number);
    if !ascending {
        return Err(Error::InvalidPartOrder(complete.upload.clone()));
    }
    let mut chosen = Vec::with_capacity(complete.parts.len());
    for named in &complete.parts {
        let part = stored
            .remove(&named.number)
            .filter(|part| is_the_named(part, named))
            .ok_or_else(|| Error::InvalidPart {
                upload: complete.upload.clone(),
                number: named.number,
                etag: named.etag.clone(),
            })?;
        check_named(upload, named)?;
        chosen.push(part);
    }
    check_sizes(complete, &chosen)?;
    Ok(chosen)
}

/// A checksum that is made of the parts' ones is only worth something to who knows those.
fn check_named(upload: &Upload, named: &CompletedPart) -> Result<()> {
    let algorithm = upload.algorithm;
    let says_it = named
        .checksums
        .iter()
        .any(|checksum| checksum.algorithm == algorithm);
    if upload.declared && upload.composite && !says_it {
        return Err(Error::MissingPartChecksum {
            algorithm,
            number: named.number,
        });
    }
    Ok(())
}

fn is_the_named(part: &Part, named: &CompletedPart) -> bool {
    let same_checksums = named.checksums.iter().all(|wanted| {
        part.checksums
            .iter()
            .find(|checksum| checksum.algorithm == wanted.algorithm)
            .is_none_or(|checksum| checksum.value == wanted.value)
    });
    ETag::of(part.md5).to_string() == named.etag && same_checksums
}

fn check_sizes(complete: &Complete, chosen: &[Part]) -> Result<()> {
    let least = complete.least_part.as_bytes();
    let all_but_last = chosen.len().saturating_sub(1);
    for (part, named) in chosen.iter().zip(&complete.parts).take(all_but_last) {
        if part.blob.len < least {
            return Err(Error::PartTooSmall {
                number: named.number,
                etag: named.etag.clone(),
                size: part.blob.len,
                least,
            });
        }
    }
    let actual = size_of(chosen);
    match complete.size {
        Some(expected) if expected != actual => Err(Error::WrongSize { expected, actual }),
        _ => Ok(()),
    }
}

fn size_of(parts: &[Part]) -> u64 {
    parts.iter().map(|part| part.blob.len).sum()
}

fn join(complete: &Complete, upload: &Upload, parts: &[Part], now: Timestamp) -> Result<Object> {
    if complete
        .composite
        .is_some_and(|composite| composite != upload.composite)
    {
        let composite = upload.composite;
        return Err(Error::OtherCoverage { composite });
    }
    let checksum = whole_checksum(upload, parts)?;
    if let Some(wanted) = &complete.checksum
        && *wanted != checksum
    {
        return Err(Error::ChecksumMismatch(wanted.algorithm));
    }
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(part.md5);
    }
    Ok(Object {
        size: size_of(parts),
        etag: ETag {
            md5: md5.finalize().into(),
            parts: Some(u32::try_from(parts.len()).unwrap_or(u32::MAX)),
        },
        modified: now,
        checksum: Some(checksum),
        metadata: upload.metadata.clone(),
        upload: Some(complete.upload.clone()),
        tags: upload.tags.clone(),
        inline: false,
        stamp: Stamp::FIRST,
        versioned: false,
    })
}

fn whole_checksum(upload: &Upload, parts: &[Part]) -> Result<Checksum> {
    let checksums = parts.iter().map(|part| checksum_of(upload, part));
    let checksums: Vec<&Checksum> = checksums.collect::<Result<_>>()?;
    let values = checksums.iter().map(|checksum| checksum.value.as_slice());
    if upload.composite {
        return Ok(checksum::compose(upload.algorithm, values));
    }
    let lengths = parts.iter().map(|part| part.blob.len);
    checksum::combine(upload.algorithm, values.zip(lengths))
}

fn checksum_of<'a>(upload: &Upload, part: &'a Part) -> Result<&'a Checksum> {
    part.checksums
        .iter()
        .find(|checksum| checksum.algorithm == upload.algorithm)
        .ok_or_else(|| store::Error::Damaged("a part lacks its upload's checksum".into()).into())
}
