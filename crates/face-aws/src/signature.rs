//! Signature Version 4, verified: what a client says it signed, put together again and compared.
//!
//! Pure: the request's head, a digest of its body, a look-up of secrets and the time come in; a verdict comes out. The
//! steps, and the order in which mistakes are told, are those of the real service (AWS General Reference, "Signing AWS
//! API requests"; the sentences are recorded from DynamoDB).

mod digest;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time;
use base::Timestamp;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use parking_lot::Mutex;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

pub(crate) use digest::{Hex, hex, sha256};

use digest::Hmac;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TERMINATOR: &str = "aws4_request";
/// How far a header's date may be from ours.
const SKEW: Duration = Duration::from_secs(15 * 60);
/// The longest that a presigned URL may live: a week.
const MAX_EXPIRES: u64 = 7 * 24 * 60 * 60;
/// SHA-256 of nothing.
pub(crate) const EMPTY_BODY: &str =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// What is encoded: all but RFC 3986's unreserved characters.
pub(crate) const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Who signed, and for what, as the request claims before it is verified. Almost every request is verified, so what is in
/// a header is left there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim<'a> {
    pub(crate) key_id: Cow<'a, str>,
    pub(crate) region: Cow<'a, str>,
    service: Cow<'a, str>,
    token: Option<Cow<'a, str>>,
    date: Cow<'a, str>,
    /// `YYYYMMDDTHHMMSSZ`.
    timestamp: Cow<'a, str>,
    /// In lower case, with semicolons between them.
    signed_headers: Cow<'a, str>,
    signature: Cow<'a, str>,
    /// Seconds that a presigned URL is good for; a header has none.
    expires: Option<u64>,
    in_query: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("Request is missing Authentication Token")]
    Missing,
    /// The signature's own form is wrong.
    #[error("{0}")]
    Incomplete(String),
    /// The signature is well formed, and wrong.
    #[error("{0}")]
    Invalid(String),
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    #[error("The security token included in the request is expired")]
    ExpiredToken,
}

/// What is wanted of a claim besides a right signature.
#[derive(Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) now: Timestamp,
    /// The service whose name must be in the scope.
    pub(crate) service: &'a str,
    /// How paths were normalised before they were signed.
    pub(crate) path: PathStyle,
    pub(crate) keys: &'a SigningKeys,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathStyle {
    /// Dots and double slashes resolved, then each segment encoded once more: all services but one.
    Normalized,
    /// As it is on the wire: object storage.
    Verbatim,
}

/// Finds out who sent a request: reads its claim, asks `lookup` for the secret of the claim's key (and its token) and
/// for whom it stands, and compares. `body` is the hex SHA-256 of the body, or what was signed in its place.
pub(crate) fn verify<'a, T>(
    parts: &'a Parts,
    body: &str,
    expected: &Expected<'_>,
    lookup: impl FnOnce(&str, Option<&str>) -> Result<(String, T), Error>,
) -> Result<(Claim<'a>, T), Error> {
    let claim = Claim::read(parts)?;
    claim.check(expected)?;
    let (secret, who) = lookup(&claim.key_id, claim.token.as_deref())?;
    let key = expected.keys.of(&secret, &claim);
    claim.check_signature(parts, body, &key, expected.path)?;
    Ok((claim, who))
}

impl<'a> Claim<'a> {
    /// What the request says about its signature, in a header or in the query string.
    fn read(parts: &'a Parts) -> Result<Self, Error> {
        let query = parts.uri.query().unwrap_or_default();
        let in_query = !query.is_empty() && pairs(query).any(|(name, _)| name == "X-Amz-Algorithm");
        let header = text(&parts.headers, &header::AUTHORIZATION);
        match (header, in_query) {
            (Some(_), true) => Err(Error::Invalid(
                "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."
                    .into(),
            )),
            (Some(header), false) => from_header(&parts.headers, header),
            (None, true) => from_query(query),
            (None, false) => Err(Error::Missing),
        }
    }

    /// Whether the claim is for here and now.
    fn check(&self, expected: &Expected<'_>) -> Result<(), Error> {
        self.check_time(expected.now)?;
        if !self.signed_headers().any(|name| name == "host") {
            return Err(Error::Invalid(
                "'Host' must be a 'SignedHeader' in the AWS Authorization.".into(),
            ));
        }
        self.check_scope(expected.service)
    }

