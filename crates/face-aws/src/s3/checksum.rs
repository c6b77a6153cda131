//! Checksums as headers say them, and the digests that a request promises about its body.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use objects::{Algorithm, Checksum, Coverage, Digests};

use super::fault::{Fault, Result};

pub(crate) const ALL: [Algorithm; 5] = [
    Algorithm::Crc32,
    Algorithm::Crc32c,
    Algorithm::Crc64Nvme,
    Algorithm::Sha1,
    Algorithm::Sha256,
];

/// What the service computes when a client says nothing, since the end of 2024.
pub(crate) const DEFAULT: Algorithm = Algorithm::Crc64Nvme;

pub(crate) fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Crc32 => "CRC32",
        Algorithm::Crc32c => "CRC32C",
        Algorithm::Crc64Nvme => "CRC64NVME",
        Algorithm::Sha1 => "SHA1",
        Algorithm::Sha256 => "SHA256",
    }
}

pub(crate) fn header(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Crc32 => "x-amz-checksum-crc32",
        Algorithm::Crc32c => "x-amz-checksum-crc32c",
        Algorithm::Crc64Nvme => "x-amz-checksum-crc64nvme",
        Algorithm::Sha1 => "x-amz-checksum-sha1",
        Algorithm::Sha256 => "x-amz-checksum-sha256",
    }
}

pub(crate) fn algorithm(text: &str) -> Result<Algorithm> {
    ALL.into_iter()
        .find(|algorithm| name(*algorithm).eq_ignore_ascii_case(text))
        .ok_or_else(|| {
            Fault::bad(
                "InvalidRequest",
                "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
            )
        })
}

pub(crate) fn encode(value: &[u8]) -> String {
    STANDARD.encode(value)
}

/// As headers and listings show it: a composite one tells its number of parts.
pub(crate) fn show(checksum: &Checksum) -> String {
    match checksum.coverage {
        Coverage::Whole => encode(&checksum.value),
        Coverage::Parts(parts) => format!("{}-{parts}", encode(&checksum.value)),
    }
}

pub(crate) fn type_name(coverage: Coverage) -> &'static str {
    mode(matches!(coverage, Coverage::Parts(_)))
}

pub(crate) fn mode(composite: bool) -> &'static str {
    if composite {
        "COMPOSITE"
    } else {
        "FULL_OBJECT"
    }
}

pub(crate) fn mismatch(algorithm: Algorithm) -> Fault {
    Fault::bad(
        "BadDigest",
        format!(
            "The {} you specified did not match the calculated checksum.",
            name(algorithm)
        ),
    )
}

fn invalid(algorithm: Algorithm) -> Fault {
    Fault::bad(
        "InvalidRequest",
        format!("Value for {} header is invalid.", header(algorithm)),
    )
}

