//! Looking whether an event matches.

use std::collections::HashSet;

use serde_json::Value;

use super::test::Test;
use super::{Condition, Names, Pattern};

/// A value, and in which elements of which arrays it is.
struct Found<'e> {
    value: &'e Value,
    place: Place,
}

/// Elements of arrays, by the array's number, in the order in which they were walked into.
type Place = Vec<(usize, usize)>;

/// What is found at each of a pattern's paths.
struct Walk<'e> {
    found: Vec<Vec<Found<'e>>>,
    arrays: usize,
}

pub(super) fn matches(pattern: &Pattern, event: &Value) -> bool {
    let mut walk = Walk {
        found: std::iter::repeat_with(Vec::new)
            .take(pattern.paths.len())
            .collect(),
        arrays: 0,
    };
    walk.visit(&pattern.names, event, &mut Vec::new());
    let mut alternatives = pattern.alternatives.iter();
    alternatives.any(|conditions| walk.meets(conditions, &Vec::new()))
}

impl<'e> Walk<'e> {
    fn visit(&mut self, names: &Names, value: &'e Value, place: &mut Place) {
        match value {
            Value::Object(members) => {
                if names.below.is_empty() {
                    return;
                }
                for (name, below) in &names.below {
                    if let Some(value) = members.get(name) {
                        self.visit(below, value, place);
                    }
                }
                for (name, value) in members.iter().filter(|(name, _)| name.contains('.')) {
                    if let Some(below) = names.along(name) {
                        self.visit(below, value, place);
                    }
                }
            }
            Value::Array(elements) => {
                let array = self.arrays;
                self.arrays += 1;
                for (at, element) in elements.iter().enumerate() {
                    place.push((array, at));
                    self.visit(names, element, place);
                    place.pop();
                }
            }
            scalar => {
                if let Some(path) = names.path {
                    self.found[path].push(Found {
                        value: scalar,
                        place: place.clone(),
                    });
                }
            }
        }
    }

    /// Whether the conditions are met by values that can stand beside those at `place`.
    fn meets(&self, conditions: &[Condition], place: &Place) -> bool {
        let Some((condition, later)) = conditions.split_first() else {
            return true;
        };
        let matter = self.arrays_of(later);
        let mut tried = HashSet::new();
        let mut absent = true;
        for found in &self.found[condition.path] {
            if !fits(&found.place, place) {
                continue;
            }
            absent = false;
            if !condition.tests.iter().any(|test| test.accepts(found.value)) {
                continue;
            }
            let mut beside = place.clone();
            beside.extend(
                found
                    .place
                    .iter()
                    .filter(|element| matter.contains(&element.0)),
            );
            // Values in the same elements allow the same choices later on.
            if tried.insert(beside.clone()) && self.meets(later, &beside) {
                return true;
            }
        }
        absent && condition.tests.contains(&Test::Absent) && self.meets(later, place)
    }

    /// The arrays in which values for these conditions are.
    fn arrays_of(&self, conditions: &[Condition]) -> HashSet<usize> {
        let found = conditions
            .iter()
            .flat_map(|condition| &self.found[condition.path]);
        found
            .flat_map(|found| found.place.iter().map(|element| element.0))
            .collect()
    }
}

/// Whether both are in the same element of every array that they share.
fn fits(a: &Place, b: &Place) -> bool {
    a.iter()
        .all(|(array, at)| b.iter().all(|(other, there)| array != other || at == there))
}
