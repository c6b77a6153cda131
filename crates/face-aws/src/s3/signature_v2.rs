//! Presigned URLs of the old form, Signature Version 2. Nobody should write these any more, but boto3 and the AWS command
//! line still do unless told otherwise, so they are what "a presigned URL" is to most people. In a header the old
//! form is refused, as the real service does with every bucket of the last years.
//!
//! It covers the method, the content type and MD5, the `x-amz-` headers, the path and those parameters of the query
//! that change what is asked for; the time at which it ends is part of it.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};

use super::fault::{Fault, Result};
use super::query::Query;
use super::signature::iso;
use super::{headers, host};

/// Parameters that are part of what is signed.
const SIGNED: [&str; 30] = [
    "accelerate",
    "acl",
    "analytics",
    "cors",
    "delete",
    "inventory",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "partNumber",
    "policy",
    "replication",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "select",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
];

const PARAMETERS: [&str; 4] = ["AWSAccessKeyId", "Signature", "Expires", TOKEN];
const TOKEN: &str = "x-amz-security-token";

pub(super) fn is_parameter(name: &str) -> bool {
    PARAMETERS.contains(&name)
}

/// Who a URL says that it is from, and its proof.
pub(super) struct Claim {
    pub(super) key_id: String,
    pub(super) token: Option<String>,
    signature: String,
    expires: u64,
}

impl Claim {
    /// None for any other request.
    pub(super) fn read(query: &Query) -> Result<Option<Self>> {
        let (Some(key_id), Some(signature)) = (query.get("AWSAccessKeyId"), query.get("Signature"))
        else {
            return Ok(None);
        };
        let expires = query.get("Expires").ok_or_else(|| {
            Fault::denied(
                "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters",
            )
        })?;
        Ok(Some(Self {
            key_id: key_id.to_owned(),
            token: query.get(TOKEN).map(str::to_owned),
            signature: signature.to_owned(),
            expires: expires.parse().map_err(|_| {
                Fault::denied(format!(
                    "Invalid date (should be seconds since epoch): {expires}"
                ))
            })?,
        }))
    }

    pub(super) fn verify(
        &self,
        parts: &Parts,
        query: &Query,
        secret: &str,
        now: Timestamp,
    ) -> Result<()> {
        if now.as_secs() > self.expires {
            return Err(Fault::denied("Request has expired")
                .with(
                    "Expires",
                    iso(Timestamp::from_secs(self.expires.min(u64::from(u32::MAX)))),
                )
                .with("ServerTime", iso(now)));
        }
        let text = self.string_to_sign(parts, query);
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
        let expected = STANDARD.encode(hmac::sign(&key, text.as_bytes()));
        if verify_slices_are_equal(expected.as_bytes(), self.signature.as_bytes()).is_ok() {
            return Ok(());
        }
        Err(Fault::new(
            StatusCode::FORBIDDEN,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
        )
        .with("AWSAccessKeyId", self.key_id.as_str())
        .with("StringToSign", text)
        .with("SignatureProvided", self.signature.as_str()))
    }

    fn string_to_sign(&self, parts: &Parts, query: &Query) -> String {
        format!(
            "{}\n{}\n{}\n{}\n{}{}",
            parts.method,
            said(&parts.headers, query, "content-md5"),
            said(&parts.headers, query, "content-type"),
            self.expires,
            amazon_headers(&parts.headers, query),
            resource(parts, query),
        )
    }
}

/// What the request says in a header, or else the URL in its query.
fn said(fields: &HeaderMap, query: &Query, name: &str) -> String {
    match headers::text(fields, name) {
        Ok(Some(text)) => text.trim().to_owned(),
        _ => query.get(name).unwrap_or_default().to_owned(),
    }
}

fn amazon_headers(fields: &HeaderMap, query: &Query) -> String {
    let mut lines: Vec<(String, String)> = Vec::new();
    for name in fields.keys().map(http::HeaderName::as_str) {
        if name.starts_with("x-amz-") {
            let values: Vec<_> = fields
                .get_all(name)
                .iter()
                .map(|value: &HeaderValue| {
                    String::from_utf8_lossy(value.as_bytes()).trim().to_owned()
                })
                .collect();
            lines.push((name.to_owned(), values.join(",")));
        }
    }
    for (name, value) in query.iter() {
        let name = name.to_ascii_lowercase();
        if name.starts_with("x-amz-") && !fields.contains_key(&name) {
            lines.push((name, value.trim().to_owned()));
        }
    }
    lines.sort_unstable();
    let lines = lines.iter();
    lines
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect()
}

/// The path always begins with the bucket, also where the host names it.
fn resource(parts: &Parts, query: &Query) -> String {
    let host = headers::text(&parts.headers, "host").ok().flatten();
    let bucket = host.and_then(host::bucket);
    let mut text = bucket
        .map(|bucket| format!("/{bucket}"))
        .unwrap_or_default();
    text.push_str(parts.uri.path());
    let mut signed: Vec<String> = query
        .iter()
        .filter(|(name, _)| SIGNED.contains(name))
        .map(|(name, value)| match value {
            "" => name.to_owned(),
            value => format!("{name}={value}"),
        })
        .collect();
    signed.sort_unstable();
    if !signed.is_empty() {
        text.push('?');
        text.push_str(&signed.join("&"));
    }
    text
}
