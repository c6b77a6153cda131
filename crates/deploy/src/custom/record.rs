//! What is kept of custom resources, and of what was asked of their makers.

use std::collections::BTreeMap;

use base::Timestamp;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Key, Keyspace, Read, Record, Table};

use super::Custom;

/// By the resource's name; what was replaced is kept under a name of its own until it is gone.
pub(crate) const CUSTOMS: Table<Kept> = Table::new(Keyspace::Deploy, 16);
/// By the request's id.
pub(super) const ASKED: Table<Asked> = Table::new(Keyspace::Deploy, 17);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(super) stack: String,
    pub(super) stack_id: String,
    pub(super) logical_id: String,
    pub(super) resource_type: String,
    pub(super) token: String,
    pub(super) timeout_s: u32,
    pub(super) keeps_replaced: bool,
    /// What its maker said last; none before it is made.
    pub(super) made: Option<Made>,
    /// What was asked for since, and was not done.
    pub(super) tried: Option<Tried>,
    /// The id of the request that is under way.
    pub(super) asked: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Made {
    /// What its maker calls it.
    pub(super) physical: String,
    /// JSON: what it was made with.
    pub(super) properties: String,
    /// JSON: its attributes.
    pub(super) data: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tried {
    pub(super) physical: Option<String>,
    pub(super) properties: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    /// The resource's.
    pub(super) name: String,
    pub(super) verb: Verb,
    /// Whoever has it may answer.
    pub(super) secret: String,
    pub(super) deadline: Timestamp,
    pub(super) properties: String,
    /// Whether it was a call of a function, whose id is the request's.
    pub(super) is_job: bool,
    /// As it came.
    pub(super) answer: Option<Bytes>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Verb {
    Create,
    Update,
    Delete,
}

impl Record for Kept {}
impl Record for Asked {}

pub(super) fn custom_key(name: &str) -> Key {
    CUSTOMS.key().str(name)
}

pub(super) fn asked_key(id: &str) -> Key {
    ASKED.key().str(id)
}

impl Kept {
    pub(super) fn new(wanted: &Custom) -> Self {
        Self {
            stack: wanted.stack.clone(),
            stack_id: wanted.stack_id.clone(),
            logical_id: wanted.logical_id.clone(),
            resource_type: wanted.resource_type.clone(),
            token: wanted.token.clone(),
            timeout_s: wanted.timeout_s,
            keeps_replaced: wanted.keeps_replaced,
            made: None,
            tried: None,
            asked: None,
        }
    }

    /// Takes over what may change without the resource.
    pub(super) fn follow(&mut self, wanted: &Custom) {
        self.timeout_s = wanted.timeout_s;
        self.keeps_replaced = wanted.keeps_replaced;
    }

    /// A request had no answer: what it asked for may be done, in part or not at all.
    pub(super) fn gave_up(&mut self, asked: &Asked) {
        if asked.verb != Verb::Delete {
            self.tried = Some(Tried {
                physical: None,
                properties: asked.properties.clone(),
            });
        }
    }
}

/// What others can refer to of a custom resource that is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) physical: String,
    pub(crate) data: BTreeMap<String, Value>,
}

pub(crate) fn answer_of(from: &impl Read, name: &str) -> store::Result<Option<Answer>> {
    let kept = CUSTOMS.get(from, &custom_key(name))?;
    let made = kept.and_then(|kept| kept.made);
    Ok(made.map(|made| Answer {
        physical: made.physical,
        data: serde_json::from_str(&made.data).unwrap_or_default(),
    }))
}
