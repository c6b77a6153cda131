//! Listings, in both versions, and what they have in common with others.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use objects::{Entry, List, Listing};
use s3s::dto::{
    ChecksumAlgorithm, CommonPrefix, EncodingType, ListObjectsInput, ListObjectsOutput,
    ListObjectsV2Input, ListObjectsV2Output, Object, ObjectStorageClass, Owner,
};
use s3s::{S3Request, S3Response};

use super::call::Call;
use super::fault::{Fault, Result};
use super::{checksum, headers, query};

/// The most that one page has, whatever is asked for.
const MAX_KEYS: i32 = 1_000;

/// Sets the one field of `$target` that is of the algorithm of each of the checksums.
macro_rules! fill_checksums {
    ($target:expr, $checksums:expr) => {
        for checksum in $checksums {
            let shown = Some($crate::s3::checksum::show(checksum));
            match checksum.algorithm {
                objects::Algorithm::Crc32 => $target.checksum_crc32 = shown,
                objects::Algorithm::Crc32c => $target.checksum_crc32c = shown,
                objects::Algorithm::Crc64Nvme => $target.checksum_crc64nvme = shown,
                objects::Algorithm::Sha1 => $target.checksum_sha1 = shown,
                objects::Algorithm::Sha256 => $target.checksum_sha256 = shown,
            }
        }
    };
}
pub(super) use fill_checksums;

pub(super) async fn list_objects(
    call: &Call,
    request: S3Request<ListObjectsInput>,
) -> Result<S3Response<ListObjectsOutput>> {
    let input = request.input;
    let limit = page(input.max_keys, "maxKeys")?;
    let text = Text::of(input.encoding_type.as_ref())?;
    let list = List {
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone(),
        after: input.marker.clone().filter(|marker| !marker.is_empty()),
        limit: size(limit),
    };
    let listing = call.parts.objects.list(&input.bucket, &list)?;
    let is_folded = input
        .delimiter
        .as_ref()
        .is_some_and(|text| !text.is_empty());
    let next = listing.next.clone().filter(|_| is_folded);
    Ok(S3Response::new(ListObjectsOutput {
        is_truncated: Some(listing.next.is_some()),
        // Without a delimiter the last key of the page says it.
        next_marker: next.map(|next| text.show(&next)),
        contents: Some(contents(call, &listing.entries, &text, true)),
        common_prefixes: Some(common_prefixes(&listing, &text)),
        prefix: Some(text.show(&list.prefix)),
        marker: Some(text.show(&input.marker.unwrap_or_default())),
        delimiter: input.delimiter.map(|delimiter| text.show(&delimiter)),
        max_keys: Some(limit),
        name: Some(input.bucket),
        encoding_type: input.encoding_type,
        request_charged: None,
    }))
}

pub(super) async fn list_objects_v2(
    call: &Call,
    request: S3Request<ListObjectsV2Input>,
) -> Result<S3Response<ListObjectsV2Output>> {
    let input = request.input;
    let limit = page(input.max_keys, "maxKeys")?;
    let text = Text::of(input.encoding_type.as_ref())?;
    let after = match &input.continuation_token {
        Some(token) => Some(read_token(token)?),
        None => input.start_after.clone().filter(|after| !after.is_empty()),
    };
    let list = List {
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone(),
        after,
        limit: size(limit),
    };
    let listing = call.parts.objects.list(&input.bucket, &list)?;
    let with_owner = input.fetch_owner == Some(true);
    let count = listing.entries.len() + listing.prefixes.len();
    Ok(S3Response::new(ListObjectsV2Output {
        is_truncated: Some(listing.next.is_some()),
        next_continuation_token: listing.next.as_deref().map(write_token),
        contents: Some(contents(call, &listing.entries, &text, with_owner)),
        common_prefixes: Some(common_prefixes(&listing, &text)),
        key_count: i32::try_from(count).ok(),
        prefix: Some(text.show(&list.prefix)),
        delimiter: input.delimiter.map(|delimiter| text.show(&delimiter)),
        start_after: input.start_after.map(|after| text.show(&after)),
        continuation_token: input.continuation_token,
        max_keys: Some(limit),
        name: Some(input.bucket),
        encoding_type: input.encoding_type,
        request_charged: None,
    }))
}

