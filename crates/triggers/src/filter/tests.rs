//! Filters against a naive model of the published rules: for each name of the policy one of its tests must accept one of
//! the attribute's values.

use std::collections::BTreeMap;

use base::{Random, Space, Timestamp};
use proptest::prelude::*;
use serde_json::json;
use topics::{Attribute, Draft, Kind, NewTopic, Topics};

use super::*;

fn policy(text: &str, scope: FilterScope) -> FilterPolicy {
    FilterPolicy {
        text: text.to_owned(),
        scope,
    }
}

/// A message as a topic makes one of it.
fn message(body: &str, attributes: &[(&str, &str, &str)]) -> Message {
    let clock = std::sync::Arc::new(base::ManualClock::new(Timestamp::from_secs(1)));
    let store = store::Store::ephemeral(Random::seeded(1));
    let topics = Topics::new(store.clone(), clock, Random::seeded(2));
    let space = Space::new("here");
    let new = NewTopic {
        space: space.clone(),
        name: "t".into(),
        kind: Kind::Standard,
        settings: BTreeMap::new(),
        tags: BTreeMap::new(),
    };
    let attributes = attributes.iter().map(|(name, kind, value)| {
        let value = match *kind {
            "Binary" => AttributeValue::Bytes((*value).to_owned().into()),
            _ => AttributeValue::Text((*value).to_owned()),
        };
        let kind = (*kind).to_owned();
        ((*name).to_owned(), Attribute { kind, value })
    });
    let draft = Draft {
        body: body.to_owned(),
        attributes: attributes.collect(),
        ..Draft::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        topics.create(&new).await.unwrap();
        topics.publish_alone(&space, "t", &draft).await.unwrap();
        let view = store.read().unwrap();
        let mut all = topics.messages(&view, store::Position::START, 1).unwrap();
        all.remove(0).message.unwrap()
    })
}

fn wants(filter: &str, attributes: &[(&str, &str, &str)]) -> bool {
    let filter = Filter::read(&policy(filter, FilterScope::Attributes)).unwrap();
    filter.wants(&message("x", attributes))
}

