//! What `WHERE` says.

use tables::{Comparison, Condition, Operand, Type, Value};

use super::Parser;
use super::token::{Token, malformed};
use crate::dynamodb::attribute::code;
use crate::dynamodb::expression::{TYPES, only};
use crate::protocol::Fault;

impl Parser<'_> {
    pub(super) fn any(&mut self) -> Result<Condition, Fault> {
        let mut parts = vec![self.all()?];
        while self.keyword("OR") {
            self.right_hand()?;
            parts.push(self.all()?);
        }
        Ok(only(parts, Condition::Any))
    }

    pub(super) fn all(&mut self) -> Result<Condition, Fault> {
        let mut parts = vec![self.not()?];
        while self.keyword("AND") {
            self.right_hand()?;
            parts.push(self.not()?);
        }
        Ok(only(parts, Condition::All))
    }

    pub(super) fn not(&mut self) -> Result<Condition, Fault> {
        self.nested(|parser| {
            if parser.keyword("NOT") {
                return Ok(Condition::Not(Box::new(parser.not()?)));
            }
            if parser.sign("(") {
                let inner = parser.any()?;
                parser.take(")")?;
                return Ok(inner);
            }
            parser.test()
        })
    }

    /// An operator at the end of a statement has words of its own.
    pub(super) fn right_hand(&self) -> Result<(), Fault> {
        match self.peek() {
            Token::End => Err(malformed(
                "Missing right-hand side expression of infix operator",
            )),
            _ => Ok(()),
        }
    }

    pub(super) fn test(&mut self) -> Result<Condition, Fault> {
        match self.function()? {
            Some(condition) => self.against(condition),
            None => self.comparison(),
        }
    }

    /// What a function says may be compared with a truth.
    pub(super) fn against(&mut self, condition: Condition) -> Result<Condition, Fault> {
        let equal = self.sign("=");
        if !equal && !self.sign("<>") && !self.sign("!=") {
            return Ok(condition);
        }
        self.right_hand()?;
        match self.value()? {
            Value::Bool(truth) if truth == equal => Ok(condition),
            Value::Bool(_) => Ok(Condition::Not(Box::new(condition))),
            _ => Err(malformed("Expected a truth")),
        }
    }

    pub(super) fn function(&mut self) -> Result<Option<Condition>, Fault> {
        for function in ["attribute_exists", "attribute_not_exists"] {
            if self.is_call(function) {
                self.next += 1;
                return self.existence(function).map(Some);
            }
        }
        for function in ["begins_with", "contains", "attribute_type"] {
            if self.is_call(function) {
                self.next += 1;
                self.take("(")?;
                let first = self.operand()?;
                self.take(",")?;
                let second = self.operand()?;
                self.take(")")?;
                return match (function, second) {
                    ("begins_with", second) => Ok(Some(Condition::BeginsWith(first, second))),
                    ("contains", second) => Ok(Some(Condition::Contains(first, second))),
                    (_, Operand::Value(Value::String(name))) => {
                        let found = TYPES.into_iter().find(|each| code(*each) == name);
                        let found = found.ok_or_else(|| {
                            Fault::validation(format!(
                                "Invalid attribute type name found; type: {name}, valid types: {{N,BS,L,B,NULL,M,S,SS,NS,BOOL}}"
                            ))
                        })?;
                        Ok(Some(Condition::HasType(first, found)))
                    }
                    _ => Err(malformed("attribute_type takes the name of a type")),
                };
            }
        }
        Ok(None)
    }

    pub(super) fn existence(&mut self, function: &str) -> Result<Condition, Fault> {
        let arguments = self.arguments()?;
        let count = arguments.len();
        let Ok([argument]) = <[Operand; 1]>::try_from(arguments) else {
            return Err(Fault::validation(format!(
                "Incorrect number of operands for operator or function; operator or function: {function}, number of operands: {count}"
            )));
        };
        let Operand::Path(path) = argument else {
            return Err(Fault::validation(format!(
                "Operator or function requires a document path; operator or function: {function}"
            )));
        };
        let exists = Condition::Exists(path);
        Ok(match function {
            "attribute_exists" => exists,
            _ => Condition::Not(Box::new(exists)),
        })
    }

    /// What is in a function's parentheses.
    pub(super) fn arguments(&mut self) -> Result<Vec<Operand>, Fault> {
        self.take("(")?;
        if self.sign(")") {
            return Ok(Vec::new());
        }
        let arguments = self.list(Self::operand)?;
        self.take(")")?;
        Ok(arguments)
    }

    pub(super) fn comparison(&mut self) -> Result<Condition, Fault> {
        let left = self.operand()?;
        if self.keyword("IS") {
            return self.is(left);
        }
        if self.keyword("BETWEEN") {
            let low = self.operand()?;
            self.expect("AND")?;
            let high = self.operand()?;
            ordered("BETWEEN", &[&left, &low, &high])?;
            return Ok(Condition::Between(left, low, high));
        }
        if self.keyword("IN") {
            let close = if self.sign("[") { "]" } else { ")" };
            if close == ")" {
                self.take("(")?;
            }
            let list = self.list(Self::operand)?;
            self.take(close)?;
            return Ok(Condition::In(left, list));
        }
        let comparisons = [
            ("=", Comparison::Equal),
            ("<>", Comparison::NotEqual),
            ("!=", Comparison::NotEqual),
            ("<", Comparison::Less),
            ("<=", Comparison::LessOrEqual),
            (">", Comparison::Greater),
            (">=", Comparison::GreaterOrEqual),
        ];
        for (sign, comparison) in comparisons {
            if self.sign(sign) {
                self.right_hand()?;
                let right = self.operand()?;
                if !matches!(comparison, Comparison::Equal | Comparison::NotEqual) {
                    ordered(sign, &[&left, &right])?;
                }
                return Ok(Condition::Compare(left, comparison, right));
            }
        }
        Err(self.unexpected())
    }

    pub(super) fn is(&mut self, left: Operand) -> Result<Condition, Fault> {
        let negated = self.keyword("NOT");
        let condition = if self.keyword("MISSING") {
            let Operand::Path(path) = left else {
                return Err(self.unexpected());
            };
            Condition::Not(Box::new(Condition::Exists(path)))
        } else {
            let Token::Word(name) = self.peek().clone() else {
                return Err(malformed("Expected type name"));
            };
            self.next += 1;
            Condition::HasType(left, type_named(&name)?)
        };
        Ok(match negated {
            true => Condition::Not(Box::new(condition)),
            false => condition,
        })
    }
}

