//! Many patterns at once.
//!
//! Of each alternative of a pattern, one condition is chosen that can be looked up: whose tests all want certain values,
//! or beginnings or ends of them, addresses of a network, numbers of a range, or any value at a path at all. (What wants
//! any value *but* some is wanted by nearly every event, so to look for those would spare nothing.) The alternative is filed under those keys, and an event
//! is asked for its own keys: only what is filed there is looked at. Which condition is chosen depends on what is filed
//! already: the one with the fewest under it, so a value that most patterns share tells nothing and is not used. What is
//! still much under one key is filed there again by another condition.
//!
//! What nothing can be looked up of (all its conditions want an absence) is looked at for each event.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;

use super::Pattern;
use super::number;
use super::test::{Test, Text};

use ranges::{Range, Ranges, Rank, rank};

mod ranges;

/// As few are looked at one by one.
const FEW: usize = 4;
/// Patterns that are gone are swept when there are more of them than of others, and more than this.
const MOST_GONE: usize = 64;

/// Finds the patterns that an event matches.
#[derive(Debug, Default)]
pub struct Index {
    patterns: HashMap<u64, Arc<Pattern>>,
    root: Node,
    names: Names,
    paths: usize,
    /// Patterns that are gone, but filed still.
    gone: usize,
    next: u64,
}

/// A path's number, and a number that is all there is to know of a key that may be longer.
type Filed = (usize, Key);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Key {
    Text(String),
    /// The bits of a floating point number: equal ones have the same.
    Number(u64),
    Truth(bool),
    Null,
    /// In small letters.
    AnyCase(String),
    Affix(Affix, String),
    Network(Network),
    /// Looked up by its own means, and not divided further.
    Within(Range),
    /// Any value.
    Present,
}

/// The first bits of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Network {
    is_new: bool,
    bits: u8,
    address: u128,
}

/// A beginning or an end of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Affix {
    at_end: bool,
    any_case: bool,
}

#[derive(Debug, Default)]
struct Node {
    /// Patterns' numbers.
    here: Vec<u64>,
    below: HashMap<Filed, Node>,
    /// By the path's number.
    ranges: HashMap<usize, Ranges>,
    size: usize,
}

/// What an event is filed under, if it were a pattern.
#[derive(Debug, Default)]
struct Keys {
    filed: Vec<Filed>,
    numbers: Vec<(usize, Rank)>,
}

/// The paths that are looked up, as a tree.
#[derive(Debug, Default)]
struct Names {
    path: Option<Path>,
    below: HashMap<String, Names>,
}

#[derive(Debug)]
struct Path {
    number: usize,
    /// How long the beginnings and ends are that were filed.
    lengths: BTreeMap<Affix, BTreeSet<usize>>,
    /// Which networks were filed, by how many of their bits matter.
    networks: BTreeSet<(bool, u8)>,
    has_ranges: bool,
}

/// A condition that can be looked up, by one of these keys.
type Lookup = Vec<Filed>;

impl Index {
    /// Returns by what the pattern will be known.
    pub fn insert(&mut self, pattern: Arc<Pattern>) -> u64 {
        let id = self.next;
        self.next += 1;
        self.file(id, &pattern);
        self.patterns.insert(id, pattern);
        id
    }

    pub fn remove(&mut self, id: u64) {
        if self.patterns.remove(&id).is_none() {
            return;
        }
        self.gone += 1;
        if self.gone > MOST_GONE && self.gone > self.patterns.len() {
            self.sweep();
        }
    }

    /// Which of the patterns the event matches.
    pub fn matching(&self, event: &Value) -> Vec<u64> {
        let mut candidates = self.candidates(event);
        candidates.retain(|id| {
            let pattern = self.patterns.get(id);
            pattern.is_some_and(|pattern| pattern.matches(event))
        });
        candidates
    }

    /// All of those are among these.
    pub(super) fn candidates(&self, event: &Value) -> Vec<u64> {
        let mut keys = Keys::default();
        self.names.visit(event, &mut keys);
        keys.filed.sort_unstable();
        keys.filed.dedup();
        let mut candidates = Vec::new();
        self.root.collect(&keys, &mut candidates);
        candidates.sort_unstable();
        candidates.dedup();
        candidates
    }

