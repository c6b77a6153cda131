//! Uploads in parts.

use http::HeaderMap;
use objects::{
    Begin, Checksum, Complete, CompletedPart, ListParts, ListUploads, UploadInfo, UploadPart,
};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, ChecksumAlgorithm,
    CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart as CompletedPartDto,
    CreateMultipartUploadInput, CreateMultipartUploadOutput, ETag, Initiator,
    ListMultipartUploadsInput, ListMultipartUploadsOutput, ListPartsInput, ListPartsOutput,
    MultipartUpload, Part, StorageClass, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Request, S3Response};

use super::call::Call;
use super::checksum::{self, Promise};
use super::fault::{Fault, Result};
use super::list::{self, Text, fill_checksums};
use super::target::Target;
use super::{conditions, copy, headers, lifecycle, put, refuse, tags, version};

pub(super) async fn create(
    call: &Call,
    request: S3Request<CreateMultipartUploadInput>,
) -> Result<S3Response<CreateMultipartUploadOutput>> {
    refuse::unsupported(&call.headers)?;
    refuse::object_acl(&call.headers)?;
    let input = request.input;
    let asked = headers::text(&call.headers, "x-amz-checksum-algorithm")?
        .map(checksum::algorithm)
        .transpose()?;
    let algorithm = asked.unwrap_or(checksum::DEFAULT);
    let composite = is_composite(call, algorithm, asked.is_some())?;
    let begin = Begin {
        bucket: input.bucket.clone(),
        key: input.key.clone(),
        metadata: headers::metadata(&call.headers)?,
        tags: tags::in_header(&call.headers)?,
        algorithm,
        composite,
        declared: asked.is_some(),
        principal: call.principal.clone(),
    };
    let upload = call.parts.objects.begin_upload(begin).await?;
    let (abort_date, abort_rule_id) = lifecycle::abortion(call, &input.bucket, &upload)?.unzip();
    Ok(S3Response::new(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(upload.id.clone()),
        abort_date,
        abort_rule_id,
        checksum_algorithm: asked.map(algorithm_name),
        checksum_type: asked.map(|_| type_name(&upload).into()),
        server_side_encryption: Some(headers::encryption()),
        ..CreateMultipartUploadOutput::default()
    }))
}

/// The 64-bit one always combines; the others do only when asked to, and the secure hashes can't.
fn is_composite(call: &Call, algorithm: objects::Algorithm, asked: bool) -> Result<bool> {
    use objects::Algorithm::{Crc64Nvme, Sha1, Sha256};
    let cannot = |kind: &str| {
        Err(Fault::bad(
            "InvalidRequest",
            format!(
                "The {kind} checksum type cannot be used with the {} checksum algorithm.",
                checksum::name(algorithm).to_lowercase()
            ),
        ))
    };
    match (
        headers::text(&call.headers, "x-amz-checksum-type")?,
        algorithm,
    ) {
        (Some(_), _) if !asked => Err(Fault::bad(
            "InvalidRequest",
            "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
        )),
        (Some("COMPOSITE"), Crc64Nvme) => cannot("COMPOSITE"),
        (Some("FULL_OBJECT"), Sha1 | Sha256) => cannot("FULL_OBJECT"),
        (Some("COMPOSITE"), _) => Ok(true),
        (Some("FULL_OBJECT"), _) => Ok(false),
        (None, algorithm) => Ok(algorithm != Crc64Nvme),
        (Some(_), _) => Err(invalid_type()),
    }
}

fn algorithm_name(algorithm: objects::Algorithm) -> ChecksumAlgorithm {
    ChecksumAlgorithm::from_static(checksum::name(algorithm))
}

fn type_name(upload: &UploadInfo) -> String {
    checksum::mode(upload.composite).to_owned()
}

pub(super) fn part_number(number: i32) -> Result<u32> {
    u32::try_from(number)
        .ok()
        .filter(|number| (1..=10_000).contains(number))
        .ok_or_else(|| {
            Fault::invalid_argument(
                "partNumber",
                &number.to_string(),
                "Part number must be an integer between 1 and 10000, inclusive",
            )
        })
}

