//! awsJson 1.0 and 1.1: one path, the operation in a header, everything else in the body.

use http::request::Parts;
use http::{HeaderName, Method, StatusCode, header};
use serde_json::{Map, Value};

use super::Fault;
use super::model::{Model, Operation};

pub(super) fn operation<'a>(
    model: &'a Model,
    parts: &Parts,
    body: &[u8],
) -> Result<&'a Operation, Fault> {
    if parts.method != Method::POST || !(body.is_empty() || is_json(parts)) {
        return Err(Fault::unknown_operation().with_status(StatusCode::NOT_FOUND));
    }
    text(parts, &TARGET)
        .and_then(|target| target.split_once('.'))
        .filter(|(prefix, _)| *prefix == model.target)
        .and_then(|(_, name)| model.operation_named(name))
        .ok_or_else(Fault::unknown_operation)
}

static TARGET: HeaderName = HeaderName::from_static("x-amz-target");

fn text<'a>(parts: &'a Parts, name: &HeaderName) -> Option<&'a str> {
    parts.headers.get(name)?.to_str().ok()
}

fn is_json(parts: &Parts) -> bool {
    let content_type = text(parts, &header::CONTENT_TYPE).unwrap_or_default();
    let content_type = content_type.split(';').next().unwrap_or_default().trim();
    matches!(
        content_type,
        "application/json" | "application/x-amz-json-1.0" | "application/x-amz-json-1.1"
    )
}

/// The body as the input's members. Not even an empty one may be missing.
pub(super) fn input(body: &[u8]) -> Result<Map<String, Value>, Fault> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(Value::Array(_)) | Err(_) => Err(Fault::serialization(None)),
        Ok(_) => Err(Fault::serialization(Some(
            "Unexpected value type in payload".into(),
        ))),
    }
}
