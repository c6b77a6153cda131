//! What is so of whatever chance makes.

use proptest::prelude::*;

use super::made::{event, pattern};
use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn it_matches_what_a_naive_matcher_does(pattern in pattern(), events in prop::collection::vec(event(), 8)) {
        for event in events {
            prop_assert_eq!(matches(&pattern, &event), naive::matches(&pattern, &event), "{} {}", pattern, event);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "[\\[\\]{}\"a:,1$or\\\\*]{0,40}") {
        let _ = Pattern::parse(&text, Language::Whole);
    }
}
