//! Which items of a list fit: `?(@.price < 10 && @.name)`.

use serde_json::Value;

use super::parse::{Rest, steps};
use super::{Step, take};

/// One of these lists of conditions, each of them whole.
#[derive(Debug, PartialEq)]
pub(super) struct Filter(Vec<Vec<Condition>>);

#[derive(Debug, PartialEq)]
enum Condition {
    Is(Operand),
    IsNot(Operand),
    Compare(Operand, &'static str, Operand),
}

#[derive(Debug, PartialEq)]
enum Operand {
    Path(Vec<Step>),
    Value(Value),
}

/// Longer ones before those that begin them.
const COMPARISONS: [&str; 6] = ["==", "!=", "<=", ">=", "<", ">"];

impl Filter {
    pub(super) fn read(rest: &mut Rest<'_>) -> Result<Self, String> {
        let mut ways = vec![vec![condition(rest)?]];
        loop {
            rest.spaces();
            if rest.take("&&") {
                let next = condition(rest)?;
                if let Some(way) = ways.last_mut() {
                    way.push(next);
                }
            } else if rest.take("||") {
                ways.push(vec![condition(rest)?]);
            } else {
                return Ok(Self(ways));
            }
        }
    }

    pub(super) fn fits(&self, item: &Value) -> bool {
        let ways = &mut self.0.iter();
        ways.any(|way| way.iter().all(|condition| condition.fits(item)))
    }
}

fn condition(rest: &mut Rest<'_>) -> Result<Condition, String> {
    rest.spaces();
    if rest.0.starts_with('!') && rest.take("!") {
        return Ok(Condition::IsNot(operand(rest)?));
    }
    let left = operand(rest)?;
    rest.spaces();
    let sign = COMPARISONS.iter().copied().find(|sign| rest.take(sign));
    match sign {
        Some(sign) => Ok(Condition::Compare(left, sign, operand(rest)?)),
        None => Ok(Condition::Is(left)),
    }
}

fn operand(rest: &mut Rest<'_>) -> Result<Operand, String> {
    rest.spaces();
    if rest.take("@") {
        return steps(rest).map(Operand::Path);
    }
    if let Some(text) = rest.quoted()? {
        return Ok(Operand::Value(text.into()));
    }
    let word =
        rest.while_is(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.'));
    let value = serde_json::from_str(word);
    value
        .map(Operand::Value)
        .map_err(|_| format!("`{word}{}` is not understood in a filter", rest.0))
}

impl Operand {
    fn value(&self, item: &Value) -> Option<Value> {
        let steps = match self {
            Self::Value(value) => return Some(value.clone()),
            Self::Path(steps) => steps,
        };
        let mut found = vec![item.clone()];
        for step in steps {
            found = found.iter().flat_map(|at| take(at, step)).collect();
        }
        found.into_iter().next()
    }
}

impl Condition {
    fn fits(&self, item: &Value) -> bool {
        match self {
            Self::Is(operand) => operand.value(item).is_some(),
            Self::IsNot(operand) => operand.value(item).is_none(),
            Self::Compare(left, sign, right) => {
                let (left, right) = (left.value(item), right.value(item));
                compare(left.as_ref(), sign, right.as_ref())
            }
        }
    }
}

fn compare(left: Option<&Value>, sign: &str, right: Option<&Value>) -> bool {
    let order = match (left, right) {
        (Some(Value::Number(left)), Some(Value::Number(right))) => {
            left.as_f64().partial_cmp(&right.as_f64())
        }
        (Some(Value::String(left)), Some(Value::String(right))) => Some(left.cmp(right)),
        _ => None,
    };
    let is_equal = match order {
        Some(order) => order.is_eq(),
        None => left == right,
    };
    match sign {
        "==" => is_equal,
        "!=" => !is_equal,
        "<" => order.is_some_and(std::cmp::Ordering::is_lt),
        "<=" => order.is_some_and(std::cmp::Ordering::is_le),
        ">" => order.is_some_and(std::cmp::Ordering::is_gt),
        _ => order.is_some_and(std::cmp::Ordering::is_ge),
    }
}
