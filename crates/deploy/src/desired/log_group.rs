//! Groups of log lines, and who is fed with them.

use std::collections::BTreeMap;

use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogGroup {
    pub name: String,
    /// How long its lines are kept.
    pub days: Option<u32>,
    pub class: Option<String>,
    pub tags: BTreeMap<String, String>,
}

/// Feeds a function with the lines of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LineSubscription {
    /// `<name> of <group>`.
    pub name: String,
    pub pattern: String,
    /// Its ARN.
    pub function: String,
}

impl LineSubscription {
    /// What the name says: how it is called, and of which group it is. Names of groups hold no spaces.
    pub(crate) fn parts(name: &str) -> (&str, &str) {
        name.rsplit_once(" of ").unwrap_or_default()
    }

    pub fn group(&self) -> &str {
        Self::parts(&self.name).1
    }
}
