use std::ops::Range;

use futures_util::TryStreamExt;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use objects::{Checksum, Object, ObjectPart, Reader};
use s3s::dto::{GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput};
use s3s::{S3Request, S3Response};
use wire::{Body, BodyError};

use super::call::Call;
use super::fault::{Fault, Result};
use super::version::{self, Asked};
use super::{conditions, headers, lifecycle};

pub(super) async fn get_object(
    call: &Call,
    request: S3Request<GetObjectInput>,
) -> Result<S3Response<GetObjectOutput>> {
    let input = request.input;
    let asked = Asked::read(call, &input.bucket, &input.key, input.version_id.as_deref())?;
    let objects = &call.parts.objects;
    let found = objects.get(asked.bucket, asked.key, asked.version).await;
    let found = found.map_err(|error| asked.fault(error))?;
    let now = call.parts.objects.now();
    conditions::check_read(&call.headers, &found.object, now)?;
    let part = input.part_number.map(|number| (number, found.parts));
    let (piece, mut fields) = describe(call, &found.object, part)?;
    set_expiration(&asked, &mut fields, &found.object)?;
    *call.content.lock() = Some((piece.status(), piece.cut(found.body)));
    Ok(S3Response::with_headers(GetObjectOutput::default(), fields))
}

pub(super) async fn head_object(
    call: &Call,
    request: S3Request<HeadObjectInput>,
) -> Result<S3Response<HeadObjectOutput>> {
    let input = request.input;
    let asked = Asked::read(call, &input.bucket, &input.key, input.version_id.as_deref())?;
    let (object, part) = match input.part_number {
        None => (asked.head()?, None),
        Some(number) => {
            let (object, parts) = asked.head_parts()?;
            (object, Some((number, parts)))
        }
    };
    conditions::check_read(&call.headers, &object, call.parts.objects.now())?;
    let (piece, mut fields) = describe(call, &object, part)?;
    set_expiration(&asked, &mut fields, &object)?;
    *call.content.lock() = Some((piece.status(), wire::empty()));
    Ok(S3Response::with_headers(
        HeadObjectOutput::default(),
        fields,
    ))
}

/// An earlier version ends otherwise, and who names one does not say whether it is one.
fn set_expiration(asked: &Asked<'_>, fields: &mut HeaderMap, object: &Object) -> Result<()> {
    if asked.version.is_some() {
        return Ok(());
    }
    let place = (asked.bucket, asked.key);
    lifecycle::set_expiration(&asked.call.parts, fields, place, object)
}

/// Which bytes of an object are meant.
pub(super) struct Piece {
    range: Range<u64>,
    of: u64,
    partial: bool,
    /// Of these bytes, if they are a part that has one.
    checksum: Option<Checksum>,
}

impl Piece {
    pub(super) fn status(&self) -> StatusCode {
        if self.partial {
            StatusCode::PARTIAL_CONTENT
        } else {
            StatusCode::OK
        }
    }

    pub(super) fn cut(&self, body: Reader) -> Body {
        let stream = body.stream(self.range.clone());
        wire::stream(stream.map_err(|error| BodyError::Source(Box::new(error))))
    }
}

/// `part` is the number of the part that is asked for, with all that there are.
fn describe(
    call: &Call,
    object: &Object,
    part: Option<(i32, Vec<ObjectPart>)>,
) -> Result<(Piece, HeaderMap)> {
    let asks_part = part.is_some();
    let range = headers::text(&call.headers, "range")?;
    let piece = match (range, part) {
        (Some(_), Some(_)) => {
            return Err(Fault::bad(
                "InvalidRequest",
                "Cannot specify both Range header and partNumber query parameter",
            ));
        }
        (None, Some((number, parts))) => part_of(object, number, parts)?,
        (range, None) => asked(range, object.size)?,
    };
    let mut fields = describe_piece(object, &piece);
    version::set(&mut fields, object);
    override_headers(call, &mut fields);
    if let (true, Some(parts)) = (asks_part, object.etag.parts) {
        headers::set(&mut fields, "x-amz-mp-parts-count", &parts.to_string());
    }
    if wants_checksum(call)? {
        add_checksum(&mut fields, object, &piece);
    }
    Ok((piece, fields))
}

/// The bytes that a range asks for, or all.
pub(super) fn asked(range: Option<&str>, size: u64) -> Result<Piece> {
    range.map_or_else(|| Ok(whole(size)), |range| ranged(range, size))
}

/// What is said of an object of which these bytes follow.
pub(super) fn describe_piece(object: &Object, piece: &Piece) -> HeaderMap {
    let mut fields = headers::describe(object);
    let length = piece.range.end - piece.range.start;
    headers::set(&mut fields, "content-length", &length.to_string());
    if piece.partial && length > 0 {
        let (first, last) = (piece.range.start, piece.range.end - 1);
        let range = format!("bytes {first}-{last}/{}", piece.of);
        headers::set(&mut fields, "content-range", &range);
    }
    fields
}

