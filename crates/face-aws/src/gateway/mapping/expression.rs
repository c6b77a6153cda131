//! What parameters are mapped from: `'a literal'`, `method.request.header.x`, `integration.response.body.a`,
//! `context.requestId`, `stageVariables.x`.

use functions::HttpRequest;
use http::HeaderMap;

use super::json_path;
use super::values::{context_fact, parsed, text};
use crate::gateway::event;

/// None for what is not there.
pub(super) fn of_request(request: &HttpRequest, expression: &str) -> Option<String> {
    let Some(place) = expression.strip_prefix("method.request.") else {
        return of_any(request, expression);
    };
    let (place, name) = place.split_once('.').unwrap_or((place, ""));
    let named = |pairs: &[(String, String)]| {
        let mut last = pairs.iter().rev();
        let found = last.find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    };
    let all = |pairs: Vec<(String, String)>| {
        let found = pairs.into_iter().filter(|(known, _)| known == name);
        let found: Vec<String> = found.map(|(_, value)| value).collect();
        (!found.is_empty()).then(|| found.join(","))
    };
    let headers = || {
        let fits = |(known, value): (&str, &str)| {
            let fits = known.eq_ignore_ascii_case(name);
            fits.then(|| (name.to_owned(), value.to_owned()))
        };
        event::all_headers(request)
            .filter_map(fits)
            .collect::<Vec<_>>()
    };
    match place {
        "header" => named(&headers()),
        "multivalueheader" => all(headers()),
        "querystring" => named(&event::pairs(&request.query)),
        "multivaluequerystring" => all(event::pairs(&request.query)),
        "path" => named(&request.route.parameters),
        "body" => of_body(&request.body, name),
        _ => None,
    }
}

pub(super) fn of_answer(
    request: &HttpRequest,
    headers: &HeaderMap,
    body: &[u8],
    expression: &str,
) -> Option<String> {
    let Some(place) = expression.strip_prefix("integration.response.") else {
        return of_any(request, expression);
    };
    let (place, name) = place.split_once('.').unwrap_or((place, ""));
    match place {
        "header" => headers.get(name)?.to_str().ok().map(str::to_owned),
        "multivalueheader" => {
            let found = headers.get_all(name).iter();
            let found: Vec<&str> = found.filter_map(|value| value.to_str().ok()).collect();
            (!found.is_empty()).then(|| found.join(","))
        }
        "body" => of_body(body, name),
        _ => None,
    }
}

fn of_any(request: &HttpRequest, expression: &str) -> Option<String> {
    let literal = expression
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''));
    if let Some(literal) = literal {
        return Some(literal.to_owned());
    }
    if let Some(path) = expression.strip_prefix("context.") {
        return context_fact(request, path);
    }
    let name = expression.strip_prefix("stageVariables.")?;
    request.route.stage_variables.get(name).cloned()
}

/// Whole, or by a path into it.
pub(super) fn of_body(body: &[u8], path: &str) -> Option<String> {
    let body = String::from_utf8_lossy(body);
    if path.is_empty() {
        return Some(body.into_owned());
    }
    let found = json_path::find(&parsed(&body), &format!("$.{path}")).ok()??;
    Some(text(&found))
}