    fn file(&mut self, id: u64, pattern: &Pattern) {
        for conditions in &pattern.alternatives {
            let mut lookups: Vec<Lookup> = Vec::new();
            for condition in conditions {
                let names = &pattern.paths[condition.path];
                let Some(keys) = keys(&condition.tests) else {
                    continue;
                };
                let path = self.names.path(names, &mut self.paths);
                path.remember(&keys);
                lookups.push(keys.into_iter().map(|key| (path.number, key)).collect());
                lookups.push(vec![(path.number, Key::Present)]);
            }
            self.root.insert(id, lookups);
        }
    }

    fn sweep(&mut self) {
        self.root = Node::default();
        self.names = Names::default();
        self.paths = 0;
        self.gone = 0;
        let mut patterns: Vec<_> = self.patterns.clone().into_iter().collect();
        patterns.sort_unstable_by_key(|(id, _)| *id);
        for (id, pattern) in patterns {
            self.file(id, &pattern);
        }
    }
}

impl Node {
    fn insert(&mut self, id: u64, mut lookups: Vec<Lookup>) {
        self.size += 1;
        if self.here.len() < FEW {
            self.here.push(id);
            return;
        }
        let Some(chosen) = self.choose(&lookups) else {
            self.here.push(id);
            return;
        };
        for filed in lookups.swap_remove(chosen) {
            if let (path, Key::Within(range)) = filed {
                self.ranges.entry(path).or_default().insert(range, id);
                continue;
            }
            let below = self.below.entry(filed).or_default();
            below.insert(id, lookups.clone());
        }
    }

    /// The lookup with the fewest under each of its keys; of several, one that says the most.
    fn choose(&self, lookups: &[Lookup]) -> Option<usize> {
        let crowd = |filed: &Filed| self.crowd(filed);
        let cost = |lookup: &Lookup| {
            let crowd = lookup.iter().map(crowd).max().unwrap_or_default();
            let is_weak = |(_, key): &Filed| matches!(key, Key::Present | Key::Within(_));
            let is_weak = lookup.iter().any(is_weak);
            (crowd, is_weak, lookup.len())
        };
        let numbered = lookups.iter().enumerate();
        numbered
            .min_by_key(|(_, lookup)| cost(lookup))
            .map(|(at, _)| at)
    }

    /// How many are under a key; of a range, how many hold its ends with it.
    fn crowd(&self, (path, key): &Filed) -> usize {
        let Key::Within(range) = key else {
            let below = self.below.get(&(*path, key.clone()));
            return below.map_or(0, |node| node.size);
        };
        let mut found = Vec::new();
        if let Some(ranges) = self.ranges.get(path) {
            ranges.holding(range.from, &mut found);
            ranges.holding(range.to, &mut found);
        }
        found.len()
    }

    fn collect(&self, keys: &Keys, found: &mut Vec<u64>) {
        found.extend(&self.here);
        if !self.below.is_empty() {
            let below = keys.filed.iter().filter_map(|key| self.below.get(key));
            below.for_each(|below| below.collect(keys, found));
        }
        if !self.ranges.is_empty() {
            for (path, number) in &keys.numbers {
                if let Some(ranges) = self.ranges.get(path) {
                    ranges.holding(*number, found);
                }
            }
        }
    }
}

impl Names {
    fn path(&mut self, names: &[String], paths: &mut usize) -> &mut Path {
        let mut at = self;
        for name in names {
            at = at.below.entry(name.clone()).or_default();
        }
        at.path.get_or_insert_with(|| {
            *paths += 1;
            Path {
                number: *paths,
                lengths: BTreeMap::new(),
                networks: BTreeSet::new(),
                has_ranges: false,
            }
        })
    }

    /// What is below the parts of a name that has points in it.
    fn along(&self, name: &str) -> Option<&Self> {
        name.split('.')
            .try_fold(self, |at, part| at.below.get(part))
    }

    /// The keys of an event.
    fn visit(&self, value: &Value, keys: &mut Keys) {
        match value {
            Value::Object(_) if self.below.is_empty() => {}
            Value::Object(members) => {
                if members.len() < self.below.len() {
                    for (name, value) in members {
                        if let Some(below) = self.below.get(name) {
                            below.visit(value, keys);
                        }
                    }
                } else {
                    for (name, below) in &self.below {
                        if let Some(value) = members.get(name) {
                            below.visit(value, keys);
                        }
                    }
                }
                for (name, value) in members.iter().filter(|(name, _)| name.contains('.')) {
                    if let Some(below) = self.along(name) {
                        below.visit(value, keys);
                    }
                }
            }
            Value::Array(elements) => {
                for element in elements {
                    self.visit(element, keys);
                }
            }
            scalar => {
                if let Some(path) = &self.path {
                    path.keys_of(scalar, keys);
                }
            }
        }
    }
}

