//! `KeyConditionExpression`: comparisons of key attributes with values, joined by AND.
//!
//! ```text
//! all        = term *( "AND" term )
//! term       = "(" all ")" / condition
//! condition  = operand comparator operand
//!            / operand "BETWEEN" operand "AND" operand
//!            / "begins_with" "(" operand "," operand ")"
//! operand    = path / ":" value / "size" "(" operand ")"
//! ```
//!
//! Of what the grammar takes, more is refused by what it means: paths that have more than a name, and any `size`.

use tables::{Path, SortCondition, Type, Value};

use super::condition::{FUNCTIONS, foreign, is_ordered};
use super::reader::{Rank, Ranks, Reader};
use super::token::Kind;
use crate::dynamodb::attribute::quoted;
use crate::dynamodb::placeholders::Placeholders;
use crate::protocol::Fault;

const PARAMETER: &str = "KeyConditionExpression";

const PARENTHESES: Rank = (0, 0, 0);
const RESERVED: Rank = (1, 0, 0);
const UNDEFINED: Rank = (2, 0, 0);
const RANKS: Ranks = Ranks {
    reserved: RESERVED,
    name: UNDEFINED,
    value: UNDEFINED,
};
/// Told where it is found, before or after a placeholder that is not defined.
const OPERAND: Rank = UNDEFINED;
/// What goes with the whole: it is told after what is wrong with a part.
const WHOLE: Rank = (3, 0, 0);

/// What an attribute must be, by the attribute's name.
pub(in crate::dynamodb) type Conditions = Vec<(String, SortCondition)>;

