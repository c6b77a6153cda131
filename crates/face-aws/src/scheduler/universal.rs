//! Universal targets that send something: operations of other services, whose parameters the input holds. What they send
//! is sent in the transaction that takes what is due. Others are called: `callable.rs`.

use base::Space;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use triggers::{About, Attribute, Destination, Message, Named, Order, Target};

use super::error::invalid;
use crate::context::Context;
use crate::destination;
use crate::place::Place;
use crate::protocol::Fault;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Universal {
    Invoke,
    SendMessage,
    Publish,
    PutEvents,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Invoke {
    function_name: String,
    invocation_type: Option<String>,
    payload: Option<Payload>,
    qualifier: Option<String>,
}

/// A blob is written as text; those who write JSON instead mean it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Payload {
    Text(String),
    Json(Map<String, Value>),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct SendMessage {
    queue_url: String,
    message_body: String,
    message_group_id: Option<String>,
    message_deduplication_id: Option<String>,
    #[serde(default)]
    message_attributes: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Publish {
    topic_arn: String,
    message: String,
    subject: Option<String>,
    message_group_id: Option<String>,
    message_deduplication_id: Option<String>,
    #[serde(default)]
    message_attributes: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PutEvents {
    entries: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Entry {
    source: String,
    detail_type: String,
    detail: String,
    event_bus_name: Option<String>,
    #[serde(default)]
    resources: Vec<String>,
}

impl Universal {
    pub(super) const ALL: [(&str, Self); 4] = [
        ("lambda:invoke", Self::Invoke),
        ("sqs:sendMessage", Self::SendMessage),
        ("sns:publish", Self::Publish),
        ("eventbridge:putEvents", Self::PutEvents),
    ];

    /// As a target's ARN names it, behind `aws-sdk:`.
    pub(super) fn named(text: &str) -> Result<Self, Fault> {
        let known = Self::ALL.into_iter().find(|(name, _)| *name == text);
        match known {
            Some((_, operation)) => Ok(operation),
            None if text.split(':').count() == 2 => Err(Fault::not_implemented(&format!(
                "the universal target {text}"
            ))),
            None => Err(invalid("Provided Arn is not in correct format.")),
        }
    }

    pub(super) fn check(self, input: &str, space: &Space) -> Result<(), Fault> {
        self.orders(input, space).map(drop)
    }

    /// What it sends, if the parameters are right.
    pub(super) fn orders(self, input: &str, space: &Space) -> Result<Vec<Order>, Fault> {
        match self {
            Self::Invoke => Ok(vec![invoke(read(input)?, space)?]),
            Self::SendMessage => Ok(vec![send(read(input)?, space)?]),
            Self::Publish => Ok(vec![publish(read(input)?)?]),
            Self::PutEvents => put(read(input)?, space),
        }
    }
}

fn read<T: DeserializeOwned>(input: &str) -> Result<T, Fault> {
    let read = serde_json::from_str(input);
    read.map_err(|cause| invalid(format!("Provided Input is not valid: {cause}.")))
}

fn invoke(asked: Invoke, space: &Space) -> Result<Order, Fault> {
    if asked.invocation_type.as_deref() != Some("Event") {
        return Err(Fault::not_implemented(
            "a schedule that calls lambda:invoke with another InvocationType than Event",
        ));
    }
    let arn = match asked.function_name.starts_with("arn:") {
        true => asked.function_name,
        false => Place::of(space).function_arn(&asked.function_name, None),
    };
    let Some(Destination::Function(function)) = destination::read(&arn) else {
        return Err(invalid("FunctionName is not the name of a function."));
    };
    let target = Target {
        qualifier: asked.qualifier.or(function.qualifier),
        ..function
    };
    let body = match asked.payload {
        None => Bytes::from_static(b"{}"),
        Some(Payload::Text(text)) => text.into(),
        Some(Payload::Json(json)) => Value::Object(json).to_string().into(),
    };
    Ok(Order {
        to: Destination::Function(target),
        message: Message {
            body,
            ..Message::default()
        },
    })
}

fn send(asked: SendMessage, space: &Space) -> Result<Order, Fault> {
    let refuse = || invalid("QueueUrl is not the address of a queue.");
    let mut path = asked.queue_url.rsplit('/');
    let (Some(name), Some(account)) = (path.next(), path.next()) else {
        return Err(refuse());
    };
    if name.is_empty() || account.is_empty() {
        return Err(refuse());
    }
    let queue = Named {
        space: Context::space(account, Place::of(space).region),
        name: name.to_owned(),
    };
    Ok(Order {
        to: Destination::Queue(queue),
        message: Message {
            body: asked.message_body.into(),
            attributes: attributes(asked.message_attributes)?,
            group: asked.message_group_id,
            once: asked.message_deduplication_id,
            ..Message::default()
        },
    })
}

fn publish(asked: Publish) -> Result<Order, Fault> {
    let Some(to @ Destination::Topic(_)) = destination::read(&asked.topic_arn) else {
        return Err(invalid("TopicArn is not the name of a topic."));
    };
    Ok(Order {
        to,
        message: Message {
            body: asked.message.into(),
            attributes: attributes(asked.message_attributes)?,
            subject: asked.subject,
            group: asked.message_group_id,
            once: asked.message_deduplication_id,
            ..Message::default()
        },
    })
}

fn put(asked: PutEvents, space: &Space) -> Result<Vec<Order>, Fault> {
    if !(1..=10).contains(&asked.entries.len()) {
        return Err(invalid("Entries are one to ten."));
    }
    let orders = asked.entries.into_iter().map(|entry| {
        let detail = serde_json::from_str::<Map<String, Value>>(&entry.detail);
        detail.map_err(|_| invalid("Detail is not a JSON object."))?;
        let bus = entry.event_bus_name.as_deref().unwrap_or("default");
        let to = match bus.starts_with("arn:") {
            true => destination::read(bus).filter(|to| matches!(to, Destination::Bus(_))),
            false => Some(Destination::Bus(Named {
                space: space.clone(),
                name: bus.to_owned(),
            })),
        };
        Ok(Order {
            to: to.ok_or_else(|| invalid("EventBusName is not the name of a bus."))?,
            message: Message {
                body: entry.detail.into(),
                about: About {
                    source: entry.source,
                    kind: entry.detail_type,
                    resources: entry.resources,
                    at: None,
                },
                ..Message::default()
            },
        })
    });
    orders.collect()
}

fn attributes(named: Map<String, Value>) -> Result<Vec<Attribute>, Fault> {
    let attributes = named.into_iter().map(|(name, value)| {
        let text = |member: &str| value.get(member).and_then(Value::as_str);
        match (text("DataType"), text("StringValue")) {
            (Some(kind), Some(value)) => Ok(Attribute {
                name,
                kind: kind.to_owned(),
                value: Bytes::copy_from_slice(value.as_bytes()),
            }),
            (Some(kind), None) if kind.starts_with("Binary") => Err(Fault::not_implemented(
                "a binary attribute of a schedule's message",
            )),
            _ => Err(invalid(format!(
                "The attribute {name} has no DataType or no StringValue."
            ))),
        }
    });
    attributes.collect()
}
