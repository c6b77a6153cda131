//! Bodies that are compressed on their way, in services that know of it.

use std::io::{Read, Write};

use base::ByteSize;
use bytes::Bytes;
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::{GzEncoder, ZlibEncoder};
use http::{HeaderMap, HeaderValue, header};
use http_body::Body;
use wire::{BodyError, Response};

use super::{CRC32, crc32};

/// Shorter answers are sent as they are.
const SHORTEST: u64 = 4_096;

/// How an answer can be compressed, what is preferred first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
}

pub(crate) fn gzip(plain: &[u8]) -> Vec<u8> {
    let packed = Coding::Gzip.compress(plain);
    packed.expect("memory takes what is written to it")
}

/// A request's body could not be made what it was.
#[derive(Debug)]
pub(crate) enum Undecoded {
    /// It is not compressed as its headers say, or in a way that nobody knows.
    Wrong,
    TooLarge(ByteSize),
}

impl Coding {
    const ALL: [Self; 2] = [Self::Gzip, Self::Deflate];

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        }
    }

    fn compress(self, plain: &[u8]) -> std::io::Result<Vec<u8>> {
        let level = Compression::fast();
        match self {
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), level);
                encoder.write_all(plain)?;
                encoder.finish()
            }
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(plain)?;
                encoder.finish()
            }
        }
    }

    /// The one that a client likes best. It is the first of several that it likes as much, and one that it names goes
    /// before one that it leaves to the service. That it would rather have the plain body is not heard.
    fn wanted(accepted: &str) -> Option<Self> {
        let mut best: Option<(Self, f32)> = None;
        let mut others = 0.0;
        let mut named = Vec::new();
        for entry in accepted.split(',') {
            let (name, weight) = weighed(entry);
            if name == "*" {
                others = weight;
            }
            let Some(coding) = Self::ALL
                .into_iter()
                .find(|coding| name.eq_ignore_ascii_case(coding.name()))
            else {
                continue;
            };
            named.push(coding);
            if weight > best.map_or(0.0, |(_, known)| known) {
                best = Some((coding, weight));
            }
        }
        for coding in Self::ALL {
            if !named.contains(&coding) && others > best.map_or(0.0, |(_, known)| known) {
                best = Some((coding, others));
            }
        }
        best.map(|(coding, _)| coding)
    }
}

/// An entry's name, and how much it is wanted: from 0 to 1, and 1 where that cannot be read.
fn weighed(entry: &str) -> (&str, f32) {
    let mut parts = entry.split(';');
    let name = parts.next().unwrap_or_default().trim();
    let weight = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        (name.trim() == "q").then(|| value.trim().parse().unwrap_or(1.0))
    });
    (name, weight.unwrap_or(1.0_f32).clamp(0.0, 1.0))
}

/// The body as it was before it was compressed.
pub(crate) fn decoded(
    headers: &HeaderMap,
    body: Bytes,
    limit: ByteSize,
) -> Result<Bytes, Undecoded> {
    let Some(coding) = headers.get(header::CONTENT_ENCODING) else {
        return Ok(body);
    };
    match coding.as_bytes() {
        // The other is how the real service's own tools name plain bodies.
        b"identity" | b"amz-1.0" => Ok(body),
        b"gzip" => unzipped(&body, limit).map(Bytes::from),
        _ => Err(Undecoded::Wrong),
    }
}

/// One file after the other. What follows the last and is none is passed over, as the real service does.
fn unzipped(mut rest: &[u8], limit: ByteSize) -> Result<Vec<u8>, Undecoded> {
    let mut plain = Vec::new();
    let mut any = false;
    loop {
        let mut file = GzDecoder::new(rest);
        if file.header().is_none() {
            return if any {
                Ok(plain)
            } else {
                Err(Undecoded::Wrong)
            };
        }
        any = true;
        let left = limit.as_bytes().saturating_sub(plain.len() as u64);
        let read = (&mut file).take(left + 1).read_to_end(&mut plain);
        read.map_err(|_| Undecoded::Wrong)?;
        if plain.len() as u64 > limit.as_bytes() {
            return Err(Undecoded::TooLarge(limit));
        }
        rest = file.into_inner();
    }
}

