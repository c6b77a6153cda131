//! A part of a template as JSON: for what is handed on as it is written.

use serde_json::{Map, Number, Value as Json};

use crate::template::scalar;
use crate::template::tree::{Node, Value};

/// Unquoted scalars become what they look like. What is left of calls and of mistakes, which have been reported, is null.
pub(crate) fn json(node: &Node) -> Json {
    match &node.value {
        Value::Text(text) => Json::String(text.clone()),
        Value::Plain(_) => plain(node),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(entries) => {
            let fields = entries
                .iter()
                .map(|entry| (entry.key.clone(), json(&entry.value)));
            Json::Object(fields.collect::<Map<_, _>>())
        }
        Value::Null | Value::Call(_) | Value::Absent | Value::Broken => Json::Null,
    }
}

fn plain(node: &Node) -> Json {
    let text = node.scalar().unwrap_or_default();
    if let Some(truth) = scalar::boolean(node) {
        return Json::Bool(truth);
    }
    if let Ok(number) = text.parse::<i64>() {
        return Json::Number(number.into());
    }
    let number = text.parse::<f64>().ok().and_then(Number::from_f64);
    number.map_or_else(|| Json::String(text.to_owned()), Json::Number)
}
