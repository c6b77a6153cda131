//! What is no pattern, and what is said of it.

use serde_json::{Value, json};

use super::*;

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
