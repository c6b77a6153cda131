//! Whether each value has the type that the model wants, in the words that the services' parser has for it. They name
//! tokens and Java classes; dynalite's record of the real service's answers is where they are from.
//!
//! What the parser converts is converted: `"true"` to a boolean, 1.5 to the integer 1. Unknown members and nulls go.

use serde_json::{Map, Number, Value};

use super::Fault;
use super::model::{Kind, Model, Shape, ShapeId};

/// Where a structure stands, which some messages tell apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Structure,
    Collection,
}

struct Checker<'a> {
    model: &'a Model,
    package: &'a str,
}

pub(super) fn check(
    model: &Model,
    package: Option<&str>,
    shape: ShapeId,
    input: &mut Map<String, Value>,
) -> Result<(), Fault> {
    let package = package.unwrap_or("com.amazonaws");
    let checker = Checker { model, package };
    checker
        .structure(shape, input)
        .map_err(|message| Fault::serialization(Some(message)))
}

impl Checker<'_> {
    fn structure(&self, id: ShapeId, members: &mut Map<String, Value>) -> Result<(), String> {
        let Some(structure) = self.model.structure(id) else {
            return Ok(());
        };
        members.retain(|name, value| {
            !value.is_null() && structure.members.iter().any(|member| member.name == name)
        });
        for member in &structure.members {
            if let Some(value) = members.get_mut(member.name) {
                self.value(member.shape, value, Within::Structure)?;
            }
        }
        Ok(())
    }

    fn value(&self, id: ShapeId, value: &mut Value, within: Within) -> Result<(), String> {
        let shape = self.model.shape(id);
        match &shape.kind {
            Kind::Structure(_) => match value {
                Value::Object(members) => self.structure(id, members),
                Value::Array(_) => Err(self.no_collection("class ", shape, "")),
                _ if within == Within::Collection => Err("Unexpected value type in payload".into()),
                _ => Err("Unexpected field type".into()),
            },
            Kind::List(item) => match value {
                Value::Array(items) => items
                    .iter_mut()
                    .try_for_each(|value| self.value(item.shape, value, Within::Collection)),
                Value::Object(_) => Err(MISPLACED_STRUCTURE.into()),
                _ => Err("Unexpected field type".into()),
            },
            Kind::Map { value: item, .. } => match value {
                Value::Object(entries) => entries
                    .values_mut()
                    .try_for_each(|value| self.value(item.shape, value, Within::Collection)),
                Value::Array(_) => {
                    let item = self.model.shape(item.shape);
                    Err(self.no_collection("java.util.Map<java.lang.String, ", item, ">"))
                }
                _ => Err("Unexpected field type".into()),
            },
            Kind::Blob => blob(value),
            Kind::Boolean => boolean(value),
            Kind::Integer => integer(value, i32::MIN.into(), i32::MAX.into(), "Integer", "int"),
            Kind::Long => integer(value, i64::MIN, i64::MAX, "Long", "long"),
            Kind::Double => number(value, "Double"),
            Kind::Timestamp => Ok(()),
            Kind::String => string(value),
        }
    }

    fn no_collection(&self, before: &str, shape: &Shape, after: &str) -> String {
        let class = match shape.kind {
            Kind::String => "java.lang.String".to_owned(),
            _ => format!("{}.{}", self.package, shape.name),
        };
        format!("Unrecognized collection type {before}{class}{after}")
    }
}

const MISPLACED_STRUCTURE: &str = "Start of structure or map found where not expected";

fn misplaced(value: &Value, class: &str) -> String {
    match value {
        Value::Array(_) => format!("Unrecognized collection type class {class}"),
        _ => MISPLACED_STRUCTURE.into(),
    }
}

/// The name that the parser has for a scalar's token.
fn token(value: &Value) -> &'static str {
    match value {
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Number(number) if number.is_f64() => "DECIMAL_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
        Value::Null | Value::Array(_) | Value::Object(_) => "NULL_VALUE",
    }
}

fn string(value: &Value) -> Result<(), String> {
    match value {
        Value::String(_) => Ok(()),
        Value::Array(_) | Value::Object(_) => Err(misplaced(value, "java.lang.String")),
        _ => Err(format!("{} cannot be converted to String", token(value))),
    }
}

fn boolean(value: &mut Value) -> Result<(), String> {
    let text = match value {
        Value::Bool(_) => return Ok(()),
        Value::String(text) => text.to_ascii_uppercase(),
        Value::Array(_) | Value::Object(_) => return Err(misplaced(value, "java.lang.Boolean")),
        _ => return Err(format!("{} cannot be converted to Boolean", token(value))),
    };
    *value = match text.as_str() {
        "TRUE" | "YES" | "1" => Value::Bool(true),
        "FALSE" | "NO" | "0" => Value::Bool(false),
        _ => return Err("Unexpected token received from parser".into()),
    };
    Ok(())
}

fn number(value: &Value, class: &str) -> Result<(), String> {
    match value {
        Value::Number(_) => Ok(()),
        Value::Array(_) | Value::Object(_) => Err(misplaced(value, &format!("java.lang.{class}"))),
        _ => Err(format!("{} cannot be converted to {class}", token(value))),
    }
}

fn integer(
    value: &mut Value,
    min: i64,
    max: i64,
    class: &str,
    primitive: &str,
) -> Result<(), String> {
    number(value, class)?;
    let whole = match value.as_i64() {
        Some(whole) => Some(whole),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the parser cuts fractions off; what is out of range saturates and is refused"
        )]
        None => value.as_f64().map(|number| number.floor() as i64),
    };
    match whole {
        Some(whole) if (min..=max).contains(&whole) && !saturated(value, whole) => {
            *value = Value::Number(whole.into());
            Ok(())
        }
        _ => Err(format!(
            "Numeric value ({value}) out of range of {primitive} ({min} - {max})"
        )),
    }
}

/// Whether `whole` is only what was left of a number that no `i64` holds.
fn saturated(value: &Value, whole: i64) -> bool {
    value.as_i64().is_none() && (whole == i64::MAX || whole == i64::MIN)
}

fn blob(value: &Value) -> Result<(), String> {
    let text = match value {
        Value::String(text) => text,
        Value::Array(_) => {
            return Err("Unrecognized collection type class java.nio.ByteBuffer".into());
        }
        Value::Object(_) => return Err(MISPLACED_STRUCTURE.into()),
        _ => return Err("only base-64-encoded strings are convertible to bytes".into()),
    };
    if text.len() % 4 != 0 {
        return Err(format!(
            "Base64 encoded length is expected a multiple of 4 bytes but found: {}",
            text.len()
        ));
    }
    use base64::Engine;
    // The misspelling is theirs.
    match base64::engine::general_purpose::STANDARD.decode(text) {
        Ok(_) => Ok(()),
        Err(base64::DecodeError::InvalidByte(_, byte)) => {
            Err(format!("Illegal base64 character {byte:x}"))
        }
        Err(_) => Err("Invalid last non-pad Base64 character dectected".into()),
    }
}

/// A value that came as text: from the path, the query string, a header or a form.
pub(super) fn from_text(model: &Model, shape: ShapeId, text: &str) -> Result<Value, Fault> {
    let shape = model.shape(shape);
    let number = |class: &str| {
        text.parse::<Number>().map(Value::Number).map_err(|_| {
            Fault::serialization(Some(format!("STRING_VALUE cannot be converted to {class}")))
        })
    };
    match shape.kind {
        Kind::Integer => number("Integer"),
        Kind::Long => number("Long"),
        Kind::Double => number("Double"),
        _ => Ok(Value::String(text.to_owned())),
    }
}
