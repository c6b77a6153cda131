use base::ByteSize;
use futures_util::{StreamExt, pin_mut};
use objects::{Copy, Found, Metadata, Object, UploadPart, VersionId};
use s3s::dto::{
    CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopyPartResult, CopySource, ETag,
    UploadPartCopyInput, UploadPartCopyOutput,
};
use s3s::{S3Request, S3Response};

use super::call::Call;
use super::fault::{Fault, Result};
use super::get::{Wanted, parse_range};
use super::list::fill_checksums;
use super::put::MAX_PUT;
use super::{checksum, conditions, headers, lifecycle, multipart, refuse, tags, version};

/// What may be said to be other than it was, so that an object may be copied onto itself.
const CHANGES: [&str; 3] = ["x-amz-storage-class", refuse::SSE, headers::REDIRECT];

pub(super) async fn copy_object(
    call: &Call,
    request: S3Request<CopyObjectInput>,
) -> Result<S3Response<CopyObjectOutput>> {
    refuse::unsupported(&call.headers)?;
    refuse::object_acl(&call.headers)?;
    let input = request.input;
    let source = Source::read(&input.copy_source)?;
    let objects = &call.parts.objects;
    let object = objects.head(&source.bucket, &source.key, source.version)?;
    conditions::check_source(&call.headers, &object, call.parts.objects.now())?;
    check_size(object.size)?;
    let replaces = directive(
        call,
        "x-amz-metadata-directive",
        "Unknown metadata directive.",
    )?;
    let retags = directive(
        call,
        "x-amz-tagging-directive",
        "Unknown tagging directive.",
    )?;
    // An earlier version becomes the newest.
    let is_itself =
        source.bucket == input.bucket && source.key == input.key && source.version.is_none();
    let changes = replaces || CHANGES.iter().any(|name| call.headers.contains_key(*name));
    if is_itself && !changes {
        return Err(Fault::bad(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
        ));
    }
    let metadata = metadata(call, replaces, &object)?;
    let checksum = headers::text(&call.headers, "x-amz-checksum-algorithm")?
        .map(checksum::algorithm)
        .transpose()?;
    let copy = Copy {
        source_bucket: source.bucket,
        source_key: source.key,
        source_version: source.version,
        source_etag: object.etag,
        bucket: input.bucket.clone(),
        key: input.key.clone(),
        metadata,
        tags: retags.then(|| tags::in_header(&call.headers)).transpose()?,
        condition: conditions::of_write(&call.headers)?,
        checksum,
        origin: call.origin(),
    };
    let copied = call.parts.objects.copy(copy).await?;
    Ok(S3Response::new(CopyObjectOutput {
        copy_object_result: Some(describe(&copied)),
        server_side_encryption: Some(headers::encryption()),
        copy_source_version_id: version::text(&object),
        expiration: lifecycle::expiration(&call.parts, &input.bucket, &input.key, &copied)?,
        version_id: version::text_of_stored(&copied),
        ..CopyObjectOutput::default()
    }))
}

/// What the copy has in place of the source's. Where visitors are sent is never copied.
fn metadata(call: &Call, replaces: bool, source: &Object) -> Result<Option<Metadata>> {
    if replaces {
        return headers::metadata(&call.headers).map(Some);
    }
    let redirect = headers::redirect(&call.headers)?;
    if redirect == source.metadata.redirect {
        return Ok(None);
    }
    Ok(Some(Metadata {
        redirect,
        ..source.metadata.clone()
    }))
}

fn describe(copied: &Object) -> CopyObjectResult {
    let mut result = CopyObjectResult {
        e_tag: Some(ETag::Strong(copied.etag.to_string())),
        last_modified: Some(headers::wire_time(copied.modified)),
        ..CopyObjectResult::default()
    };
    fill_checksums!(result, copied.checksum.iter());
    result.checksum_type = copied
        .checksum
        .as_ref()
        .map(|checksum| checksum::type_name(checksum.coverage).to_owned().into());
    result
}

