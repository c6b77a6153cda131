//! What patterns match.

use serde_json::json;

use super::*;

/// For each test of a field: values that it accepts, and values that it does not.
#[test]
fn each_test_accepts_what_it_should() {
    let nothing = || json!([]);
    for (test, accepted, others) in [
        (json!("a"), json!(["a"]), json!(["A", "ab", 1, null, true])),
        (json!(""), json!([""]), json!(["a", null])),
        (json!(null), json!([null]), json!(["", "null", 0, false])),
        (json!(true), json!([true]), json!([false, "true", 1])),
        (json!(300), json!([300, 300.0, 3.0e2]), json!(["300", 301])),
        (
            json!(123_456_789_012_345_678_u64),
            json!([123_456_789_012_345_678_u64]),
            json!([123_456_789_012_345_679_u64]),
        ),
        (json!({"exactly": "a"}), json!(["a"]), json!(["A", 1])),
        (
            json!({"prefix": "ab"}),
            json!(["ab", "abc"]),
            json!(["a", "Abc", "xab", 1]),
        ),
        (
            json!({"prefix": {"equals-ignore-case": "aB"}}),
            json!(["ab", "ABc"]),
            json!(["a", "xab"]),
        ),
        (
            json!({"suffix": ".png"}),
            json!([".png", "a.png"]),
            json!(["a.PNG", "png", 1]),
        ),
        (
            json!({"suffix": {"equals-ignore-case": ".png"}}),
            json!(["a.PNG"]),
            json!(["png"]),
        ),
        (
            json!({"equals-ignore-case": "Straße"}),
            json!(["STRAßE", "straße"]),
            json!(["strase", 1]),
        ),
        (
            json!({"wildcard": "a*b*c"}),
            json!(["abc", "axxbc", "abbcc", "abcbc"]),
            json!(["ab", "acb", "xabc", "abcx", 1]),
        ),
        (
            json!({"wildcard": "a*a"}),
            json!(["aa", "aba"]),
            json!(["a"]),
        ),
        (
            json!({"wildcard": "\\*\\\\*"}),
            json!(["*\\", "*\\x"]),
            json!(["x\\", "*x"]),
        ),
        (
            json!({"numeric": [">", 0, "<=", 5]}),
            json!([5, 0.1]),
            json!([0, 5.1, "3", null]),
        ),
        (
            json!({"numeric": ["=", 3.018e2]}),
            json!([301.8]),
            json!([301]),
        ),
        (json!({"numeric": ["<", 0]}), json!([-1]), json!([0])),
        (json!({"numeric": [">=", 1]}), json!([1, 2]), json!([0.9])),
        (
            json!({"cidr": "10.0.0.0/8"}),
            json!(["10.0.0.0", "10.255.1.2"]),
            json!(["11.0.0.0", "x", 10]),
        ),
        (
            json!({"cidr": "0.0.0.0/0"}),
            json!(["255.0.0.1"]),
            json!(["::1"]),
        ),
        (
            json!({"cidr": "2001:db8::/32"}),
            json!(["2001:db8:1::1"]),
            json!(["2001:db9::"]),
        ),
        (json!({"exists": true}), json!(["", null, 0]), nothing()),
        (json!({"exists": false}), nothing(), json!(["", null, 0])),
        (
            json!({"anything-but": "a"}),
            json!(["b", 1, null, true]),
            json!(["a"]),
        ),
        (
            json!({"anything-but": ["a", "b"]}),
            json!(["c"]),
            json!(["a", "b"]),
        ),
        (
            json!({"anything-but": [1, 2]}),
            json!([3, "1"]),
            json!([1, 2.0]),
        ),
        (
            json!({"anything-but": {"prefix": "a"}}),
            json!(["b", 1]),
            json!(["a", "ab"]),
        ),
        (
            json!({"anything-but": {"prefix": ["a", "b"]}}),
            json!(["c"]),
            json!(["ax", "bx"]),
        ),
        (
            json!({"anything-but": {"suffix": "z"}}),
            json!(["b"]),
            json!(["az"]),
        ),
        (
            json!({"anything-but": {"equals-ignore-case": ["a", "B"]}}),
            json!(["ab"]),
            json!(["A", "b"]),
        ),
        (
            json!({"anything-but": {"wildcard": "a*z"}}),
            json!(["a"]),
            json!(["az", "abz"]),
        ),
        (
            json!({"anything-but": {"wildcard": ""}}),
            json!(["a", "*"]),
            json!([""]),
        ),
    ] {
        let pattern = json!({ "f": [test] });
        for value in accepted.as_array().unwrap() {
            assert!(
                matches(&pattern, &json!({ "f": value })),
                "{pattern} {value}"
            );
        }
        for value in others.as_array().unwrap() {
            assert!(
                !matches(&pattern, &json!({ "f": value })),
                "{pattern} {value}"
            );
        }
        let absent = pattern["f"][0] == json!({ "exists": false });
        for without in [
            json!({}),
            json!({"f": []}),
            json!({"f": {}}),
            json!({"f": {"g": 1}}),
            json!(1),
        ] {
            assert_eq!(matches(&pattern, &without), absent, "{pattern} {without}");
        }
    }
}

