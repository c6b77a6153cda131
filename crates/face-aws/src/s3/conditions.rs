//! Conditions on an object's tag and age.

use base::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use objects::{Condition, Object, Tags};

use super::fault::{Fault, Result};
use super::headers;

/// A read's conditions, in the order in which RFC 9110 weighs them (section 13.2.2): a tag wins over a date.
pub(super) fn check_read(fields: &HeaderMap, object: &Object, now: Timestamp) -> Result<()> {
    match tags(fields, "if-match")? {
        Some(tags) if !tags.hold(&object.etag) => return Err(Fault::precondition("If-Match")),
        Some(_) => {}
        None => {
            if is_newer(fields, "if-unmodified-since", object)? == Some(true) {
                return Err(Fault::precondition("If-Unmodified-Since"));
            }
        }
    }
    match tags(fields, "if-none-match")? {
        Some(tags) if tags.hold(&object.etag) => Err(not_modified(object)),
        Some(_) => Ok(()),
        None if is_older(fields, "if-modified-since", object, now)? => Err(not_modified(object)),
        None => Ok(()),
    }
}

/// The conditions on the source of a copy; there is no copy, so whatever fails is a failed precondition.
pub(super) fn check_source(fields: &HeaderMap, object: &Object, now: Timestamp) -> Result<()> {
    let failed = |name: &str| Err(Fault::precondition(name));
    match tags(fields, "x-amz-copy-source-if-match")? {
        Some(tags) if !tags.hold(&object.etag) => return failed("x-amz-copy-source-If-Match"),
        Some(_) => {}
        None => {
            let name = "x-amz-copy-source-if-unmodified-since";
            if is_newer(fields, name, object)? == Some(true) {
                return failed("x-amz-copy-source-If-Unmodified-Since");
            }
        }
    }
    match tags(fields, "x-amz-copy-source-if-none-match")? {
        Some(tags) if tags.hold(&object.etag) => failed("x-amz-copy-source-If-None-Match"),
        Some(_) => Ok(()),
        None if is_older(fields, "x-amz-copy-source-if-modified-since", object, now)? => {
            failed("x-amz-copy-source-If-Modified-Since")
        }
        None => Ok(()),
    }
}

/// A write's conditions, to be decided where the write is. The service knows `If-None-Match` only with `*`, and
/// `If-Match` only without.
pub(super) fn of_write(fields: &HeaderMap) -> Result<Condition> {
    let if_match = tags(fields, "if-match")?;
    let if_none_match = tags(fields, "if-none-match")?;
    let value = |name: &str| {
        let why = format!("We don't accept the provided value of {name} header for this API");
        Err(not_built(name, why))
    };
    match (&if_match, &if_none_match) {
        (Some(_), Some(_)) => {
            let why = "Multiple conditional request headers present in the request";
            Err(not_built("If-Match,If-None-Match", why))
        }
        (_, Some(Tags::List(_))) => value("If-None-Match"),
        (Some(Tags::Any), _) => value("If-Match"),
        _ => Ok(Condition {
            if_match,
            if_none_match,
        }),
    }
}

/// The service has not built it either.
fn not_built(header: &str, why: impl Into<String>) -> Fault {
    Fault::new(
        StatusCode::NOT_IMPLEMENTED,
        "NotImplemented",
        "A header you provided implies functionality that is not implemented",
    )
    .with("Header", header)
    .with("additionalMessage", why)
}

pub(super) fn of_delete(fields: &HeaderMap) -> Result<Condition> {
    Ok(Condition {
        if_match: tags(fields, "if-match")?,
        if_none_match: None,
    })
}

fn tags(fields: &HeaderMap, name: &str) -> Result<Option<Tags>> {
    let Some(text) = headers::text(fields, name)? else {
        return Ok(None);
    };
    if text.trim() == "*" {
        return Ok(Some(Tags::Any));
    }
    let tags = text.split(',').map(|tag| {
        let tag = tag.trim();
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag.trim_matches('"').to_owned()
    });
    Ok(Some(Tags::List(tags.collect())))
}

/// None if there is no such condition, or none that reads as a date.
fn is_newer(fields: &HeaderMap, name: &str, object: &Object) -> Result<Option<bool>> {
    let date = headers::text(fields, name)?.and_then(headers::parse_http_date);
    Ok(date.map(|date| object.modified.as_secs() > date.as_secs()))
}

/// Whether the object is no newer than a date. A date that is still to come says nothing (RFC 9110, section 13.1.3).
fn is_older(fields: &HeaderMap, name: &str, object: &Object, now: Timestamp) -> Result<bool> {
    let date = headers::text(fields, name)?.and_then(headers::parse_http_date);
    let date = date.filter(|date| date.as_secs() <= now.as_secs());
    Ok(date.is_some_and(|date| object.modified.as_secs() <= date.as_secs()))
}

fn not_modified(object: &Object) -> Fault {
    let fault = Fault::new(StatusCode::NOT_MODIFIED, "NotModified", "Not Modified");
    let described = headers::describe(object);
    ["etag", "last-modified", "cache-control", "expires"]
        .into_iter()
        .filter_map(|name| Some((name, described.get(name)?.clone())))
        .fold(
            fault,
            |fault, (name, value): (&'static str, HeaderValue)| {
                fault.with_header(HeaderName::from_static(name), value)
            },
        )
}
