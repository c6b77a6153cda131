//! The versions of a bucket's objects, and the markers among them.

use base::Timestamp;
use http::StatusCode;
use objects::{ListVersions, Object, VersionEntry, VersionId, VersionKind, VersionListing};
use s3s::dto::{EncodingType, ListObjectVersionsInput, ListObjectVersionsOutput};
use s3s::{S3Request, S3Response};

use super::call::Call;
use super::fault::{Fault, Result};
use super::list::{self, Text};
use super::xml::Xml;
use super::{checksum, headers};
use crate::moment::instant;

pub(super) async fn list(
    call: &Call,
    request: S3Request<ListObjectVersionsInput>,
) -> Result<S3Response<ListObjectVersionsOutput>> {
    let input = request.input;
    let limit = list::page(input.max_keys, "maxKeys")?;
    let text = Text::of(input.encoding_type.as_ref())?;
    let key_marker = input.key_marker.as_deref().unwrap_or_default();
    let version_marker = marker(input.version_id_marker.as_deref(), !key_marker.is_empty())?;
    let after = (!key_marker.is_empty()).then(|| (key_marker.to_owned(), version_marker));
    let list = ListVersions {
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone(),
        after,
        limit: list::size(limit),
    };
    let listing = call.parts.objects.list_versions(&input.bucket, &list)?;
    // Written here, because objects and markers are mixed.
    let mut xml = Xml::default();
    xml.open("ListVersionsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"");
    print_page(&mut xml, &input, limit, &listing, &text);
    let owner = list::owner(call).id.unwrap_or_default();
    for entry in &listing.entries {
        print_entry(&mut xml, entry, &owner, &text);
    }
    for prefix in &listing.prefixes {
        xml.open("CommonPrefixes");
        xml.text("Prefix", &text.show(prefix));
        xml.close("CommonPrefixes");
    }
    xml.close("ListVersionsResult");
    *call.content.lock() = Some((StatusCode::OK, wire::full(xml.finish())));
    Ok(S3Response::new(ListObjectVersionsOutput::default()))
}

/// After which version of its key a page begins.
fn marker(version: Option<&str>, has_key: bool) -> Result<Option<VersionId>> {
    let why = match version {
        None => return Ok(None),
        Some("") => "A version-id marker cannot be empty.",
        Some(_) if !has_key => "A version-id marker cannot be specified without a key marker.",
        Some(text) => match text.parse() {
            Ok(version) => return Ok(Some(version)),
            Err(_) => "Invalid version id specified",
        },
    };
    let value = version.unwrap_or_default();
    Err(Fault::invalid_argument("version-id-marker", value, why))
}

/// What is asked for, and where the next page begins.
fn print_page(
    xml: &mut Xml,
    input: &ListObjectVersionsInput,
    limit: i32,
    listing: &VersionListing,
    text: &Text,
) {
    let shown = |asked: &Option<String>| text.show(asked.as_deref().unwrap_or_default());
    xml.text("Name", &input.bucket);
    xml.text("Prefix", &shown(&input.prefix));
    xml.text("KeyMarker", &shown(&input.key_marker));
    let marker = input.version_id_marker.as_deref();
    xml.text("VersionIdMarker", marker.unwrap_or_default());
    if let Some((key, version)) = &listing.next {
        xml.text("NextKeyMarker", &text.show(key));
        let version = version.map(|version| version.to_string());
        xml.some("NextVersionIdMarker", version.as_deref());
    }
    xml.text("MaxKeys", &limit.to_string());
    let delimiter = input.delimiter.as_deref().map(|asked| text.show(asked));
    xml.some("Delimiter", delimiter.as_deref());
    let encoding = input.encoding_type.as_ref();
    xml.some("EncodingType", encoding.map(EncodingType::as_str));
    xml.text("IsTruncated", &listing.next.is_some().to_string());
}

fn print_entry(xml: &mut Xml, entry: &VersionEntry, owner: &str, text: &Text) {
    let (name, modified) = match &entry.kind {
        VersionKind::Object(object) => ("Version", object.modified),
        VersionKind::Marker(at) => ("DeleteMarker", *at),
    };
    xml.open(name);
    xml.text("Key", &text.show(&entry.key));
    xml.text("VersionId", &entry.version.to_string());
    xml.text("IsLatest", &entry.latest.to_string());
    // Whole seconds, as everywhere.
    let modified = Timestamp::from_secs(modified.as_secs());
    xml.text("LastModified", &instant(modified));
    if let VersionKind::Object(object) = &entry.kind {
        print_object(xml, object);
    }
    xml.open("Owner");
    xml.text("ID", owner);
    xml.close("Owner");
    xml.close(name);
}

fn print_object(xml: &mut Xml, object: &Object) {
    xml.text("ETag", &headers::quoted(&object.etag));
    if let Some(checksum) = &object.checksum {
        xml.text("ChecksumAlgorithm", checksum::name(checksum.algorithm));
        xml.text("ChecksumType", checksum::type_name(checksum.coverage));
    }
    xml.text("Size", &object.size.to_string());
    xml.text("StorageClass", "STANDARD");
}
