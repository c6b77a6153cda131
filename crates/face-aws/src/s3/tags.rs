//! Tags as they are written, and which ones there may be.

use std::collections::BTreeMap;

use http::HeaderMap;
use s3s::dto::{BucketInfo, LocationInfo, Tag, TagSet, Tagging};
use s3s::xml::{DeError, Deserialize, Deserializer};

use super::fault::{Fault, Result};
use super::{headers, query};

/// What tags are on. The service has other words for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    Bucket,
    NewBucket,
    Object,
}

impl On {
    fn most(self) -> usize {
        match self {
            Self::Bucket | Self::NewBucket => 50,
            Self::Object => 10,
        }
    }

    fn too_many(self) -> Fault {
        let why = match self {
            Self::Bucket | Self::NewBucket => "Bucket tag count cannot be greater than 50",
            Self::Object => "Object tags cannot be greater than 10",
        };
        Fault::bad("BadRequest", why)
    }

    fn reserved(self) -> &'static str {
        match self {
            Self::Bucket => "System tags cannot be added/updated by requester",
            Self::NewBucket => {
                "User-defined tag keys can't start with \"aws:\". This prefix is reserved for system tags. Remove \"aws:\" from your tag keys and try again."
            }
            Self::Object => "Your TagKey cannot be prefixed with aws:",
        }
    }
}

const RESERVED: &str = "aws:";
const MAX_KEY: usize = 128;
const MAX_VALUE: usize = 256;

pub(super) fn read(tags: TagSet, on: On) -> Result<BTreeMap<String, String>> {
    if tags.len() > on.most() {
        return Err(on.too_many());
    }
    let mut found = BTreeMap::new();
    for tag in tags {
        let (Some(key), Some(value)) = (tag.key, tag.value) else {
            return Err(Fault::malformed_xml());
        };
        if found.contains_key(&key) {
            let why = "Cannot provide multiple Tags with the same key";
            return Err(invalid(why, &key));
        }
        check(&key, &value, on)?;
        found.insert(key, value);
    }
    Ok(found)
}

fn check(key: &str, value: &str, on: On) -> Result<()> {
    if key.starts_with(RESERVED) {
        return Err(invalid(on.reserved(), key));
    }
    if key.is_empty() || !reads(key, MAX_KEY) {
        return Err(invalid("The TagKey you have provided is invalid", key));
    }
    if !reads(value, MAX_VALUE) {
        let fault = invalid("The TagValue you have provided is invalid", key);
        return Err(fault.with("TagValue", value));
    }
    Ok(())
}

fn invalid(why: &str, key: &str) -> Fault {
    Fault::bad("InvalidTag", why).with("TagKey", key)
}

/// The service counts as UTF-16 does.
fn reads(text: &str, most: usize) -> bool {
    let allowed = |each: char| {
        each.is_alphanumeric()
            || each.is_whitespace() && !each.is_control()
            || "_.:/=+-@".contains(each)
    };
    text.encode_utf16().count() <= most && text.chars().all(allowed)
}

pub(super) fn print(tags: BTreeMap<String, String>) -> TagSet {
    let tags = tags.into_iter();
    tags.map(|(key, value)| Tag {
        key: Some(key),
        value: Some(value),
    })
    .collect()
}

const HEADER: &str = "x-amz-tagging";

/// What comes with an object: there they are written as a query is.
pub(super) fn in_header(fields: &HeaderMap) -> Result<BTreeMap<String, String>> {
    let text = headers::text(fields, HEADER)?.unwrap_or_default();
    let unread = || {
        let why = "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.";
        Fault::invalid_argument(HEADER, text, why)
    };
    let mut tags = BTreeMap::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if value.contains('=') {
            return Err(unread());
        }
        let key = part(key).ok_or_else(unread)?;
        let value = part(value).ok_or_else(unread)?;
        if tags.insert(key, value).is_some() {
            return Err(unread());
        }
    }
    read(print(tags), On::Object)
}

fn part(text: &str) -> Option<String> {
    query::decode(&text.replace('+', " "))
}

/// What a form has: there they are a document.
pub(super) fn in_document(text: &str) -> Result<BTreeMap<String, String>> {
    let mut document = Deserializer::new(text.as_bytes());
    let tagging = Tagging::deserialize(&mut document).map_err(|_| Fault::malformed_xml())?;
    read(tagging.tag_set, On::Object)
}

/// What a bucket is to have from its beginning.
pub(super) fn of_new_bucket(document: &[u8]) -> Result<BTreeMap<String, String>> {
    if document.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut document = Deserializer::new(document);
    let mut tags = TagSet::new();
    let configuration = document.named_element("CreateBucketConfiguration", |inner| {
        inner.for_each_element(|inner, name| match name {
            b"Tags" => inner.list_content("Tag").map(|found| tags = found),
            b"LocationConstraint" => inner.content::<String>().map(drop),
            b"Location" => inner.content::<LocationInfo>().map(drop),
            b"Bucket" => inner.content::<BucketInfo>().map(drop),
            _ => Err(DeError::UnexpectedTagName),
        })
    });
    configuration.map_err(|_| Fault::malformed_xml())?;
    read(tags, On::NewBucket)
}
