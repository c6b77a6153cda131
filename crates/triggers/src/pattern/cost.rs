//! How much it takes to look for texts in which `*` stands for anything.
//!
//! Whoever looks for all of a field's texts at once is at several places in them at the same time: after the `a` of
//! `*a*b` he is still at its beginning too. What counts is at how many, at worst. The language's own service counts so
//! too, and refuses as many as are refused here.

use std::collections::{BTreeSet, HashSet, VecDeque};

use super::Pattern;
use super::test::Test;
use super::wildcard::Wildcard;

/// As many places at once are refused.
const TOO_MANY: usize = 10;
/// What is not found to be costly after so many different sets of places is let pass.
const MOST_EXAMINED: usize = 1_024;

pub(super) fn is_costly(pattern: &Pattern) -> bool {
    let mut known = HashSet::new();
    let conditions = pattern.alternatives.iter().flatten();
    conditions
        // Alternatives share their conditions.
        .filter(|condition| known.insert(condition.tests.as_ptr()))
        .any(|condition| Places::of(&condition.tests).are_too_many())
}

/// All the places in a field's texts, one text after the other.
#[derive(Default)]
struct Places {
    /// What leads from a place to the next: a byte, or anything. At the last place of a text there is none.
    steps: Vec<Option<Option<u8>>>,
    first: Vec<usize>,
}

impl Places {
    fn of(tests: &[Test]) -> Self {
        let mut texts = BTreeSet::new();
        texts.extend(wildcards(tests).into_iter().map(Wildcard::steps));
        let mut places = Self::default();
        for steps in texts {
            places.first.push(places.steps.len());
            places.steps.extend(steps.into_iter().map(Some));
            places.steps.push(None);
        }
        places
    }

    fn are_too_many(&self) -> bool {
        if self.steps.len() <= TOO_MANY {
            return false;
        }
        let bytes: BTreeSet<u8> = self.steps.iter().copied().flatten().flatten().collect();
        let mut begin = BTreeSet::new();
        self.first
            .iter()
            .for_each(|first| self.enter(*first, &mut begin));
        let mut known = HashSet::from([begin.clone()]);
        let mut waiting = VecDeque::from([begin]);
        while let Some(at) = waiting.pop_front() {
            // Nothing has been read at the first place of a text, so nobody has to remember to be there.
            let count = at.iter().filter(|place| !self.first.contains(place));
            if count.count() >= TOO_MANY {
                return true;
            }
            if known.len() > MOST_EXAMINED {
                return false;
            }
            for byte in &bytes {
                let next = self.after(&at, *byte);
                if known.insert(next.clone()) {
                    waiting.push_back(next);
                }
            }
        }
        false
    }

    fn after(&self, at: &BTreeSet<usize>, byte: u8) -> BTreeSet<usize> {
        let mut next = BTreeSet::new();
        for place in at {
            if self.steps[*place] == Some(Some(byte)) {
                self.enter(place + 1, &mut next);
            }
            // Whoever came here by anything stays with anything.
            if *place > 0 && self.steps[place - 1] == Some(None) {
                self.enter(*place, &mut next);
            }
        }
        next
    }

    /// Anything may be nothing.
    fn enter(&self, place: usize, at: &mut BTreeSet<usize>) {
        at.insert(place);
        if self.steps[place] == Some(None) {
            self.enter(place + 1, at);
        }
    }
}

fn wildcards(tests: &[Test]) -> Vec<&Wildcard> {
    let mut found = Vec::new();
    for test in tests {
        match test {
            Test::Wildcard(wildcard) => found.push(wildcard),
            Test::Not(tests) => found.extend(wildcards(tests)),
            _ => {}
        }
    }
    found
}