/// How many a page may have.
pub(super) fn page(asked: Option<i32>, name: &str) -> Result<i32> {
    Ok(natural(asked, name)?.unwrap_or(MAX_KEYS).min(MAX_KEYS))
}

pub(super) fn natural(asked: Option<i32>, name: &str) -> Result<Option<i32>> {
    match asked {
        Some(asked) if asked < 0 => Err(Fault::invalid_argument(
            name,
            &asked.to_string(),
            format!("Argument {name} must be an integer between 0 and 2147483647"),
        )),
        asked => Ok(asked),
    }
}

pub(super) fn size(limit: i32) -> usize {
    usize::try_from(limit).unwrap_or_default()
}

/// How keys are shown: as they are, or encoded, because XML can't hold every character that a key may.
pub(super) struct Text {
    encoded: bool,
}

impl Text {
    pub(super) fn of(encoding: Option<&EncodingType>) -> Result<Self> {
        match encoding.map(EncodingType::as_str) {
            None => Ok(Self { encoded: false }),
            Some(EncodingType::URL) => Ok(Self { encoded: true }),
            Some(other) => Err(Fault::invalid_argument(
                "encoding-type",
                other,
                "Invalid Encoding Method specified in Request",
            )),
        }
    }

    pub(super) fn show(&self, text: &str) -> String {
        if self.encoded {
            query::encode_path(text)
        } else {
            text.to_owned()
        }
    }
}

pub(super) fn prefixes(folded: &[String], text: &Text) -> Vec<CommonPrefix> {
    let shown = folded.iter().map(|prefix| CommonPrefix {
        prefix: Some(text.show(prefix)),
    });
    shown.collect()
}

fn common_prefixes(listing: &Listing, text: &Text) -> Vec<CommonPrefix> {
    prefixes(&listing.prefixes, text)
}

fn contents(call: &Call, entries: &[Entry], text: &Text, with_owner: bool) -> Vec<Object> {
    let shown = entries.iter().map(|entry| {
        let object = &entry.object;
        let checksum = object.checksum.as_ref();
        let algorithms = checksum
            .map(|checksum| ChecksumAlgorithm::from_static(checksum::name(checksum.algorithm)));
        let checksum_type =
            checksum.map(|checksum| checksum::type_name(checksum.coverage).to_owned().into());
        Object {
            key: Some(text.show(&entry.key)),
            size: i64::try_from(object.size).ok(),
            e_tag: Some(s3s::dto::ETag::Strong(object.etag.to_string())),
            last_modified: Some(headers::wire_time(object.modified)),
            owner: with_owner.then(|| owner(call)),
            storage_class: Some(ObjectStorageClass::from_static(
                ObjectStorageClass::STANDARD,
            )),
            checksum_algorithm: algorithms.map(|algorithm| vec![algorithm]),
            checksum_type,
            restore_status: None,
        }
    });
    shown.collect()
}

/// The account as this service names accounts: 64 hexadecimal digits.
pub(super) fn owner(call: &Call) -> Owner {
    Owner {
        display_name: None,
        id: Some(canonical_id(call.parts.access.account())),
    }
}

pub(super) fn canonical_id(account: &str) -> String {
    use aws_lc_rs::digest::{SHA256, digest};
    crate::signature::hex(digest(&SHA256, account.as_bytes()).as_ref())
}

pub(super) fn write_token(next: &str) -> String {
    URL_SAFE_NO_PAD.encode(next)
}

pub(super) fn read_token(token: &str) -> Result<String> {
    URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .filter(|after| !after.is_empty())
        .ok_or_else(|| invalid_token(token))
}

pub(super) fn invalid_token(token: &str) -> Fault {
    Fault::invalid_argument(
        "continuation-token",
        token,
        "The continuation token provided is incorrect",
    )
}