#[test]
fn all_fields_are_asked_for_and_one_test_of_each_is_enough() {
    let pattern = json!({"a": {"b": [1, {"prefix": "x"}]}, "c": [{"exists": false}, "y"]});
    assert!(matches(&pattern, &json!({"a": {"b": 1, "more": 2}})));
    assert!(matches(&pattern, &json!({"a": {"b": "xx"}, "c": "y"})));
    assert!(!matches(&pattern, &json!({"a": {"b": 1}, "c": "z"})));
    assert!(!matches(&pattern, &json!({"a": 1})));
}

#[test]
fn a_point_in_a_name_divides_it() {
    let ways = [
        json!({"detail": {"state.status": ["running"]}}),
        json!({"detail": {"state": {"status": ["running"]}}}),
        json!({"detail.state": {"status": ["running"]}}),
        json!({"detail.state.status": ["running"]}),
    ];
    for pattern in &ways {
        for event in &ways {
            assert!(matches(pattern, event), "{pattern} {event}");
        }
        for other in [
            json!({"detail": {"state.status": "stopped"}}),
            json!({"detail": {"state": "running"}}),
            json!({"detail": {"state.status.": "running"}}),
            json!({"detail": {"status": "running"}}),
        ] {
            assert!(!matches(pattern, &other), "{pattern} {other}");
        }
    }
    let both = json!({"a.b": 1, "a": {"b": 2}});
    assert!(matches(&json!({"a": {"b": [1]}}), &both));
    assert!(matches(&json!({"a.b": [2]}), &both));
    let absent = json!({"a": {"b": [{"exists": false}]}});
    assert!(!matches(&absent, &json!({"a.b": 1})));
    assert!(matches(&absent, &json!({"a.c": 1})));
    // Nothing is so deep that walking it would overflow the stack.
    let deep = json!({ "a.".repeat(10_000): [1] });
    assert!(refused(&deep).contains("nested too deep"));
    assert!(!matches(&json!({"a": [1]}), &deep));
}

#[test]
fn alternatives_are_for_the_level_that_they_stand_on() {
    let pattern = json!({
        "s": ["x"],
        "d": {"$or": [
            {"a": [1]},
            {"b": [2], "$or": [{"c": [3]}, {"c": [4]}]},
        ]},
    });
    assert!(matches(&pattern, &json!({"s": "x", "d": {"a": 1}})));
    assert!(matches(&pattern, &json!({"s": "x", "d": {"b": 2, "c": 4}})));
    assert!(!matches(&pattern, &json!({"s": "x", "d": {"b": 2}})));
    assert!(!matches(&pattern, &json!({"s": "y", "d": {"a": 1}})));
}

#[test]
fn fields_below_one_array_are_met_by_one_element() {
    let pattern = json!({"l": {"a": [1], "b": [2]}});
    assert!(matches(
        &pattern,
        &json!({"l": [{"a": 3}, {"a": 1, "b": 2}]})
    ));
    assert!(!matches(
        &pattern,
        &json!({"l": [{"a": 1, "b": 9}, {"a": 3, "b": 2}]})
    ));
    // Scalars in an array are simply several values.
    assert!(matches(&json!({"l": [2]}), &json!({"l": [1, 2, 3]})));
    assert!(matches(&json!({"l": [2]}), &json!({"l": [[1], [2]]})));
    // Absent in the element that the other field chose.
    let pattern = json!({"l": {"a": [1], "b": [{"exists": false}]}});
    assert!(matches(&pattern, &json!({"l": [{"a": 1}, {"b": 2}]})));
    assert!(!matches(
        &pattern,
        &json!({"l": [{"a": 1, "b": 2}, {"a": 3}]})
    ));
    // Nothing chose an element, so it is absent only if no element has it.
    let pattern = json!({"l": {"b": [{"exists": false}]}});
    assert!(!matches(&pattern, &json!({"l": [{"a": 1}, {"b": 2}]})));
}

#[test]
fn many_independent_arrays_do_not_multiply() {
    let list: Vec<Value> = (0..200).map(|n| json!({ "x": n })).collect();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let mut event = json!({});
    let mut pattern = json!({"z": ["never"]});
    for name in names {
        event[name] = json!(list);
        pattern[name] = json!({"x": [{"exists": true}]});
    }
    event["z"] = "there".into();
    assert!(!matches(&pattern, &event));
}

#[test]
fn numbers_count_by_six_digits_after_the_point() {
    for (test, value, expected) in [
        (json!(100.123456789), json!(100.1234567), true),
        (json!(100.123456), json!(100.123457), false),
        (json!(4.35), json!(4.349999), false),
        (json!(-0.0), json!(0.0), true),
        (
            json!({"numeric": ["=", 1.00000012]}),
            json!(1.00000019),
            true,
        ),
        (json!({"numeric": ["<", 1.5]}), json!(1.4999999), true),
        (json!({"numeric": [">", 1.5]}), json!(1.5000001), false),
        (json!(123456789012i64), json!(123456789013i64), false),
        (json!(6.5e9), json!(6.5000000001e9), false),
    ] {
        let pattern = json!({ "a": [test] });
        assert_eq!(
            matches(&pattern, &json!({ "a": value })),
            expected,
            "{pattern} {value}"
        );
    }
}
