//! Which keys were written lately, to tell a transaction that its reads are stale.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use super::{Commit, Version};
use crate::hashed::ByHash;

/// How many written keys make a generation. Two are remembered; a transaction older than both is turned away and runs
/// again. Transactions live for microseconds, so this many are far more than any of them misses.
const GENERATION: usize = 32_768;

#[derive(Debug)]
pub(super) struct Conflicts<K> {
    hashes: RandomState,
    young: Generation<K>,
    /// The one before.
    old: Generation<K>,
    /// The last version in `old`: what is forgotten when it goes.
    old_until: Version,
    /// Writes up to this version are forgotten.
    floor: Version,
}

#[derive(Debug)]
struct Generation<K> {
    /// The last version that wrote each key, by its hash: two keys that share one are at worst a needless conflict.
    latest: ByHash<Version>,
    /// All writes, oldest first. What a range is checked against: a transaction misses only the last few of them, while
    /// a range of keys may hold thousands that were written long before it began, such as those of a queue's done items.
    written: Vec<Written<K>>,
}

#[derive(Debug)]
struct Written<K> {
    version: Version,
    key: K,
    /// Or it was deleted.
    put: bool,
}

impl<K> Default for Generation<K> {
    fn default() -> Self {
        Self {
            latest: ByHash::default(),
            written: Vec::new(),
        }
    }
}

impl<K> Generation<K> {
    fn since(&self, version: Version) -> impl Iterator<Item = &Written<K>> {
        let newer = self.written.iter().rev();
        newer.take_while(move |written| written.version > version)
    }
}

impl<K: AsRef<[u8]>> Conflicts<K> {
    /// Nothing written before `version` can matter: no transaction is older.
    pub(super) fn since(version: Version) -> Self {
        Self {
            hashes: RandomState::new(),
            young: Generation::default(),
            old: Generation::default(),
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
        let generations = [&self.young, &self.old];
        let stale = |version: &Version| *version > commit.read_version;
        let key_changed = |key: &Vec<u8>| {
            let hash = self.hashes.hash_one(key.as_slice());
            let mut latest = generations.iter().map(|each| each.latest.get(&hash));
            latest.any(|version| version.is_some_and(stale))
        };
        let range_changed = || {
            let each = generations.iter();
            let mut written = each.flat_map(|each| each.since(commit.read_version));
            written.any(|written| {
                reads
                    .ranges
                    .iter()
                    .any(|range| range.contains(written.key.as_ref()))
            })
        };
        !reads.keys.iter().any(key_changed) && (reads.ranges.is_empty() || !range_changed())
    }

    /// The keys that were put after this version.
    pub(super) fn puts_since(&self, version: Version) -> impl Iterator<Item = &[u8]> {
        let written = self.young.since(version).chain(self.old.since(version));
        written
            .filter(|written| written.put)
            .map(|written| written.key.as_ref())
    }

    /// Notes that a version wrote these keys, and of each whether it put it.
    pub(super) fn remember(&mut self, version: Version, keys: impl Iterator<Item = (K, bool)>) {
        if self.young.written.len() >= GENERATION {
            self.floor = self.old_until;
            // The room that the oldest had is used again.
            self.old.latest.clear();
            self.old.written.clear();
            std::mem::swap(&mut self.young, &mut self.old);
            self.old_until = version.saturating_sub(1);
        }
        for (key, put) in keys {
            self.young
                .latest
                .insert(self.hashes.hash_one(key.as_ref()), version);
            self.young.written.push(Written { version, key, put });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

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
            stamped: vec![],
            timers: vec![],
            added: vec![],
            durability: Durability::Synced,
        }
    }

    #[test]
    fn only_a_read_that_was_overwritten_since_is_a_conflict() {
        let mut conflicts = Conflicts::since(0);
        conflicts.remember(5, [(b"m".to_vec(), true)].into_iter());
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
                let key = [&[generation][..], &n.to_be_bytes()].concat();
                conflicts.remember(version, [(key, true)].into_iter());
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
