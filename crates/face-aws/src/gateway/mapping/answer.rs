//! What the caller is told of what a service said.

use functions::{GatewayKind, HttpRequest};
use http::{HeaderName, HeaderValue, StatusCode, header};
use regex::Regex;
use serde_json::Value as Json;
use triggers::{Conversion, Conversions, MappedAnswer, Translation};
use wire::Response;

use super::service::Answered;
use super::values::Values;
use super::{JSON, Said, expression, rendered};
use crate::gateway::{Refusal, event, refusal};

/// What the template of the request said about the answer.
#[derive(Debug, Default)]
pub(super) struct Overridden {
    status: Option<u16>,
    headers: Vec<(String, String)>,
}

pub(super) fn overridden(values: &Values) -> Overridden {
    Overridden {
        status: values.overridden_status(),
        headers: values.overridden("responseOverride", "header"),
    }
}

/// A mock's template says which status it stands for; without quotes around the name, as many write it, it is understood
/// too.
pub(super) fn mocked(body: &[u8]) -> Result<Said, Refusal> {
    let text = String::from_utf8_lossy(body);
    let status = match serde_json::from_str::<Json>(&text) {
        Ok(said) => match &said["statusCode"] {
            Json::String(text) => text.parse().ok(),
            other => other.as_u64(),
        },
        Err(_) => loosely(&text),
    };
    let status = status.ok_or(Refusal::Broken)?;
    Ok(Said {
        picked_by: Some(status.to_string()),
        headers: http::HeaderMap::new(),
        body: bytes::Bytes::new(),
    })
}

fn loosely(text: &str) -> Option<u64> {
    let bare = Regex::new(r#"['"]?statusCode['"]?\s*:\s*['"]?([0-9]{3})\b"#).ok()?;
    bare.captures(text)?[1].parse().ok()
}

/// Patterns are for statuses; where a function answered, for the message of its error.
pub(super) fn said(service: &str, answered: Answered) -> Result<Said, Refusal> {
    if service != "lambda" {
        return Ok(answered.into());
    }
    if !(200..300).contains(&answered.status) {
        let body = String::from_utf8_lossy(&answered.body).into_owned();
        tracing::warn!(body, "a function could not be called");
        return Err(Refusal::Broken);
    }
    let failed = answered.headers.contains_key("x-amz-function-error");
    let message = failed.then(|| {
        let error = serde_json::from_slice::<Json>(&answered.body).unwrap_or_default();
        error["errorMessage"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    });
    Ok(Said {
        picked_by: message,
        ..answered.into()
    })
}

/// What a service said, and the answer that is for it.
pub(super) struct Picked<'m> {
    pub(super) said: Said,
    pub(super) answer: &'m MappedAnswer,
    pub(super) conversion: Option<Conversion>,
}

pub(super) fn picked<'m>(
    mapping: &'m Translation,
    conversions: &Conversions,
    said: Said,
) -> Result<Picked<'m>, Refusal> {
    let by = said.picked_by.as_deref();
    let fits = |answer: &MappedAnswer| {
        let whole = answer.pattern.as_deref().zip(by);
        whole.is_some_and(|(pattern, by)| {
            let pattern = Regex::new(&format!("^(?:{pattern})$"));
            pattern.is_ok_and(|pattern| pattern.is_match(by))
        })
    };
    let answers = &mapping.answers;
    let usual = || answers.iter().position(|answer| answer.pattern.is_none());
    let Some(at) = answers.iter().position(fits).or_else(usual) else {
        let said = said.picked_by;
        tracing::warn!(said, "no integration response is for what a service said");
        return Err(Refusal::Broken);
    };
    Ok(Picked {
        said,
        answer: &answers[at],
        conversion: conversions.answers.get(at).copied().flatten(),
    })
}

pub(super) fn print(
    answer: &MappedAnswer,
    request: &HttpRequest,
    said: &Said,
    before: Overridden,
) -> Result<Response, Refusal> {
    let values = Values::new(request);
    let template = template(answer, request);
    let (kind, body) = match template {
        Some((kind, template)) => {
            let body = rendered(template, request, &said.body, &values)?;
            (kind, body.into())
        }
        None => (JSON, said.body.clone()),
    };
    let after = overridden(&values);
    let status = after.status.or(before.status).unwrap_or(answer.status);
    let mut response = Response::new(wire::full(body));
    *response.status_mut() = StatusCode::from_u16(status).map_err(|_| Refusal::Broken)?;
    let mut headers = vec![("content-type".to_owned(), kind.to_owned())];
    for (name, expression) in &answer.headers {
        let name = name.strip_prefix("method.response.header.").unwrap_or(name);
        let value = expression::of_answer(request, &said.headers, &said.body, expression);
        headers.extend(value.map(|value| (name.to_owned(), value)));
    }
    headers.extend(before.headers);
    headers.extend(after.headers);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(&value)) {
            response.headers_mut().insert(name, value);
        }
    }
    refusal::identify(
        response.headers_mut(),
        GatewayKind::Classic,
        &request.request_id,
    );
    Ok(response)
}

/// The one for a media type that the caller accepts, or for JSON, or the first.
fn template<'m>(answer: &'m MappedAnswer, request: &HttpRequest) -> Option<(&'m str, &'m str)> {
    let accepted = event::header(request, header::ACCEPT.as_str()).unwrap_or_default();
    let accepted = accepted.split(',');
    let accepted = accepted.map(|kind| kind.split(';').next().unwrap_or_default().trim());
    let bodies = &answer.bodies;
    let mut found = accepted
        .chain([JSON])
        .filter_map(|kind| bodies.get_key_value(kind));
    let (kind, template) = found.next().or_else(|| bodies.first_key_value())?;
    Some((kind, template))
}
