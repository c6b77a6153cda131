//! The query protocol: a form in, XML out. Lists are `Name.member.1`, maps `Name.entry.1.key` and `.value`, and a
//! structure's members follow a dot.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use http::request::Parts;
use http::{Method, StatusCode};
use quick_xml::escape::escape;
use serde_json::{Map, Value};

use super::Fault;
use super::model::{Kind, Member, Model, Operation, ShapeId};
use super::rest::{pairs, query};
use super::types::from_text;

/// The deepest structure, and the most fields, that a form may have. The largest real ones are far below.
const MAX_DEPTH: usize = 16;
const MAX_FIELDS: usize = 10_000;

type Form = BTreeMap<String, String>;

/// The fields, of the query string and of the body, if the request has one.
fn form(parts: &Parts, body: &[u8]) -> Form {
    let body = match parts.method == Method::GET {
        true => Cow::default(),
        false => String::from_utf8_lossy(body),
    };
    query(parts).chain(pairs(&body)).take(MAX_FIELDS).collect()
}

pub(super) fn operation<'a>(
    model: &'a Model,
    parts: &Parts,
    body: &[u8],
) -> Result<&'a Operation, Fault> {
    let form = form(parts, body);
    let Some(action) = form.get("Action") else {
        return Err(Fault::new(
            "MissingAction",
            "The request must contain the parameter Action",
        ));
    };
    let version = form.get("Version").map_or("", String::as_str);
    model.operation_named(action).ok_or_else(|| {
        Fault::new(
            "InvalidAction",
            format!("Could not find operation {action} for version {version}"),
        )
    })
}

pub(super) fn input(
    model: &Model,
    operation: &Operation,
    parts: &Parts,
    body: &[u8],
) -> Result<Map<String, Value>, Fault> {
    let reader = Reader {
        model,
        form: form(parts, body),
    };
    match operation.input {
        Some(shape) => reader.structure(shape, "", 0),
        None => Ok(Map::new()),
    }
}

struct Reader<'a> {
    model: &'a Model,
    form: Form,
}

impl Reader<'_> {
    fn structure(
        &self,
        id: ShapeId,
        prefix: &str,
        depth: usize,
    ) -> Result<Map<String, Value>, Fault> {
        let mut members = Map::new();
        for member in self.model.structure(id).iter().flat_map(|s| &s.members) {
            let name = format!("{prefix}{}", member.wire);
            if let Some(value) = self.value(member, &name, depth)? {
                members.insert(member.name.to_owned(), value);
            }
        }
        Ok(members)
    }

    fn value(&self, member: &Member, name: &str, depth: usize) -> Result<Option<Value>, Fault> {
        if depth > MAX_DEPTH || !self.has(name) {
            return Ok(None);
        }
        let shape = self.model.shape(member.shape);
        let value = match &shape.kind {
            Kind::Structure(_) => {
                Value::Object(self.structure(member.shape, &format!("{name}."), depth + 1)?)
            }
            Kind::List(item) => {
                let step = if member.flattened { "" } else { "member." };
                let mut items = Vec::new();
                while let Some(value) = self.value(
                    item,
                    &format!("{name}.{step}{}", items.len() + 1),
                    depth + 1,
                )? {
                    items.push(value);
                }
                Value::Array(items)
            }
            Kind::Map { key, value: item } => {
                let (key, value) = (entry_name(key, "key"), entry_name(item, "value"));
                let step = if member.flattened { "" } else { "entry." };
                let mut entries = Map::new();
                let entry = |index: usize| format!("{name}.{step}{index}");
                while let Some(key) = self
                    .form
                    .get(&format!("{}.{key}", entry(entries.len() + 1)))
                {
                    let at = format!("{}.{value}", entry(entries.len() + 1));
                    match self.value(item, &at, depth + 1)? {
                        Some(value) if !entries.contains_key(key) => {
                            entries.insert(key.clone(), value);
                        }
                        _ => break,
                    }
                }
                Value::Object(entries)
            }
            _ => match self.form.get(name) {
                Some(text) => from_text(self.model, member.shape, text)?,
                None => return Ok(None),
            },
        };
        Ok(Some(value))
    }

    /// Whether any field is this value or part of it.
    fn has(&self, name: &str) -> bool {
        self.form
            .range(name.to_owned()..)
            .next()
            .is_some_and(|(field, _)| field.as_str() == name)
            || self
                .form
                .range(format!("{name}.")..)
                .next()
                .is_some_and(|(field, _)| {
                    field
                        .strip_prefix(name)
                        .is_some_and(|rest| rest.starts_with('.'))
                })
    }
}

/// The name of a part of a map's entry: the model's own, if it has one.
pub(super) fn entry_name(member: &Member, usual: &'static str) -> &'static str {
    if member.wire == member.name {
        usual
    } else {
        member.wire
    }
}

pub(super) fn answer(
    model: &Model,
    operation: &Operation,
    request_id: &str,
    output: &Value,
) -> String {
    let mut result = String::new();
    if let (Some(shape), Value::Object(members)) = (operation.output, output) {
        structure(model, shape, members, &mut result);
    }
    if let Some(wrapper) = operation.result_wrapper {
        result = format!("<{wrapper}>{result}</{wrapper}>");
    }
    let name = operation.name;
    format!(
        "<{name}Response xmlns=\"{}\">{result}<ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{name}Response>",
        escape(model.namespace),
        escape(request_id),
    )
}

fn structure(model: &Model, id: ShapeId, members: &Map<String, Value>, out: &mut String) {
    for member in model.structure(id).iter().flat_map(|s| &s.members) {
        if let Some(value) = members.get(member.name).filter(|value| !value.is_null()) {
            element(model, member.wire, member, value, out);
        }
    }
}

fn element(model: &Model, name: &str, member: &Member, value: &Value, out: &mut String) {
    let mut inner = String::new();
    match (&model.shape(member.shape).kind, value) {
        (Kind::Structure(_), Value::Object(members)) => {
            structure(model, member.shape, members, &mut inner);
        }
        (Kind::List(item), Value::Array(items)) if member.flattened => {
            for value in items {
                element(model, name, item, value, out);
            }
            return;
        }
        (Kind::List(item), Value::Array(items)) => {
            for value in items {
                element(model, "member", item, value, &mut inner);
            }
        }
        (Kind::Map { key, value: item }, Value::Object(entries)) => {
            for (name, value) in entries {
                inner.push_str("<entry>");
                let (named, held) = (entry_name(key, "key"), entry_name(item, "value"));
                element(model, named, key, &Value::String(name.clone()), &mut inner);
                element(model, held, item, value, &mut inner);
                inner.push_str("</entry>");
            }
        }
        (_, Value::String(text)) => inner.push_str(&escape(text)),
        (_, other) => inner.push_str(&escape(other.to_string())),
    }
    // Writing to a string cannot fail.
    let _ = write!(out, "<{name}>{inner}</{name}>");
}

pub(super) fn fault(model: &Model, fault: &Fault, status: StatusCode, request_id: &str) -> String {
    let kind = if status.is_server_error() {
        "Receiver"
    } else {
        "Sender"
    };
    format!(
        "<ErrorResponse xmlns=\"{}\"><Error><Type>{kind}</Type><Code>{}</Code><Message>{}</Message></Error><RequestId>{}</RequestId></ErrorResponse>",
        escape(model.namespace),
        escape(fault.code.as_ref()),
        escape(fault.message.as_deref().unwrap_or_default()),
        escape(request_id),
    )
}
