use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::{Language, Pattern};

fn matches(pattern: &Value, event: &Value) -> bool {
    let parsed = Pattern::parse(&pattern.to_string(), Language::Whole);
    parsed.expect("a pattern").matches(event)
}

fn refused(pattern: &Value) -> String {
    let parsed = Pattern::parse(&pattern.to_string(), Language::Whole);
    parsed.expect_err("no pattern").to_string()
}

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
fn what_is_no_pattern_is_refused_and_says_where() {
    for (pattern, problem) in [
        (json!([]), "Filter is not an object"),
        (json!({}), "Empty objects are not allowed"),
        (json!({"a": {}}), "Empty objects are not allowed"),
        (json!({"a": []}), "Empty arrays are not allowed"),
        (
            json!({"a": {"b": "x"}}),
            "\"b\" must be an object or an array",
        ),
        (
            json!({"a": {"b": [[1]]}}),
            "Match value must be String, number, true, false, or null",
        ),
        (
            json!({"$or": {"a": [1]}}),
            "It must be an Array followed with $or.",
        ),
        (
            json!({"$or": [{"a": [1]}]}),
            "There must have at least 2 Objects in $or relationship.",
        ),
        (
            json!({"$or": [{"a": [1]}, 1]}),
            "Only JSON object is allowed in array of $or relationship.",
        ),
    ] {
        let parsed = Pattern::parse(&pattern.to_string(), Language::Whole);
        assert_eq!(parsed.unwrap_err().problem, problem, "{pattern}");
    }
    let said = refused(&json!({"a": {"b": [[1]]}}));
    assert!(said.starts_with("at \"a.b\": Match"), "{said}");
    let said = Pattern::parse("{", Language::Whole)
        .unwrap_err()
        .to_string();
    assert!(said.starts_with("the pattern is not JSON"), "{said}");
}

