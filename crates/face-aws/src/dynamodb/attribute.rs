//! Attribute values: from a request's JSON to the engine's, and back.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value as Json};
use tables::{DEEPEST, Item, Number, NumberError, Type, Value};

use super::checks::Checks;
use crate::protocol::Fault;

mod wrong;

pub(super) use wrong::number_fault;

/// An attribute is the first of the levels of which this speaks.
pub(super) const TOO_DEEP: &str = "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit";

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    Said(&'static str),
    Invalid(&'static str),
    Number(NumberError, String),
    /// These strings, as they were sent, of which two are one.
    RepeatedString(Vec<String>),
    RepeatedNumber,
    /// As Base64.
    RepeatedBinary(Vec<String>),
}

/// Takes a parameter that is an item or a key out of the input. Its shape is the model's; its values are checked here.
pub(super) fn take(
    input: &mut Map<String, Json>,
    parameter: &str,
    checks: Checks,
) -> Result<Option<Item>, Fault> {
    let given = input.remove(parameter);
    given.map(|json| item(json, checks)).transpose()
}

/// The attributes of an item or key whose parameter has been taken.
pub(super) fn item(json: Json, checks: Checks) -> Result<Item, Fault> {
    match json {
        Json::Object(members) => entries(members, 0).map_err(|wrong| checks.wrong(&wrong)),
        _ => Err(Fault::serialization(None)),
    }
}

/// One value by itself.
pub(super) fn read(json: Json) -> Result<Value, Wrong> {
    value(json, 0)
}

fn entries(members: Map<String, Json>, depth: usize) -> Result<Item, Wrong> {
    members
        .into_iter()
        .map(|(name, json)| Ok((name, value(json, depth)?)))
        .collect()
}

/// `depth` is how many lists and maps the value is in.
fn value(json: Json, depth: usize) -> Result<Value, Wrong> {
    if depth > DEEPEST {
        return Err(Wrong::Said(TOO_DEEP));
    }
    let Json::Object(types) = json else {
        return Err(Wrong::Said(EMPTY));
    };
    // Each type is checked, also when there should have been only one.
    let several = types.len() > 1;
    let mut read = None;
    for (name, json) in types {
        read = Some(typed(&name, json, depth)?);
    }
    match read {
        None => Err(Wrong::Said(EMPTY)),
        Some(_) if several => Err(Wrong::Said(SEVERAL)),
        Some(value) => Ok(value),
    }
}

const SEVERAL: &str = "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes";
const EMPTY: &str =
    "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes";

fn typed(name: &str, json: Json, depth: usize) -> Result<Value, Wrong> {
    Ok(match (name, json) {
        ("S", Json::String(text)) => Value::String(text),
        ("N", Json::String(text)) => Value::Number(number(&text)?),
        ("B", Json::String(text)) => Value::Binary(binary(&text)?),
        ("BOOL", Json::Bool(truth)) => Value::Bool(truth),
        ("NULL", Json::Bool(true)) => Value::Null,
        ("NULL", Json::Bool(false)) => {
            return Err(Wrong::Invalid(
                "Null attribute value types must have the value of true",
            ));
        }
        ("L", Json::Array(values)) => Value::List(
            values
                .into_iter()
                .map(|json| value(json, depth + 1))
                .collect::<Result<_, _>>()?,
        ),
        ("M", Json::Object(members)) => Value::Map(entries(members, depth + 1)?),
        ("SS", Json::Array(values)) => Value::Strings(strings(&values)?),
        ("NS", Json::Array(values)) => Value::Numbers(numbers(&values)?),
        ("BS", Json::Array(values)) => Value::Binaries(binaries(&values)?),
        _ => return Err(Wrong::Said(EMPTY)),
    })
}

fn number(text: &str) -> Result<Number, Wrong> {
    text.parse()
        .map_err(|error| Wrong::Number(error, text.to_owned()))
}

fn binary(text: &str) -> Result<Bytes, Wrong> {
    let decoded = STANDARD.decode(text);
    decoded.map(Bytes::from).map_err(|_| Wrong::Said(EMPTY))
}

// The words for empty sets are theirs, spaces and all.

fn strings(values: &[Json]) -> Result<BTreeSet<String>, Wrong> {
    if values.is_empty() {
        return Err(Wrong::Invalid("An string set  may not be empty"));
    }
    let mut set = BTreeSet::new();
    for value in values {
        if !set.insert(text(value).to_owned()) {
            return Err(Wrong::RepeatedString(texts(values)));
        }
    }
    Ok(set)
}

fn numbers(values: &[Json]) -> Result<BTreeSet<Number>, Wrong> {
    if values.is_empty() {
        return Err(Wrong::Invalid("An number set  may not be empty"));
    }
    let read = values.iter().map(|value| number(text(value)));
    let set: BTreeSet<Number> = read.collect::<Result<_, _>>()?;
    if set.len() < values.len() {
        return Err(Wrong::RepeatedNumber);
    }
    Ok(set)
}

fn binaries(values: &[Json]) -> Result<BTreeSet<Bytes>, Wrong> {
    if values.is_empty() {
        return Err(Wrong::Invalid("Binary sets should not be empty"));
    }
    let read = values.iter().map(|value| binary(text(value)));
    let set: BTreeSet<Bytes> = read.collect::<Result<_, _>>()?;
    if set.len() < values.len() {
        return Err(Wrong::RepeatedBinary(texts(values)));
    }
    Ok(set)
}

/// The model has seen to it that sets hold strings.
fn text(value: &Json) -> &str {
    value.as_str().unwrap_or_default()
}

fn texts(values: &[Json]) -> Vec<String> {
    values.iter().map(|value| text(value).to_owned()).collect()
}

/// A type's name on the wire.
pub(super) fn code(of: Type) -> &'static str {
    match of {
        Type::String => "S",
        Type::Number => "N",
        Type::Binary => "B",
        Type::Bool => "BOOL",
        Type::Null => "NULL",
        Type::List => "L",
        Type::Map => "M",
        Type::Strings => "SS",
        Type::Numbers => "NS",
        Type::Binaries => "BS",
    }
}

