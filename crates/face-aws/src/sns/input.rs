//! Pages, as this service divides what it lists.

use serde_json::{Value, json};

use super::error::invalid;
use crate::protocol::Fault;

/// What is listed at once.
pub(super) const PAGE: usize = 100;

/// A page's token is the name of what came last.
pub(super) fn after(token: Option<&str>) -> Result<Option<String>, Fault> {
    let Some(token) = token else {
        return Ok(None);
    };
    let bytes = (0..token.len()).step_by(2).map(|at| {
        let digits = token.get(at..at + 2)?;
        u8::from_str_radix(digits, 16).ok()
    });
    let text = bytes.collect::<Option<Vec<u8>>>();
    let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
    text.map(Some).ok_or_else(|| invalid("NextToken"))
}

/// The answer, with a token if there may be more.
pub(super) fn page(member: &str, items: Vec<Value>, last: Option<&str>) -> Value {
    let full = items.len() >= PAGE;
    let mut answer = json!({});
    answer[member] = Value::Array(items);
    if let Some(last) = last.filter(|_| full) {
        let token: String = last.bytes().map(|byte| format!("{byte:02x}")).collect();
        answer["NextToken"] = token.into();
    }
    answer
}