/// What is compared by its order must have one.
fn ordered(operator: &str, operands: &[&Operand]) -> Result<(), Fault> {
    for operand in operands {
        if let Operand::Value(value) = operand
            && !matches!(value.r#type(), Type::String | Type::Number | Type::Binary)
        {
            return Err(Fault::validation(format!(
                "Incorrect operand type for operator or function; operator or function: {operator}, operand type: {}",
                code(value.r#type())
            )));
        }
    }
    Ok(())
}

/// A type as `IS` names it. The language has more of them than items have.
fn type_named(name: &str) -> Result<Type, Fault> {
    let name = name.to_ascii_uppercase();
    match name.as_str() {
        "NULL" => Ok(Type::Null),
        "BOOL" | "BOOLEAN" => Ok(Type::Bool),
        "BLOB" => Ok(Type::Binary),
        "STRING" => Ok(Type::String),
        "NUMERIC" | "DECIMAL" => Ok(Type::Number),
        "STRUCT" | "TUPLE" => Ok(Type::Map),
        "LIST" => Ok(Type::List),
        "INT" | "INTEGER" | "INT2" | "INT4" | "INT8" | "INTEGER2" | "INTEGER4" | "INTEGER8"
        | "SMALLINT" | "BIGINT" | "FLOAT" | "REAL" | "DOUBLE" | "TIMESTAMP" | "DATE" | "TIME"
        | "CHAR" | "CHARACTER" | "VARCHAR" | "SYMBOL" | "CLOB" | "SEXP" | "BAG" | "ANY" => {
            Err(Fault::validation(format!(
                "Unsupported data type for IS operator: {name}. Supported data types are [MISSING, NULL, BOOLEAN, BLOB, STRING, NUMERIC, STRUCT, TUPLE, LIST]"
            )))
        }
        _ => Err(malformed("Expected type name")),
    }
}
