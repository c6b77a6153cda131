//! Signature Version 4 as this service wants it: in a header or in the query, over the path as it is, and over the
//! chunks of a body that is signed while it is sent.
//!
//! Freshness is judged by the host's clock, not the one that users may move: it is about the clocks of clients.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base::Timestamp;
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::fault::{Fault, Result};
use super::query::{self, Query};
use crate::signature::hex;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How far a client's clock may be from ours.
const SKEW: Duration = Duration::from_secs(15 * 60);
const LONGEST_PRESIGNED: u64 = 7 * 24 * 3600;

/// The parameters of a signature in a query; they are no part of the request's meaning.
const PARAMETERS: [&str; 8] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
    "X-Amz-Security-Token",
    "X-Amz-Content-Sha256",
];

pub(crate) fn is_parameter(name: &str) -> bool {
    PARAMETERS.contains(&name)
}

/// Who a request says that it is from, and its proof.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) key_id: String,
    pub(crate) token: Option<String>,
    scope: Scope,
    signed_headers: Vec<String>,
    signature: String,
    /// As it is in the request, e.g. `20260101T000000Z`.
    stamp: String,
    signed_at: Timestamp,
    /// How long a presigned request is good; none for a header's signature.
    expires: Option<Duration>,
    /// What is signed in place of the body.
    pub(crate) payload: String,
}

#[derive(Debug)]
pub(super) struct Scope {
    date: String,
    region: String,
}

impl Scope {
    fn text(&self) -> String {
        format!("{}/{}/s3/aws4_request", self.date, self.region)
    }
}

/// Checks the signatures of a body's chunks, each of which is over the one before it.
pub(crate) struct ChunkSigner {
    key: hmac::Key,
    stamp: String,
    scope: String,
    previous: String,
}

impl Claim {
    /// None for an anonymous request.
    pub(crate) fn read(parts: &Parts, query: &Query) -> Result<Option<Self>> {
        let in_query = query.has("X-Amz-Signature") || query.has("X-Amz-Algorithm");
        match (parts.headers.get(header::AUTHORIZATION), in_query) {
            (Some(_), true) => Err(Fault::bad(
                "InvalidArgument",
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified",
            )),
            (Some(value), false) => {
                let text = value.to_str().map_err(|_| malformed("it is not text."))?;
                Self::in_header(text, &parts.headers).map(Some)
            }
            (None, true) => Self::in_query(query, &parts.headers).map(Some),
            (None, false) => Ok(None),
        }
    }

    fn in_header(text: &str, headers: &HeaderMap) -> Result<Self> {
        if text.starts_with("AWS ") {
            return Err(only_version_4());
        }
        let Some(fields) = text.strip_prefix(ALGORITHM) else {
            return Err(
                Fault::bad("InvalidArgument", "Unsupported Authorization Type")
                    .with("ArgumentName", "Authorization")
                    .with("ArgumentValue", text),
            );
        };
        let field = |name: &str| {
            fields
                .split(',')
                .find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
                .ok_or_else(|| malformed(&format!("the {name} field is missing.")))
        };
        let (key_id, scope) = credential(field("Credential")?, malformed)?;
        let stamp = text_of(headers, "x-amz-date").ok_or_else(|| {
            Fault::denied("AWS authentication requires a valid Date or x-amz-date header")
        })?;
        let payload = text_of(headers, "x-amz-content-sha256").ok_or_else(|| {
            Fault::bad(
                "InvalidRequest",
                "Missing required header for this request: x-amz-content-sha256",
            )
        })?;
        Ok(Self {
            key_id,
            token: text_of(headers, "x-amz-security-token"),
            signed_headers: signed_headers(field("SignedHeaders")?),
            signature: field("Signature")?.to_owned(),
            signed_at: moment(&stamp).ok_or_else(|| {
                Fault::denied("AWS authentication requires a valid Date or x-amz-date header")
            })?,
            stamp,
            expires: None,
            payload,
            scope,
        })
    }

