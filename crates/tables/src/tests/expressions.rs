//! The evaluator against a model that does the same in the most naive way, and updates one by one.

use super::*;

fn path(text: &str) -> Path {
    let mut parts = text.split('.');
    let mut path = Path::attribute(parts.next().unwrap());
    path.steps = parts
        .map(|part| match part.parse() {
            Ok(index) => Step::Index(index),
            Err(_) => Step::Name(part.into()),
        })
        .collect();
    path
}

fn list(values: &[Value]) -> Value {
    Value::List(values.to_vec())
}

fn strings(values: &[&str]) -> Value {
    Value::Strings(values.iter().map(|value| (*value).to_owned()).collect())
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(item(entries))
}

fn value(value: Value) -> Operand {
    Operand::Value(value)
}

fn at(text: &str) -> Operand {
    Operand::Path(path(text))
}

#[test]
fn conditions_hold_as_they_should() {
    let there = item([
        ("n", number("5")),
        ("s", text("héllo")),
        ("b", Value::Binary(b"abc".to_vec().into())),
        ("set", strings(&["x", "y"])),
        ("l", list(&[number("1"), map([("deep", text("v"))])])),
        ("m", map([("k", Value::Null)])),
        ("t", Value::Bool(true)),
    ]);
    use Comparison::*;
    let size = |of: &str| Operand::Size(Box::new(at(of)));
    for (condition, holds) in [
        (
            Condition::Compare(at("n"), Equal, value(number("5.0"))),
            true,
        ),
        (Condition::Compare(at("n"), Equal, value(text("5"))), false),
        (Condition::Compare(at("n"), Less, value(text("9"))), false),
        (Condition::Compare(at("n"), Less, value(number("9"))), true),
        (
            Condition::Compare(at("t"), Less, value(Value::Bool(true))),
            false,
        ),
        (
            Condition::Compare(at("t"), LessOrEqual, value(Value::Bool(true))),
            false,
        ),
        (
            Condition::Compare(at("none"), NotEqual, value(number("1"))),
            true,
        ),
        (Condition::Compare(at("none"), Equal, at("none2")), false),
        (
            Condition::Compare(at("none"), Less, value(number("1"))),
            false,
        ),
        (
            Condition::Compare(at("l.1.deep"), Equal, value(text("v"))),
            true,
        ),
        (
            Condition::Compare(at("l.7.deep"), Equal, value(text("v"))),
            false,
        ),
        (
            Condition::Compare(size("s"), Equal, value(number("6"))),
            true,
        ),
        (
            Condition::Compare(size("b"), Equal, value(number("3"))),
            true,
        ),
        (
            Condition::Compare(size("set"), Equal, value(number("2"))),
            true,
        ),
        (
            Condition::Compare(size("l"), GreaterOrEqual, value(number("2"))),
            true,
        ),
        (
            Condition::Compare(size("m"), Equal, value(number("1"))),
            true,
        ),
        (
            Condition::Compare(size("n"), Equal, value(number("1"))),
            false,
        ),
        (
            Condition::Between(at("n"), value(number("5")), value(number("6"))),
            true,
        ),
        (
            Condition::Between(at("n"), value(number("6")), value(number("7"))),
            false,
        ),
        (
            Condition::Between(at("n"), value(text("1")), value(text("7"))),
            false,
        ),
        (
            Condition::In(at("n"), vec![value(text("a")), value(number("5"))]),
            true,
        ),
        (Condition::In(at("none"), vec![at("none2")]), false),
        (Condition::Exists(path("m.k")), true),
        (Condition::Exists(path("m.z")), false),
        (Condition::HasType(at("m.k"), Type::Null), true),
        (Condition::HasType(at("none"), Type::Null), false),
        (Condition::BeginsWith(at("s"), value(text("hé"))), true),
        (Condition::BeginsWith(at("n"), value(text("5"))), false),
        (Condition::Contains(at("s"), value(text("llo"))), true),
        (
            Condition::Contains(at("b"), value(Value::Binary(b"bc".to_vec().into()))),
            true,
        ),
        (
            Condition::Contains(at("b"), value(Value::Binary(b"".to_vec().into()))),
            true,
        ),
        (Condition::Contains(at("set"), value(text("y"))), true),
        (Condition::Contains(at("set"), value(number("1"))), false),
        (Condition::Contains(at("l"), value(number("1"))), true),
        (
            Condition::Not(Box::new(Condition::Exists(path("n")))),
            false,
        ),
        (Condition::All(vec![]), true),
        (Condition::Any(vec![]), false),
    ] {
        assert_eq!(condition.holds(&there), holds, "{condition:?}");
    }
}

