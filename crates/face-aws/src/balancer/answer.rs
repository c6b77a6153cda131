//! What a function's answer means.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Map, Value};
use wire::Response;

use super::{LARGEST, page};
use crate::gateway::answer::{add, present, status};
use crate::gateway::reserved;

/// Reads it, or says why it is none.
pub(super) fn read(payload: &[u8], lists: bool) -> Result<Response, String> {
    if payload.len() as u64 > LARGEST.as_bytes() {
        return Err(format!("it is longer than {} bytes", LARGEST.as_bytes()));
    }
    let fields: Map<String, Value> =
        serde_json::from_slice(payload).map_err(|cause| format!("no JSON object: {cause}"))?;
    let code = present(fields.get("statusCode")).ok_or("it has no statusCode")?;
    let code = status(Some(code))?;
    let mut response = Response::new(wire::full(body(&fields)?));
    *response.status_mut() = code;
    *response.headers_mut() = headers(&fields, lists)?;
    if let Some(Value::String(description)) = present(fields.get("statusDescription")) {
        // It begins with the status: "200 OK".
        let said = description.trim_start_matches(|letter: char| letter.is_ascii_digit());
        wire::say_reason(&mut response, said.trim());
    }
    page::sign(response.headers_mut());
    Ok(response)
}

/// A group whose requests have lists reads nothing but lists, and the other way round.
fn headers(fields: &Map<String, Value>, lists: bool) -> Result<HeaderMap, String> {
    let name = if lists {
        "multiValueHeaders"
    } else {
        "headers"
    };
    let mut headers = HeaderMap::new();
    if let Some(value) = present(fields.get(name)) {
        let given = value.as_object();
        for (header, value) in given.ok_or_else(|| format!("{name} must be an object"))? {
            match (lists, value) {
                (true, Value::Array(values)) => {
                    for value in values {
                        add(&mut headers, header, value)?;
                    }
                }
                (true, other) => return Err(format!("{header} must be a list, not {other}")),
                (false, value) => add(&mut headers, header, value)?,
            }
        }
    }
    reserved::drop_ours(&mut headers);
    if !headers.contains_key(header::CONTENT_TYPE) {
        let usual = HeaderValue::from_static("application/octet-stream");
        headers.insert(header::CONTENT_TYPE, usual);
    }
    Ok(headers)
}

fn body(fields: &Map<String, Value>) -> Result<Bytes, String> {
    let text = match present(fields.get("body")) {
        None => return Ok(Bytes::new()),
        Some(Value::String(text)) => text,
        Some(_) => return Err("body must be a string".into()),
    };
    match present(fields.get("isBase64Encoded")) {
        None | Some(Value::Bool(false)) => Ok(text.clone().into()),
        Some(Value::Bool(true)) => {
            let decoded = STANDARD.decode(text);
            decoded
                .map(Bytes::from)
                .map_err(|cause| format!("body is no base 64: {cause}"))
        }
        Some(other) => Err(format!("isBase64Encoded cannot be {other}")),
    }
}
