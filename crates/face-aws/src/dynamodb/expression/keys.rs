//! `KeyConditionExpression`: comparisons of key attributes with values, joined by AND.
//!
//! ```text
//! all        = term *( "AND" term )
//! term       = "(" all ")" / condition
//! condition  = operand comparator operand
//!            / operand "BETWEEN" operand "AND" operand
//!            / "begins_with" "(" operand "," operand ")"
//! operand    = word / "#" name / ":" value
//! ```

use tables::{KeySchema, SortCondition, Type, Value};

use super::reader::{Rank, Ranks, Reader};
use super::token::Kind;
use crate::dynamodb::attribute::{code, quoted};
use crate::dynamodb::placeholders::Placeholders;
use crate::protocol::Fault;

const RESERVED: Rank = (0, 0, 0);
const UNDEFINED: Rank = (1, 0, 0);
const RANKS: Ranks = Ranks {
    reserved: RESERVED,
    name: UNDEFINED,
    value: UNDEFINED,
};
/// What goes with the whole: it is told after what is wrong with a part.
const WHOLE: Rank = (2, 0, 0);

/// What an attribute must be, by the attribute's name.
pub(in crate::dynamodb) type Conditions = Vec<(String, SortCondition)>;

/// Reads an expression. That its attributes are a table's keys is [`split`]'s to see.
pub(in crate::dynamodb) fn key_condition(
    text: &str,
    placeholders: &mut Placeholders,
) -> Result<Conditions, Fault> {
    let mut keys = Keys {
        reader: Reader::new("KeyConditionExpression", text, placeholders)?,
        found: Vec::new(),
        other: None,
    };
    keys.all()?;
    keys.reader.finish()?;
    match keys.other {
        Some(fault) => Err(fault),
        None => Ok(keys.found),
    }
}

/// The partition key's value and what the sort key must be.
pub(in crate::dynamodb) fn split(
    key: &KeySchema,
    mut conditions: Conditions,
) -> Result<(Value, Option<SortCondition>), Fault> {
    let missed = |name: &str| {
        Fault::validation(format!("Query condition missed key schema element: {name}"))
    };
    let unsupported = || Fault::validation("Query key condition not supported");
    if conditions.len() > 2 {
        return Err(Fault::validation("Conditions can be of length 1 or 2 only"));
    }
    if conditions.len() == 2 && key.sort.is_none() {
        return Err(unsupported());
    }
    let partition = conditions
        .iter()
        .position(|(name, _)| *name == key.partition.name)
        .ok_or_else(|| missed(&key.partition.name))?;
    let SortCondition::Equal(partition) = conditions.swap_remove(partition).1 else {
        return Err(unsupported());
    };
    match (conditions.pop(), &key.sort) {
        (None, _) => Ok((partition, None)),
        (Some((name, condition)), Some(sort)) if name == sort.name => {
            Ok((partition, Some(condition)))
        }
        (Some(_), Some(sort)) => Err(missed(&sort.name)),
        (Some(_), None) => Err(unsupported()),
    }
}

fn bad_condition(what: &str) -> Fault {
    Fault::validation(format!(
        "Invalid condition in KeyConditionExpression: {what}"
    ))
}

fn bad_operator(operator: &str) -> Fault {
    Fault::validation(format!(
        "Invalid operator used in KeyConditionExpression: {operator}"
    ))
}

struct Keys<'a> {
    reader: Reader<'a>,
    found: Conditions,
    /// What is wrong in other words than those of expressions, the first of it.
    other: Option<Fault>,
}

enum Operand {
    Attribute(String),
    Value(Value),
}

/// Whether what was read stood in parentheses of its own.
type Enclosed = bool;