impl Path {
    fn remember(&mut self, keys: &[Key]) {
        for key in keys {
            match key {
                Key::Affix(affix, text) => {
                    self.lengths.entry(*affix).or_default().insert(text.len());
                }
                Key::Network(network) => {
                    self.networks.insert((network.is_new, network.bits));
                }
                Key::Within(_) => self.has_ranges = true,
                _ => {}
            }
        }
    }

    fn keys_of(&self, value: &Value, keys: &mut Keys) {
        let mut push = |key| keys.filed.push((self.number, key));
        push(Key::Present);
        push(is(value));
        if let Some(number) = value.as_f64().filter(|_| self.has_ranges) {
            let number = number::comparable(number);
            keys.numbers.push((self.number, rank(number)));
        }
        let Value::String(text) = value else {
            return;
        };
        if !self.networks.is_empty()
            && let Ok(address) = text.parse::<IpAddr>()
        {
            let of_kind = self.networks.iter();
            let of_kind = of_kind.filter(|(is_new, _)| *is_new == address.is_ipv6());
            of_kind.for_each(|(_, bits)| push(Key::Network(network(address, *bits))));
        }
        let lower = text.to_lowercase();
        push(Key::AnyCase(lower.clone()));
        for (affix, lengths) in &self.lengths {
            let text = if affix.any_case { &lower } else { text };
            for length in lengths.iter().filter(|length| **length <= text.len()) {
                let part = if affix.at_end {
                    text.get(text.len() - length..)
                } else {
                    text.get(..*length)
                };
                // What would cut a letter in two is no beginning of it.
                if let Some(part) = part {
                    push(Key::Affix(*affix, part.to_owned()));
                }
            }
        }
    }
}

/// Of the values that one of these tests accepts; none if some of them have no key.
fn keys(tests: &[Test]) -> Option<Vec<Key>> {
    if tests.contains(&Test::Absent) {
        return None;
    }
    let keys: Option<Vec<Key>> = tests.iter().map(key).collect();
    Some(keys.unwrap_or_else(|| vec![Key::Present]))
}

fn key(test: &Test) -> Option<Key> {
    let affix = |text: &Text, at_end| {
        let any_case = text.any_case;
        Key::Affix(Affix { at_end, any_case }, text.text.clone())
    };
    match test {
        Test::Is(value) => Some(is(value)),
        Test::Same(text) => Some(Key::AnyCase(text.text.clone())),
        Test::Prefix(text) => Some(affix(text, false)),
        Test::Suffix(text) => Some(affix(text, true)),
        Test::Wildcard(wildcard) if !wildcard.head().is_empty() => {
            Some(affix(&Text::new(wildcard.head(), false), false))
        }
        Test::Wildcard(wildcard) if !wildcard.tail().is_empty() => {
            Some(affix(&Text::new(wildcard.tail(), false), true))
        }
        Test::Number(range) => Some(Key::Within(within(range))),
        Test::Address { network: of, bits } => Some(Key::Network(network(*of, *bits))),
        Test::Wildcard(_) | Test::Present | Test::Absent | Test::Not(_) => None,
    }
}

fn is(value: &Value) -> Key {
    match value {
        Value::String(text) => Key::Text(text.clone()),
        Value::Bool(truth) => Key::Truth(*truth),
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or_default();
            Key::Number(number::comparable(number).to_bits())
        }
        // Patterns' literals and events' values are scalars.
        Value::Null | Value::Array(_) | Value::Object(_) => Key::Null,
    }
}

/// Whether the ends belong to it is seen when the pattern itself is looked at.
fn within(range: &number::Range) -> Range {
    let end = |end: Option<(f64, bool)>| end.map(|(number, _)| rank(number::comparable(number)));
    Range {
        from: end(range.from).unwrap_or(Rank::MIN),
        to: end(range.to).unwrap_or(Rank::MAX),
    }
}

fn network(of: IpAddr, bits: u8) -> Network {
    let (address, length) = match of {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    let rest = length - u32::from(bits);
    Network {
        is_new: of.is_ipv6(),
        bits,
        address: address.checked_shr(rest).unwrap_or(0),
    }
}
