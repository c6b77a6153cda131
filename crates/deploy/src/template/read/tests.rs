use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::diagnostic::{Diagnostics, Place};
use crate::template::tree::Value;

fn source(name: &str, text: &str) -> Source {
    Source::new(Path::new(name), text.to_owned())
}

fn tree(text: &str) -> Node {
    read(&source("t.yaml", text), &mut Vec::new()).unwrap()
}

/// What is wrong, as `line:column message`.
fn errors(name: &str, text: &str) -> Vec<String> {
    let source = std::sync::Arc::new(source(name, text));
    let findings = read(&source, &mut Vec::new()).unwrap_err();
    let found = Diagnostics::new(&source, findings);
    let line = |place: &Option<Place>| {
        place.as_ref().map_or(String::new(), |place| {
            format!("{}:{}", place.line, place.column)
        })
    };
    found
        .iter()
        .map(|one| format!("{} {}", line(&one.place), one.message))
        .collect()
}

/// The tree without places, in a short notation.
fn short(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".into(),
        Value::Text(text) => format!("{text:?}"),
        Value::Plain(text) => text.clone(),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(short).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Map(entries) => {
            let one = |entry: &Entry| format!("{}={}", entry.key, short(&entry.value));
            let entries: Vec<String> = entries.iter().map(one).collect();
            format!("{{{}}}", entries.join(" "))
        }
        Value::Call(call) => format!("{}({})", call.name, short(&call.argument)),
        Value::Absent => "absent".into(),
        Value::Broken => "broken".into(),
    }
}

#[test]
fn scalars_keep_their_text_and_whether_they_were_quoted() {
    let text = "a: 010\nb: '010'\nc: 1.10\nd: yes\ne: ~\nf:\ng: \"x\\ny\"\nh: |\n  two\n  lines\ni: !!str 5\n";
    assert_eq!(
        short(&tree(text)),
        r#"{a=010 b="010" c=1.10 d=yes e=null f=null g="x\ny" h="two\nlines\n" i="5"}"#
    );
}

#[test]
fn short_and_long_forms_of_functions_are_the_same() {
    for (short_form, long_form) in [
        ("!Ref A", "{Ref: A}"),
        ("!GetAtt A.B.C", "{'Fn::GetAtt': [A, B.C]}"),
        ("!Sub 'x${A}'", "{'Fn::Sub': 'x${A}'}"),
        (
            "!Join [',', [a, !Ref B]]",
            "{'Fn::Join': [',', [a, {Ref: B}]]}",
        ),
        ("!If [C, a, b]", "{'Fn::If': [C, a, b]}"),
        ("!Base64\n    x", "{'Fn::Base64': x}"),
    ] {
        let a = tree(&format!("v: {short_form}"));
        let b = tree(&format!("v: {long_form}"));
        assert_eq!(short(&a).replace('"', ""), short(&b).replace('"', ""));
    }
}

#[test]
fn aliases_and_merges_are_written_out() {
    let text = "base: &base {A: 1, B: 2}\nx: *base\ny:\n  <<: *base\n  B: 3\n";
    assert_eq!(
        short(&tree(text)),
        "{base={A=1 B=2} x={A=1 B=2} y={B=3 A=1}}"
    );
}

#[test]
fn json_is_read_as_json() {
    let text = "{\n\t\"a\": \"\\ud83d\\ude00\\/\", \"b\": [1.10, true, null], \"c\": {\"Ref\": \"X\"}\n}\n";
    assert_eq!(
        short(&tree(text)),
        "{a=\"😀/\" b=[1.10 true null] c=Ref(\"X\")}"
    );
}

