//! What an item must be like: for a write to happen, or to be among what a query or scan yields.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::number::Number;
use crate::path::Path;
use crate::value::{Item, Type, Value};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Holds unless the two are there and equal for [`Comparison::NotEqual`]; every other one needs both to be there
    /// and of one type.
    Compare(Operand, Comparison, Operand),
    /// Both ends belong to it.
    Between(Operand, Operand, Operand),
    In(Operand, Vec<Operand>),
    Exists(Path),
    HasType(Operand, Type),
    /// Text or bytes.
    BeginsWith(Operand, Operand),
    /// Text in text, bytes in bytes, a value in a set or list.
    Contains(Operand, Operand),
    Not(Box<Condition>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    Path(Path),
    Value(Value),
    /// How many bytes text or bytes have, or how many things are in a set, list or map.
    Size(Box<Operand>),
}

impl Condition {
    /// Whether an item is like that. One that does not exist is as one without attributes.
    pub fn holds(&self, item: &Item) -> bool {
        match self {
            Self::Compare(left, comparison, right) => {
                compare(left.of(item), *comparison, right.of(item))
            }
            Self::Between(value, low, high) => {
                let value = value.of(item);
                compare(low.of(item), Comparison::LessOrEqual, value.clone())
                    && compare(value, Comparison::LessOrEqual, high.of(item))
            }
            Self::In(value, list) => {
                let value = value.of(item);
                value.is_some() && list.iter().any(|other| other.of(item) == value)
            }
            Self::Exists(path) => path.find(item).is_some(),
            Self::HasType(operand, r#type) => {
                operand.of(item).map(|value| value.r#type()) == Some(*r#type)
            }
            Self::BeginsWith(value, prefix) => match (value.of(item), prefix.of(item)) {
                (Some(value), Some(prefix)) => begins_with(&value, &prefix),
                _ => false,
            },
            Self::Contains(whole, part) => match (whole.of(item), part.of(item)) {
                (Some(whole), Some(part)) => contains(&whole, &part),
                _ => false,
            },
            Self::Not(condition) => !condition.holds(item),
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(item)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(item)),
        }
    }
}

impl Condition {
    /// The attributes that it is about.
    pub fn attributes(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        self.collect(&mut names);
        names
    }

    fn collect<'a>(&'a self, names: &mut BTreeSet<&'a str>) {
        match self {
            Self::Compare(a, _, b) | Self::BeginsWith(a, b) | Self::Contains(a, b) => {
                names.extend(a.attribute().into_iter().chain(b.attribute()));
            }
            Self::Between(a, b, c) => {
                names.extend([a, b, c].into_iter().filter_map(Operand::attribute));
            }
            Self::In(a, list) => {
                names.extend(a.attribute());
                names.extend(list.iter().filter_map(Operand::attribute));
            }
            Self::Exists(path) => {
                names.insert(&path.name);
            }
            Self::HasType(a, _) => names.extend(a.attribute()),
            Self::Not(condition) => condition.collect(names),
            Self::All(conditions) | Self::Any(conditions) => {
                for condition in conditions {
                    condition.collect(names);
                }
            }
        }
    }
}

impl Operand {
    fn attribute(&self) -> Option<&str> {
        match self {
            Self::Path(path) => Some(&path.name),
            Self::Value(_) => None,
            Self::Size(operand) => operand.attribute(),
        }
    }

    fn of<'a>(&'a self, item: &'a Item) -> Option<Cow<'a, Value>> {
        match self {
            Self::Path(path) => path.find(item).map(Cow::Borrowed),
            Self::Value(value) => Some(Cow::Borrowed(value)),
            Self::Size(operand) => {
                let size = size(&*operand.of(item)?)?;
                Some(Cow::Owned(Value::Number(Number::from(size as u64))))
            }
        }
    }
}

fn compare(
    left: Option<Cow<'_, Value>>,
    comparison: Comparison,
    right: Option<Cow<'_, Value>>,
) -> bool {
    let (Some(left), Some(right)) = (left, right) else {
        return comparison == Comparison::NotEqual;
    };
    let ordered = left.r#type() == right.r#type()
        && matches!(left.r#type(), Type::String | Type::Number | Type::Binary);
    match comparison {
        Comparison::Equal => left == right,
        Comparison::NotEqual => left != right,
        Comparison::Less => ordered && left < right,
        Comparison::LessOrEqual => ordered && left <= right,
        Comparison::Greater => ordered && left > right,
        Comparison::GreaterOrEqual => ordered && left >= right,
    }
}

fn size(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => Some(text.len()),
        Value::Binary(bytes) => Some(bytes.len()),
        Value::List(values) => Some(values.len()),
        Value::Map(entries) => Some(entries.len()),
        Value::Strings(set) => Some(set.len()),
        Value::Numbers(set) => Some(set.len()),
        Value::Binaries(set) => Some(set.len()),
        Value::Number(_) | Value::Bool(_) | Value::Null => None,
    }
}

fn begins_with(value: &Value, prefix: &Value) -> bool {
    match (value, prefix) {
        (Value::String(value), Value::String(prefix)) => value.starts_with(prefix),
        (Value::Binary(value), Value::Binary(prefix)) => value.starts_with(prefix),
        _ => false,
    }
}

fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::String(whole), Value::String(part)) => whole.contains(part),
        (Value::Binary(whole), Value::Binary(part)) => {
            part.is_empty() || whole.windows(part.len()).any(|window| window == part)
        }
        (Value::Strings(set), Value::String(part)) => set.contains(part),
        (Value::Numbers(set), Value::Number(part)) => set.contains(part),
        (Value::Binaries(set), Value::Binary(part)) => set.contains(part),
        (Value::List(values), part) => values.contains(part),
        _ => false,
    }
}