/// Whether what comes with the copy is to be taken instead of what the source has.
fn directive(call: &Call, name: &str, unknown: &str) -> Result<bool> {
    match headers::text(&call.headers, name)? {
        None | Some("COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(other) => Err(Fault::invalid_argument(name, other, unknown)),
    }
}

/// What is to be copied.
struct Source {
    bucket: String,
    key: String,
    version: Option<VersionId>,
}

impl Source {
    fn read(source: &CopySource) -> Result<Self> {
        match source {
            CopySource::Bucket {
                bucket,
                key,
                version_id,
            } => Ok(Self {
                bucket: bucket.to_string(),
                key: key.to_string(),
                version: version::read(version_id.as_deref())?,
            }),
            CopySource::AccessPoint { .. } | CopySource::Outpost { .. } => {
                Err(Fault::not_implemented("A copy from an access point"))
            }
        }
    }
}

fn check_size(size: u64) -> Result<()> {
    if size <= MAX_PUT.as_bytes() {
        return Ok(());
    }
    Err(Fault::bad(
        "InvalidRequest",
        format!(
            "The specified copy source is larger than the maximum allowable size for a copy source: {}",
            MAX_PUT.as_bytes()
        ),
    ))
}

pub(super) async fn upload_part_copy(
    call: &Call,
    request: S3Request<UploadPartCopyInput>,
) -> Result<S3Response<UploadPartCopyOutput>> {
    refuse::unsupported(&call.headers)?;
    let input = request.input;
    let number = multipart::part_number(input.part_number)?;
    let source = Source::read(&input.copy_source)?;
    let objects = &call.parts.objects;
    let upload = objects.upload(&input.bucket, &input.key, &input.upload_id)?;
    let found = objects.get(&source.bucket, &source.key, source.version);
    let Found { object, body, .. } = found.await?;
    conditions::check_source(&call.headers, &object, objects.now())?;
    let range = match input.copy_source_range.as_deref() {
        None => 0..object.size,
        Some(text) => range_of(text, object.size)?,
    };
    check_size(range.end - range.start)?;
    let mut receiver = objects.receive_part(&[upload.algorithm]);
    let pieces = body.stream(range);
    pin_mut!(pieces);
    while let Some(piece) = pieces.next().await {
        receiver.write(piece?).await?;
    }
    let part = UploadPart {
        bucket: input.bucket,
        key: input.key,
        upload: input.upload_id,
        number,
    };
    let part = objects.upload_part(part, receiver.end()).await?;
    let mut result = CopyPartResult {
        e_tag: Some(ETag::Strong(objects::ETag::of(part.md5).to_string())),
        last_modified: Some(headers::wire_time(part.modified)),
        ..CopyPartResult::default()
    };
    if upload.declared {
        fill_checksums!(result, &part.checksums);
    }
    Ok(S3Response::new(UploadPartCopyOutput {
        copy_part_result: Some(result),
        server_side_encryption: Some(headers::encryption()),
        copy_source_version_id: version::text(&object),
        ..UploadPartCopyOutput::default()
    }))
}

/// Unlike a read's, this range must be whole and inside the source.
fn range_of(text: &str, size: u64) -> Result<std::ops::Range<u64>> {
    match parse_range(text) {
        Some(Wanted::From(first, Some(last))) if last < size => Ok(first..last + 1),
        Some(Wanted::From(_, Some(_))) => Err(Fault::invalid_argument(
            "x-amz-copy-source-range",
            text,
            format!("Range specified is not valid for source object of size: {size}"),
        )),
        _ => Err(Fault::invalid_argument(
            "x-amz-copy-source-range",
            text,
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy",
        )),
    }
}

/// What a part must have, the last aside.
pub(super) const LEAST_PART: ByteSize = ByteSize::mib(5);