    fn in_query(query: &Query, headers: &HeaderMap) -> Result<Self> {
        let parameter = |name: &str| query.get(name).ok_or_else(incomplete_query);
        let (key_id, scope) = credential(parameter("X-Amz-Credential")?, bad_query)?;
        let stamp = parameter("X-Amz-Date")?.to_owned();
        let expires = parameter("X-Amz-Expires")?;
        if parameter("X-Amz-Algorithm")? != ALGORITHM {
            return Err(bad_query(
                "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256\"",
            ));
        }
        let expires: u64 = expires
            .parse()
            .map_err(|_| bad_query("X-Amz-Expires should be a number"))?;
        if expires > LONGEST_PRESIGNED {
            return Err(bad_query(
                "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds",
            ));
        }
        let signed_headers = signed_headers(parameter("X-Amz-SignedHeaders")?);
        let in_header = signed_headers
            .iter()
            .any(|name| name == "x-amz-content-sha256")
            .then(|| text_of(headers, "x-amz-content-sha256"))
            .flatten();
        let payload = query.get("X-Amz-Content-Sha256").map(str::to_owned);
        Ok(Self {
            key_id,
            token: query.get("X-Amz-Security-Token").map(str::to_owned),
            signature: parameter("X-Amz-Signature")?.to_owned(),
            signed_at: moment(&stamp).ok_or_else(|| {
                bad_query("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
            })?,
            stamp,
            expires: Some(Duration::from_secs(expires)),
            payload: payload
                .or(in_header)
                .unwrap_or_else(|| "UNSIGNED-PAYLOAD".into()),
            signed_headers,
            scope,
        })
    }

    pub(crate) fn region(&self) -> &str {
        &self.scope.region
    }

    /// Whether it is fresh, whole, and made with `secret`.
    pub(crate) fn verify(
        &self,
        parts: &Parts,
        query: &Query,
        secret: &str,
        now: Timestamp,
    ) -> Result<ChunkSigner> {
        self.check_time(now)?;
        self.check_signed_headers(&parts.headers)?;
        let key = signing_key(secret, &self.scope);
        let mut canonical_request = String::new();
        for request in self.canonical_requests(parts, query) {
            if self.is_over(&key, &request) {
                return Ok(ChunkSigner {
                    key,
                    stamp: self.stamp.clone(),
                    scope: self.scope.text(),
                    previous: self.signature.clone(),
                });
            }
            canonical_request = request;
        }
        Err(self.mismatch(&canonical_request))
    }

    fn check_time(&self, now: Timestamp) -> Result<()> {
        let early = self.signed_at.since(now);
        let late = now.since(self.signed_at);
        match self.expires {
            Some(expires) if late > expires => {
                let end = self.signed_at + expires;
                Err(Fault::denied("Request has expired")
                    .with("X-Amz-Expires", expires.as_secs().to_string())
                    .with("Expires", iso(end))
                    .with("ServerTime", iso(now)))
            }
            Some(_) if early <= SKEW => Ok(()),
            None if early <= SKEW && late <= SKEW => Ok(()),
            _ => Err(Fault::new(
                StatusCode::FORBIDDEN,
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.",
            )
            .with("RequestTime", self.stamp.as_str())
            .with("ServerTime", iso(now))
            .with("MaxAllowedSkewMilliseconds", SKEW.as_millis().to_string())),
        }
    }

    /// The host and everything that has a meaning to this service must be under the signature. The body's hash is
    /// exempt in a presigned request: it only narrows what is accepted.
    fn check_signed_headers(&self, headers: &HeaderMap) -> Result<()> {
        let signed: BTreeSet<&str> = self.signed_headers.iter().map(String::as_str).collect();
        let exempt = |name: &str| self.expires.is_some() && name == "x-amz-content-sha256";
        let mut unsigned: Vec<&str> = headers
            .keys()
            .map(http::HeaderName::as_str)
            .filter(|name| name.starts_with("x-amz-") && !signed.contains(name) && !exempt(name))
            .collect();
        if !signed.contains("host") {
            unsigned.push("host");
        }
        if unsigned.is_empty() {
            return Ok(());
        }
        Err(
            Fault::denied("There were headers present in the request which were not signed")
                .with("HeadersNotSigned", unsigned.join(", ")),
        )
    }

    /// What the client may have signed: clients differ in which letters of a path they encode, and in whether a `+` in
    /// the query is a space.
    fn canonical_requests(&self, parts: &Parts, query: &Query) -> impl Iterator<Item = String> {
        let query = query.without(|name| name == "X-Amz-Signature");
        let raw = parts.uri.path().to_owned();
        let mut paths = vec![raw];
        if let Some(decoded) = query::decode(parts.uri.path()) {
            paths.insert(0, query::encode_path(&decoded));
        }
        paths.dedup();
        let mut queries = vec![query.canonical(), query.with_plus_as_space().canonical()];
        queries.dedup();
        let headers = self.canonical_headers(parts);
        let method = parts.method.clone();
        let tail = format!(
            "{headers}\n{}\n{}",
            self.signed_headers.join(";"),
            self.payload
        );
        paths.into_iter().flat_map(move |path| {
            let line = format!("{method}\n{path}\n");
            let tail = tail.clone();
            let requests: Vec<String> = queries
                .iter()
                .map(|query| format!("{line}{query}\n{tail}"))
                .collect();
            requests
        })
    }

    fn canonical_headers(&self, parts: &Parts) -> String {
        let mut lines = String::new();
        for name in &self.signed_headers {
            lines.push_str(name);
            lines.push(':');
            lines.push_str(&header_value(parts, name));
            lines.push('\n');
        }
        lines
    }

    fn string_to_sign(&self, canonical_request: &str) -> String {
        format!(
            "{ALGORITHM}\n{}\n{}\n{}",
            self.stamp,
            self.scope.text(),
            hex(digest(&SHA256, canonical_request.as_bytes()).as_ref())
        )
    }

    fn is_over(&self, key: &hmac::Key, canonical_request: &str) -> bool {
        is_signature(
            key,
            &self.string_to_sign(canonical_request),
            &self.signature,
        )
    }

    fn mismatch(&self, canonical_request: &str) -> Fault {
        Fault::new(
            StatusCode::FORBIDDEN,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
        )
        .with("AWSAccessKeyId", self.key_id.as_str())
        .with("StringToSign", self.string_to_sign(canonical_request))
        .with("SignatureProvided", self.signature.as_str())
        .with("CanonicalRequest", canonical_request)
    }
}

impl ChunkSigner {
    /// `hash` is the SHA-256 of the chunk.
    pub(crate) fn check_chunk(&mut self, hash: &[u8], signature: &str) -> bool {
        let text = format!(
            "AWS4-HMAC-SHA256-PAYLOAD\n{}\n{}\n{}\n{}\n{}",
            self.stamp,
            self.scope,
            self.previous,
            hex(digest(&SHA256, b"").as_ref()),
            hex(hash)
        );
        self.advance(&text, signature)
    }

