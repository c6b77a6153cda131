//! Maps.

use indexmap::IndexMap;

use crate::Error;
use crate::value::{Map, Value};

pub(super) fn call(map: &Map, name: &str, arguments: &[Value]) -> Result<Option<Value>, Error> {
    match read(map, name, arguments)? {
        Some(found) => Ok(Some(found)),
        None => change(map, name, arguments),
    }
}

fn read(map: &Map, name: &str, arguments: &[Value]) -> Result<Option<Value>, Error> {
    let entries = map.entries.borrow();
    Ok(Some(match (name, arguments) {
        ("size", []) => Value::count(entries.len()),
        ("isEmpty", []) => Value::Bool(entries.is_empty()),
        ("get", [key]) => entries.get(&key.print()?).cloned().unwrap_or_default(),
        ("getOrDefault", [key, other]) => entries.get(&key.print()?).unwrap_or(other).clone(),
        ("containsKey", [key]) => Value::Bool(entries.contains_key(&key.print()?)),
        ("containsValue", [value]) => Value::Bool(entries.values().any(|one| one == value)),
        ("keySet", []) => Value::list(entries.keys().map(Value::text).collect())?,
        ("values", []) => Value::list(entries.values().cloned().collect())?,
        ("entrySet", []) => {
            let entry = |(key, value): (&String, &Value)| {
                Value::map(IndexMap::from([
                    ("key".to_owned(), Value::text(key)),
                    ("value".to_owned(), value.clone()),
                ]))
            };
            let entries: Result<Vec<Value>, Error> = entries.iter().map(entry).collect();
            Value::list(entries?)?
        }
        // Of an entry of `entrySet`.
        ("getKey", []) => entries.get("key").cloned().unwrap_or_default(),
        ("getValue", []) => entries.get("value").cloned().unwrap_or_default(),
        _ => return Ok(None),
    }))
}

fn change(map: &Map, name: &str, arguments: &[Value]) -> Result<Option<Value>, Error> {
    Ok(Some(match (name, arguments) {
        ("put", [key, value]) => {
            value.go_into(&map.level)?;
            let key = key.print()?;
            let before = map.entries.borrow_mut().insert(key, value.clone());
            before.unwrap_or_default()
        }
        ("putAll", [Value::Map(others)]) => {
            let others = others.entries.borrow().clone();
            for value in others.values() {
                value.go_into(&map.level)?;
            }
            map.entries.borrow_mut().extend(others);
            Value::Null
        }
        ("remove", [key]) => {
            let key = key.print()?;
            let removed = map.entries.borrow_mut().shift_remove(&key);
            removed.unwrap_or_default()
        }
        ("clear", []) => {
            map.entries.borrow_mut().clear();
            Value::Null
        }
        _ => return Ok(None),
    }))
}
