//! The older protocol: a form in, XML out.
//!
//! A form is read to what the JSON would be. Here a list is a name that is repeated with a number behind it
//! (`AttributeName.1`; without a number where it has one element), a map one whose entries have a name and a value
//! (`Attribute.1.Name`), and each has another name than in JSON: the singular. On the way out the same names stand for
//! the same.

use std::borrow::Cow;
use std::collections::BTreeMap;

use http::request::Parts as Head;
use http::{HeaderValue, Method, StatusCode, header};
use quick_xml::escape::escape;
use serde_json::{Map, Value};

use super::SERVICE;
use super::error;
use crate::protocol::{Fault, plain};

const JSON: &str = "application/json";
const XML: &str = "text/xml";
const NAMESPACE: &str = "http://queue.amazonaws.com/doc/2012-11-05/";
/// The most fields that a form may have: a batch of ten messages with ten attributes each has less than five hundred.
const MOST_FIELDS: usize = 10_000;

/// How a member is written whose value is not just a text.
#[derive(Clone, Copy)]
enum Form {
    List,
    /// With what the key and the value are called.
    Map(&'static str, &'static str),
    Entries,
    Number,
}

/// What stands in forms, in JSON, and how it is written.
const MEMBERS: &[(&str, &str, Form)] = &[
    ("Attribute", "Attributes", Form::Map("Name", "Value")),
    (
        "MessageAttribute",
        "MessageAttributes",
        Form::Map("Name", "Value"),
    ),
    (
        "MessageSystemAttribute",
        "MessageSystemAttributes",
        Form::Map("Name", "Value"),
    ),
    ("Tag", "Tags", Form::Map("Key", "Value")),
    ("AttributeName", "AttributeNames", Form::List),
    ("MessageAttributeName", "MessageAttributeNames", Form::List),
    (
        "MessageSystemAttributeName",
        "MessageSystemAttributeNames",
        Form::List,
    ),
    ("TagKey", "TagKeys", Form::List),
    ("ActionName", "Actions", Form::List),
    ("AWSAccountId", "AWSAccountIds", Form::List),
    ("StringListValue", "StringListValues", Form::List),
    ("BinaryListValue", "BinaryListValues", Form::List),
    ("QueueUrl", "QueueUrls", Form::List),
    ("QueueUrl", "queueUrls", Form::List),
    ("Message", "Messages", Form::Entries),
    ("SendMessageBatchRequestEntry", "Entries", Form::Entries),
    ("DeleteMessageBatchRequestEntry", "Entries", Form::Entries),
    (
        "ChangeMessageVisibilityBatchRequestEntry",
        "Entries",
        Form::Entries,
    ),
    ("BatchResultErrorEntry", "Failed", Form::Entries),
    ("ListMessageMoveTasksResultEntry", "Results", Form::Entries),
    ("DelaySeconds", "DelaySeconds", Form::Number),
    ("VisibilityTimeout", "VisibilityTimeout", Form::Number),
    ("WaitTimeSeconds", "WaitTimeSeconds", Form::Number),
    ("MaxNumberOfMessages", "MaxNumberOfMessages", Form::Number),
    (
        "MaxNumberOfMessagesPerSecond",
        "MaxNumberOfMessagesPerSecond",
        Form::Number,
    ),
    ("MaxResults", "MaxResults", Form::Number),
];

impl Form {
    /// Whether a member may be written without numbers. A queue's address is listed in answers only.
    fn takes_text(self, name: &str) -> bool {
        match self {
            Self::Number => true,
            Self::List => name != "QueueUrl",
            Self::Map(..) | Self::Entries => false,
        }
    }
}

/// A form's fields by the parts of their names.
#[derive(Default)]
struct Node {
    text: Option<String>,
    parts: BTreeMap<String, Node>,
}

/// Whether a request is in this protocol.
pub(super) fn is_form(head: &Head) -> bool {
    if head.headers.contains_key("x-amz-target") {
        return false;
    }
    let kind = head.headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    head.method == Method::GET || !kind.contains("json")
}

/// Which operation is meant, and its input.
pub(super) fn read(head: &Head, body: &[u8]) -> Result<(String, Map<String, Value>), Fault> {
    let query = head.uri.query().unwrap_or_default();
    let body = match head.method == Method::GET {
        true => Cow::default(),
        false => String::from_utf8_lossy(body),
    };
    let mut form = Node::default();
    for pair in [query, body.as_ref()]
        .into_iter()
        .flat_map(|text| text.split('&'))
        .filter(|pair| !pair.is_empty())
        .take(MOST_FIELDS)
    {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        form.put(&decoded(name), decoded(value));
    }
    let action = form.parts.remove("Action").and_then(|node| node.text);
    let action = action.ok_or_else(|| {
        Fault::new(
            "MissingAction",
            "The request must contain the parameter Action.",
        )
    })?;
    Ok((action, form.members()?))
}

fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced);
    decoded.decode_utf8_lossy().into_owned()
}

impl Node {
    fn put(&mut self, name: &str, value: String) {
        let mut node = self;
        // No name has more parts than that of an attribute of an entry of a batch.
        for part in name.splitn(8, '.') {
            node = node.parts.entry(part.to_owned()).or_default();
        }
        node.text = Some(value);
    }

    fn members(self) -> Result<Map<String, Value>, Fault> {
        let mut members = Map::new();
        for (name, node) in self.parts {
            let known = MEMBERS.iter().find(|(form, _, _)| *form == name);
            match known {
                // A member of that name stands for itself where it has no number behind it.
                Some((_, json, form)) if node.text.is_none() || form.takes_text(&name) => {
                    members.insert((*json).to_owned(), node.formed(&name, *form)?);
                }
                _ => {
                    if let Some(text) = node.text {
                        members.insert(name, text.into());
                    }
                }
            }
        }
        Ok(members)
    }

    fn formed(mut self, name: &str, form: Form) -> Result<Value, Fault> {
        // Some clients write lists as the protocol does elsewhere.
        if let Some(nested) = self.parts.remove("member") {
            self = nested;
        }
        let mut items: Vec<(u32, Self)> = Vec::new();
        for (number, node) in self.parts {
            let number = number.parse().map_err(|_| malformed(name))?;
            items.push((number, node));
        }
        items.sort_by_key(|(number, _)| *number);
        let mut items = items.into_iter().map(|(_, node)| node);
        match form {
            Form::Number => {
                let text = self.text.unwrap_or_default();
                let number: i64 = text
                    .trim()
                    .parse()
                    .map_err(|_| error::invalid_value(&text, name, "Must be an integer."))?;
                Ok(number.into())
            }
            Form::List => {
                let first = self.text.into_iter();
                let items = items.filter_map(|node| node.text);
                Ok(first.chain(items).collect())
            }
            Form::Entries => items
                .map(|node| Ok(Value::Object(node.members()?)))
                .collect(),
            Form::Map(key, value) => {
                let entries = items.try_fold(Map::new(), |mut entries, mut node| {
                    let name = node.parts.remove(key).and_then(|node| node.text);
                    let name = name.ok_or_else(|| malformed(key))?;
                    let node = node.parts.remove(value).unwrap_or_default();
                    let value = match node.text {
                        Some(text) => text.into(),
                        None if node.parts.is_empty() => "".into(),
                        None => Value::Object(node.members()?),
                    };
                    entries.insert(name, value);
                    Ok::<_, Fault>(entries)
                })?;
                Ok(Value::Object(entries))
            }
        }
    }
}

fn malformed(name: &str) -> Fault {
    Fault::new(
        "MalformedInput",
        format!("Key {name} is not numbered as it must be."),
    )
}

pub(super) fn answer(
    head: &Head,
    operation: &str,
    request_id: &str,
    output: &Value,
) -> wire::Response {
    if plain::is_wanted(head) {
        let answer = SERVICE.plain_answer(operation, request_id, output);
        return response(
            StatusCode::OK,
            JSON,
            request_id,
            plainly(answer).to_string(),
        );
    }
    let mut result = String::new();
    if let Value::Object(members) = output {
        result.push_str(&format!("<{operation}Result>"));
        print(operation, members, &mut result);
        result.push_str(&format!("</{operation}Result>"));
    }
    let id = escape(request_id);
    let body = format!(
        "<?xml version=\"1.0\"?><{operation}Response xmlns=\"{NAMESPACE}\">{result}<ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{operation}Response>"
    );
    response(StatusCode::OK, XML, request_id, body)
}

/// JSON as this protocol has it: maps are lists of names and values here too, and what comes as a list is called so in
/// small letters.
fn plainly(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let member = |(name, value): (String, Value)| {
                let known = MEMBERS.iter().find(|(_, json, _)| *json == name);
                match (name.as_str(), known, value) {
                    (_, Some((_, _, Form::Map(key, held))), Value::Object(entries)) => {
                        let entry = |(name, value): (String, Value)| serde_json::json!({ *key: name, *held: plainly(value) });
                        let entries = entries.into_iter().map(entry).collect();
                        (name, Value::Array(entries))
                    }
                    ("Messages", _, value) => ("messages".to_owned(), plainly(value)),
                    ("QueueUrls", _, value) => ("queueUrls".to_owned(), value),
                    (_, _, value) => (name, plainly(value)),
                }
            };
            Value::Object(members.into_iter().map(member).collect())
        }
        Value::Array(items) => items.into_iter().map(plainly).collect(),
        other => other,
    }
}

