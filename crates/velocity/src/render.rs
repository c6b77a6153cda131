//! A template with its values becomes text.

use std::collections::BTreeMap;

use crate::Error;
use crate::expression::{Expression, Operator, Reference, Step};
use crate::methods;
use crate::parse::Piece;
use crate::print::LARGEST;
use crate::value::{Object, Value};

/// Pieces and values together; far above what templates do that are meant to end.
const MOST_STEPS: usize = 1_000_000;
const LONGEST_RANGE: u128 = 100_000;

/// Whether to go on behind a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    On,
    /// Out of the innermost loop.
    Break,
    Stop,
}

struct Rendering {
    names: BTreeMap<String, Value>,
    steps: usize,
    /// Of all that was made, so that nothing is made larger by many small steps.
    made: usize,
}

pub(crate) fn run(pieces: &[Piece], names: BTreeMap<String, Value>) -> Result<String, Error> {
    let mut rendering = Rendering {
        names,
        steps: 0,
        made: 0,
    };
    let mut out = String::new();
    rendering.block(pieces, &mut out)?;
    Ok(out)
}

/// What a loop says about itself.
#[derive(Debug)]
struct Turn {
    index: usize,
    of: usize,
    outer: Option<Value>,
}

impl Object for Turn {
    fn property(&self, name: &str) -> Option<Value> {
        Some(match name {
            "index" => Value::count(self.index),
            "count" => Value::count(self.index + 1),
            "hasNext" => Value::Bool(self.index + 1 < self.of),
            "first" => Value::Bool(self.index == 0),
            "last" => Value::Bool(self.index + 1 == self.of),
            "parent" => self.outer.clone().unwrap_or_default(),
            _ => return None,
        })
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Result<Option<Value>, Error> {
        let property = match name {
            "getIndex" => "index",
            "getCount" => "count",
            "isFirst" => "first",
            "isLast" => "last",
            other => other,
        };
        Ok(self.property(property).filter(|_| arguments.is_empty()))
    }
}

impl Rendering {
    fn step(&mut self) -> Result<(), Error> {
        self.steps += 1;
        match self.steps > MOST_STEPS {
            true => Err(Error::TooLong),
            false => Ok(()),
        }
    }

    fn push(&mut self, out: &mut String, text: &str) -> Result<(), Error> {
        self.made += text.len();
        if self.made > LARGEST {
            return Err(Error::TooLarge);
        }
        out.push_str(text);
        Ok(())
    }

