//! Headers as functions at the edge see them, and what they may do with them ("Restrictions on all edge functions").

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};
use triggers::edge::Moment;

use super::refused::Refused;
use crate::gateway::event::capitalised;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// In small letters.
    pub(super) name: String,
    pub(super) value: String,
}

const HIDDEN: [&str; 17] = [
    "connection",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "upgrade",
    "x-accel-buffering",
    "x-accel-charset",
    "x-accel-limit-rate",
    "x-accel-redirect",
    "x-cache",
    "x-forwarded-proto",
    "x-real-ip",
    "x-amzn-requestid",
];
const HIDDEN_FRONTS: [&str; 6] = [
    "x-amz-cf-",
    "x-amzn-auth",
    "x-amzn-cf-",
    "x-amzn-errortype",
    "x-amzn-header-",
    "x-edge-",
];
/// Of a single connection: they go no further.
const HOPS: [&str; 9] = [
    "connection",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "upgrade",
];

/// Functions do not see these, and may not add them.
pub(super) fn is_hidden(name: &str) -> bool {
    HIDDEN.contains(&name) || HIDDEN_FRONTS.iter().any(|front| name.starts_with(front))
}

/// Functions see these, and may not touch them.
fn fixed(moment: Moment) -> &'static [&'static str] {
    match moment {
        Moment::ViewerRequest => &["content-length", "host", "transfer-encoding", "via"],
        Moment::OriginRequest => &[
            "accept-encoding",
            "content-length",
            "if-modified-since",
            "if-none-match",
            "if-range",
            "if-unmodified-since",
            "transfer-encoding",
            "via",
        ],
        Moment::OriginResponse => &["transfer-encoding", "via"],
        Moment::ViewerResponse => &[
            "content-encoding",
            "content-length",
            "transfer-encoding",
            "warning",
            "via",
        ],
    }
}

/// All that go further than one connection.
pub(super) fn of(map: &HeaderMap) -> Vec<Header> {
    let headers = map.iter().map(|(name, value)| Header {
        name: name.as_str().to_owned(),
        value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
    });
    headers
        .filter(|header| !HOPS.contains(&header.name.as_str()))
        .collect()
}

pub(super) fn map(headers: &[Header]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for header in headers {
        let name = HeaderName::try_from(header.name.as_str());
        let value = HeaderValue::from_bytes(header.value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            map.append(name, value);
        }
    }
    map
}

pub(super) fn set(headers: &mut Vec<Header>, name: &str, value: impl Into<String>) {
    headers.retain(|header| header.name != name);
    headers.push(Header {
        name: name.to_owned(),
        value: value.into(),
    });
}

pub(super) fn value<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|header| header.name == name);
    found.map(|header| header.value.as_str())
}

/// As a function is told them.
pub(super) fn told(headers: &[Header]) -> Value {
    let mut all = Map::new();
    for header in headers.iter().filter(|header| !is_hidden(&header.name)) {
        let list = all.entry(header.name.clone()).or_insert_with(|| json!([]));
        if let Value::Array(list) = list {
            list.push(json!({ "key": capitalised(&header.name), "value": header.value }));
        }
    }
    Value::Object(all)
}

const NOT_A_LIST: &str = "The Lambda function returned an invalid entry in the headers object: Each header entry in the headers object must be an array.";
const FIXED: &str = "The Lambda function result failed validation: The function tried to add, delete, or change a read-only header.";
const HIDDEN_ADDED: &str =
    "The Lambda function result failed validation: The function tried to add a blacklisted header.";

/// What a function says about headers of which it was told `before`. What it was not told stays.
pub(super) fn changed(
    said: Option<&Value>,
    before: &[Header],
    moment: Moment,
) -> Result<Vec<Header>, Refused> {
    let mut after = given(said)?;
    for name in fixed(moment) {
        let values = |headers: &[Header]| -> Vec<String> {
            let all = headers.iter().filter(|header| header.name == *name);
            all.map(|header| header.value.clone()).collect()
        };
        if values(before) != values(&after) {
            return Err(Refused::result(FIXED));
        }
    }
    let kept = before.iter().filter(|header| is_hidden(&header.name));
    after.extend(kept.cloned());
    Ok(after)
}

/// Headers that a function says.
pub(super) fn given(said: Option<&Value>) -> Result<Vec<Header>, Refused> {
    let said = match said {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(said)) => said,
        Some(_) => {
            return Err(Refused::result(
                "The Lambda function returned an invalid entry in the headers object: The headers object must be an object.",
            ));
        }
    };
    let mut headers = Vec::new();
    for (name, list) in said {
        let name = name.to_ascii_lowercase();
        if is_hidden(&name) {
            return Err(Refused::result(HIDDEN_ADDED));
        }
        let Value::Array(list) = list else {
            return Err(Refused::result(NOT_A_LIST));
        };
        for entry in list {
            headers.push(read(&name, entry)?);
        }
    }
    Ok(headers)
}

fn read(name: &str, entry: &Value) -> Result<Header, Refused> {
    let wrong = |why: &str| {
        Refused::result(format!(
            "The Lambda function returned an invalid entry in the headers object: {why}"
        ))
    };
    let value = entry.get("value").and_then(Value::as_str);
    let value =
        value.ok_or_else(|| wrong("Each header entry must have a value that is a string."))?;
    match entry.get("key") {
        None => {}
        Some(Value::String(key)) if key.eq_ignore_ascii_case(name) => {}
        Some(_) => return Err(wrong("The key of a header entry must be its name.")),
    }
    let fine = HeaderName::try_from(name).is_ok() && HeaderValue::from_str(value).is_ok();
    if !fine {
        return Err(wrong("A header's name or value has an invalid character."));
    }
    Ok(Header {
        name: name.to_owned(),
        value: value.to_owned(),
    })
}
