//! What feeds functions in batches: the records of streams and the messages of queues.

use std::collections::BTreeMap;

use serde::Serialize;

/// Records of a stream that a function gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mapping {
    /// What it is from and to.
    pub name: String,
    pub function: String,
    pub qualifier: Option<String>,
    /// The stream's ARN.
    pub source: String,
    pub starting: Starting,
    pub enabled: bool,
    pub batch: u32,
    pub wait_s: u32,
    pub lanes: u32,
    /// None for as often as there is time for.
    pub retries: Option<u32>,
    /// None for as old as the stream keeps them.
    pub age_s: Option<u32>,
    pub bisect: bool,
    pub partial: bool,
    pub tumbling_s: Option<u32>,
    pub filters: Vec<String>,
    /// A bucket's name, or the ARN of a queue or a topic.
    pub failures_to: Option<String>,
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Starting {
    Oldest,
    Newest,
}
