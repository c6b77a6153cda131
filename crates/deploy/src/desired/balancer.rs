//! Load balancers.

use serde::Serialize;

/// Shares out requests over HTTP by rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Balancer {
    pub name: String,
    pub listeners: Vec<triggers::balancer::Listener>,
    pub groups: Vec<Group>,
    pub forwarded: triggers::balancer::Forwarded,
}

impl Balancer {
    /// The names of those that answer for its groups.
    pub(crate) fn functions(&self) -> impl Iterator<Item = &str> {
        let groups = self.groups.iter();
        groups.filter_map(|group| group.function.as_deref())
    }
}

/// A group of a balancer, of which one function answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Its ARN.
    pub id: String,
    pub function: Option<String>,
    pub qualifier: Option<String>,
    /// Whether headers and parameters are told as lists.
    pub lists: bool,
}
