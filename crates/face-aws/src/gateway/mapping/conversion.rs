//! What bodies become on their way, by the table "Content type conversions" of the service's guide: bytes are told from text
//! by the media types that the API lists as binary, and each may become the other by base 64.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::STANDARD as PRINTED;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use functions::HttpRequest;
use triggers::{Conversion, Gateway};

use super::{JSON, Said};
use crate::gateway::{Refusal, event, media};

const READ: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The body that a template, or whoever is asked, gets.
pub(super) fn of_request(
    gateway: &Gateway,
    request: &HttpRequest,
    wanted: Option<Conversion>,
) -> Result<Bytes, Refusal> {
    let kind = event::header(request, "content-type").unwrap_or(JSON);
    let is_binary = media::listed(&gateway.binary, kind);
    let usual = match is_binary {
        true => Conversion::ToBytes,
        false => Conversion::ToText,
    };
    converted(&request.body, is_binary, wanted.unwrap_or(usual))
}

/// What a service said, as a template or the caller gets it.
pub(super) fn of_answer(
    gateway: &Gateway,
    request: &HttpRequest,
    said: Said,
    wanted: Option<Conversion>,
) -> Result<Said, Refusal> {
    let kind = said.headers.get(http::header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or(JSON);
    let is_binary = media::listed(&gateway.binary, kind);
    // Only the first of several counts.
    let accepted = event::header(request, "accept").unwrap_or_default();
    let accepted = accepted.split(',').next().unwrap_or_default();
    let usual = match media::listed(&gateway.binary, accepted) {
        true => Conversion::ToBytes,
        false => Conversion::ToText,
    };
    let body = converted(&said.body, is_binary, wanted.unwrap_or(usual))?;
    Ok(Said { body, ..said })
}

fn converted(body: &Bytes, is_binary: bool, to: Conversion) -> Result<Bytes, Refusal> {
    match (is_binary, to) {
        (true, Conversion::ToBytes) => Ok(body.clone()),
        (true, Conversion::ToText) => Ok(PRINTED.encode(body).into()),
        (false, Conversion::ToBytes) => decoded(body),
        (false, Conversion::ToText) => Ok(match std::str::from_utf8(body) {
            Ok(_) => body.clone(),
            Err(_) => String::from_utf8_lossy(body).into_owned().into(),
        }),
    }
}

/// What a function returns is a string of JSON, which has quotes.
fn decoded(body: &[u8]) -> Result<Bytes, Refusal> {
    let text = body.trim_ascii();
    let bare = text
        .strip_prefix(b"\"")
        .and_then(|text| text.strip_suffix(b"\""));
    READ.decode(bare.unwrap_or(text))
        .map(Bytes::from)
        .map_err(|error| {
            tracing::warn!(%error, "a body that is to become bytes is not of base 64");
            Refusal::Broken
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_text_become_each_other() {
        use Conversion::{ToBytes, ToText};
        for (body, is_binary, to, expected) in [
            (&b"\xff\x00"[..], true, ToBytes, Some(&b"\xff\x00"[..])),
            (b"\xff\x00", true, ToText, Some(b"/wA=")),
            (b"/wA=", false, ToBytes, Some(b"\xff\x00")),
            (b" \"/wA\"\n", false, ToBytes, Some(b"\xff\x00")),
            (b"{\"a\": 1}", false, ToBytes, None),
            (b"text", false, ToText, Some(b"text")),
            (b"a\xff", false, ToText, Some("a\u{fffd}".as_bytes())),
            (b"", false, ToBytes, Some(b"")),
        ] {
            let found = converted(&Bytes::from_static(body), is_binary, to).ok();
            assert_eq!(found.as_deref(), expected, "{body:?} {to:?}");
        }
    }
}