#[test]
fn what_is_no_test_is_refused_in_the_words_of_the_languages_own_service() {
    const MIXED: &str = "Inside anything but list, either all values are number or string, mixed type is not supported";
    const ONE: &str = "Only one key allowed in match expression";
    const NOT_BUT: &str = "Value of anything-but must be an array or single string/number value.";
    const NO_CASE: &str =
        "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.";
    const AFFIX: &str = "prefix/suffix match pattern must be a string";
    for (test, problem) in [
        (json!({}), "Match expression name not found"),
        (json!({"prefix": "a", "suffix": "b"}), ONE),
        (json!({"like": "a"}), "Unrecognized match type like"),
        (
            json!({"NUMERIC": ["=", 5]}),
            "Unrecognized match type NUMERIC",
        ),
        (
            json!({"prefix": 1}),
            "prefix match pattern must be a string",
        ),
        (
            json!({"suffix": null}),
            "suffix match pattern must be a string",
        ),
        (
            json!({"suffix": ["x"]}),
            "suffix match pattern must be a string",
        ),
        (
            json!({"exactly": 1}),
            "exact match pattern must be a string",
        ),
        (
            json!({"equals-ignore-case": ["x"]}),
            "equals-ignore-case match pattern must be a string",
        ),
        (
            json!({"prefix": {"suffix": "x"}}),
            "Unsupported prefix pattern: suffix",
        ),
        (
            json!({"exists": "x"}),
            "exists match pattern must be either true or false.",
        ),
        (
            json!({"wildcard": "arn:any:events:us-east-1:**:event-bus/*"}),
            "Consecutive wildcard characters at pos 26",
        ),
        (
            json!({"wildcard": "\\n"}),
            "Invalid escape character at pos 1",
        ),
        (
            json!({"cidr": "10.0.0.0/33"}),
            "Malformed CIDR: 10.0.0.0/33",
        ),
        (
            json!({"cidr": "10.0.0.0"}),
            "Malformed CIDR, one '/' required",
        ),
        (
            json!({"cidr": "10.0.0.0/x"}),
            "Malformed CIDR, mask bits must be an integer",
        ),
        (json!({"cidr": "x/8"}), "Nonstandard IP address: x"),
        (json!({"numeric": 1}), "Value of numeric must be an array."),
        (json!({"numeric": []}), "Invalid member in numeric match: ]"),
        (
            json!({"numeric": [1, "<="]}),
            "Invalid member in numeric match: 1",
        ),
        (
            json!({"numeric": ["operator"]}),
            "Unrecognized numeric range operator: operator",
        ),
        (
            json!({"numeric": ["=", "000"]}),
            "Value of equals must be numeric",
        ),
        (json!({"numeric": [">="]}), "Value of >= must be numeric"),
        (
            json!({"numeric": ["<", 100, ">", 10]}),
            "Too many elements in numeric expression",
        ),
        (
            json!({"numeric": [">=", 1, ">", 2]}),
            "Bad numeric range operator: >",
        ),
        (
            json!({"numeric": [">", 3, "<", 1]}),
            "Bottom must be less than top",
        ),
        (
            json!({"numeric": [">", 20, "<="]}),
            "Value of <= must be numeric",
        ),
        (
            json!({"numeric": [">", 20, 30]}),
            "Bad value in numeric range: 30",
        ),
        (
            json!({"numeric": [">", 20, "test"]}),
            "Bad numeric range operator: test",
        ),
        (
            json!({"numeric": [">", "20"]}),
            "Value of > must be numeric",
        ),
        (
            json!({"numeric": [">", 20, "<", 30, "<", 50]}),
            "Too many terms in numeric range expression",
        ),
        (
            json!({"numeric": ["=", 5.1e9]}),
            "Value must be between -5.0E9 and 5.0E9, inclusive",
        ),
        (json!({"anything-but": null}), NOT_BUT),
        (
            json!({"anything-but": {"prefix": {"equals-ignore-case": "x"}}}),
            NOT_BUT,
        ),
        (json!({"anything-but": []}), "Empty arrays are not allowed"),
        (json!({"anything-but": ["a", 1]}), MIXED),
        (
            json!({"anything-but": ["a", null]}),
            "Inside anything but list, start|null|boolean is not supported.",
        ),
        (
            json!({"anything-but": {"numeric": [">", 1]}}),
            "Unsupported anything-but pattern: numeric",
        ),
        (
            json!({"anything-but": {"equals-ignore-case": 123}}),
            NO_CASE,
        ),
        (
            json!({"anything-but": {"equals-ignore-case": [123, 456]}}),
            NO_CASE,
        ),
        (
            json!({"anything-but": {"suffix": [{"equals-ignore-case": "x"}]}}),
            AFFIX,
        ),
        (
            json!({"anything-but": {"suffix": ""}}),
            "Null prefix/suffix not allowed",
        ),
    ] {
        let pattern = json!({ "a": [test] });
        let parsed = Pattern::parse(&pattern.to_string(), Language::Whole);
        assert_eq!(parsed.unwrap_err().problem, problem, "{pattern}");
    }
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

#[test]
fn alternatives_have_a_bound() {
    let mut pattern = json!({"x": [1]});
    for n in 0..10 {
        let level = json!([{"a": [n]}, {"b": [n]}, pattern.clone()]);
        pattern = json!({"$or": level, format!("n{n}"): {"$or": [{"c": [1]}, {"d": [1]}]}});
    }
    assert!(refused(&pattern).contains("more than 1000 alternatives"));
}

#[test]
fn what_takes_too_long_is_refused() {
    let costly = |tests: Value| {
        let pattern = json!({ "a": { "b": tests } }).to_string();
        match Pattern::parse_cheap(&pattern, Language::Whole) {
            Ok(_) => false,
            Err(error) => {
                assert!(error.to_string().starts_with("Rule is too complex - try"));
                // Those that were taken once still read.
                assert!(Pattern::parse(&pattern, Language::Whole).is_ok());
                true
            }
        }
    };
    let wildcards = |texts: &[&str]| {
        let tests: Vec<Value> = texts
            .iter()
            .map(|text| json!({ "wildcard": text }))
            .collect();
        json!(tests)
    };
    let many = format!("*{}", "a*".repeat(40));
    let longest = format!("{}*", "a".repeat(1_000));
    for texts in [
        &["*:*:*:*:*:event-bus/*"] as &[&str],
        &[&many],
        &["*aaaaaaaaa"],
        // The same text is at many places when all these look for it.
        &["*/a/*.bif", "*/a/*.tif", "*/a/*.tiff", "*/a/*.svs"],
    ] {
        assert!(costly(wildcards(texts)), "{texts:?}");
        assert!(costly(json!([{ "anything-but": { "wildcard": texts } }])));
        let choices = json!([{ "c": [1] }, { "d": wildcards(texts) }]);
        let pattern = json!({ "$or": choices }).to_string();
        assert!(Pattern::parse_cheap(&pattern, Language::Whole).is_err());
    }
    for texts in [
        &["*"] as &[&str],
        &[""],
        &["*.png"],
        &["dir/*/file*"],
        &["*a*b*"],
        &["arn:any:events:us-east-1:*:event-bus/*"],
        &["arn:any:*:*:*:*"],
        &["*.bif", "*.tif", "*.tiff", "*.svs"],
        &["*/a/*.bif", "*/a/*.tif"],
        &["*same", "*same", "*same", "*same", "*same", "*same"],
        &[
            "a*", "b*", "c*", "d*", "e*", "f*", "g*", "h*", "i*", "j*", "k*",
        ],
        &["*Feature*Feature"],
        &[&longest],
    ] {
        assert!(!costly(wildcards(texts)), "{texts:?}");
    }
    // Only what is compared with the same text counts together.
    let apart: Value = (0..20)
        .map(|n| json!([{ "wildcard": format!("*{n}*x") }]))
        .collect();
    let names = apart.as_array().unwrap().iter().enumerate();
    let pattern: serde_json::Map<_, _> = names
        .map(|(n, test)| (format!("f{n}"), test.clone()))
        .collect();
    assert!(Pattern::parse_cheap(&Value::Object(pattern).to_string(), Language::Whole).is_ok());
}

#[test]
fn filters_know_no_wildcards_and_no_address_ranges() {
    for test in [
        json!({"wildcard": "a*"}),
        json!({"cidr": "10.0.0.0/8"}),
        json!({"anything-but": {"wildcard": "a"}}),
    ] {
        let pattern = json!({ "a": [test] }).to_string();
        assert!(Pattern::parse(&pattern, Language::Whole).is_ok());
        assert!(
            Pattern::parse(&pattern, Language::Filters).is_err(),
            "{pattern}"
        );
    }
}

/// The language again, as simply as it can be said: every alternative with every choice of values, and no pruning.
mod naive {
    use std::collections::BTreeMap;

    use serde_json::Value;

    type Fields<'p> = BTreeMap<Vec<String>, &'p [Value]>;
    type Leaf<'e> = (&'e Value, BTreeMap<Vec<String>, usize>);

    pub(super) fn matches(pattern: &Value, event: &Value) -> bool {
        let mut alternatives = vec![Fields::new()];
        expand(pattern, &[], &mut alternatives);
        alternatives.iter().any(|fields| {
            let fields: Vec<_> = fields.iter().collect();
            choose(&fields, event, &BTreeMap::new())
        })
    }

    fn expand<'p>(object: &'p Value, path: &[String], alternatives: &mut Vec<Fields<'p>>) {
        for (name, value) in object.as_object().unwrap() {
            if name == "$or" {
                let before = std::mem::take(alternatives);
                for choice in value.as_array().unwrap() {
                    let mut these = before.clone();
                    expand(choice, path, &mut these);
                    alternatives.extend(these);
                }
                continue;
            }
            let path = [path, &parts(name)].concat();
            match value {
                Value::Array(tests) => {
                    for fields in alternatives.iter_mut() {
                        fields.insert(path.clone(), tests);
                    }
                }
                below => expand(below, &path, alternatives),
            }
        }
    }

    fn parts(name: &str) -> Vec<String> {
        name.split('.').map(str::to_owned).collect()
    }

    fn choose(
        fields: &[(&Vec<String>, &&[Value])],
        event: &Value,
        chosen: &BTreeMap<Vec<String>, usize>,
    ) -> bool {
        let Some(((path, tests), rest)) = fields.split_first() else {
            return true;
        };
        let mut leaves = Vec::new();
        leaves_at(event, path, &mut Vec::new(), &BTreeMap::new(), &mut leaves);
        leaves.retain(|(_, place)| {
            place
                .iter()
                .all(|(array, at)| chosen.get(array).is_none_or(|there| there == at))
        });
        if leaves.is_empty() {
            return tests.iter().any(|test| test["exists"] == false) && choose(rest, event, chosen);
        }
        leaves.iter().any(|(value, place)| {
            let mut beside = chosen.clone();
            beside.extend(place.clone());
            tests.iter().any(|test| accepts(test, value)) && choose(rest, event, &beside)
        })
    }

    /// Arrays are known by the way to them: names, and indices of the arrays before.
    fn leaves_at<'e>(
        value: &'e Value,
        path: &[String],
        way: &mut Vec<String>,
        place: &BTreeMap<Vec<String>, usize>,
        leaves: &mut Vec<Leaf<'e>>,
    ) {
        match value {
            Value::Array(elements) => {
                for (at, element) in elements.iter().enumerate() {
                    let mut inside = place.clone();
                    inside.insert(way.clone(), at);
                    way.push(at.to_string());
                    leaves_at(element, path, way, &inside, leaves);
                    way.pop();
                }
            }
            Value::Object(members) => {
                for (name, below) in members {
                    if let Some(rest) = path.strip_prefix(parts(name).as_slice()) {
                        way.push(name.clone());
                        leaves_at(below, rest, way, place, leaves);
                        way.pop();
                    }
                }
            }
            leaf if path.is_empty() => leaves.push((leaf, place.clone())),
            _ => {}
        }
    }

    fn accepts(test: &Value, value: &Value) -> bool {
        let Value::Object(test) = test else {
            return test == value || test.is_number() && test.as_f64() == value.as_f64();
        };
        let (operator, operand) = test.iter().next().unwrap();
        let text = value.as_str();
        match (operator.as_str(), operand) {
            ("exists", wanted) => wanted == true,
            ("prefix", Value::String(prefix)) => text.is_some_and(|text| text.starts_with(prefix)),
            ("suffix", Value::String(suffix)) => text.is_some_and(|text| text.ends_with(suffix)),
            ("equals-ignore-case", Value::String(wanted)) => {
                text.is_some_and(|text| text.eq_ignore_ascii_case(wanted))
            }
            ("wildcard", Value::String(wildcard)) => {
                text.is_some_and(|text| like(wildcard.as_bytes(), text.as_bytes()))
            }
            ("numeric", Value::Array(terms)) => terms.chunks(2).all(|term| {
                let bound = term[1].as_f64().unwrap();
                value
                    .as_f64()
                    .is_some_and(|number| match term[0].as_str().unwrap() {
                        "<" => number < bound,
                        "<=" => number <= bound,
                        ">" => number > bound,
                        ">=" => number >= bound,
                        _ => number == bound,
                    })
            }),
            ("cidr", Value::String(cidr)) => {
                let (network, bits) = cidr.split_once('/').unwrap();
                let (network, bits) = (binary(network).unwrap(), bits.parse().unwrap());
                text.and_then(binary).is_some_and(|address| {
                    address.len() == network.len() && address[..bits] == network[..bits]
                })
            }
            ("anything-but", Value::Array(values)) => {
                !values.iter().any(|test| accepts(test, value))
            }
            ("anything-but", test) => !accepts(test, value),
            other => panic!("{other:?}"),
        }
    }

    fn binary(address: &str) -> Option<String> {
        Some(match address.parse().ok()? {
            std::net::IpAddr::V4(address) => format!("{:032b}", address.to_bits()),
            std::net::IpAddr::V6(address) => format!("{:0128b}", address.to_bits()),
        })
    }

    fn like(wildcard: &[u8], text: &[u8]) -> bool {
        match (wildcard, text) {
            ([], []) => true,
            ([b'*', rest @ ..], text) => {
                like(rest, text) || !text.is_empty() && like(wildcard, &text[1..])
            }
            ([a, rest @ ..], [b, text @ ..]) => a == b && like(rest, text),
            _ => false,
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    "[abA]{0,3}"
}

fn scalar() -> impl Strategy<Value = Value> {
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

fn name() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[xyz]", 1 => "[xyz]\\.[xyz]"]
}

fn event() -> impl Strategy<Value = Value> {
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

fn test() -> impl Strategy<Value = Value> {
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

fn pattern() -> impl Strategy<Value = Value> {
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

/// The numbers of the patterns that an event matches, found one by one.
fn one_by_one(patterns: &[(u64, std::sync::Arc<Pattern>)], event: &Value) -> Vec<u64> {
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
        let mut index = super::Index::default();
        let mut kept = Vec::new();
        for (pattern, removed) in patterns.iter().zip(removed) {
            // What the strategy makes that is no pattern is no pattern to an index either.
            let Ok(pattern) = Pattern::parse(&pattern.to_string(), Language::Whole) else {
                continue;
            };
            let pattern = std::sync::Arc::new(pattern);
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
        let mut index = super::Index::default();
        for n in 0..10_000 {
            let pattern = Pattern::parse(&of_field(test(n)).to_string(), Language::Whole);
            index.insert(std::sync::Arc::new(pattern.unwrap()));
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
    let mut index = super::Index::default();
    for n in 0..10_000 {
        let pattern = match n % 2 {
            0 => json!({ "detail": { "a.b": [n] } }),
            _ => json!({ "detail": { "a": { "b": [n] } } }),
        };
        let pattern = Pattern::parse(&pattern.to_string(), Language::Whole);
        index.insert(std::sync::Arc::new(pattern.unwrap()));
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
    let mut index = super::Index::default();
    for n in 0..10_000 {
        let pattern =
            json!({ "source": [format!("s{n}")], "detail": { "f": [{ "anything-but": "x" }] } });
        let pattern = Pattern::parse(&pattern.to_string(), Language::Whole);
        index.insert(std::sync::Arc::new(pattern.unwrap()));
    }
    let event = json!({ "source": "s77", "detail": { "f": "y" } });
    assert_eq!(index.matching(&event).len(), 1);
    assert!(index.candidates(&event).len() <= 20);
}
