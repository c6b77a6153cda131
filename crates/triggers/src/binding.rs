//! Which binding a change matches, and which bindings may not stand beside each other.

use crate::schema::{EventKind, ObjectBinding};
use crate::{Error, Result};

impl EventKind {
    /// Whether a binding for `self` wants changes of the kind `change`.
    fn covers(self, change: Self) -> bool {
        match self {
            Self::Created => matches!(
                change,
                Self::Created
                    | Self::CreatedByPut
                    | Self::CreatedByPost
                    | Self::CreatedByCopy
                    | Self::CreatedByMultipart
            ),
            Self::Removed => matches!(
                change,
                Self::Removed | Self::RemovedByDelete | Self::RemovedByMarker
            ),
            Self::Expiry => matches!(change, Self::Expiry | Self::Expired | Self::ExpiredByMarker),
            Self::Tagging => matches!(change, Self::Tagging | Self::Tagged | Self::Untagged),
            specific => specific == change,
        }
    }
}

impl ObjectBinding {
    pub(crate) fn matches(&self, key: &str, change: EventKind) -> bool {
        self.kinds.iter().any(|kind| kind.covers(change))
            && key.starts_with(&self.prefix)
            && key.ends_with(&self.suffix)
    }

    /// Whether some change could match both.
    fn overlaps(&self, other: &Self) -> bool {
        let either =
            |a: &str, b: &str, within: fn(&str, &str) -> bool| within(a, b) || within(b, a);
        let kinds = self
            .kinds
            .iter()
            .any(|a| other.kinds.iter().any(|b| a.covers(*b) || b.covers(*a)));
        kinds
            && either(&self.prefix, &other.prefix, |a, b| a.starts_with(b))
            && either(&self.suffix, &other.suffix, |a, b| a.ends_with(b))
    }
}

/// The rules that a bucket's bindings must keep among themselves.
pub(crate) fn check(bindings: &[ObjectBinding]) -> Result<()> {
    for (at, binding) in bindings.iter().enumerate() {
        for other in &bindings[at + 1..] {
            if binding.id == other.id {
                return Err(Error::DuplicateId(binding.id.clone()));
            }
            if binding.overlaps(other) {
                return Err(Error::Overlap(binding.id.clone(), other.id.clone()));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use base::Space;

    use super::*;
    use crate::target::{Destination, Target};

    fn binding(id: &str, kinds: &[EventKind], prefix: &str, suffix: &str) -> ObjectBinding {
        let target = Target {
            space: Space::new("s"),
            function: "f".into(),
            qualifier: None,
        };
        ObjectBinding {
            id: id.into(),
            target: Destination::Function(target),
            kinds: kinds.to_vec(),
            prefix: prefix.into(),
            suffix: suffix.into(),
        }
    }

    #[test]
    fn a_binding_matches_by_kind_prefix_and_suffix() {
        let images = binding("a", &[EventKind::Created], "in/", ".jpg");
        assert!(images.matches("in/x.jpg", EventKind::CreatedByPut));
        assert!(images.matches("in/x.jpg", EventKind::CreatedByMultipart));
        assert!(!images.matches("in/x.png", EventKind::CreatedByPut));
        assert!(!images.matches("out/x.jpg", EventKind::CreatedByPut));
        assert!(!images.matches("in/x.jpg", EventKind::RemovedByDelete));
        let gone = binding("c", &[EventKind::Removed], "", "");
        let unseen = binding("d", &[EventKind::RemovedByDelete], "", "");
        assert!(gone.matches("x", EventKind::RemovedByMarker));
        assert!(!unseen.matches("x", EventKind::RemovedByMarker));
        assert!(!gone.matches("x", EventKind::Expired));
        let ended = binding("e", &[EventKind::Expiry], "", "");
        assert!(ended.matches("x", EventKind::Expired));
        assert!(ended.matches("x", EventKind::ExpiredByMarker));
        let copies = binding("b", &[EventKind::CreatedByCopy], "", "");
        assert!(copies.matches("anything", EventKind::CreatedByCopy));
        assert!(!copies.matches("anything", EventKind::CreatedByPut));
    }

    #[test]
    fn bindings_that_one_change_could_match_are_refused() {
        use EventKind::{Created, CreatedByCopy, Removed};
        let base = binding("a", &[Created], "in/", ".jpg");
        let with = |other| check(&[base.clone(), other]);
        assert!(matches!(
            with(binding("b", &[CreatedByCopy], "in/2026/", "")),
            Err(Error::Overlap(..))
        ));
        assert!(matches!(
            with(binding("a", &[Removed], "", "")),
            Err(Error::DuplicateId(_))
        ));
        assert!(with(binding("b", &[Removed], "", "")).is_ok());
        assert!(with(binding("b", &[Created], "out/", "")).is_ok());
        assert!(with(binding("b", &[Created], "", ".png")).is_ok());
    }
}
