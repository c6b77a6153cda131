//! The model's constraints, and the services' sentence about those that are not met.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::model::{Kind, Member, Model, Shape, ShapeId};
use super::{Fault, Manner};

/// More are not told.
const MOST: usize = 10;

pub(super) fn check(
    model: &Model,
    manner: &Manner,
    shape: ShapeId,
    input: &Map<String, Value>,
    payload: &Bytes,
) -> Result<(), Fault> {
    let mut validator = Validator {
        model,
        manner,
        found: Vec::new(),
    };
    validator.structure(&At::Root, shape, input, payload);
    let found = validator.found;
    match found.is_empty() {
        true => Ok(()),
        false => Err(Fault::detected(&found)),
    }
}

struct Validator<'a> {
    model: &'a Model,
    manner: &'a Manner,
    found: Vec<String>,
}

/// Where a value is. It is only written out for what is wrong.
enum At<'a> {
    Root,
    Member(&'a At<'a>, &'a str),
    Item(&'a At<'a>, usize),
    Entry(&'a At<'a>, &'a str),
}

impl<'a> Validator<'a> {
    fn structure(
        &mut self,
        at: &At<'_>,
        id: ShapeId,
        members: &Map<String, Value>,
        payload: &Bytes,
    ) {
        let Some(structure) = self.model.structure(id) else {
            return;
        };
        for member in &structure.members {
            let at = At::Member(at, member.name);
            match members.get(member.name) {
                Some(value) => self.value(&at, member, value),
                None if structure.payload == Some(member.name) && !payload.is_empty() => {}
                None if member.required => {
                    self.report(&at, &Value::Null, "Member must not be null");
                }
                None => {}
            }
        }
    }

    fn value(&mut self, at: &At<'_>, member: &Member, value: &Value) {
        if self.found.len() >= MOST {
            return;
        }
        let shape = self.shape(member.shape, value);
        if self.manner.unchecked.contains(&shape.name) {
            return;
        }
        self.constraints(at, shape, value);
        match (&shape.kind, value) {
            (Kind::Structure(_), Value::Object(members)) => {
                self.structure(at, member.shape, members, &Bytes::new());
            }
            (Kind::List(item), Value::Array(values)) => {
                for (index, value) in (1..).zip(values) {
                    self.value(&At::Item(at, index), item, value);
                }
            }
            (Kind::Map { key, value: item }, Value::Object(entries)) => {
                self.keys(at, self.model.shape(key.shape), value, entries);
                for (key, value) in entries {
                    self.value(&At::Entry(at, key), item, value);
                }
            }
            _ => {}
        }
    }

    /// The shape whose constraints hold for this value.
    fn shape(&self, id: ShapeId, value: &Value) -> &'a Shape {
        let shape = self.model.shape(id);
        let is_arn = value.as_str().is_some_and(|text| text.starts_with("arn:"));
        self.manner
            .named
            .iter()
            .find(|(theirs, _)| *theirs == shape.name && !is_arn)
            .and_then(|(_, name)| self.model.shape_named(name))
            .map_or(shape, |name| self.model.shape(name))
    }

    fn constraints(&mut self, at: &At<'_>, shape: &Shape, value: &Value) {
        for broken in self.broken(shape, value) {
            self.report(at, value, &broken);
        }
    }

    fn keys(&mut self, at: &At<'_>, shape: &Shape, map: &Value, entries: &Map<String, Value>) {
        for key in entries.keys() {
            if !self.broken_text(shape, key).is_empty() {
                let wanted = self.all(shape).join(", ");
                self.report(
                    at,
                    map,
                    &format!("Map keys must satisfy constraint: [{wanted}]"),
                );
            }
        }
    }

    fn report(&mut self, at: &At<'_>, value: &Value, constraint: &str) {
        if self.found.len() < MOST {
            let value = match value {
                Value::Null => "null".to_owned(),
                value => format!("'{}'", printed(value)),
            };
            self.found.push(format!(
                "Value {value} at '{at}' failed to satisfy constraint: {constraint}"
            ));
        }
    }

    /// What a value breaks.
    fn broken(&self, shape: &Shape, value: &Value) -> Vec<String> {
        match (value, measured(shape, value)) {
            (Value::String(text), None) => self.broken_text(shape, text),
            (_, Some((measure, size))) => out_of_bounds(shape, measure, size),
            (_, None) => Vec::new(),
        }
    }

    fn broken_text(&self, shape: &Shape, text: &str) -> Vec<String> {
        let mut broken = Vec::new();
        if !shape.allowed.is_empty() && !shape.allowed.iter().any(|allowed| allowed == text) {
            broken.push(self.enumeration(shape));
        }
        if let Some(pattern) = &shape.pattern
            && !pattern.matches(text)
        {
            broken.push(matching(&pattern.text));
        }
        if matches!(shape.kind, Kind::String) && (shape.min.is_some() || shape.max.is_some()) {
            // Java counts UTF-16 units.
            let length = if text.is_ascii() {
                text.len()
            } else {
                text.encode_utf16().count()
            };
            broken.extend(out_of_bounds(shape, "length", float(length)));
        }
        broken
    }

    /// Everything that a map's keys are held to, as one message lists it.
    fn all(&self, shape: &Shape) -> Vec<String> {
        let mut all = Vec::new();
        all.extend(shape.max.map(|max| at_most("length", max)));
        all.extend(shape.min.map(|min| at_least("length", min)));
        all.extend(
            shape
                .pattern
                .as_ref()
                .map(|pattern| matching(&pattern.text)),
        );
        if !shape.allowed.is_empty() {
            all.push(self.enumeration(shape));
        }
        all
    }

    fn enumeration(&self, shape: &Shape) -> String {
        let mut listed = self.manner.listed.iter();
        let allowed = match listed.find(|(name, _)| *name == shape.name) {
            Some((_, allowed)) => allowed.join(", "),
            None => shape.allowed.join(", "),
        };
        format!("Member must satisfy enum value set: [{allowed}]")
    }
}