    /// Whether the request is what the holder of the key signed.
    fn check_signature(
        &self,
        parts: &Parts,
        body: &str,
        key: &Hmac,
        style: PathStyle,
    ) -> Result<(), Error> {
        let canonical = self.canonical_request(parts, body, style);
        let to_sign = self.string_to_sign(&canonical);
        let signature = Hex::of(key.sign(to_sign.as_bytes()));
        let (signature, claimed) = (signature.as_str().as_bytes(), self.signature.as_bytes());
        let same = constant_time::verify_slices_are_equal(signature, claimed);
        same.map_err(|_| {
            Error::Invalid(format!(
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
                 Access Key and signing method. Consult the service documentation for details.\n\nThe Canonical String \
                 for this request should have been\n'{canonical}'\n\nThe String-to-Sign should have been\n'{to_sign}'\n"
            ))
        })
    }

    fn check_time(&self, now: Timestamp) -> Result<(), Error> {
        let signed = seconds(&self.timestamp).ok_or_else(|| {
            Error::Incomplete(format!(
                "Date must be in ISO-8601 'basic format'. Got '{}'. See http://en.wikipedia.org/wiki/ISO_8601",
                self.timestamp
            ))
        })?;
        let signed = Timestamp::from_secs(signed);
        let lifetime = self.expires.map_or(SKEW, Duration::from_secs);
        if now > signed + lifetime {
            return Err(Error::Invalid(match self.expires {
                Some(_) => format!(
                    "Signature expired: {} is now earlier than {}",
                    basic(signed + lifetime),
                    basic(now)
                ),
                None => format!(
                    "Signature expired: {} is now earlier than {} ({} - 15 min.)",
                    self.timestamp,
                    basic(now - SKEW),
                    basic(now)
                ),
            }));
        }
        if signed > now + SKEW {
            return Err(Error::Invalid(format!(
                "Signature not yet current: {} is still later than {} ({} + 15 min.)",
                self.timestamp,
                basic(now + SKEW),
                basic(now)
            )));
        }
        Ok(())
    }

    fn check_scope(&self, service: &str) -> Result<(), Error> {
        let mut wrong = String::new();
        if self.service != service {
            let _ = write!(
                wrong,
                "Credential should be scoped to correct service: '{service}'. "
            );
        }
        if !self.timestamp.starts_with(&*self.date) || self.date.len() != 8 {
            let day = self.timestamp.get(..8).unwrap_or_default();
            let _ = write!(
                wrong,
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != \
                 '{day}', from '{}'.",
                self.date, self.timestamp
            );
        }
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(Error::Invalid(wrong.trim_end().to_owned()))
        }
    }

    fn canonical_request(&self, parts: &Parts, body: &str, style: PathStyle) -> String {
        let mut canonical = String::with_capacity(1_024);
        canonical.push_str(parts.method.as_str());
        canonical.push('\n');
        canonical.push_str(&canonical_path(parts.uri.path(), style));
        canonical.push('\n');
        canonical.push_str(&self.canonical_query(&parts.uri));
        canonical.push('\n');
        for name in self.signed_headers() {
            canonical.push_str(name);
            canonical.push(':');
            add_header_values(&mut canonical, parts, name);
            canonical.push('\n');
        }
        canonical.push('\n');
        canonical.push_str(&self.signed_headers);
        canonical.push('\n');
        canonical.push_str(body);
        canonical
    }

    fn canonical_query(&self, uri: &Uri) -> String {
        if uri.query().is_none_or(str::is_empty) {
            return String::new();
        }
        let encode = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
        let mut all: Vec<(String, String)> = pairs(uri.query().unwrap_or_default())
            .filter(|(name, _)| !(self.in_query && name == "X-Amz-Signature"))
            .map(|(name, value)| (encode(&name), encode(&value)))
            .collect();
        all.sort();
        let all: Vec<String> = all
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        all.join("&")
    }

    fn into_owned(self) -> Claim<'static> {
        let own = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        Claim {
            key_id: own(self.key_id),
            region: own(self.region),
            service: own(self.service),
            token: self.token.map(own),
            date: own(self.date),
            timestamp: own(self.timestamp),
            signed_headers: own(self.signed_headers),
            signature: own(self.signature),
            expires: self.expires,
            in_query: self.in_query,
        }
    }

    fn signed_headers(&self) -> impl Iterator<Item = &str> {
        pieces(&self.signed_headers, b';')
    }

    fn string_to_sign(&self, canonical: &str) -> String {
        let mut to_sign = String::with_capacity(192);
        let hashed = sha256(canonical.as_bytes());
        for part in [
            ALGORITHM,
            "\n",
            &self.timestamp,
            "\n",
            &self.date,
            "/",
            &self.region,
            "/",
            &self.service,
            "/",
            TERMINATOR,
            "\n",
            hashed.as_str(),
        ] {
            to_sign.push_str(part);
        }
        to_sign
    }

    fn key(&self, secret: &str) -> Hmac {
        let start = Hmac::new(format!("AWS4{secret}").as_bytes());
        [&*self.date, &self.region, &self.service, TERMINATOR]
            .into_iter()
            .fold(start, |key, part| Hmac::new(&key.sign(part.as_bytes())))
    }
}

