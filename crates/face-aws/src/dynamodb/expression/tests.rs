//! Properties of the readers: whatever is written comes back with its meaning, and nothing that can be written makes
//! them fall over.

use proptest::prelude::*;
use serde_json::{Map, json};
use tables::{Comparison, Condition, Item, Operand, Path, Step, Value};

use super::*;
use crate::dynamodb::checks::Checks;
use crate::dynamodb::placeholders::Placeholders;

/// `#a` to `#d` stand for reserved words, `:0` to `:5` for values of several types.
fn placeholders() -> Placeholders {
    let given = json!({
        "ExpressionAttributeNames": { "#a": "name", "#b": "value", "#c": "size", "#d": "x.y" },
        "ExpressionAttributeValues": {
            ":0": { "N": "0" }, ":1": { "N": "1" }, ":2": { "S": "a" }, ":3": { "S": "ab" },
            ":4": { "B": "YQ==" }, ":5": { "SS": ["a"] },
        },
    });
    let mut input: Map<_, _> = given.as_object().cloned().unwrap();
    Placeholders::take(&mut input, true, None, Checks::Newer).unwrap()
}

fn values() -> Vec<Value> {
    let number = |text: &str| Value::Number(text.parse().unwrap());
    vec![
        number("0"),
        number("1"),
        Value::String("a".into()),
        Value::String("ab".into()),
        Value::Binary("a".into()),
        Value::Strings(["a".to_owned()].into()),
    ]
}

const NAMES: [(&str, &str); 6] = [
    ("p", "p"),
    ("q", "q"),
    ("#a", "name"),
    ("#b", "value"),
    ("#c", "size"),
    ("#d", "x.y"),
];

fn written_name(name: &str) -> &'static str {
    NAMES.iter().find(|(_, full)| *full == name).unwrap().0
}

fn write_path(path: &Path) -> String {
    let mut text = written_name(&path.name).to_owned();
    for step in &path.steps {
        text += &match step {
            Step::Name(name) => format!(".{}", written_name(name)),
            Step::Index(index) => format!("[{index}]"),
        };
    }
    text
}

fn write_operand(operand: &Operand) -> String {
    match operand {
        Operand::Path(path) => write_path(path),
        Operand::Value(value) => {
            let at = values().iter().position(|known| known == value).unwrap();
            format!(":{at}")
        }
        Operand::Size(inner) => format!("size({})", write_operand(inner)),
    }
}

/// Every part in parentheses where it needs them, and some words in capitals.
fn write(condition: &Condition) -> String {
    let join = |parts: &[Condition], word: &str| {
        let parts: Vec<String> = parts.iter().map(write_part).collect();
        parts.join(word)
    };
    match condition {
        Condition::Compare(a, by, b) => {
            let sign = match by {
                Comparison::Equal => "=",
                Comparison::NotEqual => "<>",
                Comparison::Less => "<",
                Comparison::LessOrEqual => "<=",
                Comparison::Greater => ">",
                Comparison::GreaterOrEqual => ">=",
            };
            format!("{}{sign} ({})", write_operand(a), write_operand(b))
        }
        Condition::Between(a, b, c) => format!(
            "{} between {} AND {}",
            write_operand(a),
            write_operand(b),
            write_operand(c)
        ),
        Condition::In(a, list) => {
            let list: Vec<String> = list.iter().map(write_operand).collect();
            format!("{} IN ({})", write_operand(a), list.join(","))
        }
        Condition::Exists(path) => format!("attribute_exists ( {} )", write_path(path)),
        Condition::HasType(..) => unreachable!("its value is no placeholder of these"),
        Condition::BeginsWith(a, b) => {
            format!("begins_with({}, {})", write_operand(a), write_operand(b))
        }
        Condition::Contains(a, b) => {
            format!("contains({},{})", write_operand(a), write_operand(b))
        }
        Condition::Not(inner) => format!("NOT {}", write_part(inner)),
        Condition::All(parts) => join(parts, " and "),
        Condition::Any(parts) => join(parts, " OR "),
    }
}

fn write_part(condition: &Condition) -> String {
    match condition {
        Condition::All(_) | Condition::Any(_) | Condition::Not(_) => {
            format!("({})", write(condition))
        }
        condition => write(condition),
    }
}

fn any_path() -> impl Strategy<Value = Path> {
    let name = || (0..NAMES.len()).prop_map(|at| NAMES[at].1.to_owned());
    let step = prop_oneof![
        name().prop_map(Step::Name),
        (0..3_usize).prop_map(Step::Index)
    ];
    (name(), proptest::collection::vec(step, 0..3)).prop_map(|(name, steps)| Path { name, steps })
}

fn path_operand() -> impl Strategy<Value = Operand> {
    any_path().prop_map(Operand::Path)
}

/// Values that go with every comparison.
fn value_operand() -> impl Strategy<Value = Operand> {
    (0..5_usize).prop_map(|at| Operand::Value(values().swap_remove(at)))
}