/// The answer as the client takes it.
pub(super) async fn encoded(headers: &HeaderMap, answer: Response) -> Result<Response, BodyError> {
    let accepted = headers.get_all(header::ACCEPT_ENCODING).iter().next_back();
    let accepted = accepted.and_then(|accepted| accepted.to_str().ok());
    let length = answer.body().size_hint().exact().unwrap_or_default();
    let coding = accepted.filter(|_| length >= SHORTEST);
    let Some(coding) = coding.and_then(Coding::wanted) else {
        return Ok(answer);
    };
    let (mut head, body) = answer.into_parts();
    let plain = wire::collect(body, ByteSize::bytes(length)).await?;
    let packed = tokio::task::spawn_blocking(move || coding.compress(&plain)).await;
    let packed = packed.map_err(std::io::Error::other).flatten();
    let packed = Bytes::from(packed.map_err(|cause| BodyError::Source(cause.into()))?);
    let name = HeaderValue::from_static(coding.name());
    head.headers.insert(header::CONTENT_ENCODING, name);
    // It is of what is sent.
    if let Some(sum) = head.headers.get_mut(&CRC32) {
        *sum = crc32(&packed).into();
    }
    Ok(Response::from_parts(head, wire::full(packed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_what_it_likes_best() {
        const GZIP: Option<Coding> = Some(Coding::Gzip);
        const DEFLATE: Option<Coding> = Some(Coding::Deflate);
        for (accepted, wanted) in [
            ("", None),
            ("gzip", GZIP),
            ("deflate", DEFLATE),
            ("identity", None),
            ("br", None),
            ("x-gzip", None),
            ("gzip, deflate", GZIP),
            ("br, identity, deflate, gzip", DEFLATE),
            ("dog, GZIP ,, cat", GZIP),
            ("gzip;q=0.8, deflate;q=0.5", GZIP),
            ("deflate;q=0.5, gzip;q=0.2", DEFLATE),
            ("br, gzip;q=0, deflate; q = 0.5 , identity;q=0", DEFLATE),
            ("*", GZIP),
            ("*, deflate", DEFLATE),
            ("*, deflate;q=0.5", GZIP),
            ("*, gzip;q=0.5", DEFLATE),
            ("*;q=0.5,identity", GZIP),
            ("br;q=0.8,identity;q=0.5,*;q=0", None),
            ("gzip;q=0.5,identity;q=0.8", GZIP),
            ("gzip ;q=0", None),
            ("gzip;q=0, gzip;q=1, gzip;q=0", GZIP),
            ("gzip;nq=1;q=0 ", None),
            ("\"gzip\"", None),
            ("gzip br", None),
            ("gzip:q=1", None),
            ("gzip;q=31,deflate;q=51", GZIP),
            ("deflate;q=0.5, gzip;q=1;q=0.2", GZIP),
            ("deflate;q=0.5,gzip;q=0.", DEFLATE),
            ("deflate;q=0.5,gzip;q=0.x", GZIP),
            ("deflate;q=-0.5,gzip;q=0.2", GZIP),
            ("br,identity;q=0.5,gzip;q=0.0001", GZIP),
        ] {
            assert_eq!(Coding::wanted(accepted), wanted, "{accepted}");
        }
    }

    fn zipped(plain: &[u8]) -> Vec<u8> {
        Coding::Gzip.compress(plain).unwrap()
    }

    #[test]
    fn only_zipped_bodies_are_changed() {
        let limit = ByteSize::bytes(5);
        let plain = Bytes::from_static(b"plain");
        let packed = Bytes::from(zipped(&plain));
        for (coding, sent, read) in [
            (None, &plain, true),
            (Some("identity"), &plain, true),
            (Some("amz-1.0"), &plain, true),
            (Some("gzip"), &packed, true),
            (Some("gzip"), &plain, false),
            (Some("deflate"), &plain, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(coding.map(|coding| {
                let coding = HeaderValue::from_static(coding);
                (header::CONTENT_ENCODING, coding)
            }));
            let found = decoded(&headers, sent.clone(), limit).ok();
            assert_eq!(found, read.then(|| plain.clone()), "{coding:?}");
        }
    }

    #[test]
    fn what_was_zipped_is_read() {
        let limit = ByteSize::bytes(5);
        let whole = zipped(b"plain");
        let parts = [zipped(b"pl"), zipped(b""), zipped(b"ain")].concat();
        for zipped in [&whole, &parts, &[&whole[..], b"junk"].concat()] {
            assert_eq!(unzipped(zipped, limit).unwrap(), b"plain");
        }
        for wrong in [&b""[..], b"plain", &whole[..whole.len() - 1], &parts[..40]] {
            let found = unzipped(wrong, limit);
            assert!(matches!(found, Err(Undecoded::Wrong)), "{wrong:?}");
        }
        let found = unzipped(&whole, ByteSize::bytes(4));
        assert!(matches!(found, Err(Undecoded::TooLarge(_))));
    }
}