pub(super) fn refuse(head: &Head, request_id: &str, fault: &Fault) -> wire::Response {
    let (code, status) = error::in_forms(&fault.code);
    let status = status.unwrap_or(fault.unmodelled);
    let whose = if status.is_server_error() {
        "Receiver"
    } else {
        "Sender"
    };
    let message = match code {
        // As it has always been said in this protocol.
        "AWS.SimpleQueueService.NonExistentQueue" => {
            "The specified queue does not exist for this wsdl version."
        }
        _ => fault.message.as_deref().unwrap_or_default(),
    };
    if plain::is_wanted(head) {
        let body = plain::fault(code, message, status, request_id);
        return response(status, JSON, request_id, body.to_string());
    }
    let body = format!(
        "<?xml version=\"1.0\"?><ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{whose}</Type><Code>{}</Code><Message>{}</Message><Detail/></Error><RequestId>{}</RequestId></ErrorResponse>",
        escape(code),
        escape(message),
        escape(request_id),
    );
    response(status, XML, request_id, body)
}

fn response(
    status: StatusCode,
    kind: &'static str,
    request_id: &str,
    body: String,
) -> wire::Response {
    let mut response = http::Response::new(wire::full(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

fn print(operation: &str, members: &Map<String, Value>, out: &mut String) {
    for (name, value) in members {
        match value {
            Value::Array(items) => {
                let each = singular(operation, name);
                for item in items {
                    element(operation, &each, item, out);
                }
            }
            Value::Object(entries) => print_map(operation, name, entries, out),
            value => element(operation, name, value, out),
        }
    }
}

fn singular(operation: &str, name: &str) -> String {
    if name == "Successful" {
        return format!("{operation}ResultEntry");
    }
    let known = MEMBERS.iter().find(|(_, json, _)| *json == name);
    known.map_or(name, |(form, _, _)| form).to_owned()
}

fn print_map(operation: &str, name: &str, entries: &Map<String, Value>, out: &mut String) {
    let known = MEMBERS.iter().find(|(_, json, _)| *json == name);
    let Some((each, _, Form::Map(key, value))) = known else {
        return;
    };
    for (name, entry) in entries {
        out.push_str(&format!("<{each}>"));
        element(operation, key, &Value::String(name.clone()), out);
        element(operation, value, entry, out);
        out.push_str(&format!("</{each}>"));
    }
}

fn element(operation: &str, name: &str, value: &Value, out: &mut String) {
    out.push_str(&format!("<{name}>"));
    match value {
        Value::Object(members) => print(operation, members, out),
        // What stands at the end of a line would be made another by those who read it.
        Value::String(text) => out.push_str(&escape(text).replace('\r', "&#xD;")),
        other => out.push_str(&escape(other.to_string())),
    }
    out.push_str(&format!("</{name}>"));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_of_one_may_go_without_a_number() {
        let head = http::Request::post("/").body(()).unwrap().into_parts().0;
        for (form, expected) in [
            ("AttributeName=All", json!({ "AttributeNames": ["All"] })),
            (
                "AttributeName.2=b&AttributeName.1=a",
                json!({ "AttributeNames": ["a", "b"] }),
            ),
            (
                "AttributeName.member.1=a",
                json!({ "AttributeNames": ["a"] }),
            ),
            ("QueueUrl=q", json!({ "QueueUrl": "q" })),
        ] {
            let form = format!("Action=GetQueueAttributes&{form}");
            let (action, input) = read(&head, form.as_bytes()).unwrap();
            assert_eq!(action, "GetQueueAttributes");
            assert_eq!(Value::Object(input), expected, "{form}");
        }
    }

    #[test]
    fn a_form_may_stand_in_the_address_in_part() {
        let head = http::Request::post("/1/q?Action=SendMessage&DelaySeconds=3");
        let head = head.body(()).unwrap().into_parts().0;
        let (action, input) = read(&head, b"MessageBody=a").unwrap();
        assert_eq!(action, "SendMessage");
        let expected = json!({ "DelaySeconds": 3, "MessageBody": "a" });
        assert_eq!(Value::Object(input), expected);
    }

    #[test]
    fn what_is_received_is_plain_in_json() {
        let received =
            json!({ "Messages": [{ "Attributes": { "SentTimestamp": "1" }, "Body": "b" }] });
        let expected = json!({
            "messages": [{ "Attributes": [{ "Name": "SentTimestamp", "Value": "1" }], "Body": "b" }],
        });
        assert_eq!(plainly(received), expected);
    }
}
