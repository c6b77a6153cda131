//! Which keys were written lately, to tell a transaction that its reads are stale.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::{Commit, Version};

/// How many written keys make a generation. Two are remembered; a transaction older than both is turned away and runs
/// again. Transactions live for microseconds, so this many are far more than any of them misses.
const GENERATION: usize = 32_768;

#[derive(Debug)]
pub(super) struct Conflicts {
    /// The last version that wrote each key, for the newest keys.
    young: BTreeMap<Vec<u8>, Version>,
    /// The same for the generation before.
    old: BTreeMap<Vec<u8>, Version>,
    /// The last version in `old`: what is forgotten when it goes.
    old_until: Version,
    /// Writes up to this version are forgotten.
    floor: Version,
}

impl Conflicts {
    /// Nothing written before `version` can matter: no transaction is older.
    pub(super) fn since(version: Version) -> Self {
        Self {
            young: BTreeMap::new(),
            old: BTreeMap::new(),
            old_until: version,
            floor: version,
        }
    }

    /// Whether all that the transaction read still stands.
    pub(super) fn allow(&self, commit: &Commit) -> bool {
        let reads = &commit.reads;
        if reads.keys.is_empty() && reads.ranges.is_empty() {
            return true;
        }
        if commit.read_version < self.floor {
            return false;
        }
        let stale = |version: &Version| *version > commit.read_version;
        [&self.young, &self.old].iter().all(|latest| {
            let key_changed = reads
                .keys
                .iter()
                .any(|key| latest.get(key).is_some_and(stale));
            let range_changed = || {
                reads
                    .ranges
                    .iter()
                    .filter(|range| !range.is_empty())
                    .any(|range| {
                        let bounds = (
                            Bound::Included(range.start.as_slice()),
                            Bound::Excluded(range.end.as_slice()),
                        );
                        latest
                            .range::<[u8], _>(bounds)
                            .any(|(_, version)| stale(version))
                    })
            };
            !key_changed && !range_changed()
        })
    }

    pub(super) fn remember<'a>(
        &mut self,
        version: Version,
        keys: impl Iterator<Item = &'a Vec<u8>>,
    ) {
        if self.young.len() >= GENERATION {
            self.floor = self.old_until;
            self.old = std::mem::take(&mut self.young);
            self.old_until = version.saturating_sub(1);
        }
        self.young.extend(keys.map(|key| (key.clone(), version)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Durability;
    use crate::backend::Reads;
    use crate::key::KeyRange;

    fn reading(read_version: Version, keys: &[&str], ranges: &[(&str, &str)]) -> Commit {
        let reads = Reads {
            keys: keys.iter().map(|key| key.as_bytes().to_vec()).collect(),
            ranges: ranges
                .iter()
                .map(|(start, end)| KeyRange {
                    start: start.as_bytes().to_vec(),
                    end: end.as_bytes().to_vec(),
                })
                .collect(),
        };
        Commit {
            read_version,
            reads,
            writes: BTreeMap::new(),
            appends: vec![],
            timers: vec![],
            durability: Durability::Synced,
        }
    }

    #[test]
    fn only_a_read_that_was_overwritten_since_is_a_conflict() {
        let mut conflicts = Conflicts::since(0);
        conflicts.remember(5, [b"m".to_vec()].iter());
        assert!(!conflicts.allow(&reading(4, &["m"], &[])));
        assert!(conflicts.allow(&reading(5, &["m"], &[])));
        assert!(conflicts.allow(&reading(4, &["n"], &[])));
        assert!(!conflicts.allow(&reading(4, &[], &[("a", "z")])));
        assert!(
            conflicts.allow(&reading(4, &[], &[("a", "m")])),
            "the end is not part of a range"
        );
        assert!(
            conflicts.allow(&reading(4, &[], &[("z", "a")])),
            "an inside-out range holds nothing"
        );
    }

    #[test]
    fn a_transaction_older_than_what_is_remembered_is_turned_away() {
        let mut conflicts = Conflicts::since(0);
        let mut version = 0;
        for generation in 0..3_u8 {
            for n in 0..GENERATION {
                version += 1;
                conflicts.remember(
                    version,
                    [[&[generation][..], &n.to_be_bytes()].concat()].iter(),
                );
            }
        }
        let generation = Version::try_from(GENERATION).unwrap();
        assert!(!conflicts.allow(&reading(generation - 1, &["unrelated"], &[])));
        assert!(conflicts.allow(&reading(generation, &["unrelated"], &[])));
        assert!(
            conflicts.allow(&reading(0, &[], &[])),
            "a blind write reads nothing that could be stale"
        );
        let second = [&[1][..], &0_usize.to_be_bytes()].concat();
        let mut commit = reading(generation, &[], &[]);
        commit.reads.keys.push(second);
        assert!(
            !conflicts.allow(&commit),
            "the older generation still counts"
        );
    }
}
