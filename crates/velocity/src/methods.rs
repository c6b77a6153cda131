//! What values can do.

mod list;
mod map;
mod text;

use crate::Error;
use crate::value::Value;

/// What `$value.name` is: an entry, or what the method of that name answers.
pub(crate) fn property(value: &Value, name: &str) -> Value {
    match value {
        Value::Map(map) => {
            let entries = map.entries.borrow();
            match (entries.get(name), name) {
                (Some(value), _) => value.clone(),
                (None, "empty") => Value::Bool(entries.is_empty()),
                (None, _) => Value::Null,
            }
        }
        Value::Object(object) => object.property(name).unwrap_or_default(),
        Value::Text(text) if name == "empty" => Value::Bool(text.is_empty()),
        Value::List(list) if name == "empty" => Value::Bool(list.items.borrow().is_empty()),
        _ => Value::Null,
    }
}

/// What `$value[index]` is.
pub(crate) fn item(value: &Value, index: &Value) -> Result<Value, Error> {
    Ok(match (value, index) {
        (Value::List(list), Value::Int(_)) => {
            let items = list.items.borrow();
            place(index, items.len()).map_or(Value::Null, |at| items[at].clone())
        }
        (Value::Map(map), key) => {
            let key = key.print()?;
            map.entries.borrow().get(&key).cloned().unwrap_or_default()
        }
        (Value::Object(object), Value::Text(name)) => object.property(name).unwrap_or_default(),
        _ => Value::Null,
    })
}

/// Where a number counts to; from the end if it is below zero.
fn place(index: &Value, length: usize) -> Option<usize> {
    let Value::Int(index) = index else {
        return None;
    };
    let length = i128::try_from(length).ok()?;
    let at = if *index < 0 { index + length } else { *index };
    let at = (0..length).contains(&at).then_some(at)?;
    usize::try_from(at).ok()
}

/// Sets an entry of a map, or an item that a list has.
pub(crate) fn put(holder: &Value, key: &Value, value: Value) -> Result<(), Error> {
    match holder {
        Value::Map(map) => {
            value.go_into(&map.level)?;
            map.entries.borrow_mut().insert(key.print()?, value);
        }
        Value::List(list) => {
            value.go_into(&list.level)?;
            let mut items = list.items.borrow_mut();
            if let Some(at) = place(key, items.len()) {
                items[at] = value;
            }
        }
        _ => {}
    }
    Ok(())
}

pub(crate) fn call(value: &Value, name: &str, arguments: &[Value]) -> Result<Value, Error> {
    let found = match (name, arguments) {
        ("equals", [other]) => Some(Value::Bool(value == other)),
        ("toString", []) => Some(Value::Text(value.print()?)),
        _ => match value {
            Value::Object(object) => object.call(name, arguments)?,
            Value::Text(text) => text::call(text, name, arguments)?,
            Value::List(list) => list::call(list, name, arguments)?,
            Value::Map(map) => map::call(map, name, arguments)?,
            Value::Int(_) | Value::Float(_) => of_number(value, name, arguments)?,
            Value::Null | Value::Bool(_) => None,
        },
    };
    found.ok_or_else(|| Error::NoMethod {
        of: value.kind(),
        name: name.to_owned(),
        arguments: arguments.len(),
    })
}

fn of_number(value: &Value, name: &str, arguments: &[Value]) -> Result<Option<Value>, Error> {
    Ok(Some(match (name, arguments, value) {
        ("intValue" | "longValue", [], Value::Int(_)) => value.clone(),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "as the language narrows them"
        )]
        ("intValue" | "longValue", [], Value::Float(number)) => Value::Int(*number as i128),
        ("doubleValue", [], _) => value.number().map_or(Value::Null, Value::Float),
        // Templates reach it by any number: `#set($i = 0)$i.parseInt('5')`.
        ("parseInt" | "valueOf", [text], Value::Int(_)) => {
            let text = text.print()?;
            let number = text.parse();
            Value::Int(number.map_err(|_| Error::Failed(format!("{text:?} is no number")))?)
        }
        _ => return Ok(None),
    }))
}
