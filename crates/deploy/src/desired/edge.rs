//! Distributions: what stands in front of origins, and the functions that run there.

use serde::Serialize;
use triggers::edge::{Moment, Passed};

/// Stands in front of origins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Edge {
    pub id: String,
    pub enabled: bool,
    pub root: Option<String>,
    pub origins: Vec<triggers::edge::Origin>,
    /// In the order in which they are tried; the last is for every path.
    pub behaviors: Vec<EdgeBehavior>,
    pub pages: Vec<triggers::edge::ErrorPage>,
}

impl Edge {
    /// The names of those that run at it.
    pub(crate) fn functions(&self) -> impl Iterator<Item = &str> {
        let functions = self.behaviors.iter().flat_map(|one| &one.functions);
        functions.map(|one| one.function.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EdgeBehavior {
    pub pattern: Option<String>,
    pub origin: String,
    pub methods: Vec<String>,
    pub query: Passed,
    pub headers: Passed,
    pub cookies: Passed,
    pub functions: Vec<EdgeFunction>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EdgeFunction {
    pub moment: Moment,
    pub function: String,
    pub version: EdgeVersion,
    pub with_body: bool,
}

/// Which version runs at an edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EdgeVersion {
    Number(u64),
    /// The one that a resource of the template publishes, by its name.
    Published(String),
    /// The one that the alias names when the edge is made.
    Alias(String),
}