    fn block(&mut self, pieces: &[Piece], out: &mut String) -> Result<Flow, Error> {
        for piece in pieces {
            self.step()?;
            let flow = self.piece(piece, out)?;
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn piece(&mut self, piece: &Piece, out: &mut String) -> Result<Flow, Error> {
        match piece {
            Piece::Text(text) => self.push(out, text)?,
            Piece::Reference(reference) => {
                let text = self.reference(reference)?.print()?;
                self.push(out, &text)?;
            }
            Piece::Set(target, value) => {
                let value = self.value(value)?;
                self.set(target, value)?;
            }
            Piece::If(ways) => {
                for (condition, body) in ways {
                    let fits = match condition {
                        Some(condition) => self.value(condition)?.is_true(),
                        None => true,
                    };
                    if fits {
                        return self.block(body, out);
                    }
                }
            }
            Piece::Foreach { name, over, body } => return self.foreach(name, over, body, out),
            Piece::Break => return Ok(Flow::Break),
            Piece::Stop => return Ok(Flow::Stop),
        }
        Ok(Flow::On)
    }

    fn foreach(
        &mut self,
        name: &str,
        over: &Expression,
        body: &[Piece],
        out: &mut String,
    ) -> Result<Flow, Error> {
        const TURN: &str = "foreach";
        const COUNT: &str = "velocityCount";
        let items = items(&self.value(over)?);
        let before = [name, TURN, COUNT].map(|name| (name, self.names.get(name).cloned()));
        let mut flow = Flow::On;
        for (index, item) in items.iter().enumerate() {
            self.step()?;
            let turn = Turn {
                index,
                of: items.len(),
                outer: before[1].1.clone(),
            };
            self.names.insert(name.to_owned(), item.clone());
            self.names.insert(TURN.to_owned(), Value::object(turn));
            let count = Value::count(index + 1);
            self.names.insert(COUNT.to_owned(), count);
            flow = self.block(body, out)?;
            if flow != Flow::On {
                break;
            }
        }
        for (name, value) in before {
            match value {
                Some(value) => drop(self.names.insert(name.to_owned(), value)),
                None => drop(self.names.remove(name)),
            }
        }
        Ok(match flow {
            Flow::Stop => Flow::Stop,
            Flow::On | Flow::Break => Flow::On,
        })
    }

    /// What is set to nothing stays what it was.
    fn set(&mut self, target: &Reference, value: Value) -> Result<(), Error> {
        if value.is_null() {
            return Ok(());
        }
        let Some((last, before)) = target.steps.split_last() else {
            self.names.insert(target.name.clone(), value);
            return Ok(());
        };
        let holder = self.walk(&target.name, before)?;
        let key = match last {
            Step::Property(name) => Value::text(name),
            Step::Index(index) => self.value(index)?,
            Step::Call(..) => return Ok(()),
        };
        methods::put(&holder, &key, value)
    }

    fn reference(&mut self, reference: &Reference) -> Result<Value, Error> {
        self.walk(&reference.name, &reference.steps)
    }

    fn walk(&mut self, name: &str, steps: &[Step]) -> Result<Value, Error> {
        let mut at = self.names.get(name).cloned().unwrap_or_default();
        for step in steps {
            self.step()?;
            // Nothing has no parts, and arguments are not looked at.
            if at.is_null() {
                break;
            }
            at = match step {
                Step::Property(name) => methods::property(&at, name),
                Step::Index(index) => {
                    let index = self.value(index)?;
                    methods::item(&at, &index)?
                }
                Step::Call(name, arguments) => {
                    let arguments = self.values(arguments)?;
                    methods::call(&at, name, &arguments)?
                }
            };
        }
        Ok(at)
    }

    fn values(&mut self, expressions: &[Expression]) -> Result<Vec<Value>, Error> {
        let values = expressions.iter().map(|one| self.value(one));
        values.collect()
    }

    fn value(&mut self, expression: &Expression) -> Result<Value, Error> {
        self.step()?;
        Ok(match expression {
            Expression::Null => Value::Null,
            Expression::Bool(truth) => Value::Bool(*truth),
            Expression::Int(number) => Value::Int(*number),
            Expression::Float(number) => Value::Float(*number),
            Expression::Text(text) => Value::text(text),
            Expression::Template(pieces) => {
                let mut out = String::new();
                self.block(pieces, &mut out)?;
                Value::Text(out)
            }
            Expression::List(items) => Value::list(self.values(items)?)?,
            Expression::Range(first, last) => {
                let (first, last) = (self.value(first)?, self.value(last)?);
                range(&first, &last)?
            }
            Expression::Map(entries) => {
                let mut map = indexmap::IndexMap::new();
                for (key, value) in entries {
                    let key = self.value(key)?.print()?;
                    map.insert(key, self.value(value)?);
                }
                Value::map(map)?
            }
            Expression::Reference(reference) => self.reference(reference)?,
            Expression::Not(operand) => Value::Bool(!self.value(operand)?.is_true()),
            Expression::Negative(operand) => {
                let operand = self.value(operand)?;
                arithmetic(Operator::Subtract, &Value::Int(0), &operand)?
            }
            Expression::Binary(operator, left, right) => self.binary(*operator, left, right)?,
        })
    }

    fn binary(
        &mut self,
        operator: Operator,
        left: &Expression,
        right: &Expression,
    ) -> Result<Value, Error> {
        let left = self.value(left)?;
        // The other side of these is not looked at if this one decides.
        match (operator, left.is_true()) {
            (Operator::Or, true) => return Ok(Value::Bool(true)),
            (Operator::And, false) => return Ok(Value::Bool(false)),
            _ => {}
        }
        let right = self.value(right)?;
        let order = left.number().zip(right.number());
        Ok(match operator {
            Operator::Or | Operator::And => Value::Bool(right.is_true()),
            Operator::Equal => Value::Bool(left == right),
            Operator::Unequal => Value::Bool(left != right),
            Operator::Less => Value::Bool(order.is_some_and(|(left, right)| left < right)),
            Operator::LessOrEqual => Value::Bool(order.is_some_and(|(left, right)| left <= right)),
            Operator::Greater => Value::Bool(order.is_some_and(|(left, right)| left > right)),
            Operator::GreaterOrEqual => {
                Value::Bool(order.is_some_and(|(left, right)| left >= right))
            }
            _ => {
                let made = arithmetic(operator, &left, &right)?;
                if let Value::Text(text) = &made {
                    self.made += text.len();
                    if self.made > LARGEST {
                        return Err(Error::TooLarge);
                    }
                }
                made
            }
        })
    }
}

/// What a loop goes over: a list's items, a map's values.
fn items(value: &Value) -> Vec<Value> {
    match value {
        Value::List(list) => list.items.borrow().clone(),
        Value::Map(map) => map.entries.borrow().values().cloned().collect(),
        _ => Vec::new(),
    }
}

fn range(first: &Value, last: &Value) -> Result<Value, Error> {
    let (Value::Int(first), Value::Int(last)) = (first, last) else {
        return Ok(Value::Null);
    };
    if first.abs_diff(*last) > LONGEST_RANGE {
        return Err(Error::TooLong);
    }
    let items: Vec<Value> = match first <= last {
        true => (*first..=*last).map(Value::Int).collect(),
        false => (*last..=*first).rev().map(Value::Int).collect(),
    };
    Value::list(items)
}

/// Nothing, where there is no result: of things that are no numbers, or by zero.
fn arithmetic(operator: Operator, left: &Value, right: &Value) -> Result<Value, Error> {
    if let (Value::Int(left), Value::Int(right)) = (left, right) {
        let result = match operator {
            Operator::Add => left.checked_add(*right),
            Operator::Subtract => left.checked_sub(*right),
            Operator::Multiply => left.checked_mul(*right),
            Operator::Divide => left.checked_div(*right),
            Operator::Remainder => left.checked_rem(*right),
            _ => None,
        };
        return Ok(result.map_or(Value::Null, Value::Int));
    }
    if let Some((left, right)) = left.number().zip(right.number()) {
        let result = match operator {
            Operator::Add => left + right,
            Operator::Subtract => left - right,
            Operator::Multiply => left * right,
            Operator::Divide if right != 0.0 => left / right,
            Operator::Remainder if right != 0.0 => left % right,
            _ => return Ok(Value::Null),
        };
        return Ok(Value::Float(result));
    }
    let has_text = [left, right]
        .iter()
        .any(|one| matches!(one, Value::Text(_)));
    let is_joined = operator == Operator::Add && has_text && !left.is_null() && !right.is_null();
    Ok(match is_joined {
        true => Value::Text(left.print()? + &right.print()?),
        false => Value::Null,
    })
}