/// Keys that were derived before. One is good for a secret, a day, a region and a service, and deriving it costs more
/// than all the rest of a verification.
#[derive(Default)]
pub(crate) struct SigningKeys {
    known: Mutex<HashMap<u64, Derived>>,
}

struct Derived {
    secret: String,
    date: String,
    region: String,
    service: String,
    key: Arc<Hmac>,
}

/// When there are more, all are forgotten: whoever comes back derives one again.
const MOST_KEYS: usize = 1_024;

impl SigningKeys {
    fn of(&self, secret: &str, claim: &Claim<'_>) -> Arc<Hmac> {
        let hash = hash([secret, &claim.date, &claim.region, &claim.service]);
        if let Some(known) = self.known.lock().get(&hash)
            && known.is(secret, claim)
        {
            return known.key.clone();
        }
        let key = Arc::new(claim.key(secret));
        let derived = Derived {
            secret: secret.to_owned(),
            date: claim.date.clone().into_owned(),
            region: claim.region.clone().into_owned(),
            service: claim.service.clone().into_owned(),
            key: key.clone(),
        };
        let mut known = self.known.lock();
        if known.len() >= MOST_KEYS {
            known.clear();
        }
        known.insert(hash, derived);
        key
    }
}

impl Derived {
    fn is(&self, secret: &str, claim: &Claim<'_>) -> bool {
        self.secret == secret
            && self.date == claim.date
            && self.region == claim.region
            && self.service == claim.service
    }
}

/// FNV-1a. Whoever finds two that share one makes a key be derived again, and no more.
fn hash(parts: [&str; 4]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.as_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn from_header<'a>(headers: &'a HeaderMap, header: &'a str) -> Result<Claim<'a>, Error> {
    let header = header.trim();
    if !header.starts_with("AWS4-") {
        return Err(Error::Missing);
    }
    let (algorithm, rest) = header.split_once([' ', '\t']).unwrap_or((header, ""));
    let mut fields = match Fields::usual(rest) {
        Some(fields) => fields,
        None => Fields::any(header, rest)?,
    };
    let date = text(headers, &DATE).or_else(|| text(headers, &header::DATE));
    let mut lacks = String::new();
    for (name, field) in [
        ("Credential", fields.credential),
        ("Signature", fields.signature),
        ("SignedHeaders", fields.signed_headers),
    ] {
        if field.is_none_or(str::is_empty) {
            let _ = write!(lacks, "Authorization header requires '{name}' parameter. ");
        }
    }
    if date.is_none() {
        lacks.push_str(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
        );
    }
    if !lacks.is_empty() {
        return Err(Error::Incomplete(format!("{lacks}Authorization={header}")));
    }
    fields.timestamp = date;
    fields.claim(algorithm, text(headers, &SECURITY_TOKEN), None)
}

fn from_query(query: &str) -> Result<Claim<'static>, Error> {
    let found = |wanted: &str| {
        pairs(query)
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value)
            .filter(|value| !value.is_empty())
    };
    const NAMES: [&str; 5] = [
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Signature",
        "X-Amz-SignedHeaders",
        "X-Amz-Date",
    ];
    let values = NAMES.map(found);
    let mut lacks = String::new();
    for (name, value) in NAMES.iter().zip(&values) {
        if value.is_none() {
            let _ = write!(lacks, "AWS query-string parameters must include '{name}'. ");
        }
    }
    if !lacks.is_empty() {
        return Err(Error::Incomplete(format!(
            "{lacks}Re-examine the query-string parameters."
        )));
    }
    let expires = match found("X-Amz-Expires") {
        // What is not only for object storage may leave it out.
        None => SKEW.as_secs(),
        Some(text) => text
            .parse()
            .ok()
            .filter(|seconds| (1..=MAX_EXPIRES).contains(seconds))
            .ok_or_else(|| {
                Error::Incomplete(format!(
                    "X-Amz-Expires must be between 1 and {MAX_EXPIRES} seconds. Got '{text}'."
                ))
            })?,
    };
    let [algorithm, credential, signature, signed_headers, date] =
        values.each_ref().map(Option::as_deref);
    let fields = Fields {
        credential,
        signed_headers,
        signature,
        timestamp: date,
    };
    let token = found("X-Amz-Security-Token");
    let claim = fields.claim(
        algorithm.unwrap_or_default(),
        token.as_deref(),
        Some(expires),
    )?;
    Ok(claim.into_owned())
}

