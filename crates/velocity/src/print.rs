//! How values print.

use crate::Error;
use crate::value::{List, Map, Value};

/// Of what is made of one template.
pub(crate) const LARGEST: usize = 32 << 20;

impl Value {
    pub fn print(&self) -> Result<String, Error> {
        let mut out = Out::default();
        out.value(self)?;
        Ok(out.0)
    }
}

#[derive(Default)]
struct Out(String);

impl Out {
    fn push(&mut self, text: &str) -> Result<(), Error> {
        if self.0.len() + text.len() > LARGEST {
            return Err(Error::TooLarge);
        }
        self.0.push_str(text);
        Ok(())
    }

    fn value(&mut self, value: &Value) -> Result<(), Error> {
        match value {
            Value::Null | Value::Object(_) => Ok(()),
            Value::Bool(truth) => self.push(&truth.to_string()),
            Value::Int(number) => self.push(&number.to_string()),
            Value::Float(number) => self.push(&float(*number)),
            Value::Text(text) => self.push(text),
            Value::List(list) if list.is_json => self.json(value),
            Value::List(list) => self.list(list),
            Value::Map(map) => self.map(map),
        }
    }

    fn list(&mut self, list: &List) -> Result<(), Error> {
        self.push("[")?;
        for (index, item) in list.items.borrow().iter().enumerate() {
            self.push(if index == 0 { "" } else { ", " })?;
            self.within(item)?;
        }
        self.push("]")
    }

    fn map(&mut self, map: &Map) -> Result<(), Error> {
        self.push("{")?;
        for (index, (name, value)) in map.entries.borrow().iter().enumerate() {
            self.push(if index == 0 { "" } else { ", " })?;
            self.push(name)?;
            self.push("=")?;
            self.within(value)?;
        }
        self.push("}")
    }

    fn within(&mut self, value: &Value) -> Result<(), Error> {
        match value {
            Value::Null => self.push("null"),
            other => self.value(other),
        }
    }

    fn json(&mut self, value: &Value) -> Result<(), Error> {
        match value {
            Value::Null | Value::Object(_) => self.push("null"),
            Value::Bool(_) | Value::Int(_) | Value::Float(_) => self.value(value),
            Value::Text(text) => self.push(&serde_json::Value::from(text.as_str()).to_string()),
            Value::List(list) => {
                self.push("[")?;
                for (index, item) in list.items.borrow().iter().enumerate() {
                    self.push(if index == 0 { "" } else { "," })?;
                    self.json(item)?;
                }
                self.push("]")
            }
            Value::Map(map) => {
                self.push("{")?;
                for (index, (name, value)) in map.entries.borrow().iter().enumerate() {
                    self.push(if index == 0 { "" } else { "," })?;
                    self.push(&serde_json::Value::from(name.as_str()).to_string())?;
                    self.push(":")?;
                    self.json(value)?;
                }
                self.push("}")
            }
        }
    }
}

/// As the language's own language prints it: `1.0`, `1.5`, `1.0E10`.
fn float(number: f64) -> String {
    let size = number.abs();
    if number.is_nan() {
        return "NaN".into();
    }
    if number.is_infinite() {
        return if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .into();
    }
    if size == 0.0 || (1e-3..1e7).contains(&size) {
        return format!("{number:?}");
    }
    let printed = format!("{number:E}");
    match printed.split_once('E') {
        Some((digits, power)) if !digits.contains('.') => format!("{digits}.0E{power}"),
        _ => printed,
    }
}