pub(super) async fn upload_part(
    call: &Call,
    request: S3Request<UploadPartInput>,
) -> Result<S3Response<UploadPartOutput>> {
    refuse::unsupported(&call.headers)?;
    let input = request.input;
    let part = UploadPart {
        number: part_number(input.part_number)?,
        bucket: input.bucket,
        key: input.key,
        upload: input.upload_id,
    };
    let objects = &call.parts.objects;
    let upload = objects.upload(&part.bucket, &part.key, &part.upload)?;
    let promise = Promise::read(&call.headers)?;
    let algorithm = promise.algorithm().unwrap_or(upload.algorithm);
    if upload.declared && algorithm != upload.algorithm {
        let name = |algorithm| checksum::name(algorithm).to_lowercase();
        return Err(Fault::bad(
            "InvalidRequest",
            format!(
                "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
                name(upload.algorithm),
                name(algorithm)
            ),
        ));
    }
    let receiver = objects.receive_part(&[upload.algorithm, algorithm]);
    let received = put::receive(call, &promise, receiver).await?;
    let checksum = received.digests().checksum(algorithm);
    let part = objects.upload_part(part, received).await?;
    let mut fields = HeaderMap::new();
    let etag = objects::ETag::of(part.md5);
    headers::set(&mut fields, "etag", &headers::quoted(&etag));
    headers::set_encryption(&mut fields);
    if let Some(checksum) = checksum {
        headers::set_one_checksum(&mut fields, &checksum);
    }
    Ok(S3Response::with_headers(
        UploadPartOutput::default(),
        fields,
    ))
}

