//! Texts with places in them, as parameters of HTTP APIs are written: `$request.header.x`, `a-${context.requestId}`.

use functions::HttpRequest;
use http::HeaderMap;

use super::expression::of_body;
use super::values::context_fact;
use crate::gateway::event;

/// What places begin with, which is how they are told from text where they have no braces.
const ROOTS: [&str; 4] = ["request.", "response.", "context.", "stageVariables."];

/// What a text stands for; none if it is a place where nothing is.
pub(super) fn of_request(request: &HttpRequest, text: &str) -> Option<String> {
    resolved(text, |place| found(request, place))
}

/// The same where an answer is looked at, too.
pub(super) fn of_answer(
    request: &HttpRequest,
    headers: &HeaderMap,
    body: &[u8],
    text: &str,
) -> Option<String> {
    resolved(text, |place| {
        let Some(place) = place.strip_prefix("response.") else {
            return found(request, place);
        };
        let (place, name) = place.split_once('.').unwrap_or((place, ""));
        match place {
            "header" => {
                let values = headers.get_all(name).iter();
                joined(values.filter_map(|value| value.to_str().ok()))
            }
            "body" => of_body(body, name),
            _ => None,
        }
    })
}

fn resolved(text: &str, found: impl Fn(&str) -> Option<String>) -> Option<String> {
    let alone = text.strip_prefix('$');
    if let Some(place) = alone.filter(|rest| !rest.starts_with('{') && !rest.contains(['$', '/'])) {
        return found(place);
    }
    let mut whole = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        whole.push_str(before);
        rest = match place(after) {
            Some((place, behind)) => {
                whole.push_str(&found(place).unwrap_or_default());
                behind
            }
            None => {
                whole.push('$');
                after
            }
        };
    }
    whole.push_str(rest);
    Some(whole)
}

/// The place at the start of a text, and what is behind it.
fn place(text: &str) -> Option<(&str, &str)> {
    if let Some(inner) = text.strip_prefix('{') {
        return inner.split_once('}');
    }
    if !ROOTS.iter().any(|root| text.starts_with(root)) {
        return None;
    }
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "._-[]*".contains(letter);
    let end = text.find(|letter| !is_part(letter)).unwrap_or(text.len());
    Some(text.split_at(end))
}

/// Where something is several times, all of it.
fn joined<'a>(values: impl Iterator<Item = &'a str>) -> Option<String> {
    let values: Vec<&str> = values.collect();
    (!values.is_empty()).then(|| values.join(","))
}

fn found(request: &HttpRequest, place: &str) -> Option<String> {
    let named = |pairs: &[(String, String)], name: &str| {
        let fitting = pairs.iter().filter(|(known, _)| known == name);
        joined(fitting.map(|(_, value)| value.as_str()))
    };
    match place.split_once('.').unwrap_or((place, "")) {
        ("request", "body") => of_body(&request.body, ""),
        ("request", "path") => Some(request.path.clone()),
        ("request", place) => {
            let (place, name) = place.split_once('.')?;
            match place {
                "body" => of_body(&request.body, name),
                "header" => named(&request.headers, &name.to_ascii_lowercase()),
                "path" => named(&request.route.parameters, name),
                "querystring" => named(&event::pairs(&request.query), name),
                _ => None,
            }
        }
        ("context", path) => context_fact(request, path),
        ("stageVariables", name) => request.route.stage_variables.get(name).cloned(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_stand_with_and_without_braces() {
        let resolved = |text| {
            resolved(text, |place| {
                place.strip_prefix("request.").map(str::to_owned)
            })
        };
        for (text, expected) in [
            ("plain", Some("plain")),
            ("$request.a", Some("a")),
            ("$request.body['a b']", Some("body['a b']")),
            ("$none", None),
            ("a-${request.b}-${none}z", Some("a-b-z")),
            ("/x/$request.path.p/y", Some("/x/path.p/y")),
            ("$request.a/$request.b", Some("a/b")),
            ("5 $ and ${open", Some("5 $ and ${open")),
        ] {
            assert_eq!(resolved(text).as_deref(), expected, "{text}");
        }
    }
}
