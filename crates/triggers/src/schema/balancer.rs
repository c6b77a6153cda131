//! Balancers as they are kept.

use base::Space;
use serde::{Deserialize, Serialize};
use store::{Keyspace, Record, Table};

use super::Target;
use super::gateway::FixedAnswer;

/// By the name in small letters.
pub(crate) const BALANCERS: Table<Balancer> = Table::new(Keyspace::Triggers, 60);

/// Takes requests over HTTP and shares them out among groups by rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balancer {
    /// Unique among all, whatever the case of its letters: it stands in host names.
    pub name: String,
    pub space: Space,
    pub listeners: Vec<Listener>,
    pub groups: Vec<Group>,
    pub forwarded: Forwarded,
}

impl Record for Balancer {}

/// What becomes of what a request says about whom it was forwarded for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Forwarded {
    /// The caller is added to it.
    #[default]
    Append,
    /// It stays as it is.
    Preserve,
    Remove,
}

/// A port on which a balancer is told to listen. Here it is a part of the address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    pub port: u16,
    pub secure: bool,
    /// In the order in which they are tried.
    pub rules: Vec<Rule>,
    /// For what no rule takes.
    pub otherwise: Action,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// All of them must hold.
    pub conditions: Vec<Condition>,
    pub action: Action,
}

/// Holds if one of its values fits. Patterns have `*` for any letters, `?` for one, and `\` before what stands for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    Path(Vec<String>),
    Host(Vec<String>),
    /// Whole words.
    Method(Vec<String>),
    Header {
        name: String,
        values: Vec<String>,
    },
    Query(Vec<QueryPattern>),
    Source(Vec<Network>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryPattern {
    /// None for any.
    pub name: Option<String>,
    pub value: String,
}

/// Addresses that begin alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    pub address: std::net::IpAddr,
    /// How many bits are alike.
    pub bits: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// By weight.
    Forward(Vec<Share>),
    Answer(FixedAnswer),
    Redirect(Redirect),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The group's id.
    pub group: String,
    pub weight: u32,
}

/// Sends a caller elsewhere. In all but the status, `#{host}`, `#{path}`, `#{port}`, `#{protocol}` and `#{query}` stand for
/// what the request has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    pub status: u16,
    pub protocol: String,
    pub host: String,
    pub port: String,
    pub path: String,
    pub query: String,
}

/// Who answers what is forwarded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its full name, as functions are told it.
    pub id: String,
    /// None for a group that nobody belongs to.
    pub target: Option<Target>,
    /// Whether headers and parameters are told as lists, and only so.
    pub lists: bool,
}
