//! The same for every function.

use std::time::Duration;

use super::{KeepAlive, Plan};

/// What one of the large clouds was seen to do, and the yardstick of the published comparisons.
pub(super) const USUAL: Duration = Duration::from_secs(600);

pub(super) struct Fixed(pub(super) Duration);

impl KeepAlive for Fixed {
    fn called_after(&mut self, _idle: Duration) {}

    fn plan(&self) -> Plan {
        Plan::one(Duration::ZERO, self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_seen_changes_it() {
        let mut fixed = Fixed(USUAL);
        let before = fixed.plan();
        for secs in [1, 100, 100_000] {
            fixed.called_after(Duration::from_secs(secs));
        }
        assert_eq!(fixed.plan(), before);
        assert_eq!(before.keep(), USUAL);
        assert!(before.ahead().is_empty());
    }
}
