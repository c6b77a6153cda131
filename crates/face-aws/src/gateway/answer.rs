//! What a function's answer means.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use functions::{GatewayKind, HttpForm};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Map, Value};
use triggers::Gateway;
use wire::Response;

use super::refusal::identify;
use super::{media, reserved};

#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    /// The body is base 64 of what is meant.
    encoded: bool,
}

/// Reads it, or says why it is none.
pub(crate) fn read(payload: &[u8], kind: GatewayKind, form: HttpForm) -> Result<Answer, String> {
    let value: Value =
        serde_json::from_slice(payload).map_err(|cause| format!("not JSON: {cause}"))?;
    match value {
        Value::Object(fields) if fields.contains_key("statusCode") => fielded(&fields, kind, form),
        // In short form, what names no status is the body itself.
        value if form == HttpForm::Compact => Ok(Answer {
            status: StatusCode::OK,
            headers: typed("application/json"),
            body: value.to_string().into(),
            encoded: false,
        }),
        Value::Object(fields) if kind == GatewayKind::Classic => {
            // An object without a status is a success; anything that is no object is not.
            fielded(&fields, kind, form)
        }
        other => Err(format!(
            "an object with a statusCode is wanted, not {other}"
        )),
    }
}

fn fielded(
    fields: &Map<String, Value>,
    kind: GatewayKind,
    form: HttpForm,
) -> Result<Answer, String> {
    const KNOWN: [&str; 5] = [
        "statusCode",
        "headers",
        "multiValueHeaders",
        "body",
        "isBase64Encoded",
    ];
    if kind == GatewayKind::Classic
        && let Some(name) = fields.keys().find(|name| !KNOWN.contains(&name.as_str()))
    {
        return Err(format!("REST APIs know no field {name}"));
    }
    let status = status(fields.get("statusCode"))?;
    let mut headers = HeaderMap::new();
    if let Some(value) = present(fields.get("headers")) {
        let given = value.as_object().ok_or("headers must be an object")?;
        for (name, value) in given {
            add(&mut headers, name, value)?;
        }
    }
    if let Some(value) = present(fields.get("multiValueHeaders")) {
        let given = value
            .as_object()
            .ok_or("multiValueHeaders must be an object")?;
        for (name, values) in given {
            let values = values
                .as_array()
                .ok_or("multiValueHeaders must hold lists")?;
            if let Ok(name) = HeaderName::try_from(name.as_str()) {
                headers.remove(name);
            }
            for value in values {
                add(&mut headers, name, value)?;
            }
        }
    }
    if form == HttpForm::Compact
        && let Some(value) = present(fields.get("cookies"))
    {
        for cookie in value.as_array().ok_or("cookies must be a list")? {
            add(&mut headers, "set-cookie", cookie)?;
        }
    }
    let body = match present(fields.get("body")) {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        // HTTP APIs and function URLs print whatever it is; REST APIs want text.
        Some(other) if kind != GatewayKind::Classic => other.to_string(),
        Some(_) => return Err("body must be a string".into()),
    };
    reserved::settle(&mut headers, kind);
    let encoded = match present(fields.get("isBase64Encoded")) {
        None => false,
        Some(Value::Bool(encoded)) => *encoded,
        Some(other) => return Err(format!("isBase64Encoded cannot be {other}")),
    };
    if !headers.contains_key(header::CONTENT_TYPE) {
        let usual = match kind {
            GatewayKind::Classic | GatewayKind::Direct => "application/json",
            GatewayKind::Simple | GatewayKind::Socket => "text/plain; charset=utf-8",
        };
        headers.extend(typed(usual));
    }
    Ok(Answer {
        status,
        headers,
        body: body.into(),
        encoded,
    })
}

/// The head of an answer whose body comes apart from it.
pub(crate) fn head(json: &[u8], kind: GatewayKind) -> Result<(StatusCode, HeaderMap), String> {
    let value: Map<String, Value> =
        serde_json::from_slice(json).map_err(|cause| format!("not JSON: {cause}"))?;
    let answer = fielded(&value, kind, HttpForm::Compact)?;
    Ok((answer.status, answer.headers))
}

pub(crate) fn present(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

pub(crate) fn status(value: Option<&Value>) -> Result<StatusCode, String> {
    let Some(value) = present(value) else {
        return Ok(StatusCode::OK);
    };
    let number = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    number
        .and_then(|number| u16::try_from(number).ok())
        .and_then(|number| StatusCode::from_u16(number).ok())
        .filter(|status| status.as_u16() >= 200 && status.as_u16() < 600)
        .ok_or_else(|| format!("statusCode cannot be {value}"))
}

/// Adds a header, whatever it is about.
pub(crate) fn add(headers: &mut HeaderMap, name: &str, value: &Value) -> Result<(), String> {
    let name = HeaderName::try_from(name).map_err(|_| format!("{name:?} is no header's name"))?;
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => return Err(format!("the header {name} cannot be {value}")),
    };
    let value = HeaderValue::from_str(&text)
        .map_err(|_| format!("the header {name} cannot be {text:?}"))?;
    headers.append(name, value);
    Ok(())
}

fn typed(kind: &'static str) -> HeaderMap {
    [(header::CONTENT_TYPE, HeaderValue::from_static(kind))]
        .into_iter()
        .collect()
}

/// Whether the caller gets bytes for an answer in base 64: REST APIs look at what it accepts first.
pub(crate) fn takes_bytes(gateway: &Gateway, headers: &HeaderMap) -> bool {
    match gateway.kind {
        GatewayKind::Simple | GatewayKind::Direct | GatewayKind::Socket => true,
        GatewayKind::Classic => {
            let accepted = headers.get(header::ACCEPT);
            let accepted = accepted
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default();
            let first = accepted.split(',').next().unwrap_or_default();
            media::listed(&gateway.binary, first)
        }
    }
}

impl Answer {
    pub(crate) fn print(self, kind: GatewayKind, takes_bytes: bool, request_id: &str) -> Response {
        let body = match self.encoded && takes_bytes {
            true => match STANDARD.decode(&self.body) {
                Ok(decoded) => decoded.into(),
                Err(cause) => {
                    tracing::warn!(%cause, "a function's answer is not the base 64 that it says");
                    return super::Refusal::Failed.print(kind, request_id);
                }
            },
            false => self.body,
        };
        let mut response = Response::new(wire::full(body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        identify(response.headers_mut(), kind, request_id);
        response
    }
}
