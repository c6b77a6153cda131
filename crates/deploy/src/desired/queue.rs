//! Queues, and where their dead letters go.

use std::collections::BTreeMap;

use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Queue {
    pub name: String,
    pub ordered: bool,
    pub visibility_s: u32,
    pub delay_s: u32,
    pub retention_s: u32,
    pub max_bytes: u32,
    pub wait_s: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redrive: Option<Redrive>,
    /// The names of the queues that may give it their dead letters; none for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<String>>,
    pub once_by_content: bool,
    pub once_per_group: bool,
    pub throughput_per_group: bool,
    /// What is kept and shown, by its name in the cloud.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub kept: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// Where a queue's dead letters go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Redrive {
    /// The name of the queue.
    pub to: String,
    pub max_receives: u32,
}
