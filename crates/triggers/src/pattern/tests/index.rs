//! Finding the patterns that match, of many.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::made::{event, pattern};
use super::*;
use crate::pattern::Index;

/// The numbers of the patterns that an event matches, found one by one.
fn one_by_one(patterns: &[(u64, Arc<Pattern>)], event: &Value) -> Vec<u64> {
    let matching = patterns
        .iter()
        .filter(|(_, pattern)| pattern.matches(event));
    matching.map(|(id, _)| *id).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn an_index_finds_what_one_by_one_is_found(
        patterns in prop::collection::vec(pattern(), 0..200),
        removed in prop::collection::vec(any::<bool>(), 200),
        events in prop::collection::vec(event(), 1..20),
    ) {
        let mut index = Index::default();
        let mut kept = Vec::new();
        for (pattern, removed) in patterns.iter().zip(removed) {
            // What the strategy makes that is no pattern is no pattern to an index either.
            let Ok(pattern) = Pattern::parse(&pattern.to_string(), Language::Whole) else {
                continue;
            };
            let pattern = Arc::new(pattern);
            let id = index.insert(pattern.clone());
            if removed {
                index.remove(id);
            } else {
                kept.push((id, pattern));
            }
        }
        for event in &events {
            prop_assert_eq!(index.matching(event), one_by_one(&kept, event));
        }
    }
}

/// Of ten thousand patterns that differ only in one field, few are looked at.
#[test]
fn what_differs_in_one_field_is_found_by_it() {
    let of_field = |test: Value| json!({ "source": ["s"], "detail": { "f": [test] } });
    let event = |value: Value| json!({ "source": "s", "detail": { "f": value } });
    for (test, value) in [
        ((|n| json!(n)) as fn(u32) -> Value, json!(5_000)),
        (
            |n| json!({ "numeric": [">=", n, "<", n + 1] }),
            json!(5_000),
        ),
        (|n| json!({ "numeric": ["<", n] }), json!(9_998)),
        (|n| json!({ "numeric": [">", n] }), json!(3)),
        (
            |n| json!({ "cidr": format!("10.{}.{}.0/24", n / 256, n % 256) }),
            json!("10.3.4.5"),
        ),
        (
            |n| json!({ "cidr": format!("2001:db8:{n:x}::/48") }),
            json!("2001:db8:7b::5"),
        ),
        (|n| json!({ "prefix": format!("{n}-") }), json!("77-8")),
        (|n| json!({ "wildcard": format!("*.{n}") }), json!("a.7")),
    ] {
        let mut index = Index::default();
        for n in 0..10_000 {
            let pattern = Pattern::parse(&of_field(test(n)).to_string(), Language::Whole);
            index.insert(Arc::new(pattern.unwrap()));
        }
        let event = event(value);
        let (matching, looked_at) = (index.matching(&event), index.candidates(&event));
        assert!(
            (1..=3).contains(&matching.len()),
            "{event}: {}",
            matching.len()
        );
        // A few at each of the ways to look something up, however many there are.
        assert!(looked_at.len() <= 100, "{event}: {}", looked_at.len());
    }
}

#[test]
fn what_differs_below_a_name_with_points_is_found_by_it() {
    let mut index = Index::default();
    for n in 0..10_000 {
        let pattern = match n % 2 {
            0 => json!({ "detail": { "a.b": [n] } }),
            _ => json!({ "detail": { "a": { "b": [n] } } }),
        };
        let pattern = Pattern::parse(&pattern.to_string(), Language::Whole);
        index.insert(Arc::new(pattern.unwrap()));
    }
    for n in [76, 77] {
        for event in [
            json!({ "detail": { "a.b": n } }),
            json!({ "detail": { "a": { "b": n } } }),
            json!({ "detail.a": { "b": n } }),
        ] {
            assert_eq!(index.matching(&event).len(), 1, "{event}");
            assert!(index.candidates(&event).len() <= 20, "{event}");
        }
    }
}

/// What cannot be found by one field is found by another.
#[test]
fn what_wants_anything_but_something_is_found_by_its_other_fields() {
    let mut index = Index::default();
    for n in 0..10_000 {
        let pattern =
            json!({ "source": [format!("s{n}")], "detail": { "f": [{ "anything-but": "x" }] } });
        let pattern = Pattern::parse(&pattern.to_string(), Language::Whole);
        index.insert(Arc::new(pattern.unwrap()));
    }
    let event = json!({ "source": "s77", "detail": { "f": "y" } });
    assert_eq!(index.matching(&event).len(), 1);
    assert!(index.candidates(&event).len() <= 20);
}