#[derive(Default)]
struct Fields<'a> {
    credential: Option<&'a str>,
    signed_headers: Option<&'a str>,
    signature: Option<&'a str>,
    timestamp: Option<&'a str>,
}

impl<'a> Fields<'a> {
    /// As almost all clients write them, which is found out with a few steps.
    fn usual(rest: &'a str) -> Option<Self> {
        let mut parts = pieces(rest, b',');
        let credential = parts.next()?.strip_prefix("Credential=")?;
        let signed_headers = parts.next()?.strip_prefix(" SignedHeaders=")?;
        let signature = parts.next()?.strip_prefix(" Signature=")?;
        let values = [credential, signed_headers, signature];
        let plain = values.iter().all(|value| !value.as_bytes().contains(&b' '));
        (plain && parts.next().is_none()).then_some(Self {
            credential: Some(credential),
            signed_headers: Some(signed_headers),
            signature: Some(signature),
            timestamp: None,
        })
    }

    /// In any order, with anything between them.
    fn any(header: &str, rest: &'a str) -> Result<Self, Error> {
        let mut fields = Self::default();
        for part in rest.split([',', ' ']).filter(|part| !part.is_empty()) {
            let Some((name, value)) = part.split_once('=') else {
                return Err(Error::Incomplete(format!(
                    "'{part}' not a valid key=value pair (missing equal-sign) in Authorization header: '{header}'."
                )));
            };
            match name {
                "Credential" => fields.credential = Some(value),
                "SignedHeaders" => fields.signed_headers = Some(value),
                "Signature" => fields.signature = Some(value),
                _ => {}
            }
        }
        Ok(fields)
    }

    fn claim(
        &self,
        algorithm: &str,
        token: Option<&'a str>,
        expires: Option<u64>,
    ) -> Result<Claim<'a>, Error> {
        if algorithm != ALGORITHM {
            return Err(Error::Incomplete(format!(
                "Unsupported AWS 'algorithm': '{algorithm}' (only {ALGORITHM} for now). "
            )));
        }
        let credential = self.credential.unwrap_or_default().trim_end_matches('/');
        let Some([key_id, date, region, service, terminator]) = five(credential) else {
            return Err(Error::Incomplete(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{credential}'"
            )));
        };
        if terminator != TERMINATOR {
            return Err(Error::Invalid(format!(
                "Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{terminator}'."
            )));
        }
        let signed_headers = self.signed_headers.unwrap_or_default();
        Ok(Claim {
            key_id: key_id.into(),
            date: date.into(),
            region: region.into(),
            service: service.into(),
            token: token.map(Cow::from),
            timestamp: self.timestamp.unwrap_or_default().into(),
            signed_headers: in_lower_case(signed_headers),
            signature: self.signature.unwrap_or_default().into(),
            expires,
            in_query: expires.is_some(),
        })
    }
}

/// The parts between slashes, if there are just five.
fn five(credential: &str) -> Option<[&str; 5]> {
    let mut parts = pieces(credential, b'/');
    let mut next = || parts.next();
    let five = [next()?, next()?, next()?, next()?, next()?];
    parts.next().is_none().then_some(five)
}

