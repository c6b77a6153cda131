//! A request as a function sees it. Nothing in it is decoded; headers and parameters are told as lists only, or not at all
//! as lists.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::request::Parts as Head;
use serde_json::{Map, Value, json};
use triggers::balancer::{Asked, Group};

use crate::gateway::media;

/// The request's own headers, in their order; none if they are not all text.
pub(super) fn headers(head: &Head) -> Option<Vec<(String, String)>> {
    let pair = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        let value = std::str::from_utf8(value.as_bytes()).ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    };
    let mut headers: Vec<_> = head.headers.iter().map(pair).collect::<Option<_>>()?;
    // A newer version of the protocol has it elsewhere.
    if !headers.iter().any(|(name, _)| name == "host")
        && let Some(authority) = head.uri.authority()
    {
        headers.push(("host".to_owned(), authority.to_string()));
    }
    Some(headers)
}

/// None if a body that would have to be text is none.
pub(super) fn render(
    group: &Group,
    asked: &Asked<'_>,
    headers: &[(String, String)],
    body: &Bytes,
) -> Option<Bytes> {
    let query = asked.query.split('&').filter(|pair| !pair.is_empty());
    let query: Vec<(&str, &str)> = query
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .collect();
    let headers = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let headers: Vec<(&str, &str)> = headers.collect();
    let mut event = json!({
        "requestContext": { "elb": { "targetGroupArn": group.id } },
        "httpMethod": asked.method,
        "path": asked.path,
    });
    if group.lists {
        event["multiValueQueryStringParameters"] = lists(&query);
        event["multiValueHeaders"] = lists(&headers);
    } else {
        event["queryStringParameters"] = last_of_each(&query);
        event["headers"] = last_of_each(&headers);
    }
    let is_encoded = !body.is_empty() && !is_text(&headers);
    event["body"] = json!(match is_encoded {
        true => STANDARD.encode(body),
        false => std::str::from_utf8(body).ok()?.to_owned(),
    });
    event["isBase64Encoded"] = json!(is_encoded);
    Some(event.to_string().into())
}

/// These types are text unless they are compressed; everything else is not.
fn is_text(headers: &[(&str, &str)]) -> bool {
    let value = |name: &str| {
        let found = headers.iter().rfind(|(known, _)| *known == name);
        found.map(|(_, value)| *value)
    };
    let kind = value("content-type").unwrap_or_default();
    value("content-encoding").is_none() && media::is_text(kind)
}

fn last_of_each(pairs: &[(&str, &str)]) -> Value {
    let pairs = pairs.iter();
    Value::Object(
        pairs
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect(),
    )
}

fn lists(pairs: &[(&str, &str)]) -> Value {
    let mut map = Map::new();
    for (name, value) in pairs {
        let list = map.entry(*name).or_insert_with(|| json!([]));
        if let Value::Array(list) = list {
            list.push(json!(value));
        }
    }
    Value::Object(map)
}
