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

use super::attribute::{code, quoted};
use super::expression::{Kind, Token, tokens};
use super::placeholders::Placeholders;
use crate::protocol::Fault;

/// Parentheses in each other; each is a call of its own here.
const DEEPEST: usize = 32;
/// The published limit of an expression.
const LONGEST: usize = 4_096;

/// What an attribute must be, by the attribute's name.
type Conditions = Vec<(String, SortCondition)>;

/// Reads an expression. That its attributes are a table's keys is [`split`]'s to see.
pub(super) fn read(text: &str, placeholders: &mut Placeholders) -> Result<Conditions, Fault> {
    if text.trim().is_empty() {
        return Err(invalid("The expression can not be empty;"));
    }
    if text.len() > LONGEST {
        return Err(invalid(format!(
            "Expression size has exceeded the maximum allowed size; expression size: {}",
            text.len()
        )));
    }
    let mut reader = Reader {
        text,
        tokens: tokens(text),
        next: 0,
        depth: 0,
        placeholders,
        found: Vec::new(),
    };
    reader.all()?;
    reader.take(Kind::End)?;
    Ok(reader.found)
}

/// The partition key's value and what the sort key must be.
pub(super) fn split(
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

fn invalid(what: impl std::fmt::Display) -> Fault {
    Fault::validation(format!("Invalid KeyConditionExpression: {what}"))
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

struct Reader<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
    placeholders: &'a mut Placeholders,
    found: Conditions,
}

enum Operand {
    Attribute(String),
    Value(Value),
}

/// Whether what was read stood in parentheses of its own.
type Enclosed = bool;

impl Reader<'_> {
    fn all(&mut self) -> Result<Enclosed, Fault> {
        let mut enclosed = self.term()?;
        while self.keyword("AND") {
            self.term()?;
            enclosed = false;
        }
        if self.keyword("OR") {
            return Err(bad_operator("OR"));
        }
        Ok(enclosed)
    }

    fn term(&mut self) -> Result<Enclosed, Fault> {
        if self.peek().kind != Kind::Open {
            self.condition()?;
            return Ok(false);
        }
        if self.depth == DEEPEST {
            return Err(self.syntax());
        }
        self.take(Kind::Open)?;
        self.depth += 1;
        let enclosed = self.all()?;
        self.depth -= 1;
        self.take(Kind::Close)?;
        if enclosed {
            return Err(invalid("The expression has redundant parentheses;"));
        }
        Ok(true)
    }

    fn condition(&mut self) -> Result<(), Fault> {
        if self.keyword("NOT") {
            return Err(bad_operator("NOT"));
        }
        let calls = self.tokens.get(self.next + 1);
        if self.peek().kind == Kind::Word && calls.is_some_and(|token| token.kind == Kind::Open) {
            return self.call();
        }
        let left = self.operand()?;
        if self.keyword("BETWEEN") {
            let low = self.operand()?;
            if !self.keyword("AND") {
                return Err(self.syntax());
            }
            let high = self.operand()?;
            return self.between(left, low, high);
        }
        if self.keyword("IN") {
            return Err(bad_operator("IN"));
        }
        let comparator = self.take(Kind::Comparator)?.to_owned();
        let right = self.operand()?;
        self.comparison(left, &comparator, right)
    }

    fn call(&mut self) -> Result<(), Fault> {
        let function = self.take(Kind::Word)?.to_owned();
        match function.as_str() {
            "begins_with" => {}
            "attribute_exists"
            | "attribute_not_exists"
            | "attribute_type"
            | "contains"
            | "size" => return Err(bad_operator(&function)),
            _ => {
                let message = format!("Invalid function name; function: {function}");
                return Err(invalid(message));
            }
        }
        self.take(Kind::Open)?;
        let attribute = self.operand()?;
        self.take(Kind::Comma)?;
        let prefix = self.operand()?;
        self.take(Kind::Close)?;
        match (attribute, prefix) {
            (Operand::Attribute(name), Operand::Value(prefix)) => match prefix.r#type() {
                Type::String | Type::Binary => self.add(name, SortCondition::BeginsWith(prefix)),
                other => Err(invalid(format!(
                    "Incorrect operand type for operator or function; operator or function: begins_with, operand type: {}",
                    code(other)
                ))),
            },
            (Operand::Attribute(_), Operand::Attribute(_)) => Err(several_attributes()),
            (Operand::Value(_), _) => Err(bad_condition(
                "begins_with operator must have the key attribute as its first operand",
            )),
        }
    }

    fn between(&mut self, attribute: Operand, low: Operand, high: Operand) -> Result<(), Fault> {
        let (name, low, high) = match (attribute, low, high) {
            (Operand::Attribute(name), Operand::Value(low), Operand::Value(high)) => {
                (name, low, high)
            }
            (Operand::Attribute(_), ..) => return Err(several_attributes()),
            (Operand::Value(_), ..) => {
                return Err(bad_condition(
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
        Err(invalid(format!(
            "The BETWEEN operator requires {required}; lower bound operand: {}, upper bound operand: {}",
            quoted(&low),
            quoted(&high)
        )))
    }

    fn comparison(&mut self, left: Operand, operator: &str, right: Operand) -> Result<(), Fault> {
        let (name, value, turned) = match (left, right) {
            (Operand::Attribute(name), Operand::Value(value)) => (name, value, false),
            (Operand::Value(value), Operand::Attribute(name)) => (name, value, true),
            (Operand::Attribute(_), Operand::Attribute(_)) => return Err(several_attributes()),
            (Operand::Value(_), Operand::Value(_)) => {
                return Err(bad_condition("No key attribute specified"));
            }
        };
        let condition = match (operator, turned) {
            ("=", _) => SortCondition::Equal(value),
            ("<", false) | (">", true) => SortCondition::Less(value),
            ("<=", false) | (">=", true) => SortCondition::LessOrEqual(value),
            (">", false) | ("<", true) => SortCondition::Greater(value),
            (">=", false) | ("<=", true) => SortCondition::GreaterOrEqual(value),
            _ => return Err(bad_operator(operator)),
        };
        self.add(name, condition)
    }

    fn add(&mut self, name: String, condition: SortCondition) -> Result<(), Fault> {
        if self.found.iter().any(|(other, _)| *other == name) {
            return Err(Fault::validation(
                "KeyConditionExpressions must only contain one condition per key",
            ));
        }
        self.found.push((name, condition));
        Ok(())
    }

    fn operand(&mut self) -> Result<Operand, Fault> {
        let kind = self.peek().kind;
        let operand = match kind {
            Kind::Word => Operand::Attribute(self.take(kind)?.to_owned()),
            Kind::Name => {
                let key = self.take(kind)?.to_owned();
                let name = self.placeholders.name(&key).ok_or_else(|| {
                    invalid(format!("An expression attribute name used in the document path is not defined; attribute name: {key}"))
                })?;
                Operand::Attribute(name)
            }
            Kind::Value => {
                let key = self.take(kind)?.to_owned();
                let value = self.placeholders.value(&key).ok_or_else(|| {
                    invalid(format!("An expression attribute value used in expression is not defined; attribute value: {key}"))
                })?;
                Operand::Value(value)
            }
            _ => return Err(self.syntax()),
        };
        if matches!(operand, Operand::Attribute(_)) && self.peek().kind == Kind::Step {
            return Err(Fault::validation(
                "KeyConditionExpressions cannot have conditions on nested attributes",
            ));
        }
        Ok(operand)
    }

    /// The last token is never taken, so there is always one.
    fn peek(&self) -> &Token {
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    fn take(&mut self, kind: Kind) -> Result<&str, Fault> {
        let token = self.peek();
        if token.kind != kind {
            return Err(self.syntax());
        }
        let at = token.at.clone();
        self.next += 1;
        Ok(&self.text[at])
    }

    /// Goes past a keyword if it is next.
    fn keyword(&mut self, keyword: &str) -> bool {
        let token = self.peek();
        let found =
            token.kind == Kind::Word && self.text[token.at.clone()].eq_ignore_ascii_case(keyword);
        self.next += usize::from(found);
        found
    }

    /// The next token cannot stand where it does. Its neighbours are told with it.
    fn syntax(&self) -> Fault {
        let token = self.peek();
        let shown = match token.kind {
            Kind::End => "<EOF>",
            _ => &self.text[token.at.clone()],
        };
        let before = self.next.checked_sub(1).and_then(|at| self.tokens.get(at));
        let after = self.tokens.get(self.next + 1);
        let from = before.unwrap_or(token).at.start;
        let to = after.unwrap_or(token).at.end;
        invalid(format!(
            "Syntax error; token: \"{shown}\", near: \"{}\"",
            self.text[from..to].trim_end()
        ))
    }
}

fn several_attributes() -> Fault {
    bad_condition("Multiple attribute names used in one condition")
}
