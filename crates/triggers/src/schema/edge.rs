//! Edges as they are kept.

use base::Space;
use serde::{Deserialize, Serialize};
use store::{Keyspace, Record, Table};

use super::Target;

/// By id.
pub(crate) const EDGES: Table<Edge> = Table::new(Keyspace::Triggers, 61);

/// Stands in front of origins, and lets functions change what is asked of them and what they answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// Unique among all: it stands in host names.
    pub id: String,
    pub space: Space,
    pub enabled: bool,
    /// What is meant by the root, without a slash before it.
    pub root: Option<String>,
    pub origins: Vec<Origin>,
    /// In the order in which they are tried; the last is for every path.
    pub behaviors: Vec<Behavior>,
    pub pages: Vec<ErrorPage>,
}

impl Record for Edge {}

/// Where answers come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Unique in the edge.
    pub id: String,
    /// The host, as requests name it.
    pub domain: String,
    /// Stands before every path; empty, or with a slash before and none behind.
    pub path: String,
    /// What is told with every request.
    pub headers: Vec<(String, String)>,
    pub server: Server,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Server {
    /// A bucket, which the domain names.
    Bucket {
        signed: bool,
    },
    Web(Web),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Web {
    pub protocol: Protocol,
    pub port: u16,
    pub secure_port: u16,
    pub read_timeout_s: u32,
    pub keep_alive_s: u32,
    /// Which encryption may be used, in the words of the face.
    pub encryption: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Plain,
    Secure,
    /// The caller's.
    Same,
}

/// What is done with some of the requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behavior {
    /// With `*` and `?`; none for every path.
    pub pattern: Option<String>,
    /// The origin's id.
    pub origin: String,
    pub methods: Vec<String>,
    pub query: Passed,
    pub headers: Passed,
    pub cookies: Passed,
    pub functions: Vec<Attached>,
}

/// What of a request reaches the origin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Passed {
    #[default]
    Nothing,
    /// Of headers: all but those that are usually left out.
    Usual,
    All,
    Only(Vec<String>),
    Except(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    pub moment: Moment,
    pub target: Target,
    /// Whether the request's body is shown.
    pub with_body: bool,
}

/// When a function is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// The caller has asked.
    ViewerRequest,
    /// The origin is about to be asked.
    OriginRequest,
    /// The origin has answered.
    OriginResponse,
    /// The caller is about to be answered.
    ViewerResponse,
}

/// What is shown in place of an origin's error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorPage {
    pub status: u16,
    /// Where the page is, and the status with which it is shown; none for the origin's own.
    pub page: Option<(String, u16)>,
}
