//! Topics, and who has subscribed to them.

use std::collections::BTreeMap;

use serde::Serialize;

/// What is published once and goes to whoever has subscribed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Topic {
    pub name: String,
    /// Whether it keeps messages in their order.
    pub ordered: bool,
    pub by_content: bool,
    pub per_group: bool,
    /// As the topics' own API names them.
    pub settings: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
}

/// Sends on what is published to a topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Subscription {
    /// `<topic> to <protocol> <endpoint>`.
    pub name: String,
    /// The topic's ARN.
    pub topic: String,
    pub protocol: String,
    pub endpoint: String,
    pub raw: bool,
    pub filter: Option<String>,
    /// Whether the filter looks at the body, and not at the attributes.
    pub by_body: bool,
    /// The ARN of the queue that gets what is not taken.
    pub dead_letters: Option<String>,
    pub delivery: Option<String>,
}
