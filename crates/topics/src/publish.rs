//! Publishing: a message is in the log from the moment that its cause is.

use std::collections::BTreeMap;

use base::Space;
use store::{Log, Position, Read, Record, Tx};

use crate::create::find;
use crate::repeat::Told;
use crate::schema::{Attribute, Kind, Message, Ordering, Topic};
use crate::{Error, Result, Topics};

/// A message that is to be published.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    pub subject: Option<String>,
    pub body: String,
    pub variants: BTreeMap<String, String>,
    pub attributes: BTreeMap<String, Attribute>,
    pub group: Option<String>,
    pub repeat_id: Option<String>,
    pub trace: Option<String>,
}

/// What the publisher is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    pub id: String,
    pub sequence: Option<u64>,
}

/// An entry of the log.
#[derive(Clone, Debug)]
pub struct Logged {
    pub position: Position,
    /// A body may be damaged, or written by a newer version.
    pub message: store::Result<Message>,
    pub body: bytes::Bytes,
}

fn log() -> Log {
    Log::new("topics")
}

impl Topics {
    /// Where the messages of all topics are, in the order of their commits.
    pub fn log(&self) -> Log {
        log()
    }

    /// Up to `limit` entries after `cursor`.
    pub fn messages(
        &self,
        from: &impl Read,
        cursor: Position,
        limit: usize,
    ) -> Result<Vec<Logged>> {
        let entries = log().read(from, cursor, limit)?;
        let logged = entries.into_iter().map(|entry| Logged {
            position: entry.position,
            message: Message::decode(&entry.body),
            body: entry.body,
        });
        Ok(logged.collect())
    }

    /// Publishes in the caller's transaction.
    pub fn publish(
        &self,
        tx: &mut Tx,
        space: &Space,
        topic: &str,
        draft: &Draft,
    ) -> Result<Published> {
        let topic = find(tx, space, topic)?;
        match topic.kind {
            Kind::Standard => self.publish_standard(tx, &topic, draft),
            Kind::Ordered(ordering) => self.publish_ordered(tx, &topic, ordering, draft),
        }
    }

    /// As [`Topics::publish`], in a transaction of its own; durable on return.
    pub async fn publish_alone(
        &self,
        space: &Space,
        topic: &str,
        draft: &Draft,
    ) -> Result<Published> {
        self.store
            .write(|tx| self.publish(tx, space, topic, draft))
            .await
    }

    /// Several at once: all of them, or none if one cannot be published.
    pub async fn publish_all(
        &self,
        space: &Space,
        topic: &str,
        drafts: &[Draft],
    ) -> Result<Vec<Published>> {
        self.store
            .write(|tx| {
                find(tx, space, topic)?;
                let drafts = drafts.iter();
                drafts
                    .map(|draft| self.publish(tx, space, topic, draft))
                    .collect()
            })
            .await
    }

    fn publish_standard(&self, tx: &mut Tx, topic: &Topic, draft: &Draft) -> Result<Published> {
        if draft.repeat_id.is_some() {
            return Err(Error::NotOrdered);
        }
        let id = self.random.uuid().to_string();
        log().append(tx, self.message(topic, draft, &id).encode());
        Ok(Published { id, sequence: None })
    }

    fn publish_ordered(
        &self,
        tx: &mut Tx,
        topic: &Topic,
        ordering: Ordering,
        draft: &Draft,
    ) -> Result<Published> {
        let group = draft.group.as_deref().ok_or(Error::NoGroup)?;
        let told = self.tell_apart(tx, topic, ordering, group, draft)?;
        let (repeat_id, id, sequence) = match told {
            Told::Repeated { id, sequence } => {
                let sequence = Some(sequence);
                return Ok(Published { id, sequence });
            }
            Told::New {
                repeat_id,
                id,
                sequence,
            } => (repeat_id, id, sequence),
        };
        let message = Message {
            repeat_id: Some(repeat_id),
            sequence: Some(sequence),
            ..self.message(topic, draft, &id)
        };
        log().append(tx, message.encode());
        let sequence = Some(sequence);
        Ok(Published { id, sequence })
    }

    fn message(&self, topic: &Topic, draft: &Draft, id: &str) -> Message {
        Message {
            id: id.to_owned(),
            topic: topic.id,
            space: topic.space.clone(),
            topic_name: topic.name.clone(),
            subject: draft.subject.clone(),
            body: draft.body.clone(),
            variants: draft.variants.clone(),
            attributes: draft.attributes.clone(),
            group: draft.group.clone(),
            repeat_id: None,
            sequence: None,
            published: self.clock.now(),
            trace: draft.trace.clone(),
        }
    }
}
