//! Sending something to a place.
//!
//! A place that is ours takes what is sent inside the sender's transaction, so that moving a cursor and sending is one
//! step: neither is ever without the other. What leaves the machine becomes a job of its own (`outgoing`), which is
//! made in the sender's transaction too and goes on by itself.
//!
//! A sender that is told that a place refuses has lost nothing: it is still in the transaction, and may send what was
//! refused to another place.

use base::{Space, Timestamp};
use bytes::Bytes;
use functions::{Event, Job};
use serde::{Deserialize, Serialize};
use store::Tx;
use topics::{AttributeValue, Draft};

use crate::outgoing::{Outgoing, Owner, Retries, Waits, Work};
use crate::{Result, Triggers};

/// The function that a binding runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Target {
    pub space: Space,
    pub function: String,
    /// A version or an alias, if the binding names one.
    pub qualifier: Option<String>,
}

/// A place that something is sent to. Stored: new ones are added at the end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Destination {
    Bucket(String),
    Function(Target),
    Queue(Named),
    Topic(Named),
    Bus(Named),
}

/// Something by its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Named {
    pub space: Space,
    pub name: String,
}

/// What is sent. Each place takes of it what it has use for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub body: Bytes,
    /// For queues and topics.
    pub attributes: Vec<Attribute>,
    /// For queues and topics that keep order: within which group.
    pub group: Option<String>,
    /// For queues and topics that keep order: what is sent again under the same one counts once.
    pub once: Option<String>,
    /// For topics: what it is about, in a few words.
    pub subject: Option<String>,
    /// For buckets: under which key.
    pub key: Option<String>,
    /// For buses: what the body, which is JSON, is the detail of.
    pub about: About,
    /// What made this be sent, as the record of an invocation tells it: "bus", "topic", "schedule".
    pub trigger: String,
    /// The trace that it belongs to.
    pub trace: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    pub name: String,
    /// Text, number or bytes, with what may stand behind it, in the words of the face.
    pub kind: String,
    pub value: Bytes,
}

/// What an event on a bus says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    pub source: String,
    pub kind: String,
    pub resources: Vec<String>,
    /// When it happened, if that is not when it is sent.
    pub at: Option<Timestamp>,
}

/// Why a place does not take something. It would not take it a second later either.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{0}")]
    Missing(String),
    #[error("{0}")]
    Denied(String),
    /// Something is wrong with what is sent: it is too large, or has no group where one is needed.
    #[error("{0}")]
    Invalid(String),
    #[error("sending to {0} is not implemented")]
    NotBuilt(&'static str),
}

/// Whether it was taken.
pub type Sent = std::result::Result<(), Refusal>;

impl Triggers {
    /// Sends `message` to `to` with the transaction. An error ends the transaction; a refusal leaves it as it was.
    pub fn send(&self, tx: &mut Tx, to: &Destination, message: &Message) -> Result<Sent> {
        match to {
            Destination::Function(target) => self.send_to_function(tx, target, message),
            Destination::Bucket(bucket) => self.send_to_bucket(tx, bucket, message),
            Destination::Queue(queue) => self.send_to_queue(tx, queue, message),
            Destination::Topic(topic) => self.send_to_topic(tx, topic, message),
            Destination::Bus(bus) => self.put_on_bus(tx, bus, message),
        }
    }

    /// Whether there is such a place.
    pub fn takes(&self, place: &Destination) -> Result<()> {
        match place {
            Destination::Bucket(bucket) => Ok(self.objects.bucket(bucket).map(drop)?),
            Destination::Function(target) => {
                let qualifier = target.qualifier.as_deref();
                let found = self
                    .functions
                    .resolve(&target.space, &target.function, qualifier);
                Ok(found.map(drop)?)
            }
            Destination::Queue(queue) => {
                let address = queues::Address::new(&queue.space, &queue.name);
                match self.queues.get(&address) {
                    Err(error @ queues::Error::NoSuchQueue(_)) => {
                        Err(Refusal::Missing(error.to_string()).into())
                    }
                    found => Ok(found.map(drop)?),
                }
            }
            Destination::Topic(topic) => match self.topics.topic(&topic.space, &topic.name) {
                Err(error @ topics::Error::NoSuchTopic(_)) => {
                    Err(Refusal::Missing(error.to_string()).into())
                }
                found => Ok(found.map(drop)?),
            },
            Destination::Bus(bus) => match self.buses.bus(&bus.space, &bus.name) {
                Err(error @ buses::Error::NoSuchBus(_)) => {
                    Err(Refusal::Missing(error.to_string()).into())
                }
                found => Ok(found.map(drop)?),
            },
        }
    }

