//! Fronts: where, under a prefix that is emptied from its beginning, something may still live.
//!
//! A deleted key leaves a trace in the tree until it is compacted, and a scan walks over every trace. The next due item
//! of a set from which a hundred thousand are done would be found only behind all of theirs. So the store remembers, in
//! memory, for each prefix that somebody has asked for, a *mark* before which nothing lives, and a scan of the front
//! begins there.
//!
//! # Why nothing is ever hidden
//!
//! What holds at all times is: *in a snapshot that sees at least commit `since`, no key under the prefix and before the
//! mark lives*. So a reader that takes its snapshot first and the mark after finds in it just what a scan from the
//! beginning finds in it, and nobody above need know that marks exist.
//!
//! - The back end *lowers* the mark to the least key that a batch puts, before any of the batch is visible. A snapshot
//!   with the put in it is therefore taken after the mark was lowered. A batch that then fails has lowered the mark for
//!   nothing, which costs a longer scan and never an answer.
//! - A reader that found nothing before some key *raises* the mark to it, and `since` to the newest commit that its
//!   snapshot saw: an older snapshot may have what was deleted up to there. Puts of batches that its snapshot is not
//!   sure to have seen are remembered for a while, and the mark is raised no further than the least of them. (Refusing
//!   to raise it at all would, under steady writes, be never to raise it.) A reader older than what is remembered raises
//!   nothing, and nor does one whose snapshot is older than the moment from which the prefix was watched.
//! - A snapshot that is older than `since` does without the mark.
//!
//! Marks are gone with the process, and may be forgotten at any time. What a transaction is known to have read is the
//! whole range, mark or no mark, so conflicts are found as ever.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use parking_lot::Mutex;

use crate::Result;
use crate::backend::{Snapshot, Version};
use crate::key::{Key, KeyRange};
use crate::view::Pair;

/// How many prefixes are watched. When there are more all are forgotten: whoever is still interested asks again.
const MOST: usize = 1_024;
/// How many batches' puts are remembered for each prefix: as many as may be written while one scan runs.
const REMEMBERED: usize = 32;

#[derive(Default)]
pub(crate) struct Fronts(Mutex<Watched>);

#[derive(Default)]
struct Watched {
    /// The newest batch that was announced here; it may not be visible yet.
    announced: Version,
    /// By prefix. None of them begins with another, so a key is under at most one.
    fronts: BTreeMap<Vec<u8>, Front>,
}

struct Front {
    mark: Vec<u8>,
    since: Version,
    /// The least key that each of the last batches put, where no later one put a lesser: both parts only grow.
    puts: VecDeque<(Version, Vec<u8>)>,
    /// Of batches up to this one it is not known what they put.
    forgotten: Version,
}

impl Fronts {
    /// The first `limit` pairs under `prefix` and before `end`, as `snapshot` has them.
    pub(crate) fn scan(
        &self,
        snapshot: &dyn Snapshot,
        prefix: &Key,
        end: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>> {
        let range = front_range(prefix, end);
        if range.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        let mark = self.mark(prefix.as_slice(), snapshot.version());
        let rest = range.from(&mark);
        let pairs = snapshot.scan(&rest, limit)?;
        let reached = pairs.first().map_or(&rest.end, |(first, _)| first);
        if *reached > mark {
            let seen = snapshot.version();
            self.raise(prefix.as_slice(), seen, snapshot.newest()?, reached);
        }
        Ok(pairs)
    }

    /// From where a snapshot of this version must be looked at.
    fn mark(&self, prefix: &[u8], version: Version) -> Vec<u8> {
        let mut watched = self.0.lock();
        if let Some(front) = watched.fronts.get(prefix) {
            let old = version < front.since;
            return if old { prefix } else { &front.mark }.to_vec();
        }
        watched.watch(prefix);
        prefix.to_vec()
    }

    /// Notes that a snapshot, sure to see all up to `seen` and nothing after `newest`, has nothing before `reached`.
    fn raise(&self, prefix: &[u8], seen: Version, newest: Version, reached: &[u8]) {
        let mut watched = self.0.lock();
        let Some(front) = watched.fronts.get_mut(prefix) else {
            return;
        };
        if seen < front.forgotten {
            return;
        }
        let unseen = front.puts.iter().find(|(version, _)| *version > seen);
        let reached = unseen.map_or(reached, |(_, least)| reached.min(least));
        if reached > front.mark.as_slice() {
            front.mark = reached.to_vec();
            front.since = front.since.max(newest);
        }
    }

    /// Announces the batch that ends with commit `version` and the keys that it puts. To be called before any of it
    /// can be seen, and for each batch: one that puts nothing, too.
    pub(crate) fn lower<'a>(&self, version: Version, puts: impl Iterator<Item = &'a [u8]>) {
        let mut watched = self.0.lock();
        watched.announced = version;
        if watched.fronts.is_empty() {
            return;
        }
        for key in puts {
            if let Some(front) = watched.above(key) {
                front.lower(version, key);
            }
        }
    }
}

