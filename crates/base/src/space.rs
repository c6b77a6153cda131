use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Where names live: two resources of one kind may share a name only in different spaces. A face decides what makes
/// a space in its cloud (an account and a region, a subscription, a project); to the engines it is opaque.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Space(Arc<str>);

impl Space {
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
