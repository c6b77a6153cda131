//! Buckets, who may use them, and who is told of what changes in them.

use std::collections::BTreeMap;

use objects::{Barriers, Lifecycle, OriginRule, Versioning, Website};
use serde::Serialize;

use super::is_false;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bucket {
    pub name: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Which pages from elsewhere it lets in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub origin_rules: Vec<OriginRule>,
    /// Whether what is replaced or deleted stays as an earlier version.
    #[serde(skip_serializing_if = "is_never")]
    pub versioning: Versioning,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website: Option<Website>,
    /// What becomes of its objects with time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<Lifecycle>,
    /// What keeps everybody out, whatever its policy says.
    #[serde(skip_serializing_if = "are_all")]
    pub barriers: Barriers,
    /// Whether objects are said to share a key of their bucket's.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub bucket_key: bool,
}

fn are_all(barriers: &Barriers) -> bool {
    *barriers == Barriers::ALL
}

fn is_never(versioning: &Versioning) -> bool {
    *versioning == Versioning::Never
}

/// Who may do what with a bucket: kept and told, not enforced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BucketPolicy {
    pub bucket: String,
    /// JSON.
    pub policy: String,
}

/// What happens on changes in a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notification {
    pub bucket: String,
    pub rules: Vec<Rule>,
    /// Whether the bucket's changes are put on the default bus.
    #[serde(skip_serializing_if = "is_false")]
    pub on_bus: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Unique in the notification, and the same in every deployment.
    pub id: String,
    #[serde(flatten)]
    pub told: Told,
    /// As the notification's configuration spells it: `s3:ObjectCreated:*`.
    pub events: Vec<String>,
    pub prefix: Option<String>,
    pub suffix: Option<String>,
}

/// Who is told of a change in a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Told {
    Function {
        /// The name of the function that is to run.
        function: String,
        /// The function's alias or version; none for its newest code.
        qualifier: Option<String>,
    },
    /// The ARN of a queue or a topic.
    Place { place: String },
}

impl Told {
    pub fn function(&self) -> Option<&str> {
        match self {
            Self::Function { function, .. } => Some(function),
            Self::Place { .. } => None,
        }
    }
}
