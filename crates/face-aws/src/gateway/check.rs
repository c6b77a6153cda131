//! Whether a request has what its route wants, before anything is run for it.

use functions::{GatewayKind, HttpRequest};
use http::HeaderMap;
use serde_json::Value;
use triggers::Wanted;

use super::refusal::Refusal;
use super::{LONGEST_HEADERS, event, schema};

/// Function URLs have no such limit of their own.
pub(super) fn check_headers(kind: GatewayKind, headers: &HeaderMap) -> Result<(), Refusal> {
    let lengths = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len());
    match kind != GatewayKind::Direct && lengths.sum::<usize>() > LONGEST_HEADERS {
        true => Err(Refusal::HeadersTooLong),
        false => Ok(()),
    }
}

pub(super) fn check(wanted: &Wanted, request: &HttpRequest) -> Result<(), Refusal> {
    check_parameters(wanted, request)?;
    if wanted.body.is_empty() {
        return Ok(());
    }
    let mut headers = request.headers.iter();
    let kind = headers.find(|(name, _)| name == "content-type");
    // What says nothing about its type is taken for JSON.
    let kind = kind.map_or("application/json", |(_, kind)| kind.as_str());
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let model = wanted
        .body
        .get(kind)
        .or_else(|| wanted.body.get("$default"));
    let Some(model) = model else {
        return Ok(());
    };
    let Ok(model) = serde_json::from_str(model) else {
        tracing::error!("a model is no JSON");
        return Err(Refusal::Broken);
    };
    let body: Value = serde_json::from_slice(&request.body)
        .map_err(|_| Refusal::BadBody("[Unable to parse JSON]".into()))?;
    schema::check(&model, &body).map_err(|why| Refusal::BadBody(format!("[{why}]")))
}

fn check_parameters(wanted: &Wanted, request: &HttpRequest) -> Result<(), Refusal> {
    let has_header = |wanted: &&String| {
        let mut headers = request.headers.iter();
        headers.any(|(name, value)| name.eq_ignore_ascii_case(wanted) && !is_blank(value))
    };
    let query = match wanted.query.is_empty() {
        true => Vec::new(),
        false => event::pairs(&request.query),
    };
    let has_query = |wanted: &&String| {
        let mut query = query.iter();
        query.any(|(name, value)| name == *wanted && !is_blank(value))
    };
    let headers = wanted.headers.iter().filter(|name| !has_header(name));
    let lacking: Vec<String> = wanted
        .query
        .iter()
        .filter(|name| !has_query(name))
        .chain(headers)
        .cloned()
        .collect();
    match lacking.is_empty() {
        true => Ok(()),
        false => Err(Refusal::LacksParameters(lacking)),
    }
}

/// What says nothing counts as missing.
fn is_blank(value: &str) -> bool {
    value.trim().is_empty()
}