    /// `trailers` are `name:value\n` each, in the order of their names.
    pub(crate) fn check_trailers(&mut self, trailers: &str, signature: &str) -> bool {
        let text = format!(
            "AWS4-HMAC-SHA256-TRAILER\n{}\n{}\n{}\n{}",
            self.stamp,
            self.scope,
            self.previous,
            hex(digest(&SHA256, trailers.as_bytes()).as_ref())
        );
        self.advance(&text, signature)
    }

    fn advance(&mut self, text: &str, signature: &str) -> bool {
        let good = is_signature(&self.key, text, signature);
        signature.clone_into(&mut self.previous);
        good
    }
}

pub(super) fn is_signature(key: &hmac::Key, text: &str, signature: &str) -> bool {
    let expected = hex(hmac::sign(key, text.as_bytes()).as_ref());
    verify_slices_are_equal(expected.as_bytes(), signature.as_bytes()).is_ok()
}

pub(super) fn signing_key(secret: &str, scope: &Scope) -> hmac::Key {
    let first = format!("AWS4{secret}");
    let mut key = hmac::Key::new(hmac::HMAC_SHA256, first.as_bytes());
    for part in [scope.date.as_str(), &scope.region, "s3", "aws4_request"] {
        let next = hmac::sign(&key, part.as_bytes());
        key = hmac::Key::new(hmac::HMAC_SHA256, next.as_ref());
    }
    key
}

/// A key id may hold slashes, so the scope is counted from the end.
pub(super) fn credential(text: &str, fault: impl Fn(&str) -> Fault) -> Result<(String, Scope)> {
    let mut fields = text.rsplitn(5, '/');
    let mut field = || fields.next().filter(|field| !field.is_empty());
    let (Some("aws4_request"), Some(service), Some(region), Some(date), Some(key_id)) =
        (field(), field(), field(), field(), field())
    else {
        return Err(fault(
            "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
        ));
    };
    if service != "s3" {
        return Err(fault(&format!(
            "incorrect service \"{service}\". This endpoint belongs to \"s3\"."
        )));
    }
    let scope = Scope {
        date: date.to_owned(),
        region: region.to_owned(),
    };
    Ok((key_id.to_owned(), scope))
}

fn signed_headers(text: &str) -> Vec<String> {
    let mut names: Vec<String> = text
        .split(';')
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    names.sort_unstable();
    names
}

fn header_value(parts: &Parts, name: &str) -> String {
    let values: Vec<String> = parts
        .headers
        .get_all(name)
        .iter()
        .map(|value| collapse(&String::from_utf8_lossy(value.as_bytes())))
        .collect();
    match (values.is_empty(), parts.uri.authority()) {
        // HTTP/2 has the host in the request line.
        (true, Some(authority)) if name == "host" => authority.to_string(),
        _ => values.join(","),
    }
}

fn collapse(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

fn text_of(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// `20260101T000000Z`.
fn moment(stamp: &str) -> Option<Timestamp> {
    let time = DateTime::strptime("%Y%m%dT%H%M%SZ", stamp).ok()?;
    let instant = time.to_zoned(TimeZone::UTC).ok()?.timestamp();
    u64::try_from(instant.as_second())
        .ok()
        .map(Timestamp::from_secs)
}

pub(super) fn iso(time: Timestamp) -> String {
    i64::try_from(time.as_secs())
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .map(|time| time.to_string())
        .unwrap_or_default()
}

fn malformed(why: &str) -> Fault {
    Fault::bad(
        "AuthorizationHeaderMalformed",
        format!("The authorization header is malformed; {why}"),
    )
}

fn bad_query(why: &str) -> Fault {
    Fault::bad("AuthorizationQueryParametersError", why)
}

fn incomplete_query() -> Fault {
    bad_query(
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
    )
}

fn only_version_4() -> Fault {
    Fault::bad(
        "InvalidRequest",
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
    )
}

/// Signs all of a request's headers, as a client does.
#[cfg(test)]
pub(super) fn sign_for_tests(
    request: wire::Request,
    secret: &str,
    now: Timestamp,
) -> wire::Request {
    let stamp: String = iso(now).split(['-', ':']).collect();
    let (mut parts, body) = request.into_parts();
    super::headers::set(&mut parts.headers, "x-amz-date", &stamp);
    let mut names: Vec<String> = parts.headers.keys().map(ToString::to_string).collect();
    names.sort_unstable();
    let mut claim = Claim {
        key_id: "test".into(),
        token: None,
        scope: Scope {
            date: stamp[..8].to_owned(),
            region: "us-east-1".into(),
        },
        signed_headers: names,
        signature: String::new(),
        payload: text_of(&parts.headers, "x-amz-content-sha256").unwrap(),
        signed_at: now,
        stamp,
        expires: None,
    };
    let query = Query::parse(parts.uri.query().unwrap_or_default()).unwrap();
    let canonical = claim.canonical_requests(&parts, &query).next().unwrap();
    let key = signing_key(secret, &claim.scope);
    claim.signature = hex(hmac::sign(&key, claim.string_to_sign(&canonical).as_bytes()).as_ref());
    let authorization = format!(
        "{ALGORITHM} Credential=test/{}, SignedHeaders={}, Signature={}",
        claim.scope.text(),
        claim.signed_headers.join(";"),
        claim.signature
    );
    super::headers::set(&mut parts.headers, "authorization", &authorization);
    wire::Request::from_parts(parts, body)
}

/// Frames and signs chunks after a request that `sign_for_tests` signed.
#[cfg(test)]
pub(super) fn chunks_for_tests(request: &wire::Request, secret: &str, chunks: &[&[u8]]) -> String {
    let headers = request.headers();
    let text = text_of(headers, "authorization").unwrap();
    let claim = Claim::in_header(&text, headers).unwrap();
    let key = signing_key(secret, &claim.scope);
    let mut previous = claim.signature.clone();
    let mut framed = String::new();
    for chunk in chunks {
        let to_sign = format!(
            "AWS4-HMAC-SHA256-PAYLOAD\n{}\n{}\n{previous}\n{}\n{}",
            claim.stamp,
            claim.scope.text(),
            hex(digest(&SHA256, b"").as_ref()),
            hex(digest(&SHA256, chunk).as_ref())
        );
        previous = hex(hmac::sign(&key, to_sign.as_bytes()).as_ref());
        let body = std::str::from_utf8(chunk).unwrap();
        framed.push_str(&format!(
            "{:x};chunk-signature={previous}\r\n{body}\r\n",
            chunk.len()
        ));
    }
    framed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of a GET of a range in the service's documentation of the signature.
    #[test]
    fn the_published_example() {
        let request = http::Request::builder()
            .uri("/test.txt")
            .header("host", "examplebucket.s3.amazonaws.com")
            .header("range", "bytes=0-9")
            .header("x-amz-date", "20130524T000000Z")
            .header(
                "x-amz-content-sha256",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            )
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            )
            .body(())
            .unwrap();
        let (parts, ()) = request.into_parts();
        let query = Query::default();
        let claim = Claim::read(&parts, &query).unwrap().unwrap();
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        let at = |seconds: u64| Timestamp::from_secs(1_369_353_600 + seconds);
        assert!(claim.verify(&parts, &query, secret, at(60)).is_ok());
        let refused = |secret, at| claim.verify(&parts, &query, secret, at).err().unwrap().code;
        assert_eq!(refused("another", at(0)), "SignatureDoesNotMatch");
        assert_eq!(refused(secret, at(901)), "RequestTimeTooSkewed");
    }
}
