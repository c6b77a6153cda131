//! What differs between the clouds about what is told to subscribers and of calls that are over. A face implements this
//! once.

use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use functions::{ObjectEvent, Settled};
use ledger::Logged;
use topics::{Message, Topic};

use crate::schema::lines::LineSubscription;
use crate::schema::subscription::Subscription;
use crate::target;

/// How one cloud words what it sends by itself.
pub trait Wording: Send + Sync {
    /// What a subscriber gets of a message: `body` is the message's own, or the one for subscribers of his kind.
    fn notice(
        &self,
        topic: &Topic,
        subscription: &Subscription,
        message: &Message,
        body: &str,
    ) -> Notice;

    /// The question whether what is published is wanted.
    fn question(
        &self,
        topic: &Topic,
        subscription: &Subscription,
        token: &str,
        at: Timestamp,
    ) -> Notice;

    /// How long is waited before each further try to post something.
    fn waits(&self, topic: &Topic, subscription: &Subscription) -> Vec<Duration>;

    /// Under which name there may be a body for subscribers of this kind.
    fn variant<'a>(&self, subscription: &'a Subscription) -> &'a str;

    /// A place that a function's owner named.
    fn place(&self, name: &str) -> Option<target::Destination>;

    /// How a call ended.
    fn settled(&self, settled: &Settled, to: &target::Destination) -> target::Message;

    /// A call that failed, as it is kept.
    fn dead_letter(&self, settled: &Settled) -> target::Message;

    /// A change of an object, for a place that is no function.
    fn object_changed(&self, event: &ObjectEvent) -> target::Message;

    /// That a bucket's changes will be told from now on.
    fn watching(&self, bucket: &str, at: Timestamp, request_id: &str) -> target::Message;

    /// Lines of one stream, for who is fed with them.
    fn printed(&self, to: &LineSubscription, lines: &[Logged]) -> target::Message;

    /// What is said of something that was not taken where it was sent.
    fn refused(&self, why: &str, request_id: &str) -> Vec<target::Attribute>;
}

/// What is sent to a subscriber.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notice {
    pub subject: String,
    pub body: Bytes,
    /// Of a request that it is posted in.
    pub headers: Vec<(String, String)>,
    /// Why the subscriber would not take it. It is not sent then, and a dead letter if there are any.
    pub refused: Option<String>,
}

/// Whoever has no words of his own: the bare message.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bare;

impl Wording for Bare {
    fn notice(&self, _: &Topic, _: &Subscription, message: &Message, body: &str) -> Notice {
        Notice {
            subject: message.subject.clone().unwrap_or_default(),
            body: body.to_owned().into(),
            ..Notice::default()
        }
    }

    fn question(
        &self,
        _: &Topic,
        subscription: &Subscription,
        token: &str,
        _: Timestamp,
    ) -> Notice {
        Notice {
            subject: subscription.topic.name.clone(),
            body: token.to_owned().into(),
            ..Notice::default()
        }
    }

    fn waits(&self, _: &Topic, _: &Subscription) -> Vec<Duration> {
        vec![Duration::from_secs(20); 3]
    }

    fn variant<'a>(&self, subscription: &'a Subscription) -> &'a str {
        &subscription.protocol
    }

    fn place(&self, _: &str) -> Option<target::Destination> {
        None
    }

    fn settled(&self, settled: &Settled, _: &target::Destination) -> target::Message {
        self.dead_letter(settled)
    }

    fn dead_letter(&self, settled: &Settled) -> target::Message {
        target::Message {
            body: settled.payload.clone(),
            ..target::Message::default()
        }
    }

    fn object_changed(&self, event: &ObjectEvent) -> target::Message {
        target::Message {
            body: event.key.clone().into(),
            ..target::Message::default()
        }
    }

    fn watching(&self, bucket: &str, _: Timestamp, _: &str) -> target::Message {
        target::Message {
            body: bucket.to_owned().into(),
            ..target::Message::default()
        }
    }

    fn printed(&self, _: &LineSubscription, lines: &[Logged]) -> target::Message {
        let lines = lines.iter().map(|logged| logged.line.text.as_str());
        target::Message {
            body: lines.collect::<Vec<_>>().join("\n").into(),
            ..target::Message::default()
        }
    }

    fn refused(&self, _: &str, _: &str) -> Vec<target::Attribute> {
        Vec::new()
    }
}
