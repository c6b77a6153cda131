//! A bucket's bindings as they were kept before its changes could go anywhere but to functions.

use serde::{Deserialize, Serialize};
use store::Record;

use super::{BucketBindings, EventKind, ObjectBinding};
use crate::target::{Destination, Target};

#[derive(Serialize, Deserialize)]
pub(super) struct BucketBindingsV1 {
    bindings: Vec<ObjectBindingV1>,
}

#[derive(Serialize, Deserialize)]
struct ObjectBindingV1 {
    id: String,
    target: Target,
    kinds: Vec<EventKind>,
    prefix: String,
    suffix: String,
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
            bindings: old.bindings.into_iter().map(ObjectBinding::from).collect(),
            on_bus: false,
        }
    }
}

impl From<ObjectBindingV1> for ObjectBinding {
    fn from(old: ObjectBindingV1) -> Self {
        Self {
            id: old.id,
            target: Destination::Function(old.target),
            kinds: old.kinds,
            prefix: old.prefix,
            suffix: old.suffix,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_before_still_reads() {
        let target = || Target {
            space: base::Space::new("s"),
            function: "f".into(),
            qualifier: None,
        };
        let old = BucketBindingsV1 {
            bindings: vec![ObjectBindingV1 {
                id: "a".into(),
                target: target(),
                kinds: vec![EventKind::Created],
                prefix: "in/".into(),
                suffix: ".jpg".into(),
            }],
        };
        let new = BucketBindings::decode(&old.encode()).unwrap();
        assert_eq!(new.bindings[0].target, Destination::Function(target()));
        assert_eq!(new.bindings[0].suffix, ".jpg");
        assert!(!new.on_bus);
        let new = BucketBindings {
            on_bus: true,
            ..new
        };
        assert!(BucketBindings::decode(&new.encode()).unwrap().on_bus);
    }
}
