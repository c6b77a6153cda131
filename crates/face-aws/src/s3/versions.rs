//! The versions of a bucket's objects: each has one, the null version, and it is the latest.

use objects::{Entry, List};
use s3s::dto::{
    ListObjectVersionsInput, ListObjectVersionsOutput, Object, ObjectVersion,
    ObjectVersionStorageClass,
};
use s3s::{S3Request, S3Response};

use super::call::Call;
use super::fault::{Fault, Result};
use super::list::{self, Text};
use super::refuse::NULL;

pub(super) async fn list(
    call: &Call,
    request: S3Request<ListObjectVersionsInput>,
) -> Result<S3Response<ListObjectVersionsOutput>> {
    let input = request.input;
    let limit = list::page(input.max_keys, "maxKeys")?;
    let text = Text::of(input.encoding_type.as_ref())?;
    let key_marker = input.key_marker.filter(|marker| !marker.is_empty());
    check_marker(input.version_id_marker.as_deref(), key_marker.is_some())?;
    let list = List {
        prefix: input.prefix.unwrap_or_default(),
        delimiter: input.delimiter,
        after: key_marker.clone(),
        limit: list::size(limit),
    };
    let listing = call.parts.objects.list(&input.bucket, &list)?;
    let next = listing.next.as_deref();
    let ends_with_version = next == listing.entries.last().map(|entry| entry.key.as_str());
    Ok(S3Response::new(ListObjectVersionsOutput {
        common_prefixes: Some(list::prefixes(&listing.prefixes, &text)),
        versions: Some(versions(call, &listing.entries, &text)),
        is_truncated: Some(next.is_some()),
        next_key_marker: next.map(|next| text.show(next)),
        next_version_id_marker: next.filter(|_| ends_with_version).map(|_| NULL.to_owned()),
        key_marker: Some(text.show(&key_marker.unwrap_or_default())),
        version_id_marker: Some(input.version_id_marker.unwrap_or_default()),
        prefix: Some(text.show(&list.prefix)),
        delimiter: list.delimiter.map(|delimiter| text.show(&delimiter)),
        max_keys: Some(limit),
        name: Some(input.bucket),
        encoding_type: input.encoding_type,
        ..ListObjectVersionsOutput::default()
    }))
}

/// A marker after the null version of a key is one after the key.
fn check_marker(version: Option<&str>, has_key: bool) -> Result<()> {
    let why = match version {
        None => return Ok(()),
        Some("") => "A version-id marker cannot be empty.",
        Some(_) if !has_key => "A version-id marker cannot be specified without a key marker.",
        Some(NULL) => return Ok(()),
        Some(_) => "Invalid version id specified",
    };
    let value = version.unwrap_or_default();
    Err(Fault::invalid_argument("version-id-marker", value, why))
}

fn versions(call: &Call, entries: &[Entry], text: &Text) -> Vec<ObjectVersion> {
    let objects = list::contents(call, entries, text, true);
    objects.into_iter().map(version).collect()
}

fn version(object: Object) -> ObjectVersion {
    ObjectVersion {
        checksum_algorithm: object.checksum_algorithm,
        checksum_type: object.checksum_type,
        e_tag: object.e_tag,
        is_latest: Some(true),
        key: object.key,
        last_modified: object.last_modified,
        owner: object.owner,
        restore_status: None,
        size: object.size,
        storage_class: Some(ObjectVersionStorageClass::from_static(
            ObjectVersionStorageClass::STANDARD,
        )),
        version_id: Some(NULL.to_owned()),
    }
}
