//! Who has subscribed to which topic, and how far its log was followed.

use std::collections::BTreeMap;

use base::Timestamp;
use serde::{Deserialize, Serialize};
use store::{Key, Keyspace, Position, Record, Table};
use topics::TopicId;

use crate::target::{Destination, Named};

/// By topic and id.
pub(crate) const SUBSCRIPTIONS: Table<Subscription> = Table::new(Keyspace::Triggers, 40);
/// A topic's subscription of an endpoint, of which there is one at most: by topic, protocol and endpoint.
pub(crate) const ENDPOINTS: Table<SubscriptionId> = Table::new(Keyspace::Triggers, 41);
/// How far the topics' log was dealt with.
pub(crate) const TOPICS_CURSOR: Table<TopicsCursor> = Table::new(Keyspace::Triggers, 42);
/// How far the log of calls that are over was dealt with.
pub(crate) const SETTLED_CURSOR: Table<super::Cursor> = Table::new(Keyspace::Triggers, 43);

pub(crate) fn subscriptions_of(topic: TopicId) -> Key {
    SUBSCRIPTIONS.key().raw(topic.as_bytes())
}

pub(crate) fn subscription_key(topic: TopicId, id: &str) -> Key {
    subscriptions_of(topic).str(id)
}

pub(crate) fn endpoint_key(topic: TopicId, protocol: &str, endpoint: &str) -> Key {
    let key = ENDPOINTS.key().raw(topic.as_bytes());
    key.str(protocol).str(endpoint)
}

/// Sends on what is published to a topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    pub id: String,
    pub topic: Named,
    pub(crate) topic_id: TopicId,
    /// What kind of endpoint it is and which, in the words of the face that was told.
    pub protocol: String,
    pub endpoint: String,
    pub way: Way,
    pub consent: Consent,
    pub settings: SubscriptionSettings,
    pub created: Timestamp,
}

impl Record for Subscription {}

/// How a message gets to the endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    Send(Destination),
    /// Posted to this address.
    Post(String),
    Mail {
        to: String,
        /// The whole notice rather than the bare message.
        whole: bool,
    },
    Text(String),
    Notice {
        platform: String,
        app: String,
        device: String,
    },
}

/// Whether the endpoint wants what is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Consent {
    /// Whoever gets this there can say so, until then.
    Asked { token: String, until: Timestamp },
    Given {
        /// With which it was given, if it had to be asked for.
        token: Option<String>,
        /// Only who has an account can take it back.
        authenticated: bool,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionSettings {
    /// The bare message, and nothing around it.
    pub raw: bool,
    /// Which messages are wanted; none for all.
    pub filter: Option<FilterPolicy>,
    /// Where goes what the endpoint does not take.
    pub dead_letters: Option<Destination>,
    /// What else its owner has set, in the words of the face that was told.
    pub others: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterPolicy {
    pub text: String,
    pub scope: FilterScope,
}

/// What a filter looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FilterScope {
    #[default]
    Attributes,
    Body,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SubscriptionId(pub(crate) String);

impl Record for SubscriptionId {}

/// A message with many subscriptions is dealt with in several steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TopicsCursor {
    /// Up to this message all is done.
    pub(crate) done: Position,
    /// And of the next one, up to this subscription.
    pub(crate) within: Option<String>,
}

impl Record for TopicsCursor {}