#[test]
fn projections_pick_parts() {
    let there = item([
        ("a", text("1")),
        ("m", map([("x", number("1")), ("y", number("2"))])),
        ("l", list(&[text("0"), map([("k", text("1"))]), text("2")])),
    ]);
    for (paths, expected) in [
        (vec!["a"], item([("a", text("1"))])),
        (vec!["none", "a.b", "m.none", "l.9"], item([])),
        (vec!["m.y"], item([("m", map([("y", number("2"))]))])),
        (vec!["m.y", "m"], item([("m", there["m"].clone())])),
        (
            vec!["l.2", "l.0"],
            item([("l", list(&[text("0"), text("2")]))]),
        ),
        (
            vec!["l.1.k"],
            item([("l", list(&[map([("k", text("1"))])]))]),
        ),
    ] {
        let projection: Projection = paths.iter().map(|text| path(text)).collect();
        assert_eq!(projection.of(&there), expected, "{paths:?}");
    }
}

fn set(at: &str, term: Term) -> (Path, Change) {
    (path(at), Change::Set(term))
}

#[test]
fn updates_change_what_they_say() {
    let there = item([
        ("n", number("5")),
        ("l", list(&[text("a"), text("b"), text("c"), text("d")])),
        ("m", map([("k", number("1"))])),
        ("s", strings(&["x", "y"])),
    ]);
    let literal = |of: Value| Term::Value(of);
    let here = |at: &str| Term::Path(path(at));
    let two = |a: Term, b: Term| (Box::new(a), Box::new(b));
    let plus = |a, b| {
        let (a, b) = two(a, b);
        Term::Plus(a, b)
    };
    let one = || literal(number("1"));
    type Case = (Vec<(Path, Change)>, Result<Item>);
    let cases: Vec<Case> = vec![
        // All see the item as it was.
        (
            vec![set("n", plus(here("n"), one())), set("o", here("n"))],
            Ok(with(&there, [("n", number("6")), ("o", number("5"))])),
        ),
        (
            vec![(path("l.0"), Change::Remove), (path("l.2"), Change::Remove)],
            Ok(with(&there, [("l", list(&[text("b"), text("d")]))])),
        ),
        (
            vec![
                set("l.9", literal(text("9"))),
                set("l.7", literal(text("7"))),
                set("l.0", literal(text("A"))),
                (path("l.1"), Change::Remove),
            ],
            Ok(with(
                &there,
                [(
                    "l",
                    list(&[text("A"), text("c"), text("d"), text("7"), text("9")]),
                )],
            )),
        ),
        (
            vec![set("m.z", Term::Or(path("m.k"), Box::new(one())))],
            Ok(with(
                &there,
                [("m", map([("k", number("1")), ("z", number("1"))]))],
            )),
        ),
        (
            vec![set(
                "q",
                Term::Append(Box::new(here("l")), Box::new(literal(list(&[])))),
            )],
            Ok(with(&there, [("q", there["l"].clone())])),
        ),
        (
            vec![
                (path("n"), Change::Add(number("-5"))),
                (path("new"), Change::Add(number("3"))),
            ],
            Ok(with(&there, [("n", number("0")), ("new", number("3"))])),
        ),
        (
            vec![(path("s"), Change::Add(strings(&["z"])))],
            Ok(with(&there, [("s", strings(&["x", "y", "z"]))])),
        ),
        (
            vec![(path("s"), Change::Subtract(strings(&["x", "q"])))],
            Ok(with(&there, [("s", strings(&["y"]))])),
        ),
        (
            vec![
                (path("s"), Change::Subtract(strings(&["x", "y"]))),
                (path("zz"), Change::Subtract(strings(&["x"]))),
            ],
            Ok(without(&there, "s")),
        ),
        (vec![set("o", here("none"))], Err(Error::MissingOperand)),
        (
            vec![set("o", plus(here("s"), one()))],
            Err(Error::WrongOperand),
        ),
        (
            vec![(path("n"), Change::Add(strings(&["x"])))],
            Err(Error::WrongOperand),
        ),
        (
            vec![(path("n"), Change::Subtract(strings(&["x"])))],
            Err(Error::WrongOperand),
        ),
        (vec![set("none.x", one())], Err(Error::NoSuchPath)),
        (vec![set("n.x", one())], Err(Error::NoSuchPath)),
        (vec![set("m.0", one())], Err(Error::NoSuchPath)),
        (
            vec![(path("none.x"), Change::Remove)],
            Err(Error::NoSuchPath),
        ),
        (
            vec![
                (path("m.none"), Change::Remove),
                (path("l.77"), Change::Remove),
            ],
            Ok(there.clone()),
        ),
        (
            vec![set(
                "n",
                plus(literal(number("9e125")), literal(number("9e125"))),
            )],
            Err(Error::Number(NumberError::Overflow)),
        ),
    ];
    for (changes, expected) in cases {
        let update = Update { changes };
        let found = update.apply(&there);
        assert_eq!(
            found.map_err(|error| error.to_string()),
            expected.map_err(|error| error.to_string()),
            "{update:?}"
        );
    }
}