fn text_operand() -> impl Strategy<Value = Operand> {
    (2..5_usize).prop_map(|at| Operand::Value(values().swap_remove(at)))
}

fn any_condition() -> impl Strategy<Value = Condition> {
    let comparison = prop_oneof![
        Just(Comparison::Equal),
        Just(Comparison::NotEqual),
        Just(Comparison::Less),
        Just(Comparison::LessOrEqual),
        Just(Comparison::Greater),
        Just(Comparison::GreaterOrEqual),
    ];
    let left = prop_oneof![
        3 => path_operand(),
        1 => path_operand().prop_map(|operand| Operand::Size(Box::new(operand))),
    ];
    let leaf = prop_oneof![
        (left.clone(), comparison, value_operand())
            .prop_map(|(a, by, b)| Condition::Compare(a, by, b)),
        (left.clone(), 0..2_usize).prop_map(|(a, low)| {
            let bound = |at: usize| Operand::Value(values().swap_remove(at + 2 * low));
            Condition::Between(a, bound(0), bound(1))
        }),
        (left, proptest::collection::vec(value_operand(), 1..4))
            .prop_map(|(a, list)| Condition::In(a, list)),
        any_path().prop_map(Condition::Exists),
        (path_operand(), text_operand()).prop_map(|(a, b)| Condition::BeginsWith(a, b)),
        (path_operand(), value_operand()).prop_map(|(a, b)| Condition::Contains(a, b)),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let several = proptest::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            inner.prop_map(|condition| Condition::Not(Box::new(condition))),
            several.clone().prop_map(Condition::All),
            several.prop_map(Condition::Any),
        ]
    })
}

fn any_item() -> impl Strategy<Value = Item> {
    let leaf = (0..6_usize).prop_map(|at| values().swap_remove(at));
    let name = || (0..NAMES.len()).prop_map(|at| NAMES[at].1.to_owned());
    let value = leaf.prop_recursive(2, 8, 3, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::List),
            proptest::collection::btree_map(name(), inner, 0..3).prop_map(Value::Map),
        ]
    });
    proptest::collection::btree_map(
        (0..NAMES.len()).prop_map(|at| NAMES[at].1.to_owned()),
        value,
        0..5,
    )
}

/// What expressions are made of, in no order.
fn soup() -> impl Strategy<Value = String> {
    let words = [
        "p",
        "q",
        "#a",
        "#none",
        ":0",
        ":5",
        ":none",
        "=",
        "<>",
        "<",
        "(",
        "((",
        ")",
        "))",
        ",",
        ".",
        "[",
        "]",
        "0",
        "7",
        "+",
        "-",
        "AND",
        "or",
        "NOT",
        "BETWEEN",
        "IN",
        "size(",
        "begins_with(",
        "contains(",
        "attribute_exists(",
        "attribute_type(",
        "if_not_exists(",
        "list_append(",
        "SET",
        "REMOVE",
        "ADD",
        "DELETE",
        "é",
        "'",
        "status",
        "fly(",
    ];
    proptest::collection::vec(proptest::sample::select(words.to_vec()), 0..24)
        .prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_condition_means_what_was_written(condition in any_condition(), items in proptest::collection::vec(any_item(), 1..6)) {
        let text = write(&condition);
        let mut placeholders = placeholders();
        let read = super::condition("ConditionExpression", &text, &mut placeholders);
        let read = read.map_err(|fault| TestCaseError::fail(format!("{text}: {fault:?}")))?;
        for item in &items {
            prop_assert_eq!(read.holds(item), condition.holds(item), "{}", &text);
        }
    }

    #[test]
    fn nothing_makes_the_readers_fall_over(text in soup(), noise in ".{0,40}") {
        for text in [&text, &noise] {
            let _ = super::condition("FilterExpression", text, &mut placeholders());
            let _ = key_condition(text, &mut placeholders());
            let _ = projection(text, &mut placeholders());
            let _ = update(text, &mut placeholders());
            let _ = update(&format!("SET p = {text}"), &mut placeholders());
        }
    }
}

#[test]
fn the_deepest_expressions_are_read_or_refused() {
    for depth in [290, 299, 301, 1_000] {
        for (open, close) in [
            ("(NOT p = :0 OR ", ")"),
            ("NOT (p = :0 AND ", ")"),
            ("(", ")"),
        ] {
            let text = format!("{}p = :0{}", open.repeat(depth), close.repeat(depth));
            if let Ok(condition) = super::condition("F", &text, &mut placeholders()) {
                condition.holds(&Item::new());
            }
            let text = format!("SET p = {}:0{}", open.repeat(depth), close.repeat(depth));
            assert!(update(&text, &mut placeholders()).is_err());
        }
    }
    let nested = "size(".repeat(800);
    assert!(super::condition("F", &nested, &mut placeholders()).is_err());
    let nested = format!("SET p = {}", "if_not_exists(p, ".repeat(200));
    assert!(update(&nested, &mut placeholders()).is_err());
}
