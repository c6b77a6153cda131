//! A part of a template as JSON: for what is handed on as it is written.

use serde_json::{Map, Number, Value as Json};

use crate::template::scalar;
use crate::template::tree::{Entry, Node, Value};

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

/// As text, its keys in the order in which they stand. Nothing where a mistake is in it, which has been reported.
pub(crate) fn text(node: &Node) -> Option<String> {
    let joined = |parts: Option<Vec<String>>| Some(parts?.join(","));
    Some(match &node.value {
        Value::List(items) => format!("[{}]", joined(items.iter().map(text).collect())?),
        Value::Map(entries) => {
            let field = |entry: &Entry| {
                let key = Json::String(entry.key.clone());
                Some(format!("{key}:{}", text(&entry.value)?))
            };
            format!("{{{}}}", joined(entries.iter().map(field).collect())?)
        }
        Value::Broken => return None,
        _ => json(node).to_string(),
    })
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