/// A value as messages quote it.
pub(super) fn quoted(value: &Value) -> String {
    let inner = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Binary(bytes) => STANDARD.encode(bytes),
        _ => "...".into(),
    };
    format!("AttributeValue: {{{}:{inner}}}", code(value.r#type()))
}

/// Prints attributes by name.
#[derive(Clone, Copy, Debug)]
pub(super) struct PrintedItem<'a>(pub(super) &'a BTreeMap<String, Value>);

#[derive(Clone, Copy, Debug)]
struct Printed<'a>(&'a Value);

struct PrintedList<'a>(&'a [Value]);

/// Values that are printed as text.
struct Texts<I>(I);

impl Serialize for PrintedItem<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, Printed(value))))
    }
}

impl Serialize for PrintedList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Printed))
    }
}

impl<I: Iterator<Item: Serialize> + Clone> Serialize for Texts<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.clone())
    }
}

impl Serialize for Printed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        let code = code(self.0.r#type());
        match self.0 {
            Value::String(text) => map.serialize_entry(code, text),
            Value::Number(number) => map.serialize_entry(code, &number.to_string()),
            Value::Binary(bytes) => map.serialize_entry(code, &STANDARD.encode(bytes)),
            Value::Bool(truth) => map.serialize_entry(code, truth),
            Value::Null => map.serialize_entry(code, &true),
            Value::List(values) => map.serialize_entry(code, &PrintedList(values)),
            Value::Map(entries) => map.serialize_entry(code, &PrintedItem(entries)),
            Value::Strings(set) => map.serialize_entry(code, set),
            Value::Numbers(set) => {
                map.serialize_entry(code, &Texts(set.iter().map(Number::to_string)))
            }
            Value::Binaries(set) => {
                map.serialize_entry(code, &Texts(set.iter().map(|bytes| STANDARD.encode(bytes))))
            }
        }?;
        map.end()
    }
}