pub(super) async fn complete(
    call: &Call,
    request: S3Request<CompleteMultipartUploadInput>,
) -> Result<S3Response<CompleteMultipartUploadOutput>> {
    refuse::unsupported(&call.headers)?;
    let input = request.input;
    let parts = input
        .multipart_upload
        .and_then(|upload| upload.parts)
        .filter(|parts| !parts.is_empty())
        .ok_or_else(Fault::malformed_xml)?;
    let parts = parts.into_iter().map(named).collect::<Result<_>>()?;
    let checksum = checksum::in_headers(&call.headers)?
        .map(|(algorithm, text)| checksum::parse_whole(algorithm, &text))
        .transpose()?;
    let complete = Complete {
        bucket: input.bucket.clone(),
        key: input.key.clone(),
        upload: input.upload_id,
        parts,
        condition: conditions::of_write(&call.headers)?,
        least_part: copy::LEAST_PART,
        size: input
            .mpu_object_size
            .and_then(|size| u64::try_from(size).ok()),
        checksum,
        composite: composite_said(call)?,
        origin: call.origin(),
    };
    let object = call.parts.objects.complete_upload(complete).await?;
    let expiration = lifecycle::expiration(&call.parts, &input.bucket, &input.key, &object)?;
    let mut output = CompleteMultipartUploadOutput {
        expiration,
        location: Some(location(&call.headers, &call.target, &input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(ETag::Strong(object.etag.to_string())),
        server_side_encryption: Some(headers::encryption()),
        version_id: version::text_of_stored(&object),
        ..CompleteMultipartUploadOutput::default()
    };
    fill_checksums!(output, object.checksum.iter());
    output.checksum_type = object
        .checksum
        .as_ref()
        .map(|checksum| checksum::type_name(checksum.coverage).to_owned().into());
    Ok(S3Response::new(output))
}

/// What a completion takes the object's checksum to be made of.
fn composite_said(call: &Call) -> Result<Option<bool>> {
    match headers::text(&call.headers, "x-amz-checksum-type")? {
        None => Ok(None),
        Some("COMPOSITE") => Ok(Some(true)),
        Some("FULL_OBJECT") => Ok(Some(false)),
        Some(_) => Err(invalid_type()),
    }
}

fn invalid_type() -> Fault {
    Fault::bad(
        "InvalidRequest",
        "Value for x-amz-checksum-type header is invalid.",
    )
}

/// Where an object is, for whoever sent this request. The key's slashes are encoded too, as the service does.
pub(super) fn location(headers: &HeaderMap, target: &Target, key: &str) -> String {
    let host = headers::text(headers, "host").ok().flatten();
    let host = host.unwrap_or("s3.amazonaws.com");
    let key = super::query::encode(key);
    match &target.bucket {
        Some(bucket) if !target.is_virtual => format!("http://{host}/{bucket}/{key}"),
        _ => format!("http://{host}/{key}"),
    }
}

fn named(part: CompletedPartDto) -> Result<CompletedPart> {
    let number = part_number(part.part_number.ok_or_else(Fault::malformed_xml)?)?;
    let etag = part.e_tag.ok_or_else(Fault::malformed_xml)?;
    let texts = [
        (objects::Algorithm::Crc32, part.checksum_crc32),
        (objects::Algorithm::Crc32c, part.checksum_crc32c),
        (objects::Algorithm::Crc64Nvme, part.checksum_crc64nvme),
        (objects::Algorithm::Sha1, part.checksum_sha1),
        (objects::Algorithm::Sha256, part.checksum_sha256),
    ];
    let checksums: Vec<Checksum> = texts
        .into_iter()
        .filter_map(|(algorithm, text)| Some(checksum::parse(algorithm, &text?)))
        .collect::<Result<_>>()?;
    Ok(CompletedPart {
        number,
        etag: etag.value().to_owned(),
        checksums,
    })
}

pub(super) async fn abort(
    call: &Call,
    request: S3Request<AbortMultipartUploadInput>,
) -> Result<S3Response<AbortMultipartUploadOutput>> {
    let input = request.input;
    call.parts
        .objects
        .abort_upload(&input.bucket, &input.key, &input.upload_id)
        .await?;
    Ok(S3Response::new(AbortMultipartUploadOutput::default()))
}

pub(super) async fn list_parts(
    call: &Call,
    request: S3Request<ListPartsInput>,
) -> Result<S3Response<ListPartsOutput>> {
    let input = request.input;
    let limit = list::page(input.max_parts, "max-parts")?;
    let after = u32::try_from(input.part_number_marker.unwrap_or_default()).map_err(|_| {
        Fault::bad(
            "InvalidArgument",
            "Argument part-number-marker must be an integer between 0 and 2147483647",
        )
    })?;
    let list = ListParts {
        bucket: input.bucket.clone(),
        key: input.key.clone(),
        upload: input.upload_id.clone(),
        after,
        limit: list::size(limit),
    };
    let listing = call.parts.objects.list_parts(&list)?;
    let abortion = lifecycle::abortion(call, &input.bucket, &listing.upload)?;
    let (abort_date, abort_rule_id) = abortion.unzip();
    let declared = listing.upload.declared;
    let parts: Vec<Part> = listing
        .parts
        .iter()
        .map(|part| {
            let mut shown = Part {
                part_number: i32::try_from(part.number).ok(),
                size: i64::try_from(part.size).ok(),
                e_tag: Some(ETag::Strong(objects::ETag::of(part.md5).to_string())),
                last_modified: Some(headers::wire_time(part.modified)),
                ..Part::default()
            };
            if declared {
                fill_checksums!(shown, &part.checksums);
            }
            shown
        })
        .collect();
    let last = parts.last().and_then(|part| part.part_number);
    Ok(S3Response::new(ListPartsOutput {
        abort_date,
        abort_rule_id,
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        part_number_marker: Some(input.part_number_marker.unwrap_or_default()),
        next_part_number_marker: last,
        max_parts: Some(limit),
        is_truncated: Some(listing.more),
        parts: Some(parts),
        initiator: Some(initiator(call)),
        owner: Some(list::owner(call)),
        storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
        checksum_algorithm: declared.then(|| algorithm_name(listing.upload.algorithm)),
        checksum_type: declared.then(|| type_name(&listing.upload).into()),
        ..ListPartsOutput::default()
    }))
}

fn initiator(call: &Call) -> Initiator {
    Initiator {
        display_name: None,
        id: list::owner(call).id,
    }
}

pub(super) async fn list_uploads(
    call: &Call,
    request: S3Request<ListMultipartUploadsInput>,
) -> Result<S3Response<ListMultipartUploadsOutput>> {
    let input = request.input;
    let limit = list::page(input.max_uploads, "max-uploads")?;
    let text = Text::of(input.encoding_type.as_ref())?;
    let key_marker = input.key_marker.clone().filter(|marker| !marker.is_empty());
    let id_marker = input.upload_id_marker.clone();
    let list = ListUploads {
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone(),
        after: key_marker.map(|key| (key, id_marker.filter(|id| !id.is_empty()))),
        limit: list::size(limit),
    };
    let listing = call.parts.objects.list_uploads(&input.bucket, &list)?;
    let uploads = listing.uploads.iter();
    let (next_key, next_id) = match listing.next.clone() {
        Some((key, id)) => (Some(text.show(&key)), id),
        None => (None, None),
    };
    Ok(S3Response::new(ListMultipartUploadsOutput {
        uploads: Some(
            uploads
                .map(|upload| describe(call, upload, &text))
                .collect(),
        ),
        common_prefixes: Some(list::prefixes(&listing.prefixes, &text)),
        is_truncated: Some(listing.next.is_some()),
        next_key_marker: next_key,
        next_upload_id_marker: next_id,
        bucket: Some(input.bucket),
        prefix: Some(text.show(&list.prefix)),
        delimiter: input.delimiter.map(|delimiter| text.show(&delimiter)),
        key_marker: Some(text.show(&input.key_marker.unwrap_or_default())),
        upload_id_marker: Some(input.upload_id_marker.unwrap_or_default()),
        max_uploads: Some(limit),
        encoding_type: input.encoding_type,
        request_charged: None,
    }))
}

fn describe(call: &Call, upload: &UploadInfo, text: &Text) -> MultipartUpload {
    MultipartUpload {
        key: Some(text.show(&upload.key)),
        upload_id: Some(upload.id.clone()),
        initiated: Some(headers::wire_time(upload.begun)),
        initiator: Some(initiator(call)),
        owner: Some(list::owner(call)),
        storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
        checksum_algorithm: upload.declared.then(|| algorithm_name(upload.algorithm)),
        checksum_type: upload.declared.then(|| type_name(upload).into()),
    }
}
