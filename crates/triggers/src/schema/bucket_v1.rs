//! A bucket's bindings as they were kept before its changes could be put on a bus.

use serde::{Deserialize, Serialize};
use store::Record;

use super::{BucketBindings, ObjectBinding};

#[derive(Serialize, Deserialize)]
pub(super) struct BucketBindingsV1 {
    bindings: Vec<ObjectBinding>,
}

impl Record for BucketBindingsV1 {}

impl BucketBindingsV1 {
    pub(super) fn read(version: u8, body: &[u8]) -> store::Result<Self> {
        let mut stored = vec![version];
        stored.extend_from_slice(body);
        Self::decode(&stored)
    }
}

impl From<BucketBindingsV1> for BucketBindings {
    fn from(old: BucketBindingsV1) -> Self {
        Self {
            bindings: old.bindings,
            on_bus: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_before_still_reads() {
        let old = BucketBindingsV1 {
            bindings: Vec::new(),
        };
        let new = BucketBindings::decode(&old.encode()).unwrap();
        assert!(!new.on_bus);
        let new = BucketBindings {
            on_bus: true,
            ..new
        };
        assert!(BucketBindings::decode(&new.encode()).unwrap().on_bus);
    }
}
