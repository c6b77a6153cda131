//! Buses, what is on them, and what rules reach outside.

use std::collections::BTreeMap;

use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventBus {
    pub name: String,
    pub description: Option<String>,
    pub dead_letters: Option<String>,
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventRule {
    /// The bus and the rule, with a bar between them.
    pub name: String,
    pub bus: String,
    pub rule: String,
    pub pattern: Option<String>,
    pub schedule: Option<String>,
    pub enabled: bool,
    pub description: Option<String>,
    pub tags: BTreeMap<String, String>,
    pub targets: Vec<triggers::RuleTarget>,
}

/// A sentence of a bus' policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BusPolicy {
    /// The bus and the sentence, with a bar between them.
    pub name: String,
    pub bus: String,
    pub id: String,
    /// JSON.
    pub statement: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Archive {
    pub name: String,
    pub bus: String,
    pub description: Option<String>,
    pub pattern: Option<String>,
    pub days: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Connection {
    pub name: String,
    /// A part of its ARN.
    pub id: String,
    pub description: Option<String>,
    pub proof: triggers::Proof,
    pub extra: triggers::Extra,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Address {
    pub name: String,
    /// A part of its ARN.
    pub id: String,
    pub description: Option<String>,
    pub connection: String,
    pub url: String,
    pub method: String,
    pub rate: u32,
}
