//! Callers' keys, and how much of which gateways they may use.

use base::{Space, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Keyspace, Record, Table};

/// By id.
pub(crate) const CLIENT_KEYS: Table<ClientKey> = Table::new(Keyspace::Triggers, 8);
/// By value: the id.
pub(crate) const KEY_VALUES: Table<KeyId> = Table::new(Keyspace::Triggers, 9);
/// By id.
pub(crate) const PLANS: Table<Plan> = Table::new(Keyspace::Triggers, 10);
/// By a plan's and a key's id.
pub(crate) const USES: Table<Uses> = Table::new(Keyspace::Triggers, 11);

/// By it a caller is known, and what he uses is counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientKey {
    pub id: String,
    pub space: Space,
    pub name: String,
    /// What the caller sends.
    pub value: String,
    pub enabled: bool,
}

impl Record for ClientKey {}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeyId(pub(crate) String);

impl Record for KeyId {}

/// What the holders of some keys may use of some gateways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub id: String,
    pub space: Space,
    pub name: String,
    pub stages: Vec<PlannedStage>,
    /// Ids.
    pub keys: Vec<String>,
    /// Of each key.
    pub rate: Option<Rate>,
    pub quota: Option<Quota>,
}

impl Record for Plan {}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStage {
    pub gateway: String,
    pub stage: String,
    /// Of single routes, by `METHOD /path`.
    pub rates: Vec<(String, Rate)>,
}

/// How fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Thousandths of a request each second.
    pub per_second_milli: u64,
    /// How many at once, when there were none for a while.
    pub burst: u64,
}

/// How many in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    pub limit: u64,
    pub period: Period,
    /// In which day of its week or month a period begins.
    pub offset: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Period {
    Day,
    Week,
    Month,
}

/// What has been used of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Uses {
    /// When the period began in which they were counted.
    pub(crate) since: Timestamp,
    pub(crate) count: u64,
}

impl Record for Uses {}
