use proptest::prelude::*;

use super::*;

fn fits(pattern: &str, path: &str) -> Option<String> {
    let parameters = PathPattern::read(pattern).unwrap().fits(path)?;
    let parameters = parameters
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    Some(parameters.collect::<Vec<_>>().join(" "))
}

#[test]
fn literals_and_parameters() {
    let found = [
        ("api/items", "/API/Items", Some("")),
        ("api/items", "/api/items/", Some("")),
        ("api/items", "/api/items/7", None),
        ("api/items", "/api", None),
        ("", "/", Some("")),
        ("api/items/{id}", "/api/items/a%20b", Some("id=a b")),
        ("api/items/{id}", "/api/items/a%2Fb", Some("id=a/b")),
        ("api/items/{id}", "/api/items", None),
        ("api/items/{id?}", "/api/items", Some("")),
        ("api/items/{id=7}", "/api/items", Some("id=7")),
        ("api//x", "/api/x", None),
        ("{*rest}", "/a/b/c", Some("rest=a/b/c")),
        ("a/{*rest}", "/a", Some("")),
        ("a/{**rest}", "/a/b", Some("rest=b")),
        ("{name}.{ending}", "/a.b.c", Some("name=a.b ending=c")),
        ("{name}.{ending?}", "/a.b", Some("name=a ending=b")),
        ("{name}.{ending?}", "/a", Some("name=a")),
        ("v{major}-{minor}", "/v1-2", Some("major=1 minor=2")),
        ("v{major}-{minor}", "/v1", None),
    ];
    for (pattern, path, expected) in found {
        if pattern == "api//x" {
            assert!(PathPattern::read(pattern).is_err());
            continue;
        }
        let expected = expected.map(str::to_owned);
        assert_eq!(fits(pattern, path), expected, "{pattern} {path}");
    }
}

#[test]
fn constraints() {
    let found = [
        ("int", "7", "x"),
        ("int", "-7", "3000000000"),
        ("long", "3000000000", "1.5"),
        ("bool", "TRUE", "yes"),
        ("double", "1.5e3", "x"),
        ("decimal", "-1.5", "inf"),
        ("alpha", "abc", "a1"),
        ("datetime", "2026-01-02", "tomorrow"),
        ("datetime", "2026-01-02T03:04:05Z", "2026"),
        ("guid", "cd2c1638-1638-72d5-1638-deadbeef1638", "cd2c"),
        ("guid", "{CD2C1638-1638-72D5-1638-DEADBEEF1638}", "x"),
        ("length(3)", "abc", "ab"),
        ("length(2,3)", "ab", "abcd"),
        ("minlength(2)", "ab", "a"),
        ("maxlength(2)", "ab", "abc"),
        ("min(18)", "18", "17"),
        ("max(18)", "18", "19"),
        ("range(1,5)", "5", "6"),
        (r"regex(^\d{{3}}-\d{{4}}$)", "123-4567", "1234567"),
        ("regex(^a:b$)", "A:B", "ab"),
        ("file", "a.txt", "a"),
        ("nonfile", "a", "a.txt"),
        ("int:min(3)", "3", "2"),
    ];
    for (constraint, yes, no) in found {
        let pattern = format!("x/{{v:{constraint}}}");
        assert!(
            fits(&pattern, &format!("/x/{yes}")).is_some(),
            "{pattern} {yes}"
        );
        assert!(
            fits(&pattern, &format!("/x/{no}")).is_none(),
            "{pattern} {no}"
        );
        let optional = format!("x/{{v:{constraint}?}}");
        assert!(fits(&optional, "/x").is_some(), "{optional}");
    }
}

#[test]
fn what_is_more_precise_goes_first() {
    let mut patterns = [
        "{*rest}",
        "api/{*rest}",
        "api/{id}",
        "api/{id:int}",
        "api/v{n}",
        "api/items",
        "api",
        "api/items/{x?}",
    ];
    patterns.sort_by_key(|pattern| PathPattern::read(pattern).unwrap().precedence());
    assert_eq!(
        patterns,
        [
            "api",
            "api/items",
            "api/items/{x?}",
            "api/{id:int}",
            "api/v{n}",
            "api/{id}",
            "api/{*rest}",
            "{*rest}",
        ]
    );
}

#[test]
fn shapes_tell_what_is_alike() {
    let shape = |text| PathPattern::read(text).unwrap().shape();
    assert_eq!(shape("api/{id}"), shape("API/{name}"));
    assert_ne!(shape("api/{id}"), shape("api/{id:int}"));
}

#[test]
fn what_is_wrong_is_said() {
    for (text, why) in [
        ("a/{b", "no `}`"),
        ("a}/b", "no `{`"),
        ("{a}{b}", "between"),
        ("{a}/{A}", "twice"),
        ("{*rest}/x", "last"),
        ("x{*rest}", "alone"),
        ("{a:nothing}", "no constraint"),
        ("{a:min(x)}", "whole number"),
        ("{a:range(1)}", "two numbers"),
        ("{a:int(}", "`)`"),
        ("{}", "name"),
        ("{a=1?}", "default"),
    ] {
        let said = PathPattern::read(text).unwrap_err();
        assert!(said.contains(why), "{text}: {said}");
    }
}

proptest! {
    #[test]
    fn nothing_panics(pattern in r"[a-c{}*?:=/().1\[-]{0,20}", path in "[a-c%/.1-]{0,12}") {
        if let Ok(pattern) = PathPattern::read(&pattern) {
            let _ = pattern.fits(&path);
            pattern.precedence();
        }
    }
}
