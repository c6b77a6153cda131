//! Messages as functions see them, and what functions say of them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use queues::{Address, Attribute, AttributeValue, Received};
use serde_json::{Map, Value, json};
use triggers::FailedMessages;

use super::{arn, message};
use crate::place::Place;

pub(crate) fn record(queue: &Address, received: &Received) -> Bytes {
    let message = &received.message;
    let mut record = json!({
        "messageId": message.id.to_string(),
        "receiptHandle": STANDARD.encode(received.receipt.to_bytes()),
        "body": message.body,
        "attributes": message::system_attributes(received, |_| true),
        "messageAttributes": attributes(&message.attributes),
    });
    if let Some(md5) = message::md5_of_attributes(&message.attributes) {
        record["md5OfMessageAttributes"] = md5.into();
    }
    record["md5OfBody"] = message::md5(message.body.as_bytes()).into();
    record["eventSource"] = "aws:sqs".into();
    record["eventSourceARN"] = arn(queue).into();
    record["awsRegion"] = Place::of(&queue.space).region.into();
    record.to_string().into()
}

fn attributes(attributes: &[Attribute]) -> Map<String, Value> {
    let printed = attributes.iter().map(|attribute| {
        let mut value = match &attribute.value {
            AttributeValue::Text(text) => json!({ "stringValue": text }),
            AttributeValue::Bytes(bytes) => json!({ "binaryValue": STANDARD.encode(bytes) }),
        };
        value["stringListValues"] = json!([]);
        value["binaryListValues"] = json!([]);
        value["dataType"] = attribute.r#type.clone().into();
        (attribute.name.clone(), value)
    });
    printed.collect()
}

/// What a function that may say so says of a batch. Nothing, and an empty list, are a success; whatever cannot be read
/// is a failure of the whole batch.
pub(crate) fn failed(payload: &[u8]) -> FailedMessages {
    if payload.is_empty() {
        return FailedMessages::None;
    }
    let Ok(answer) = serde_json::from_slice::<Value>(payload) else {
        return FailedMessages::Unclear;
    };
    let failures = match answer.get("batchItemFailures") {
        None | Some(Value::Null) => return FailedMessages::None,
        Some(Value::Array(failures)) => failures,
        Some(_) => return FailedMessages::Unclear,
    };
    let id = |failure: &Value| {
        let id = failure.get("itemIdentifier")?.as_str()?;
        (!id.is_empty()).then(|| id.to_owned())
    };
    match failures.iter().map(id).collect::<Option<Vec<_>>>() {
        Some(ids) if ids.is_empty() => FailedMessages::None,
        Some(ids) => FailedMessages::These(ids),
        None => FailedMessages::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_function_says_of_a_batch() {
        use FailedMessages::{None, These, Unclear};
        for (answer, expected) in [
            ("null", None),
            ("", None),
            ("{}", None),
            (r#"{"batchItemFailures": null}"#, None),
            (r#"{"batchItemFailures": []}"#, None),
            (
                r#"{"batchItemFailures": [{"itemIdentifier": "a"}]}"#,
                These(vec!["a".into()]),
            ),
            (
                r#"{"batchItemFailures": [{"itemIdentifier": ""}]}"#,
                Unclear,
            ),
            (
                r#"{"batchItemFailures": [{"itemIdentifier": null}]}"#,
                Unclear,
            ),
            (
                r#"{"batchItemFailures": [{"itemidentifier": "a"}]}"#,
                Unclear,
            ),
            (r#"{"batchItemFailures": "a"}"#, Unclear),
            ("{", Unclear),
        ] {
            assert_eq!(failed(answer.as_bytes()), expected, "{answer}");
        }
    }
}
