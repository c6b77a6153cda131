//! What services that are asked with forms answer to those who accept JSON: gateways do, and few besides.
//!
//! All members of an output are there, in the order of their names; what has no value is null.

use http::request::Parts;
use http::{StatusCode, header};
use serde_json::{Map, Value, json};

use super::model::{Kind, Model, Operation, ShapeId};
use super::{Fault, Service};

/// Whether the caller wants JSON, and nothing else.
pub(crate) fn is_wanted(parts: &Parts) -> bool {
    let accepted = parts.headers.get(header::ACCEPT);
    accepted.is_some_and(|kind| kind == "application/json")
}

impl Service {
    /// The answer of an operation by its name.
    pub(crate) fn plain_answer(&self, name: &str, request_id: &str, output: &Value) -> Value {
        let model = self.model();
        match model.operation_named(name) {
            Some(operation) => answer(model, operation, request_id, output),
            None => Value::Null,
        }
    }
}

pub(super) fn answer(
    model: &Model,
    operation: &Operation,
    request_id: &str,
    output: &Value,
) -> Value {
    let name = operation.name;
    let mut answer = Map::new();
    if let Some(shape) = operation.output {
        answer.insert(format!("{name}Result"), filled(model, shape, output));
    }
    answer.insert(
        "ResponseMetadata".into(),
        json!({ "RequestId": request_id }),
    );
    json!({ format!("{name}Response"): answer })
}

fn filled(model: &Model, id: ShapeId, value: &Value) -> Value {
    match (&model.shape(id).kind, value) {
        (Kind::Structure(structure), Value::Object(members)) => {
            let mut all: Vec<_> = structure.members.iter().collect();
            all.sort_by_key(|member| member.name);
            let member = |member: &super::model::Member| {
                let value = members.get(member.name).unwrap_or(&Value::Null);
                let value = filled(model, member.shape, value);
                (member.name.to_owned(), value)
            };
            Value::Object(all.into_iter().map(member).collect())
        }
        (Kind::List(item), Value::Array(items)) => items
            .iter()
            .map(|value| filled(model, item.shape, value))
            .collect(),
        _ => value.clone(),
    }
}

pub(crate) fn fault(code: &str, message: &str, status: StatusCode, request_id: &str) -> Value {
    let kind = match status.is_server_error() {
        true => "Receiver",
        false => "Sender",
    };
    json!({
        "Error": { "Code": code, "Message": message, "Type": kind },
        "RequestId": request_id,
    })
}

pub(super) fn fault_of(fault: &Fault, status: StatusCode, request_id: &str) -> Value {
    let message = fault.message.as_deref().unwrap_or_default();
    self::fault(&fault.code, message, status, request_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_members_are_there_in_the_order_of_their_names() {
        let output = json!({ "MessageId": "m", "MD5OfMessageBody": "d" });
        let answer = crate::sqs::SERVICE.plain_answer("SendMessage", "r", &output);
        assert_eq!(
            answer.to_string(),
            r#"{"SendMessageResponse":{"SendMessageResult":{"MD5OfMessageAttributes":null,"MD5OfMessageBody":"d","MD5OfMessageSystemAttributes":null,"MessageId":"m","SequenceNumber":null},"ResponseMetadata":{"RequestId":"r"}}}"#
        );
        let nothing = crate::sqs::SERVICE.plain_answer("DeleteMessage", "r", &Value::Null);
        let expected =
            json!({ "DeleteMessageResponse": { "ResponseMetadata": { "RequestId": "r" } } });
        assert_eq!(nothing, expected);
    }
}
