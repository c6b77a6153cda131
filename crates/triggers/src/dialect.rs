//! What differs between the clouds about handing records to functions. A face implements this once.

use base::Timestamp;
use bytes::Bytes;
use schedules::Occasion;
use serde_json::Value;
use tables::{Feed, ItemChange, Shard};

use crate::delivery::{Answer, Reason, Window};
use crate::outgoing::{Owner, Undelivered};
use crate::schema::rule::{Rule, RuleTarget};
use crate::target::{Attribute, Target};

/// How one cloud words what a function gets of a stream, and reads what it says about it.
pub trait Dialect: Send + Sync {
    /// One change of an item: what filters are matched against, and a part of what the function gets.
    fn record(&self, feed: &Feed, change: &ItemChange) -> Bytes;

    /// What the function gets.
    fn batch(
        &self,
        feed: &Feed,
        shard: &Shard,
        records: &[Bytes],
        window: Option<&Window>,
    ) -> Bytes;

    /// Reads what a function answered to a batch.
    fn answer(&self, payload: &[u8]) -> Answer;

    /// What is told of records that were discarded.
    fn failure(&self, failure: &Failure<'_>) -> Bytes;

    /// Under which key that is put into a bucket; `unique` is different each time.
    fn failure_key(&self, failure: &Failure<'_>, unique: &str) -> String;

    /// What a dead letter says about why it is one.
    fn undelivered(&self, owner: Owner, undelivered: &Undelivered) -> Vec<Attribute>;

    /// What an event on a bus looks like: JSON.
    fn event(&self, event: &buses::Event) -> Bytes;

    /// What a placeholder that needs no path stands for, if there is such a one; `whole` is the event as it looks.
    fn placeholder(
        &self,
        name: &str,
        rule: &Rule,
        event: &buses::Event,
        whole: &Value,
    ) -> Option<Value>;

    /// What a dead letter of a rule says about where it was to go.
    fn aimed(&self, rule: &Rule, target: &RuleTarget) -> Vec<Attribute>;

    /// What each request to an address has.
    fn request_headers(&self) -> Vec<(String, String)>;

    /// What a rule sends when it is due by its own schedule.
    fn rung(&self, rule: &Rule, occasion: &Occasion) -> buses::Event;

    /// What a change of an object is on a bus.
    fn object_event(&self, change: &objects::Change) -> Option<buses::Event>;
}

/// Records that were discarded.
#[derive(Clone, Debug)]
pub struct Failure<'a> {
    pub mapping: &'a str,
    pub target: &'a Target,
    pub feed: &'a Feed,
    pub shard: &'a Shard,
    pub why: Reason,
    /// How often the records were handed to the function.
    pub invocations: u32,
    /// The last time that they were.
    pub last: Option<&'a Ran>,
    /// That invocation's, or a new one.
    pub request_id: &'a str,
    pub at: Timestamp,
    pub count: usize,
    /// The first and the last record's place in the stream, and when they happened.
    pub first: (u128, Timestamp),
    pub end: (u128, Timestamp),
    /// What the function gets of these records, if that is told too.
    pub payload: Option<&'a Bytes>,
}

/// An invocation that came to an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    pub request_id: String,
    pub version: Option<u64>,
    /// It failed, instead of answering that some records did.
    pub failed: bool,
}