fn with<const N: usize>(base: &Item, more: [(&str, Value); N]) -> Item {
    let mut all = base.clone();
    all.extend(item(more));
    all
}

fn without(base: &Item, name: &str) -> Item {
    let mut all = base.clone();
    all.remove(name);
    all
}

// ---- the evaluator against a naive model

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        "[ab]{0,2}".prop_map(Value::String),
        (-2..3_i32).prop_map(|n| number(&n.to_string())),
        proptest::collection::vec(b'a'..b'c', 0..2).prop_map(|b| Value::Binary(b.into())),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Null),
        proptest::collection::btree_set("[ab]", 1..3).prop_map(Value::Strings),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::List),
            proptest::collection::btree_map("[ab]", inner, 0..3).prop_map(Value::Map),
        ]
    })
}

fn any_path() -> impl Strategy<Value = Path> {
    let step = prop_oneof![
        "[ab]".prop_map(Step::Name),
        (0..3_usize).prop_map(Step::Index)
    ];
    ("[abc]", proptest::collection::vec(step, 0..3)).prop_map(|(name, steps)| Path { name, steps })
}

fn any_operand() -> impl Strategy<Value = Operand> {
    let simple = prop_oneof![
        any_path().prop_map(Operand::Path),
        any_value().prop_map(Operand::Value)
    ];
    prop_oneof![
        3 => simple.clone(),
        1 => simple.prop_map(|operand| Operand::Size(Box::new(operand))),
    ]
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
    let operands = || proptest::collection::vec(any_operand(), 1..3);
    let leaf = prop_oneof![
        (any_operand(), comparison, any_operand())
            .prop_map(|(a, by, b)| Condition::Compare(a, by, b)),
        (any_operand(), any_operand(), any_operand())
            .prop_map(|(a, b, c)| Condition::Between(a, b, c)),
        (any_operand(), operands()).prop_map(|(a, list)| Condition::In(a, list)),
        any_path().prop_map(Condition::Exists),
        (any_operand(), any_value()).prop_map(|(a, v)| Condition::HasType(a, v.r#type())),
        (any_operand(), any_operand()).prop_map(|(a, b)| Condition::BeginsWith(a, b)),
        (any_operand(), any_operand()).prop_map(|(a, b)| Condition::Contains(a, b)),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let several = proptest::collection::vec(inner.clone(), 0..3);
        prop_oneof![
            inner.prop_map(|condition| Condition::Not(Box::new(condition))),
            several.clone().prop_map(Condition::All),
            several.prop_map(Condition::Any),
        ]
    })
}

/// The same, said once more in the slowest way: values as text and numbers as what they print.
mod naive {
    use super::*;

    fn find(path: &Path, item: &Item) -> Option<Value> {
        let mut here = item.get(&path.name)?.clone();
        for step in &path.steps {
            here = match (here, step) {
                (Value::Map(map), Step::Name(name)) => map.get(name)?.clone(),
                (Value::List(list), Step::Index(at)) => list.get(*at)?.clone(),
                _ => return None,
            };
        }
        Some(here)
    }

    fn value(operand: &Operand, item: &Item) -> Option<Value> {
        match operand {
            Operand::Value(value) => Some(value.clone()),
            Operand::Path(path) => find(path, item),
            Operand::Size(inner) => {
                let size = match value(inner, item)? {
                    Value::String(text) => text.len(),
                    Value::Binary(bytes) => bytes.len(),
                    Value::List(list) => list.len(),
                    Value::Map(map) => map.len(),
                    Value::Strings(set) => set.len(),
                    Value::Numbers(set) => set.len(),
                    Value::Binaries(set) => set.len(),
                    _ => return None,
                };
                Some(number(&size.to_string()))
            }
        }
    }

    fn order(a: &Option<Value>, b: &Option<Value>) -> Option<std::cmp::Ordering> {
        match (a.as_ref()?, b.as_ref()?) {
            (Value::String(a), Value::String(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
            (Value::Binary(a), Value::Binary(b)) => Some(a.to_vec().cmp(&b.to_vec())),
            (Value::Number(a), Value::Number(b)) => {
                let float = |n: &Number| n.to_string().parse::<f64>().unwrap();
                float(a).partial_cmp(&float(b))
            }
            _ => None,
        }
    }

    pub(super) fn holds(condition: &Condition, item: &Item) -> bool {
        let of = |operand: &Operand| value(operand, item);
        let bytes = |value: Option<Value>| match value? {
            Value::String(text) => Some((true, text.into_bytes())),
            Value::Binary(bytes) => Some((false, bytes.to_vec())),
            _ => None,
        };
        match condition {
            Condition::Compare(a, by, b) => {
                let (a, b) = (of(a), of(b));
                let ordering = order(&a, &b);
                match by {
                    Comparison::Equal => a.is_some() && a == b,
                    Comparison::NotEqual => a.is_none() || b.is_none() || a != b,
                    Comparison::Less => ordering.is_some_and(std::cmp::Ordering::is_lt),
                    Comparison::LessOrEqual => ordering.is_some_and(std::cmp::Ordering::is_le),
                    Comparison::Greater => ordering.is_some_and(std::cmp::Ordering::is_gt),
                    Comparison::GreaterOrEqual => ordering.is_some_and(std::cmp::Ordering::is_ge),
                }
            }
            Condition::Between(a, low, high) => {
                order(&of(low), &of(a)).is_some_and(std::cmp::Ordering::is_le)
                    && order(&of(a), &of(high)).is_some_and(std::cmp::Ordering::is_le)
            }
            Condition::In(a, list) => {
                let a = of(a);
                list.iter().any(|b| a.is_some() && of(b) == a)
            }
            Condition::Exists(path) => find(path, item).is_some(),
            Condition::HasType(a, r#type) => of(a).is_some_and(|a| a.r#type() == *r#type),
            Condition::BeginsWith(a, b) => match (bytes(of(a)), bytes(of(b))) {
                (Some((x, a)), Some((y, b))) => x == y && a.starts_with(&b),
                _ => false,
            },
            Condition::Contains(a, b) => match (of(a), of(b)) {
                (Some(Value::List(list)), Some(b)) => list.contains(&b),
                (Some(Value::Strings(set)), Some(Value::String(b))) => set.contains(&b),
                (Some(a), Some(b)) => match (bytes(Some(a)), bytes(Some(b))) {
                    (Some((x, a)), Some((y, b))) => {
                        x == y && (0..=a.len()).any(|from| a[from..].starts_with(&b))
                    }
                    _ => false,
                },
                _ => false,
            },
            Condition::Not(inner) => !holds(inner, item),
            Condition::All(all) => !all.iter().any(|c| !holds(c, item)),
            Condition::Any(any) => any.iter().rev().any(|c| holds(c, item)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_evaluator_does_as_the_model(
        condition in any_condition(),
        there in proptest::collection::btree_map("[abc]", any_value(), 0..4),
    ) {
        prop_assert_eq!(condition.holds(&there), naive::holds(&condition, &there));
    }

    #[test]
    fn a_projection_holds_what_its_paths_find(
        paths in proptest::collection::vec(any_path(), 1..4),
        there in proptest::collection::btree_map("[abc]", any_value(), 0..4),
    ) {
        let projection: Projection = paths.iter().cloned().collect();
        let picked = projection.of(&there);
        for path in &paths {
            let named = path.steps.iter().all(|step| matches!(step, Step::Name(_)));
            if named {
                prop_assert_eq!(path.find(&picked), path.find(&there));
            }
        }
        let again = projection.of(&there);
        prop_assert_eq!(again, picked);
    }
}

/// Changes of whole attributes, and what they make of an item in the plainest way: one after the other, each looking
/// at a copy of what was there. None where one of them cannot be.
mod plainly {
    use super::*;

    #[derive(Clone, Debug)]
    pub(super) enum Plain {
        Set(Value),
        Copy(String),
        Or(String, Value),
        Plus(String, i32),
        Minus(i32, String),
        Append(String, Vec<Value>),
        Remove,
        Add(Value),
        Subtract(Value),
    }

    pub(super) fn any() -> impl Strategy<Value = Plain> {
        let name = || "[abc]";
        prop_oneof![
            any_value().prop_map(Plain::Set),
            name().prop_map(Plain::Copy),
            (name(), any_value()).prop_map(|(name, value)| Plain::Or(name, value)),
            (name(), -3..4_i32).prop_map(|(name, n)| Plain::Plus(name, n)),
            (-3..4_i32, name()).prop_map(|(n, name)| Plain::Minus(n, name)),
            (name(), proptest::collection::vec(any_value(), 0..2))
                .prop_map(|(name, values)| Plain::Append(name, values)),
            Just(Plain::Remove),
            any_value().prop_map(Plain::Add),
            any_value().prop_map(Plain::Subtract),
        ]
    }

    pub(super) fn change(plain: &Plain) -> Change {
        let there = |name: &String| Box::new(Term::Path(Path::attribute(name.clone())));
        let value = |value: Value| Box::new(Term::Value(value));
        let whole = |n: &i32| value(number(&n.to_string()));
        match plain {
            Plain::Set(new) => Change::Set(Term::Value(new.clone())),
            Plain::Copy(name) => Change::Set(*there(name)),
            Plain::Or(name, other) => {
                let name = Path::attribute(name.clone());
                Change::Set(Term::Or(name, value(other.clone())))
            }
            Plain::Plus(name, n) => Change::Set(Term::Plus(there(name), whole(n))),
            Plain::Minus(n, name) => Change::Set(Term::Minus(whole(n), there(name))),
            Plain::Append(name, values) => {
                let values = value(Value::List(values.clone()));
                Change::Set(Term::Append(there(name), values))
            }
            Plain::Remove => Change::Remove,
            Plain::Add(value) => Change::Add(value.clone()),
            Plain::Subtract(value) => Change::Subtract(value.clone()),
        }
    }

    pub(super) fn apply(changes: &BTreeMap<String, Plain>, item: &Item) -> Option<Item> {
        let mut new = item.clone();
        for (name, plain) in changes {
            match made(plain, item.get(name), item)? {
                Some(value) => new.insert(name.clone(), value),
                None => new.remove(name),
            };
        }
        Some(new)
    }

    fn made(plain: &Plain, there: Option<&Value>, item: &Item) -> Option<Option<Value>> {
        let whole = |name: &String| match item.get(name)? {
            Value::Number(n) => n.to_string().parse::<i32>().ok(),
            _ => None,
        };
        let told = |n: i32| Some(Some(number(&n.to_string())));
        match plain {
            Plain::Set(value) => Some(Some(value.clone())),
            Plain::Copy(name) => item.get(name).cloned().map(Some),
            Plain::Or(name, other) => Some(item.get(name).or(Some(other)).cloned()),
            Plain::Plus(name, n) => told(whole(name)? + n),
            Plain::Minus(n, name) => told(n - whole(name)?),
            Plain::Append(name, values) => match item.get(name)? {
                Value::List(there) => Some(Some(list(&[&there[..], &values[..]].concat()))),
                _ => None,
            },
            Plain::Remove => Some(None),
            Plain::Add(value) => match (there, value) {
                (None, value) => Some(Some(value.clone())),
                (Some(Value::Number(a)), Value::Number(b)) => {
                    let parsed = |n: &Number| n.to_string().parse::<i32>().ok();
                    told(parsed(a)? + parsed(b)?)
                }
                (Some(Value::Strings(a)), Value::Strings(b)) => Some(Some(Value::Strings(a | b))),
                (Some(Value::List(a)), Value::List(b)) => {
                    Some(Some(list(&[&a[..], &b[..]].concat())))
                }
                _ => None,
            },
            Plain::Subtract(value) => match (there, value) {
                (None, _) => Some(None),
                (Some(Value::Strings(a)), Value::Strings(b)) => {
                    let left = a - b;
                    Some((!left.is_empty()).then_some(Value::Strings(left)))
                }
                _ => None,
            },
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn an_update_does_as_the_model(
        item in proptest::collection::btree_map("[abc]", any_value(), 0..4),
        changes in proptest::collection::btree_map("[abc]", plainly::any(), 1..4),
    ) {
        let update = Update {
            changes: changes
                .iter()
                .map(|(name, plain)| (Path::attribute(name.clone()), plainly::change(plain)))
                .collect(),
        };
        prop_assert_eq!(update.apply(&item).ok(), plainly::apply(&changes, &item));
    }
}