    fn send_to_topic(&self, tx: &mut Tx, topic: &Named, message: &Message) -> Result<Sent> {
        let Ok(body) = String::from_utf8(message.body.to_vec()) else {
            let why = "what is sent to a topic must be text";
            return Ok(Err(Refusal::Invalid(why.to_owned())));
        };
        let draft = Draft {
            subject: message.subject.clone(),
            body,
            attributes: message.attributes.iter().map(published).collect(),
            group: message.group.clone(),
            repeat_id: message.once.clone(),
            trace: message.trace.clone(),
            ..Draft::default()
        };
        match self.topics.publish(tx, &topic.space, &topic.name, &draft) {
            Ok(_) => Ok(Ok(())),
            Err(topics::Error::Store(error)) => Err(error.into()),
            Err(error @ topics::Error::NoSuchTopic(_)) => {
                Ok(Err(Refusal::Missing(error.to_string())))
            }
            Err(error) => Ok(Err(Refusal::Invalid(error.to_string()))),
        }
    }

    fn send_to_function(&self, tx: &mut Tx, target: &Target, message: &Message) -> Result<Sent> {
        let qualifier = target.qualifier.as_deref();
        let found = self
            .functions
            .resolve(&target.space, &target.function, qualifier);
        match found {
            Ok(_) => {}
            Err(
                error @ (functions::Error::NoSuchFunction(_)
                | functions::Error::NoSuchQualifier { .. }),
            ) => return Ok(Err(Refusal::Missing(error.to_string()))),
            Err(error) => return Err(error.into()),
        }
        let job = Job {
            request_id: self.functions.new_request_id(),
            space: target.space.clone(),
            function: target.function.clone(),
            qualifier: target.qualifier.clone(),
            event: Event::Raw(message.body.clone()),
            trigger: message.trigger.clone(),
            client_context: None,
            trace: message.trace.clone(),
        };
        self.functions.enqueue(tx, &job)?;
        Ok(Ok(()))
    }

    fn send_to_queue(&self, tx: &mut Tx, queue: &Named, message: &Message) -> Result<Sent> {
        use queues::Error;
        let address = queues::Address::new(&queue.space, &queue.name);
        let new = match message.for_queue() {
            Ok(new) => new,
            Err(refusal) => return Ok(Err(refusal)),
        };
        match self.queues.send(tx, &address, new) {
            Ok(_) => Ok(Ok(())),
            Err(Error::Store(error)) => Err(error.into()),
            Err(error @ Error::NoSuchQueue(_)) => Ok(Err(Refusal::Missing(error.to_string()))),
            Err(error) => Ok(Err(Refusal::Invalid(error.to_string()))),
        }
    }

    /// Bodies of objects are not for transactions, so this is done behind it.
    fn send_to_bucket(&self, tx: &mut Tx, bucket: &str, message: &Message) -> Result<Sent> {
        match self.objects.bucket(bucket) {
            Ok(_) => {}
            Err(error @ objects::Error::NoSuchBucket(_)) => {
                return Ok(Err(Refusal::Missing(error.to_string())));
            }
            Err(error) => return Err(error.into()),
        }
        let Some(key) = message.key.clone() else {
            return Ok(Err(Refusal::Invalid("an object needs a key".into())));
        };
        let outgoing = Outgoing {
            id: self.random.uuid().to_string(),
            owner: Owner::Invocation,
            work: Work::Put {
                bucket: bucket.to_owned(),
                key,
                body: message.body.clone(),
            },
            retries: Retries {
                most: 0,
                age: None,
                waits: Waits::Listed(Vec::new()),
            },
            dead: None,
        };
        self.post(tx, &outgoing)?;
        Ok(Ok(()))
    }
}

fn published(attribute: &Attribute) -> (String, topics::Attribute) {
    let value = match std::str::from_utf8(&attribute.value) {
        Ok(text) if !attribute.kind.starts_with("Binary") => AttributeValue::Text(text.to_owned()),
        _ => AttributeValue::Bytes(attribute.value.clone()),
    };
    let kind = attribute.kind.clone();
    (attribute.name.clone(), topics::Attribute { kind, value })
}

impl Message {
    /// As a queue has it, whose bodies and attributes are text.
    fn for_queue(&self) -> std::result::Result<queues::NewMessage, Refusal> {
        let text = |bytes: &Bytes| {
            let text = String::from_utf8(bytes.to_vec());
            text.map_err(|_| Refusal::Invalid("a message of a queue is text".into()))
        };
        let attribute = |attribute: &Attribute| {
            let value = if attribute.kind.starts_with("Binary") {
                queues::AttributeValue::Bytes(attribute.value.to_vec())
            } else {
                queues::AttributeValue::Text(text(&attribute.value)?)
            };
            Ok(queues::Attribute {
                name: attribute.name.clone(),
                r#type: attribute.kind.clone(),
                value,
            })
        };
        Ok(queues::NewMessage {
            body: text(&self.body)?,
            attributes: self
                .attributes
                .iter()
                .map(attribute)
                .collect::<std::result::Result<_, _>>()?,
            sender: self.trigger.clone(),
            trace: self.trace.clone(),
            group: self.group.clone(),
            once: self.once.clone(),
            delay: None,
        })
    }
}
