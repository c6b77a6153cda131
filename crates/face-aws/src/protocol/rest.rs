//! rest-json: the operation is method and path; members are in the path, the query string, headers and the body.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::Fault;
use super::model::{Kind, Member, Model, Operation, Place, Segment, Structure};
use super::types::from_text;

/// Values of the path's labels, by wire name.
pub(super) type Labels = Vec<(&'static str, String)>;

pub(super) fn operation<'a>(
    model: &'a Model,
    parts: &Parts,
) -> Result<(&'a Operation, Labels), Fault> {
    let path: Vec<&str> = parts
        .uri
        .path()
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    model
        .operations
        .iter()
        .filter(|operation| fits(operation, &path, parts) && operation.method == parts.method)
        // A literal says more than a label, and a demanded query more than none.
        .max_by_key(|operation| (literals(operation), operation.query.is_some()))
        .map(|operation| Ok((operation, labels(operation, &path)?)))
        .unwrap_or_else(|| Err(Fault::unknown_operation().with_status(StatusCode::NOT_FOUND)))
}

fn fits(operation: &Operation, path: &[&str], parts: &Parts) -> bool {
    let matches = |(segment, part): (&Segment, &&str)| match segment {
        Segment::Literal(literal) => literal == part,
        Segment::Label(_) => true,
    };
    // Most differ in their length, and of the others most in their last part.
    operation.path.len() == path.len()
        && operation.path.iter().zip(path).rev().all(matches)
        && operation
            .query
            .is_none_or(|(name, value)| query(parts).any(|(n, v)| n == name && v == value))
}

fn literals(operation: &Operation) -> usize {
    let literal = |segment: &&Segment| matches!(segment, Segment::Literal(_));
    operation.path.iter().filter(literal).count()
}

fn labels(operation: &Operation, path: &[&str]) -> Result<Labels, Fault> {
    let mut labels = Labels::new();
    for (segment, part) in operation.path.iter().zip(path) {
        if let Segment::Label(name) = segment {
            let value = percent_decode_str(part).decode_utf8().map_err(|_| {
                Fault::serialization(Some("The path is not UTF-8 once decoded".into()))
            })?;
            labels.push((name, value.into_owned()));
        }
    }
    Ok(labels)
}

/// The input's members, and the body when it is one of them as it stands.
pub(super) fn input(
    model: &Model,
    operation: &Operation,
    labels: &Labels,
    parts: &Parts,
    body: Bytes,
) -> Result<(Map<String, Value>, Bytes), Fault> {
    let Some(structure) = operation.input.and_then(|id| model.structure(id)) else {
        return Ok((Map::new(), body));
    };
    let (mut members, payload) = body_members(model, structure, body)?;
    for member in &structure.members {
        let found = match member.place {
            Place::Body | Place::Status => continue,
            Place::Path => labels
                .iter()
                .find(|(name, _)| *name == member.wire)
                .map(|(_, value)| from_text(model, member.shape, value))
                .transpose()?,
            Place::Header => header(parts, member.header.as_ref())
                .map(|value| from_text(model, member.shape, value))
                .transpose()?,
            Place::Query => from_query(model, member, parts)?,
        };
        match found {
            Some(value) => members.insert(member.name.to_owned(), value),
            // What belongs elsewhere is not looked for in the body.
            None => members.shift_remove(member.name),
        };
    }
    Ok((members, payload))
}

fn body_members(
    model: &Model,
    structure: &Structure,
    body: Bytes,
) -> Result<(Map<String, Value>, Bytes), Fault> {
    let payload = structure
        .payload
        .and_then(|name| structure.members.iter().find(|member| member.name == name));
    match payload {
        Some(member) if matches!(model.shape(member.shape).kind, Kind::Blob) => {
            Ok((Map::new(), body))
        }
        Some(member) => {
            let mut members = Map::new();
            if !body.is_empty() {
                members.insert(member.name.to_owned(), Value::Object(object(&body)?));
            }
            Ok((members, Bytes::new()))
        }
        None if body.is_empty() => Ok((Map::new(), body)),
        None => Ok((object(&body)?, Bytes::new())),
    }
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Fault> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Fault::serialization(Some(
            "Unexpected value type in payload".into(),
        ))),
        Err(cause) => Err(Fault::serialization(Some(format!(
            "Could not parse request body into json: {cause}"
        )))),
    }
}

fn from_query(model: &Model, member: &Member, parts: &Parts) -> Result<Option<Value>, Fault> {
    let mut values = query(parts)
        .filter(|(name, _)| name == member.wire)
        .map(|(_, value)| value);
    if let Kind::List(item) = &model.shape(member.shape).kind {
        let values: Vec<Value> = values
            .map(|value| from_text(model, item.shape, &value))
            .collect::<Result<_, _>>()?;
        return Ok((!values.is_empty()).then_some(Value::Array(values)));
    }
    values
        .next()
        .map(|value| from_text(model, member.shape, &value))
        .transpose()
}

/// The query string's pairs, decoded.
pub(super) fn query(parts: &Parts) -> impl Iterator<Item = (String, String)> {
    pairs(parts.uri.query().unwrap_or_default())
}

/// Pairs of a query string or a form, decoded.
pub(super) fn pairs(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// A header that is text; one that is not counts as missing.
fn header<'a>(parts: &'a Parts, name: Option<&HeaderName>) -> Option<&'a str> {
    parts.headers.get(name?)?.to_str().ok()
}
