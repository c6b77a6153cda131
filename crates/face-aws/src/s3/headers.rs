//! Reading and writing headers: what an object's metadata looks like on the wire.

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::tz::TimeZone;
use objects::{Checksum, Coverage, ETag, Metadata, Object};
use s3s::dto::ServerSideEncryption;

use super::fault::{Fault, Result};
use super::{checksum, encoded_word, refuse};

/// Names and values together.
const MAX_USER_METADATA: usize = 2 << 10;
const USER: &str = "x-amz-meta-";
const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    std::str::from_utf8(value.as_bytes())
        .map(Some)
        .map_err(|_| {
            Fault::bad(
                "InvalidArgument",
                format!("The header {name} is not UTF-8."),
            )
        })
}

/// Sets a header whose value may have come from a client. What can't be a header is left out.
pub(super) fn set(headers: &mut HeaderMap, name: &str, value: &str) {
    let name = HeaderName::from_bytes(name.as_bytes());
    let value = HeaderValue::from_bytes(value.as_bytes());
    if let (Ok(name), Ok(value)) = (name, value) {
        headers.insert(name, value);
    }
}

pub(super) fn metadata(headers: &HeaderMap) -> Result<Metadata> {
    let field = |name| Ok::<_, Fault>(text(headers, name)?.map(str::to_owned));
    let mut metadata = Metadata {
        content_type: field("content-type")?,
        content_encoding: field("content-encoding")?.and_then(|text| stored_encoding(&text)),
        content_disposition: field("content-disposition")?,
        content_language: field("content-language")?,
        cache_control: field("cache-control")?,
        expires: field("expires")?,
        redirect: redirect(headers)?,
        ..Metadata::default()
    };
    for name in headers.keys().map(HeaderName::as_str) {
        if let Some(key) = name.strip_prefix(USER) {
            let values: Vec<_> = headers
                .get_all(name)
                .iter()
                .map(HeaderValue::as_bytes)
                .collect();
            let value = String::from_utf8(values.join(&b","[..])).map_err(|_| {
                Fault::bad(
                    "InvalidArgument",
                    format!("The header {name} is not UTF-8."),
                )
            })?;
            metadata.user.insert(key.to_owned(), value);
        }
    }
    check_size(&metadata)?;
    Ok(metadata)
}

/// Where visitors of the bucket's website are sent in place of the object.
pub(super) const REDIRECT: &str = "x-amz-website-redirect-location";
const MAX_REDIRECT: usize = 2 << 10;

pub(super) fn redirect(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(location) = text(headers, REDIRECT)? else {
        return Ok(None);
    };
    let wrong = |why: &str| Err(Fault::bad("InvalidRedirectLocation", why));
    let is_location = ["/", "http://", "https://"]
        .iter()
        .any(|beginning| location.starts_with(beginning));
    if !is_location {
        return wrong(
            "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.",
        );
    }
    if location.len() > MAX_REDIRECT {
        return wrong("The length of website redirect location cannot exceed 2,048 characters.");
    }
    Ok(Some(location.to_owned()))
}

/// `aws-chunked` is how a body was sent, not what it is.
fn stored_encoding(text: &str) -> Option<String> {
    let kept: Vec<&str> = text
        .split(',')
        .map(str::trim)
        .filter(|encoding| !encoding.is_empty() && *encoding != "aws-chunked")
        .collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

fn check_size(metadata: &Metadata) -> Result<()> {
    let pairs = metadata.user.iter();
    let size: usize = pairs.map(|(name, value)| name.len() + value.len()).sum();
    if size <= MAX_USER_METADATA {
        return Ok(());
    }
    Err(Fault::bad(
        "MetadataTooLarge",
        "Your metadata headers exceed the maximum allowed metadata size",
    )
    .with("Size", size.to_string())
    .with("MaxSizeAllowed", MAX_USER_METADATA.to_string()))
}

/// What is said of an object whether its body follows or not.
pub(super) fn describe(object: &Object) -> HeaderMap {
    let mut headers = HeaderMap::new();
    set(&mut headers, "etag", &quoted(&object.etag));
    set(&mut headers, "last-modified", &http_date(object.modified));
    set(&mut headers, "accept-ranges", "bytes");
    set_encryption(&mut headers);
    if !object.tags.is_empty() {
        let count = object.tags.len().to_string();
        set(&mut headers, "x-amz-tagging-count", &count);
    }
    let metadata = &object.metadata;
    let content_type = metadata.content_type.as_deref();
    set(
        &mut headers,
        "content-type",
        content_type.unwrap_or("binary/octet-stream"),
    );
    for (name, value) in [
        ("content-encoding", &metadata.content_encoding),
        ("content-disposition", &metadata.content_disposition),
        ("content-language", &metadata.content_language),
        ("cache-control", &metadata.cache_control),
        ("expires", &metadata.expires),
        (REDIRECT, &metadata.redirect),
    ] {
        if let Some(value) = value {
            set(&mut headers, name, value);
        }
    }
    for (name, value) in &metadata.user {
        let value = encoded_word::encode(value);
        set(&mut headers, &format!("{USER}{name}"), &value);
    }
    headers
}

/// See [`refuse::SSE`].
pub(super) fn set_encryption(headers: &mut HeaderMap) {
    set(headers, refuse::SSE, refuse::AES256);
}

pub(super) fn encryption() -> ServerSideEncryption {
    ServerSideEncryption::from_static(refuse::AES256)
}

/// The object's checksum and what it was made over.
pub(super) fn set_checksum(headers: &mut HeaderMap, object: &Object) {
    if let Some(checksum) = &object.checksum {
        set_one_checksum(headers, checksum);
        set_checksum_type(headers, checksum.coverage);
    }
}

pub(super) fn set_one_checksum(headers: &mut HeaderMap, checksum: &Checksum) {
    let name = checksum::header(checksum.algorithm);
    set(headers, name, &checksum::show(checksum));
}

pub(super) fn set_checksum_type(headers: &mut HeaderMap, coverage: Coverage) {
    set(
        headers,
        "x-amz-checksum-type",
        checksum::type_name(coverage),
    );
}

pub(super) fn quoted(etag: &ETag) -> String {
    format!("\"{etag}\"")
}

pub(super) fn http_date(time: base::Timestamp) -> String {
    i64::try_from(time.as_secs())
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .map(|time| time.to_zoned(TimeZone::UTC).strftime(HTTP_DATE).to_string())
        .unwrap_or_default()
}

/// None if it is no date: such a condition is ignored, as the protocol wants.
pub(super) fn parse_http_date(text: &str) -> Option<base::Timestamp> {
    let time = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    u64::try_from(time.as_second())
        .ok()
        .map(base::Timestamp::from_secs)
}

/// Whole seconds, because headers have no more and the two must agree.
pub(super) fn wire_time(time: base::Timestamp) -> s3s::dto::Timestamp {
    let since = std::time::Duration::from_secs(time.as_secs());
    (std::time::UNIX_EPOCH + since).into()
}