/// What is between the bytes `mark`, which is an ASCII letter. As `str::split`, which is made for all that text can be and
/// takes several times as long for the few letters that there are here.
fn pieces(text: &str, mark: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = text.bytes().position(|byte| byte == mark);
        rest = end.map(|end| &text[end + 1..]);
        Some(&text[..end.unwrap_or(text.len())])
    })
}

fn in_lower_case(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        text.to_ascii_lowercase().into()
    } else {
        text.into()
    }
}

static DATE: HeaderName = HeaderName::from_static("x-amz-date");
static SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// A query string's pairs, decoded. A plus is a plus: only forms mean a space by it.
fn pairs(query: &str) -> impl Iterator<Item = (String, String)> + Clone {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(move |pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
}

/// All values of a header, each with its runs of spaces made one, joined by commas.
fn add_header_values(canonical: &mut String, parts: &Parts, name: &str) {
    if name == "host" && !parts.headers.contains_key(header::HOST) {
        // HTTP/2 says it in the request's target.
        canonical.push_str(
            parts
                .uri
                .authority()
                .map_or("", |authority| authority.as_str()),
        );
        return;
    }
    // There are few headers: looking at all is quicker than looking one up by a name that is text.
    let named = parts
        .headers
        .iter()
        .filter(|(other, _)| other.as_str() == name);
    for (at, (_, value)) in named.enumerate() {
        canonical.push_str(if at == 0 { "" } else { "," });
        if let Some(value) = plain(value) {
            canonical.push_str(value);
            continue;
        }
        let value = String::from_utf8_lossy(value.as_bytes());
        for (at, word) in value.split_whitespace().enumerate() {
            canonical.push_str(if at == 0 { "" } else { " " });
            canonical.push_str(word);
        }
    }
}

/// The text of a value in which words are where single spaces are not, as in almost every one: there is nothing in it to
/// be made one.
fn plain(value: &HeaderValue) -> Option<&str> {
    let bytes = value.as_bytes();
    let double = || bytes.windows(2).any(|pair| pair == b"  ");
    let spaces = bytes.iter().filter(|byte| **byte == b' ').count();
    let ends = [bytes.first()?, bytes.last()?].contains(&&b' ');
    if ends || (spaces > 1 && double()) {
        return None;
    }
    // It lets through tabs and what is no ASCII no more than we do.
    value.to_str().ok().filter(|_| !bytes.contains(&b'\t'))
}

fn canonical_path(path: &str, style: PathStyle) -> Cow<'static, str> {
    if path.is_empty() || path == "/" {
        return "/".into();
    }
    let encode = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
    if style == PathStyle::Verbatim {
        let decoded = path.split('/').map(|part| {
            let bytes: Vec<u8> = percent_decode_str(part).collect();
            percent_encoding::percent_encode(&bytes, UNRESERVED).to_string()
        });
        return decoded.collect::<Vec<_>>().join("/").into();
    }
    let mut kept: Vec<&str> = Vec::new();
    for part in path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
    {
        if part == ".." {
            kept.pop();
        } else {
            kept.push(part);
        }
    }
    let mut canonical: String = kept
        .iter()
        .map(|part| format!("/{}", encode(part)))
        .collect();
    if canonical.is_empty() || path.ends_with('/') {
        canonical.push('/');
    }
    canonical.into()
}

/// `YYYYMMDDTHHMMSSZ` as seconds since 1970.
fn seconds(text: &str) -> Option<u64> {
    let digits = |range: std::ops::Range<usize>| -> Option<i16> {
        let part = text.get(range)?;
        let all = part.bytes().all(|byte| byte.is_ascii_digit());
        all.then(|| part.parse().ok())?
    };
    let small = |range| i8::try_from(digits(range)?).ok();
    if text.len() != 16 || text.get(8..9) != Some("T") || !text.ends_with('Z') {
        return None;
    }
    let moment = jiff::civil::DateTime::new(
        digits(0..4)?,
        small(4..6)?,
        small(6..8)?,
        small(9..11)?,
        small(11..13)?,
        small(13..15)?,
        0,
    );
    let moment = jiff::tz::Offset::UTC.to_timestamp(moment.ok()?).ok()?;
    u64::try_from(moment.as_second()).ok()
}

fn basic(at: Timestamp) -> String {
    let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds)
        .map(|at| at.strftime("%Y%m%dT%H%M%SZ").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