#[test]
fn every_value_has_its_place() {
    let text = "ä: ö\nResources:\n  X: !Ref  Ünter\n";
    let root = tree(text);
    let call = root.get("Resources").unwrap().get("X").unwrap();
    assert_eq!(&text[call.span.start..call.span.end], "!Ref  Ünter");
    let source = source("t.yaml", text);
    let place = source.place(call.span);
    assert_eq!((place.line, place.column), (3, 6));
    let windows = tree("A:\r\n  B: c\r\n  D: e\r\n");
    let value = windows.get("A").unwrap().get("D").unwrap();
    assert_eq!(value.span, Span::new(17, 18));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, want) in [
        ("a: !Reff X\n", "1:4 there is no function `!Reff`"),
        ("a: 1\n---\nb: 2\n", "3:1 a second document begins here"),
        ("a: *nothing\n", "1:4 this is not YAML"),
        ("a: [1, 2\n", "2:1 this is not YAML"),
        ("a:\n\t- b\n", "2:"),
        ("a: !!binary aGk=\n", "1:4 the tag `!!binary`"),
        ("{{x}}: 1\n", "1:"),
        (
            "a: &a [*a]\n",
            "1:8 this alias stands for a value that contains it",
        ),
    ] {
        let found = errors("t.yaml", text);
        assert!(
            found.iter().any(|one| one.starts_with(want)),
            "{text:?}: {found:?}"
        );
    }
    for (text, want) in [
        (
            "{\"a\": 1,}",
            "1:9 this is not JSON: expected a key in double quotes, found '}'",
        ),
        (
            "{\"a\": 01}",
            "1:7 this is not JSON: expected a number, found '0'",
        ),
        ("{\"a\": \"x\n\"}", "1:7 this string is not valid JSON"),
        ("{\"a\": \"x", "1:7 this string is never closed"),
        (
            "{\"a\": 1} x",
            "1:10 this is not JSON: expected the end of the template, found 'x'",
        ),
        (
            "",
            "1:1 this is not JSON: expected a value, found the end of the template",
        ),
    ] {
        assert_eq!(errors("t.json", text), [want], "{text:?}");
    }
}

/// As the cloud has it, but said.
#[test]
fn of_a_key_that_comes_twice_the_last_counts() {
    for (name, text, place) in [
        ("t.yaml", "a: 1\nb: 2\na: 3\n", (3, 1)),
        ("t.json", "{\"a\": 1, \"b\": 2,\n\"a\": 3}", (2, 1)),
    ] {
        let source = std::sync::Arc::new(source(name, text));
        let mut noticed = Vec::new();
        let tree = read(&source, &mut noticed).unwrap();
        assert_eq!(short(&tree), "{a=3 b=2}");
        let found = Diagnostics::new(&source, noticed);
        let one = found.iter().next().unwrap();
        let at = one.place.as_ref().map(|place| (place.line, place.column));
        assert_eq!((at, found.errors()), (Some(place), 0));
        assert_eq!(one.message, "`a` is given twice");
        let why = "also given in line 1; of two, the last counts";
        assert_eq!(one.why.as_deref(), Some(why));
    }
}

#[test]
fn size_depth_and_aliases_are_bounded() {
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    // Far too deep, the parser itself gives up first.
    assert!(errors("t.yaml", &deep)[0].contains("recursion limit"));
    let deep = format!("{}1{}", "[".repeat(80), "]".repeat(80));
    assert!(errors("t.yaml", &deep)[0].contains("levels deep"));
    assert!(errors("t.json", &deep)[0].contains("levels deep"));
    let long = " ".repeat(MAX_BYTES + 1);
    assert!(errors("t.yaml", &long)[0].contains("bytes long"));
    // A billion laughs.
    let mut laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        laughs += &format!("a{level}: &a{level} [{aliases}]\n");
    }
    assert!(errors("t.yaml", &laughs)[0].contains("values"));
    let text = "x".repeat(1_000_000);
    let many = vec!["*a"; 10_000].join(", ");
    assert!(errors("t.yaml", &format!("a: &a {text}\nb: [{many}]\n"))[0].contains("values"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_panics_the_reader(text in "(?s).{0,200}") {
        let _ = read(&source("t.yaml", &text), &mut Vec::new());
        let _ = read(&source("t.json", &text), &mut Vec::new());
    }

    /// Text of the pieces that templates are made of gets further than random letters.
    #[test]
    fn no_near_yaml_panics_the_reader(pieces in prop::collection::vec(
        prop::sample::select(vec![
            "a", ": ", "\n", "  ", "- ", "!Ref ", "!Sub ", "!GetAtt a.b", "[", "]", "{", "}", ", ", "&x ", "*x",
            "<<: ", "'", "\"", "|\n", ">-\n", "#", "!!str ", "!", "? ", "---\n", "\t", "%", "é", "\r\n", "Fn::If",
            "~", "\u{feff}", "\\", "!<tag:x> ", "%TAG ! a\n", "...\n", "@", "`",
        ]), 0..60,
    )) {
        let text = pieces.concat();
        let _ = read(&source("t.yaml", &text), &mut Vec::new());
        let _ = read(&source("t.json", &text), &mut Vec::new());
    }
}