/// Reads an expression. That its attributes are a table's keys is [`super::split`]'s to see.
pub(in crate::dynamodb) fn key_condition(
    text: &str,
    placeholders: &mut Placeholders,
) -> Result<Conditions, Fault> {
    let mut keys = Keys {
        reader: Reader::new(PARAMETER, text, placeholders)?,
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

fn bad(what: impl std::fmt::Display) -> Fault {
    Fault::validation(format!("Invalid {PARAMETER}: {what}"))
}

fn bad_condition(what: &str) -> Fault {
    bad(format!("Invalid condition in {PARAMETER}: {what}"))
}

fn bad_operator(operator: &str) -> Fault {
    bad(format!("Invalid operator used in {PARAMETER}: {operator}"))
}

struct Keys<'a> {
    reader: Reader<'a>,
    found: Conditions,
    /// What is wrong in other words than those of expressions, the first of it.
    other: Option<Fault>,
}

enum Operand {
    Attribute(Path),
    Value(Value),
    /// `size` of something, which is right in other conditions.
    Nested,
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
            self.reader.blame(PARENTHESES, message);
        }
        Ok(true)
    }

    fn condition(&mut self) -> Result<(), Fault> {
        if self.reader.keyword("NOT") {
            return Err(bad_operator("NOT"));
        }
        if self.is_at_call() && !self.reader.is_at("size") {
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
        if matches!(left, Operand::Nested) && self.reader.peek() != Kind::Comparator {
            return Err(self.misused("size"));
        }
        let comparator = self.reader.take(Kind::Comparator)?.to_owned();
        let right = self.operand()?;
        self.comparison(left, &comparator, right);
        Ok(())
    }

    fn is_at_call(&self) -> bool {
        self.reader.peek() == Kind::Word && self.reader.peek_second() == Kind::Open
    }

    fn call(&mut self) -> Result<(), Fault> {
        let function = self.reader.take(Kind::Word)?.to_owned();
        match function.as_str() {
            "begins_with" => {}
            known if FUNCTIONS.contains(&known) => return Err(bad_operator(known)),
            other => return Err(self.reader.invalid(foreign(other))),
        }
        self.reader.take(Kind::Open)?;
        let mut arguments = vec![self.operand()?];
        while self.reader.skip(Kind::Comma) {
            arguments.push(self.operand()?);
        }
        self.reader.take(Kind::Close)?;
        let count = arguments.len();
        let Ok([attribute, prefix]) = <[Operand; 2]>::try_from(arguments) else {
            let message = format!(
                "Incorrect number of operands for operator or function; operator or function: begins_with, number of operands: {count}"
            );
            self.reader.blame(WHOLE, message);
            return Ok(());
        };
        self.begins_with(attribute, prefix);
        Ok(())
    }

    fn begins_with(&mut self, attribute: Operand, prefix: Operand) {
        let (name, prefix) = match self.about_key("begins_with", [attribute, prefix]) {
            Ok((name, [prefix])) => (name, prefix),
            Err(fault) => return self.blame(fault),
        };
        match prefix.r#type() {
            Type::String | Type::Binary => self.add(name, SortCondition::BeginsWith(prefix)),
            other => self.reader.blame_type(OPERAND, "begins_with", other),
        }
    }

    fn between(&mut self, attribute: Operand, low: Operand, high: Operand) {
        let (name, low, high) = match self.about_key("BETWEEN", [attribute, low, high]) {
            Ok((name, [low, high])) => (name, low, high),
            Err(fault) => return self.blame(fault),
        };
        if let Some(bound) = [&low, &high]
            .into_iter()
            .find(|bound| !is_ordered(bound.r#type()))
        {
            let found = bound.r#type();
            return self.reader.blame_type(OPERAND, "BETWEEN", found);
        }
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

    /// The attribute that comes first, and the values behind it.
    fn about_key<const ALL: usize, const VALUES: usize>(
        &self,
        operator: &str,
        operands: [Operand; ALL],
    ) -> Result<(String, [Value; VALUES]), Fault> {
        if !matches!(operands.first(), Some(Operand::Attribute(_))) {
            return Err(bad_condition(&format!(
                "{operator} operator must have the key attribute as its first operand"
            )));
        }
        let (name, values) = one_attribute(operands)?;
        match values.try_into() {
            Ok(values) => Ok((name, values)),
            Err(_) => Err(bad_condition("No key attribute specified")),
        }
    }

    fn comparison(&mut self, left: Operand, operator: &str, right: Operand) {
        let turned = !matches!(left, Operand::Attribute(_));
        let (name, value) = match one_attribute([left, right]) {
            Ok((name, mut values)) => match values.pop() {
                Some(value) => (name, value),
                None => return,
            },
            Err(fault) => return self.blame(fault),
        };
        let unordered = Some(value.r#type()).filter(|found| operator != "=" && !is_ordered(*found));
        let condition = match (operator, turned) {
            ("=", _) => SortCondition::Equal(value),
            ("<", false) | (">", true) => SortCondition::Less(value),
            ("<=", false) | (">=", true) => SortCondition::LessOrEqual(value),
            (">", false) | ("<", true) => SortCondition::Greater(value),
            (">=", false) | ("<=", true) => SortCondition::GreaterOrEqual(value),
            _ => return self.blame(bad_operator(operator)),
        };
        if let Some(found) = unordered {
            return self.reader.blame_type(OPERAND, operator, found);
        }
        self.add(name, condition);
    }

    fn add(&mut self, name: String, condition: SortCondition) {
        if self.found.iter().any(|(other, _)| *other == name) {
            let fault = self
                .reader
                .invalid("KeyConditionExpressions must only contain one condition per key");
            return self.blame(fault);
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
        if !self.is_at_call() {
            return Ok(Operand::Attribute(self.reader.path(RANKS)?));
        }
        let function = self.reader.take(Kind::Word)?.to_owned();
        match function.as_str() {
            "size" => {}
            known if FUNCTIONS.contains(&known) => return Err(self.misused(known)),
            other => return Err(self.reader.invalid(foreign(other))),
        }
        self.reader.take(Kind::Open)?;
        self.reader.enter()?;
        self.operand()?;
        self.reader.leave();
        self.reader.take(Kind::Close)?;
        Ok(Operand::Nested)
    }

    fn misused(&self, function: &str) -> Fault {
        self.reader.invalid(format!(
            "The function is not allowed to be used this way in an expression; function: {function}"
        ))
    }
}

/// A condition is about one attribute. What is wrong is told in the order of the operands.
fn one_attribute(
    operands: impl IntoIterator<Item = Operand>,
) -> Result<(String, Vec<Value>), Fault> {
    let (mut name, mut values) = (None, Vec::new());
    for operand in operands {
        match operand {
            Operand::Value(value) => values.push(value),
            Operand::Nested => {
                return Err(bad(
                    "KeyConditionExpressions cannot contain nested operations",
                ));
            }
            Operand::Attribute(_) if name.is_some() => {
                return Err(bad_condition(
                    "Multiple attribute names used in one condition",
                ));
            }
            Operand::Attribute(path) if !path.steps.is_empty() => {
                return Err(bad(
                    "KeyConditionExpressions cannot have conditions on nested attributes",
                ));
            }
            Operand::Attribute(path) => name = Some(path.name),
        }
    }
    match name {
        Some(name) => Ok((name, values)),
        None => Err(bad_condition("No key attribute specified")),
    }
}
