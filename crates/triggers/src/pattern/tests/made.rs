//! Patterns and events as chance makes them, of so few names and values that they often meet.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

pub(super) fn text() -> impl Strategy<Value = String> {
    "[abA]{0,3}"
}

pub(super) fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        text().prop_map(Value::from),
        (0..4_i32).prop_map(Value::from),
        Just(json!(1.5)),
        Just(json!(-0.0)),
        (0..33_u32).prop_map(|bit| {
            let other = 1_u32.checked_shl(bit).unwrap_or(0);
            std::net::Ipv4Addr::from_bits(0x0a00_0000 ^ other)
                .to_string()
                .into()
        }),
        select(vec!["2001:db8::", "2001:db8::1", "3001:db8::", "10.0.0"]).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ]
}

pub(super) fn name() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[xyz]", 1 => "[xyz]\\.[xyz]"]
}

pub(super) fn event() -> impl Strategy<Value = Value> {
    let value = scalar().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(name(), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    });
    prop::collection::hash_map(name(), value, 1..4)
        .prop_map(|members| Value::Object(members.into_iter().collect()))
}

pub(super) fn test() -> impl Strategy<Value = Value> {
    let some = || "[abA]{1,2}";
    prop_oneof![
        scalar(),
        any::<bool>().prop_map(|there| json!({ "exists": there })),
        text().prop_map(|text| json!({ "prefix": text })),
        text().prop_map(|text| json!({ "suffix": text })),
        text().prop_map(|text| json!({ "equals-ignore-case": text })),
        "\\*?[ab]{1,2}(\\*[ab])?\\*?".prop_map(|text| json!({ "wildcard": text })),
        (0..4_i32).prop_map(|n| json!({ "numeric": [">=", n] })),
        (0..4_i32).prop_map(|n| json!({ "numeric": [">", n, "<=", n + 2] })),
        (0..4_i32).prop_map(|n| json!({ "numeric": ["=", n] })),
        (-1..4_i32).prop_map(|n| json!({ "numeric": ["<", f64::from(n) + 0.5] })),
        (0..=32_u8).prop_map(|bits| json!({ "cidr": format!("10.0.0.0/{bits}") })),
        (0..=128_u8).prop_map(|bits| json!({ "cidr": format!("2001:db8::/{bits}") })),
        prop::collection::vec(text(), 1..3).prop_map(|list| json!({ "anything-but": list })),
        prop::collection::vec(0..4_i32, 1..3).prop_map(|list| json!({ "anything-but": list })),
        some().prop_map(|text| json!({ "anything-but": { "prefix": text } })),
        some().prop_map(|text| json!({ "anything-but": { "suffix": text } })),
    ]
}

pub(super) fn pattern() -> impl Strategy<Value = Value> {
    let object = |members: Vec<(String, Value)>| Value::Object(members.into_iter().collect());
    let field = prop::collection::vec(test(), 1..3).prop_map(Value::from);
    let fields = prop::collection::vec((name(), field), 1..3).prop_map(object);
    fields.prop_recursive(3, 12, 3, move |inner| {
        prop_oneof![
            prop::collection::vec((name(), inner.clone()), 1..3).prop_map(object),
            prop::collection::vec(inner.clone(), 2..4)
                .prop_map(|choices| json!({ "$or": choices })),
            (inner.clone(), prop::collection::vec(inner, 2..3)).prop_map(
                |(mut object, choices)| {
                    object["$or"] = choices.into();
                    object
                }
            ),
        ]
    })
}