fn out_of_bounds(shape: &Shape, measure: &str, size: f64) -> Vec<String> {
    let mut broken = Vec::new();
    if let Some(min) = shape.min.filter(|min| size < *min) {
        broken.push(at_least(measure, min));
    }
    if let Some(max) = shape.max.filter(|max| size > *max) {
        broken.push(at_most(measure, max));
    }
    broken
}

#[expect(
    clippy::cast_precision_loss,
    reason = "sizes of requests and the models' bounds are far below 2⁵³"
)]
fn float(length: usize) -> f64 {
    length as f64
}

fn matching(pattern: &str) -> String {
    format!("Member must satisfy regular expression pattern: {pattern}")
}

fn at_least(measure: &str, min: f64) -> String {
    format!("Member must have {measure} greater than or equal to {min}")
}

fn at_most(measure: &str, max: f64) -> String {
    format!("Member must have {measure} less than or equal to {max}")
}

/// What `min` and `max` are about, and how much of it there is, of what is not text.
fn measured(shape: &Shape, value: &Value) -> Option<(&'static str, f64)> {
    let length = |length: usize| Some(("length", float(length)));
    match (&shape.kind, value) {
        (Kind::Blob, Value::String(text)) => {
            let padding = text.bytes().rev().take_while(|byte| *byte == b'=').count();
            length((text.len() / 4 * 3).saturating_sub(padding))
        }
        (Kind::List(_), Value::Array(items)) => length(items.len()),
        (Kind::Map { .. }, Value::Object(entries)) => length(entries.len()),
        (Kind::Integer | Kind::Long | Kind::Double, Value::Number(number)) => {
            number.as_f64().map(|number| ("value", number))
        }
        _ => None,
    }
}

/// A value as Java prints it.
fn printed(value: &Value) -> String {
    let pairs = |members: &Map<String, Value>| {
        members
            .iter()
            .map(|(name, value)| format!("{name}={}", printed(value)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            format!(
                "[{}]",
                items.iter().map(printed).collect::<Vec<_>>().join(", ")
            )
        }
        Value::Object(members) => format!("{{{}}}", pairs(members)),
        other => other.to_string(),
    }
}

impl std::fmt::Display for At<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (before, name) = match self {
            Self::Root => return Ok(()),
            Self::Member(before, name) => (before, lower_first(name)),
            Self::Item(before, index) => (before, format!("{index}.member")),
            Self::Entry(before, key) => (before, format!("{key}.member")),
        };
        match before {
            Self::Root => f.write_str(&name),
            before => write!(f, "{before}.{name}"),
        }
    }
}

fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_ascii_lowercase().to_string() + chars.as_str()
    })
}