impl Keys<'_> {
    fn all(&mut self) -> Result<Enclosed, Fault> {
        let mut enclosed = self.term()?;
        while self.reader.keyword("AND") {
            self.term()?;
            enclosed = false;
        }
        if self.reader.keyword("OR") {
            return Err(bad_operator("OR"));
        }
        Ok(enclosed)
    }

    fn term(&mut self) -> Result<Enclosed, Fault> {
        // An operand may stand in parentheses too, but nobody writes that about keys.
        if self.reader.peek() != Kind::Open {
            self.condition()?;
            return Ok(false);
        }
        self.reader.take(Kind::Open)?;
        self.reader.enter()?;
        let enclosed = self.all()?;
        self.reader.leave();
        self.reader.take(Kind::Close)?;
        if enclosed {
            let message = "The expression has redundant parentheses;";
            self.reader.blame(RESERVED, message);
        }
        Ok(true)
    }

    fn condition(&mut self) -> Result<(), Fault> {
        if self.reader.keyword("NOT") {
            return Err(bad_operator("NOT"));
        }
        if self.reader.peek() == Kind::Word && self.reader.peek_second() == Kind::Open {
            return self.call();
        }
        let left = self.operand()?;
        if self.reader.keyword("BETWEEN") {
            let low = self.operand()?;
            if !self.reader.keyword("AND") {
                return Err(self.reader.syntax());
            }
            let high = self.operand()?;
            self.between(left, low, high);
            return Ok(());
        }
        if self.reader.keyword("IN") {
            return Err(bad_operator("IN"));
        }
        let comparator = self.reader.take(Kind::Comparator)?.to_owned();
        let right = self.operand()?;
        self.comparison(left, &comparator, right);
        Ok(())
    }

    fn call(&mut self) -> Result<(), Fault> {
        let function = self.reader.take(Kind::Word)?.to_owned();
        match function.as_str() {
            "begins_with" => {}
            "attribute_exists"
            | "attribute_not_exists"
            | "attribute_type"
            | "contains"
            | "size" => return Err(bad_operator(&function)),
            _ => {
                let message = format!("Invalid function name; function: {function}");
                return Err(self.reader.invalid(message));
            }
        }
        self.reader.take(Kind::Open)?;
        let attribute = self.operand()?;
        self.reader.take(Kind::Comma)?;
        let prefix = self.operand()?;
        self.reader.take(Kind::Close)?;
        match (attribute, prefix) {
            (Operand::Attribute(name), Operand::Value(prefix)) => match prefix.r#type() {
                Type::String | Type::Binary => self.add(name, SortCondition::BeginsWith(prefix)),
                other => {
                    let message = format!(
                        "Incorrect operand type for operator or function; operator or function: begins_with, operand type: {}",
                        code(other)
                    );
                    self.reader.blame(WHOLE, message);
                }
            },
            (Operand::Attribute(_), Operand::Attribute(_)) => self.blame(several_attributes()),
            (Operand::Value(_), _) => self.blame(bad_condition(
                "begins_with operator must have the key attribute as its first operand",
            )),
        }
        Ok(())
    }

    fn between(&mut self, attribute: Operand, low: Operand, high: Operand) {
        let (name, low, high) = match (attribute, low, high) {
            (Operand::Attribute(name), Operand::Value(low), Operand::Value(high)) => {
                (name, low, high)
            }
            (Operand::Attribute(_), ..) => return self.blame(several_attributes()),
            (Operand::Value(_), ..) => {
                return self.blame(bad_condition(
                    "BETWEEN operator must have the key attribute as its first operand",
                ));
            }
        };
        let required = if low.r#type() != high.r#type() {
            "same data type for lower and upper bounds"
        } else if low > high {
            "upper bound to be greater than or equal to lower bound"
        } else {
            return self.add(name, SortCondition::Between(low, high));
        };
        let message = format!(
            "The BETWEEN operator requires {required}; lower bound operand: {}, upper bound operand: {}",
            quoted(&low),
            quoted(&high)
        );
        self.reader.blame(WHOLE, message);
    }

    fn comparison(&mut self, left: Operand, operator: &str, right: Operand) {
        let (name, value, turned) = match (left, right) {
            (Operand::Attribute(name), Operand::Value(value)) => (name, value, false),
            (Operand::Value(value), Operand::Attribute(name)) => (name, value, true),
            (Operand::Attribute(_), Operand::Attribute(_)) => {
                return self.blame(several_attributes());
            }
            (Operand::Value(_), Operand::Value(_)) => {
                return self.blame(bad_condition("No key attribute specified"));
            }
        };
        let condition = match (operator, turned) {
            ("=", _) => SortCondition::Equal(value),
            ("<", false) | (">", true) => SortCondition::Less(value),
            ("<=", false) | (">=", true) => SortCondition::LessOrEqual(value),
            (">", false) | ("<", true) => SortCondition::Greater(value),
            (">=", false) | ("<=", true) => SortCondition::GreaterOrEqual(value),
            _ => return self.blame(bad_operator(operator)),
        };
        self.add(name, condition);
    }

    fn add(&mut self, name: String, condition: SortCondition) {
        if self.found.iter().any(|(other, _)| *other == name) {
            return self.blame(Fault::validation(
                "KeyConditionExpressions must only contain one condition per key",
            ));
        }
        self.found.push((name, condition));
    }

    fn blame(&mut self, fault: Fault) {
        self.other.get_or_insert(fault);
    }

    fn operand(&mut self) -> Result<Operand, Fault> {
        if self.reader.peek() == Kind::Value {
            return Ok(Operand::Value(self.reader.value(RANKS)?));
        }
        let path = self.reader.path(RANKS)?;
        if !path.steps.is_empty() {
            self.blame(Fault::validation(
                "KeyConditionExpressions cannot have conditions on nested attributes",
            ));
        }
        Ok(Operand::Attribute(path.name))
    }
}

fn several_attributes() -> Fault {
    bad_condition("Multiple attribute names used in one condition")
}
