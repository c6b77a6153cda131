//! The client's side: an operation and its input as a request, for calls that no client makes.
//!
//! It is what the service then reads: nothing is checked here that reading checks.

use bytes::Bytes;
use http::request::Parts;
use http::{Method, header};
use percent_encoding::utf8_percent_encode;
use serde_json::{Map, Value};

use super::Service;
use super::model::{Kind, Member, Model, Operation, Place, Protocol, Segment, ShapeId};
use crate::signature::UNRESERVED;

impl Service {
    /// The request of an operation by its name, if the service has it.
    pub(crate) fn request(&self, name: &str, input: Map<String, Value>) -> Option<(Parts, Bytes)> {
        let model = self.model();
        let operation = model.operation_named(name)?;
        let input = match operation.input {
            Some(shape) => named(model, shape, Value::Object(input)),
            None => Value::Object(input),
        };
        let Value::Object(input) = input else {
            return None;
        };
        match model.protocol {
            Protocol::Json { content_type } => {
                let target = format!("{}.{name}", model.target);
                let request = http::Request::post("/")
                    .header("x-amz-target", target)
                    .header(header::CONTENT_TYPE, content_type);
                made(request, Value::Object(input).to_string())
            }
            Protocol::Query => {
                let mut form = vec![("Action".to_owned(), name.to_owned())];
                if let Some(shape) = operation.input {
                    fields(model, shape, &Value::Object(input), "", &mut form);
                }
                let request = http::Request::post("/").header(
                    header::CONTENT_TYPE,
                    "application/x-www-form-urlencoded; charset=utf-8",
                );
                made(request, joined(&form))
            }
            Protocol::RestJson => at_its_path(model, operation, input),
        }
    }
}

fn made(request: http::request::Builder, body: String) -> Option<(Parts, Bytes)> {
    let (parts, ()) = request.body(()).ok()?.into_parts();
    Some((parts, body.into()))
}

/// Members by the model's names: who writes an input by hand begins them all with a capital.
fn named(model: &Model, id: ShapeId, value: Value) -> Value {
    match (&model.shape(id).kind, value) {
        (Kind::Structure(structure), Value::Object(members)) => {
            let members = members.into_iter().map(|(name, value)| {
                let same = |member: &&Member| capital(member.name) == capital(&name);
                match structure.members.iter().find(same) {
                    Some(member) => (
                        member.name.to_owned(),
                        self::named(model, member.shape, value),
                    ),
                    None => (name, value),
                }
            });
            Value::Object(members.collect())
        }
        (Kind::List(item), Value::Array(items)) => {
            let items = items.into_iter();
            Value::Array(items.map(|value| named(model, item.shape, value)).collect())
        }
        (Kind::Map { value: item, .. }, Value::Object(entries)) => {
            let entries = entries.into_iter();
            Value::Object(
                entries
                    .map(|(key, value)| (key, named(model, item.shape, value)))
                    .collect(),
            )
        }
        (_, value) => value,
    }
}

fn capital(name: &str) -> String {
    let mut chars = name.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

fn at_its_path(
    model: &Model,
    operation: &Operation,
    mut input: Map<String, Value>,
) -> Option<(Parts, Bytes)> {
    let structure = operation.input.and_then(|id| model.structure(id));
    let members = structure.map_or(&[][..], |structure| &structure.members);
    let mut path = String::new();
    for segment in &operation.path {
        path.push('/');
        match segment {
            Segment::Literal(literal) => path.push_str(literal),
            Segment::Label(label) => {
                let member = members.iter().find(|member| member.wire == *label)?;
                // What is missing is told as whatever is not there, and not as another operation.
                let value = input.shift_remove(member.name).as_ref().map(text);
                let value = value.filter(|value| !value.is_empty())?;
                path.extend(utf8_percent_encode(&value, UNRESERVED));
            }
        }
    }
    let mut query: Vec<(String, String)> = Vec::new();
    query.extend(
        operation
            .query
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let mut request = http::Request::builder().method(operation.method.clone());
    for member in members {
        let wanted = matches!(member.place, Place::Query | Place::Header);
        let Some(value) = input.get(member.name).filter(|_| wanted).cloned() else {
            continue;
        };
        input.shift_remove(member.name);
        match (&member.header, value) {
            (Some(name), value) => request = request.header(name, text(&value)),
            (None, Value::Array(items)) => {
                query.extend(
                    items
                        .iter()
                        .map(|item| (member.wire.to_owned(), text(item))),
                );
            }
            (None, value) => query.push((member.wire.to_owned(), text(&value))),
        }
    }
    let payload = structure.and_then(|structure| structure.payload);
    let body = match payload.map(|name| input.shift_remove(name)) {
        Some(payload) => payload.as_ref().map(text).unwrap_or_default(),
        None if operation.method == Method::GET || operation.method == Method::DELETE => {
            String::new()
        }
        None => Value::Object(input).to_string(),
    };
    if !query.is_empty() {
        path.push('?');
        path.push_str(&joined(&query));
    }
    made(request.uri(path), body)
}

/// As a form writes a structure.
fn fields(
    model: &Model,
    id: ShapeId,
    value: &Value,
    prefix: &str,
    form: &mut Vec<(String, String)>,
) {
    for member in model.structure(id).iter().flat_map(|s| &s.members) {
        if let Some(value) = value.get(member.name) {
            field(
                model,
                member,
                value,
                &format!("{prefix}{}", member.wire),
                form,
            );
        }
    }
}

fn field(
    model: &Model,
    member: &Member,
    value: &Value,
    name: &str,
    form: &mut Vec<(String, String)>,
) {
    match (&model.shape(member.shape).kind, value) {
        (Kind::Structure(_), Value::Object(_)) => {
            fields(model, member.shape, value, &format!("{name}."), form);
        }
        (Kind::List(item), Value::Array(items)) => {
            let step = if member.flattened { "" } else { "member." };
            for (at, value) in (1..).zip(items) {
                field(model, item, value, &format!("{name}.{step}{at}"), form);
            }
        }
        (Kind::Map { key, value: item }, Value::Object(entries)) => {
            let step = if member.flattened { "" } else { "entry." };
            for (at, (entry, value)) in (1..).zip(entries) {
                let at = format!("{name}.{step}{at}");
                let (key, held) = (
                    super::query::entry_name(key, "key"),
                    super::query::entry_name(item, "value"),
                );
                form.push((format!("{at}.{key}"), entry.clone()));
                field(model, item, value, &format!("{at}.{held}"), form);
            }
        }
        (_, value) => form.push((name.to_owned(), text(value))),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn joined(pairs: &[(String, String)]) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| {
            let (name, value) = (
                utf8_percent_encode(name, UNRESERVED),
                utf8_percent_encode(value, UNRESERVED),
            );
            format!("{name}={value}")
        })
        .collect();
    pairs.join("&")
}
