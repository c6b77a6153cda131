//! What of a function stays as it was published, and the names that move from one to another.

use serde::Serialize;

/// Publishing with each deployment, and moving an alias along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Publish {
    pub alias: String,
    pub description: Option<String>,
    /// How many instances are kept initialised for the alias.
    pub provisioned: Option<u32>,
}

/// A version that is published once. Its number is known when that is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Version {
    /// `<function>:<logical id>`.
    pub name: String,
    pub function: String,
    pub description: Option<String>,
    pub provisioned: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alias {
    /// `<function>:<alias>`.
    pub name: String,
    pub function: String,
    pub alias: String,
    pub description: String,
    pub version: Numbered,
    /// The other version, and its share of the calls in thousandths of a percent.
    pub other: Option<(Numbered, u32)>,
    pub provisioned: Option<u32>,
}

/// Which version an alias names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Numbered {
    Latest,
    Number(u64),
    /// The one that a resource of the template publishes, by its name.
    Published(String),
}