fn several() -> Fault {
    Fault::bad(
        "InvalidRequest",
        "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    )
}

/// Reads a checksum of a body, or of a part, in base64.
pub(crate) fn parse(algorithm: Algorithm, text: &str) -> Result<Checksum> {
    parse_in(algorithm, text, Coverage::Whole)
}

/// Reads a checksum of an object in parts: a composite one ends with their number.
pub(crate) fn parse_whole(algorithm: Algorithm, text: &str) -> Result<Checksum> {
    match text.rsplit_once('-') {
        Some((value, parts)) => {
            let parts = parts.parse().map_err(|_| invalid(algorithm))?;
            parse_in(algorithm, value, Coverage::Parts(parts))
        }
        None => parse(algorithm, text),
    }
}

fn parse_in(algorithm: Algorithm, text: &str, coverage: Coverage) -> Result<Checksum> {
    let value = STANDARD
        .decode(text)
        .ok()
        .filter(|value| value.len() == algorithm.width())
        .ok_or_else(|| invalid(algorithm))?;
    Ok(Checksum {
        algorithm,
        coverage,
        value,
    })
}

/// The one checksum that the headers give, if any, with its text.
pub(crate) fn in_headers(headers: &HeaderMap) -> Result<Option<(Algorithm, String)>> {
    let mut found = None;
    for algorithm in ALL {
        let Some(value) = headers.get(header(algorithm)) else {
            continue;
        };
        if found.is_some() {
            return Err(several());
        }
        let text = value.to_str().map_err(|_| invalid(algorithm))?;
        found = Some((algorithm, text.to_owned()));
    }
    Ok(found)
}

/// What a request says about the body that it sends.
#[derive(Debug, Default)]
pub(crate) struct Promise {
    md5: Option<[u8; 16]>,
    checksum: Option<Checksum>,
    /// Its value comes after the body.
    trailer: Option<Algorithm>,
}

impl Promise {
    pub(crate) fn read(headers: &HeaderMap) -> Result<Self> {
        let checksum = in_headers(headers)?
            .map(|(algorithm, text)| parse(algorithm, &text))
            .transpose()?;
        let trailer = trailer(headers)?;
        if checksum.is_some() && trailer.is_some() {
            return Err(several());
        }
        let named = headers
            .get("x-amz-sdk-checksum-algorithm")
            .and_then(|value| value.to_str().ok())
            .map(algorithm)
            .transpose()?;
        check_named(named, checksum.as_ref().map(|it| it.algorithm).or(trailer))?;
        Ok(Self {
            md5: content_md5(headers)?,
            checksum,
            trailer,
        })
    }

    /// The algorithm that the client chose, if it chose one.
    pub(crate) fn algorithm(&self) -> Option<Algorithm> {
        self.checksum
            .as_ref()
            .map(|checksum| checksum.algorithm)
            .or(self.trailer)
    }

    /// Whether the body is vouched for at all, apart from its signature.
    pub(crate) fn is_empty(&self) -> bool {
        self.md5.is_none() && self.checksum.is_none() && self.trailer.is_none()
    }

    /// Compares with what came, now that the trailers are there too.
    pub(crate) fn check(
        &self,
        digests: &Digests,
        trailer: impl Fn(&str) -> Option<String>,
    ) -> Result<()> {
        if let Some(expected) = self.md5
            && expected != digests.md5
        {
            return Err(Fault::bad(
                "BadDigest",
                "The Content-MD5 you specified did not match what we received.",
            )
            .with("ExpectedDigest", encode(&expected))
            .with("CalculatedDigest", encode(&digests.md5)));
        }
        if let Some(checksum) = &self.checksum {
            compare(checksum, digests)?;
        }
        if let Some(algorithm) = self.trailer {
            let text = trailer(header(algorithm)).ok_or_else(malformed_trailer)?;
            compare(&parse(algorithm, &text)?, digests)?;
        }
        Ok(())
    }
}

/// What a client says that it computes must be what it sends.
fn check_named(named: Option<Algorithm>, sent: Option<Algorithm>) -> Result<()> {
    let why = match (named, sent) {
        (Some(_), None) => {
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found."
        }
        (Some(named), Some(sent)) if named != sent => {
            "Value for x-amz-sdk-checksum-algorithm header is invalid."
        }
        _ => return Ok(()),
    };
    Err(Fault::bad("InvalidRequest", why))
}

fn compare(checksum: &Checksum, digests: &Digests) -> Result<()> {
    match digests.get(checksum.algorithm) {
        Some(actual) if actual == checksum.value => Ok(()),
        _ => Err(mismatch(checksum.algorithm)),
    }
}

pub(crate) fn malformed_trailer() -> Fault {
    Fault::bad(
        "MalformedTrailerError",
        "The request contained trailing data that was not well-formed or did not conform to our published schema.",
    )
}

fn trailer(headers: &HeaderMap) -> Result<Option<Algorithm>> {
    let Some(value) = headers.get("x-amz-trailer") else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    ALL.into_iter()
        .find(|algorithm| header(*algorithm).eq_ignore_ascii_case(text.trim()))
        .map(Some)
        .ok_or_else(|| {
            Fault::bad(
                "InvalidRequest",
                "The value specified in the x-amz-trailer header is not supported",
            )
        })
}

fn content_md5(headers: &HeaderMap) -> Result<Option<[u8; 16]>> {
    let Some(value) = headers.get("content-md5") else {
        return Ok(None);
    };
    STANDARD
        .decode(value.as_bytes())
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .map(Some)
        .ok_or_else(|| {
            Fault::bad(
                "InvalidDigest",
                "The Content-MD5 you specified was invalid.",
            )
            .with("Content-MD5", String::from_utf8_lossy(value.as_bytes()))
        })
}
