//! Messages on their way in and out.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base::Timestamp;
use store::Position;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::receipt::Receipt;
use crate::schema::{Attribute, Message, Queue};

/// A message to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewMessage {
    pub body: String,
    pub attributes: Vec<Attribute>,
    pub sender: String,
    /// What follows it through whatever it sets off.
    pub trace: Option<String>,
    pub group: Option<String>,
    /// What tells repetitions of it, in an ordered queue.
    pub once: Option<String>,
    /// Instead of the queue's own delay.
    pub delay: Option<Duration>,
}

/// What became of a message that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Of the first one if this one repeats it.
    pub id: Uuid,
    pub repeated: bool,
}

/// Where a message of an ordered queue is among all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SequenceNumber(u128);

impl SequenceNumber {
    pub(crate) fn of(position: Position) -> Self {
        Self(position.number())
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:020}", self.0)
    }
}

/// A message as somebody got it.
#[derive(Clone, Debug)]
pub struct Received {
    pub message: Message,
    pub receipt: Receipt,
    /// This time included.
    pub receives: u32,
    pub first_received: Timestamp,
    /// In an ordered queue.
    pub sequence: Option<SequenceNumber>,
    /// Until when nobody else sees it.
    pub until: Timestamp,
}

impl NewMessage {
    pub fn bytes(&self) -> usize {
        let attributes: usize = self.attributes.iter().map(Attribute::bytes).sum();
        self.body.len() + attributes
    }

    /// Whether `queue` can have this message.
    pub(crate) fn check(&self, queue: &Queue) -> Result<()> {
        let limit = queue.settings.max_bytes;
        if self.bytes() > limit as usize {
            return Err(Error::TooLarge { limit });
        }
        if !queue.ordered {
            return Ok(());
        }
        if self.group.is_none() {
            return Err(Error::NoGroup);
        }
        if self.once.is_none() && !queue.settings.once_by_content {
            return Err(Error::NothingTellsRepetitions);
        }
        match self.delay {
            Some(delay) if !delay.is_zero() => Err(Error::DelayWithinOrder),
            _ => Ok(()),
        }
    }

    pub(crate) fn into_message(self, queue: &Queue, id: Uuid, now: Timestamp) -> Message {
        let once = self
            .once
            .or_else(|| queue.ordered.then(|| content(&self.body)));
        Message {
            id,
            body: self.body,
            attributes: self.attributes,
            sender: self.sender,
            trace: self.trace,
            group: self.group,
            once,
            sent: now,
            arrived: now,
            earlier_receives: 0,
            first_received: None,
            source: None,
        }
    }
}

/// What tells a repetition by its body.
fn content(body: &str) -> String {
    use std::fmt::Write;
    let digest = digest(&SHA256, body.as_bytes());
    let mut hex = String::with_capacity(64);
    for byte in digest.as_ref() {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

impl Message {
    /// Whether the queue no longer has it, although it may still be stored.
    pub(crate) fn is_over(&self, queue: &Queue, now: Timestamp) -> bool {
        // A dead letter is as old as it was, save in an ordered queue, where it counts from its arrival.
        let from = if queue.ordered {
            self.arrived
        } else {
            self.sent
        };
        is_over(queue, from, self.arrived, now)
    }
}

pub(crate) fn is_over(queue: &Queue, from: Timestamp, arrived: Timestamp, now: Timestamp) -> bool {
    let retention = Duration::from_secs(queue.settings.retention_s.into());
    from + retention <= now || queue.purged.is_some_and(|purged| arrived <= purged)
}