#[test]
fn attributes_are_tested_by_their_kind() {
    let shop = ("shop", "String", "a");
    for (filter, expected) in [
        (r#"{"shop": ["a", "b"]}"#, true),
        (r#"{"shop": ["b"]}"#, false),
        (r#"{"shop": ["a"], "other": ["x"]}"#, false),
        (r#"{"shop": [{"anything-but": ["a"]}]}"#, false),
        (r#"{"shop": [{"anything-but": ["b", "c"]}]}"#, true),
        (r#"{"shop": [{"exists": true}]}"#, true),
        (r#"{"shop": [{"exists": false}]}"#, false),
        (r#"{"other": [{"exists": false}]}"#, true),
        (r#"{"shop": [{"equals-ignore-case": "A"}]}"#, true),
        (r#"{"shop": [{"prefix": "a"}]}"#, true),
        (r#"{"shop": [{"suffix": "b"}]}"#, false),
        (r#"{"shop": [{"wildcard": "*a"}]}"#, true),
        (r#"{"$or": [{"shop": ["z"]}, {"shop": ["a"]}]}"#, true),
    ] {
        assert_eq!(wants(filter, &[shop]), expected, "{filter}");
    }
}

#[test]
fn numbers_lists_addresses_and_bytes() {
    let number = |value| [("n", "Number", value)];
    assert!(wants(
        r#"{"n": [{"numeric": [">", 0, "<=", 150]}]}"#,
        &number("150")
    ));
    assert!(!wants(
        r#"{"n": [{"numeric": [">", 0, "<=", 150]}]}"#,
        &number("150.5")
    ));
    assert!(wants(
        r#"{"n": [{"numeric": ["=", 301.5]}]}"#,
        &number("301.50")
    ));
    assert!(!wants(
        r#"{"n": [{"numeric": ["=", 5]}]}"#,
        &[("n", "String", "5")]
    ));
    assert!(wants(r#"{"n": [100]}"#, &[("n", "Number.int", "100")]));
    let list = [("l", "String.Array", r#"["x", 5, true, null]"#)];
    for filter in [
        r#"{"l": ["x"]}"#,
        r#"{"l": [{"numeric": ["=", 5]}]}"#,
        r#"{"l": [null]}"#,
    ] {
        assert!(wants(filter, &list), "{filter}");
    }
    assert!(!wants(r#"{"l": ["y"]}"#, &list));
    // What is no list is one of itself.
    assert!(wants(
        r#"{"l": [100, 500]}"#,
        &[("l", "String.Array", "100")]
    ));
    assert!(wants(
        r#"{"l": [100.123456789]}"#,
        &[("l", "String.Array", "[100.1234567, 50]")]
    ));
    // One of them is none of those.
    assert!(wants(r#"{"l": [{"anything-but": ["x"]}]}"#, &list));
    assert!(!wants(
        r#"{"l": [{"exists": true}]}"#,
        &[("l", "String.Array", "no list")]
    ));
    let address = [("ip", "String", "10.0.0.7")];
    assert!(wants(r#"{"ip": [{"cidr": "10.0.0.0/24"}]}"#, &address));
    assert!(!wants(r#"{"ip": [{"cidr": "10.0.1.0/24"}]}"#, &address));
    assert!(!wants(
        r#"{"b": [{"exists": true}]}"#,
        &[("b", "Binary", "x")]
    ));
}

#[test]
fn a_body_is_tested_if_it_is_an_object() {
    let filter = Filter::read(&policy(r#"{"a": {"b": ["c"]}}"#, FilterScope::Body)).unwrap();
    let wants = |body| filter.wants(&message(body, &[]));
    assert!(wants(r#"{"a": {"b": "c", "d": 1}}"#));
    assert!(wants(r#"{"a": {"b": ["x", "c"]}}"#));
    assert!(!wants(r#"{"a": {"b": "d"}}"#));
    assert!(!wants(r#"[{"a": {"b": "c"}}]"#));
    assert!(!wants("c"));
}

#[test]
fn the_published_limits_hold() {
    let check = |text: &str, scope| policy(text, scope).check();
    let attributes = |text: String| check(&text, FilterScope::Attributes);
    assert!(attributes(r#"{"a": {"b": ["c"]}}"#.to_owned()).is_err());
    assert!(check(r#"{"a": {"b": ["c"]}}"#, FilterScope::Body).is_ok());
    let many: Map<String, Value> = (0..6).map(|n| (n.to_string(), json!(["x"]))).collect();
    let many = Value::Object(many).to_string();
    assert_eq!(
        check(&many, FilterScope::Body),
        Err(FilterError::TooManyNames)
    );
    assert_eq!(attributes(many), Err(FilterError::TooManyNames));
    let wide = |count: usize| json!({ "a": vec!["x"; count], "b": vec!["y"; 10] }).to_string();
    assert!(attributes(wide(15)).is_ok());
    assert!(attributes(wide(16)).is_err());
    // Each level of a body's names counts once more.
    let deep = json!({ "a": { "b": vec!["x"; 76] } }).to_string();
    assert!(check(&deep, FilterScope::Body).is_err());
}

#[derive(Clone, Debug)]
enum Rule {
    Is(String),
    Prefix(String),
    Not(Vec<String>),
    Exists(bool),
}

impl Rule {
    fn json(&self) -> Value {
        match self {
            Self::Is(text) => json!(text),
            Self::Prefix(text) => json!({ "prefix": text }),
            Self::Not(texts) => json!({ "anything-but": texts }),
            Self::Exists(exists) => json!({ "exists": exists }),
        }
    }

    fn accepts(&self, values: &[String]) -> bool {
        match self {
            Self::Is(text) => values.contains(text),
            Self::Prefix(text) => values.iter().any(|value| value.starts_with(text)),
            Self::Not(texts) => values.iter().any(|value| !texts.contains(value)),
            Self::Exists(exists) => *exists != values.is_empty(),
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    "[ab]{1,3}"
}

fn rule() -> impl Strategy<Value = Rule> {
    prop_oneof![
        text().prop_map(Rule::Is),
        text().prop_map(Rule::Prefix),
        prop::collection::vec(text(), 1..3).prop_map(Rule::Not),
        any::<bool>().prop_map(Rule::Exists),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn filters_want_what_the_naive_model_wants(
        rules in prop::collection::btree_map("[xyz]", prop::collection::vec(rule(), 1..4), 1..4),
        values in prop::collection::btree_map("[xyz]", prop::collection::vec(text(), 1..4), 0..4),
    ) {
        let filter: Map<String, Value> = rules
            .iter()
            .map(|(name, rules)| (name.clone(), rules.iter().map(Rule::json).collect()))
            .collect();
        let lists: Vec<(String, String)> = values
            .iter()
            .map(|(name, values)| (name.clone(), json!(values).to_string()))
            .collect();
        let attributes: Vec<(&str, &str, &str)> = lists
            .iter()
            .map(|(name, list)| (name.as_str(), "String.Array", list.as_str()))
            .collect();
        let expected = rules.iter().all(|(name, rules)| {
            let values = values.get(name).cloned().unwrap_or_default();
            rules.iter().any(|rule| rule.accepts(&values))
        });
        let text = Value::Object(filter).to_string();
        prop_assert_eq!(wants(&text, &attributes), expected, "{}", text);
    }
}