impl Watched {
    /// The front that `key` is under.
    fn above(&mut self, key: &[u8]) -> Option<&mut Front> {
        // Whatever sorts between a prefix and a key under it begins with that prefix too, so no other front does.
        let upto = (Bound::Unbounded, Bound::Included(key));
        let (prefix, front) = self.fronts.range_mut::<[u8], _>(upto).next_back()?;
        key.starts_with(prefix).then_some(front)
    }

    fn watch(&mut self, prefix: &[u8]) {
        if self.fronts.len() >= MOST {
            self.fronts.clear();
        }
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let within = self.fronts.range::<[u8], _>(from).next();
        let around = within.is_some_and(|(within, _)| within.starts_with(prefix));
        if around || self.above(prefix).is_some() {
            debug_assert!(false, "one front is within another");
            return;
        }
        let front = Front {
            mark: prefix.to_vec(),
            since: 0,
            puts: VecDeque::new(),
            forgotten: self.announced,
        };
        self.fronts.insert(prefix.to_vec(), front);
    }
}

impl Front {
    fn lower(&mut self, version: Version, key: &[u8]) {
        if key < self.mark.as_slice() {
            self.mark = key.to_vec();
        }
        // One that stands for the same batch, or for an earlier one, and for a greater key is spoken for by this one.
        while self
            .puts
            .back()
            .is_some_and(|(_, least)| key <= least.as_slice())
        {
            self.puts.pop_back();
        }
        if self.puts.back().is_some_and(|(last, _)| *last == version) {
            return;
        }
        self.puts.push_back((version, key.to_vec()));
        if self.puts.len() > REMEMBERED
            && let Some((version, _)) = self.puts.pop_front()
        {
            self.forgotten = self.forgotten.max(version);
        }
    }
}

pub(crate) fn front_range(prefix: &Key, end: Option<&[u8]>) -> KeyRange {
    let range = prefix.range();
    match end {
        Some(end) => range.before(end),
        None => range,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIX: &[u8] = b"p";

    fn watching() -> Fronts {
        let fronts = Fronts::default();
        fronts.mark(PREFIX, 0);
        fronts
    }

    fn put(fronts: &Fronts, version: Version, key: &str) {
        fronts.lower(version, [key.as_bytes()].into_iter());
    }

    fn mark(fronts: &Fronts, version: Version) -> String {
        String::from_utf8(fronts.mark(PREFIX, version)).unwrap()
    }

    #[test]
    fn a_put_lowers_the_mark_before_it_is_visible() {
        let fronts = watching();
        fronts.raise(PREFIX, 0, 0, b"pm");
        assert_eq!(mark(&fronts, 0), "pm");
        put(&fronts, 1, "pz");
        assert_eq!(mark(&fronts, 0), "pm");
        put(&fronts, 2, "pb");
        assert_eq!(mark(&fronts, 0), "pb");
        put(&fronts, 3, "q");
        assert_eq!(mark(&fronts, 0), "pb", "another's key");
    }

    #[test]
    fn who_may_not_have_seen_a_put_raises_the_mark_no_further_than_it() {
        let fronts = watching();
        put(&fronts, 5, "pk");
        put(&fronts, 6, "pt");
        put(&fronts, 7, "ps");
        fronts.raise(PREFIX, 4, 4, b"pz");
        assert_eq!(mark(&fronts, 9), "pk");
        fronts.raise(PREFIX, 5, 5, b"pz");
        assert_eq!(mark(&fronts, 9), "ps");
        fronts.raise(PREFIX, 7, 7, b"pz");
        assert_eq!(mark(&fronts, 9), "pz");
    }

    #[test]
    fn a_snapshot_older_than_the_one_that_raised_the_mark_does_without() {
        let fronts = watching();
        fronts.raise(PREFIX, 7, 8, b"pm");
        assert_eq!(mark(&fronts, 7), "p");
        assert_eq!(mark(&fronts, 8), "pm");
    }

    #[test]
    fn what_was_put_before_the_prefix_was_watched_or_too_long_ago_is_not_assumed_away() {
        let fronts = Fronts::default();
        put(&fronts, 5, "pa");
        fronts.mark(PREFIX, 4);
        fronts.raise(PREFIX, 4, 4, b"pz");
        assert_eq!(mark(&fronts, 9), "p");
        fronts.raise(PREFIX, 5, 5, b"pz");
        assert_eq!(mark(&fronts, 9), "pz");
        let fronts = watching();
        let many = 10 + REMEMBERED as Version;
        for version in 1..=many {
            put(&fronts, version, &format!("p{version:04}"));
        }
        fronts.raise(PREFIX, 9, 9, b"pz");
        assert_eq!(mark(&fronts, many), "p", "the tenth is forgotten");
        fronts.raise(PREFIX, 10, 10, b"pz");
        assert_eq!(mark(&fronts, many), "p0011");
    }

    #[test]
    fn when_too_many_are_watched_all_are_forgotten() {
        let fronts = watching();
        fronts.raise(PREFIX, 0, 0, b"pm");
        for n in 0..MOST {
            fronts.mark(
                Key::new(crate::Keyspace::Test, 0).u64(n as u64).as_slice(),
                0,
            );
        }
        assert_eq!(mark(&fronts, 0), "p");
    }
}