/// The object's is over the whole of it, and a client would hold a piece against it.
fn add_checksum(fields: &mut HeaderMap, object: &Object, piece: &Piece) {
    if piece.range.end - piece.range.start == piece.of {
        headers::set_checksum(fields, object);
    } else if let (Some(checksum), Some(whole)) = (&piece.checksum, &object.checksum) {
        headers::set_one_checksum(fields, checksum);
        headers::set_checksum_type(fields, whole.coverage);
    }
}

/// The query may say how the object is to be described this time.
fn override_headers(call: &Call, fields: &mut HeaderMap) {
    for name in [
        "content-type",
        "content-language",
        "expires",
        "cache-control",
        "content-disposition",
        "content-encoding",
    ] {
        if let Some(value) = call.query.get(&format!("response-{name}")) {
            headers::set(fields, name, value);
        }
    }
}

fn wants_checksum(call: &Call) -> Result<bool> {
    let mode = headers::text(&call.headers, "x-amz-checksum-mode")?;
    Ok(mode.is_some_and(|mode| mode.eq_ignore_ascii_case("ENABLED")))
}

fn whole(size: u64) -> Piece {
    Piece {
        range: 0..size,
        of: size,
        partial: false,
        checksum: None,
    }
}

fn part_of(object: &Object, number: i32, parts: Vec<ObjectPart>) -> Result<Piece> {
    let parts = match object.etag.parts {
        Some(_) => parts,
        None => vec![ObjectPart {
            size: object.size,
            checksum: None,
        }],
    };
    let index = usize::try_from(number)
        .ok()
        .and_then(|number| number.checked_sub(1))
        .filter(|index| *index < parts.len())
        .ok_or_else(|| no_such_part(number, parts.len()))?;
    let start = parts[..index].iter().map(|part| part.size).sum();
    Ok(Piece {
        range: start..start + parts[index].size,
        of: object.size,
        partial: true,
        checksum: parts[index].checksum.clone(),
    })
}

fn no_such_part(number: i32, parts: usize) -> Fault {
    Fault::new(
        StatusCode::RANGE_NOT_SATISFIABLE,
        "InvalidPartNumber",
        "The requested partnumber is not satisfiable",
    )
    .with("PartNumberRequested", number.to_string())
    .with("ActualPartCount", parts.to_string())
}

/// One range of bytes. What does not read as one is ignored, as the protocol wants.
fn ranged(text: &str, size: u64) -> Result<Piece> {
    let Some(wanted) = parse_range(text) else {
        return Ok(whole(size));
    };
    let range = match wanted {
        Wanted::From(start, last) => {
            start..last.map_or(size, |last| last.saturating_add(1).min(size))
        }
        Wanted::Last(count) => size.saturating_sub(count)..size,
    };
    if range.start >= range.end {
        return Err(unsatisfiable(text, size));
    }
    Ok(Piece {
        range,
        of: size,
        partial: true,
        checksum: None,
    })
}

fn unsatisfiable(text: &str, size: u64) -> Fault {
    let fault = Fault::new(
        StatusCode::RANGE_NOT_SATISFIABLE,
        "InvalidRange",
        "The requested range is not satisfiable",
    )
    .with("RangeRequested", text)
    .with("ActualObjectSize", size.to_string());
    match HeaderValue::from_str(&format!("bytes */{size}")) {
        Ok(value) => fault.with_header(HeaderName::from_static("content-range"), value),
        Err(_) => fault,
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    From(u64, Option<u64>),
    Last(u64),
}

pub(super) fn parse_range(text: &str) -> Option<Wanted> {
    let (first, last) = text.trim().strip_prefix("bytes=")?.split_once('-')?;
    let (first, last) = (first.trim(), last.trim());
    match (first, last) {
        ("", count) => count.parse().ok().map(Wanted::Last),
        (start, "") => Some(Wanted::From(start.parse().ok()?, None)),
        (start, last) => {
            let (start, last) = (start.parse().ok()?, last.parse().ok()?);
            (start <= last).then_some(Wanted::From(start, Some(last)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Wanted, parse_range, ranged};

    #[test]
    fn ranges() {
        assert_eq!(parse_range("bytes=0-9"), Some(Wanted::From(0, Some(9))));
        assert_eq!(parse_range("bytes=5-"), Some(Wanted::From(5, None)));
        assert_eq!(parse_range("bytes=-5"), Some(Wanted::Last(5)));
        for nonsense in [
            "bytes=9-1",
            "bytes=a-b",
            "lines=1-2",
            "bytes=0-1,3-4",
            "bytes=-",
        ] {
            assert_eq!(parse_range(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn ranges_are_cut_to_the_object() {
        let range = |text, size| ranged(text, size).map(|piece| piece.range).ok();
        assert_eq!(range("bytes=2-100", 10), Some(2..10));
        assert_eq!(range("bytes=-100", 10), Some(0..10));
        assert_eq!(range("bytes=0-18446744073709551615", 10), Some(0..10));
        assert_eq!(range("bytes=10-", 10), None);
        assert_eq!(range("bytes=-0", 10), None);
        assert_eq!(range("bytes=0-", 0), None);
    }
}
