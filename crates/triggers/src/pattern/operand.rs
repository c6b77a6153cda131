//! Reading what stands behind `anything-but` and `numeric`.

use serde_json::Value;

use super::number::{LARGEST, Range};
use super::parse::{Parser, Result};
use super::test::Test;

impl Parser {
    pub(super) fn anything_but(&self, operand: &Value) -> Result<Test> {
        let refused = match operand {
            Value::Object(members) => {
                let (operator, operand) = self.only(members)?;
                let known = matches!(
                    operator,
                    "prefix" | "suffix" | "equals-ignore-case" | "wildcard"
                );
                if !known {
                    let problem = format!("Unsupported anything-but pattern: {operator}");
                    return Err(self.error(problem));
                }
                self.some_values(operand)?;
                each(operand, |value| self.refused(operator, value))?
            }
            operand => {
                self.some_values(operand)?;
                self.one_kind(operand)?;
                each(operand, |value| Ok(Test::Is(value.clone())))?
            }
        };
        Ok(Test::Not(refused))
    }

    fn some_values(&self, operand: &Value) -> Result<()> {
        match operand {
            Value::Array(values) if values.is_empty() => {
                Err(self.error("Empty arrays are not allowed"))
            }
            Value::Array(_) | Value::String(_) | Value::Number(_) => Ok(()),
            _ => {
                let problem =
                    "Value of anything-but must be an array or single string/number value.";
                Err(self.error(problem))
            }
        }
    }

    /// What must not be so by one operator.
    fn refused(&self, operator: &str, value: &Value) -> Result<Test> {
        let is_affix = matches!(operator, "prefix" | "suffix");
        match value {
            Value::String(text) if text.is_empty() && is_affix => {
                Err(self.error("Null prefix/suffix not allowed"))
            }
            Value::String(_) => self.operator(operator, value),
            _ if is_affix => Err(self.error("prefix/suffix match pattern must be a string")),
            _ if operator == "wildcard" => {
                Err(self.error("wildcard match pattern must be a string"))
            }
            _ => Err(self.error(format!(
                "Inside anything-but/{operator} list, number|start|null|boolean is not supported."
            ))),
        }
    }

    fn one_kind(&self, operand: &Value) -> Result<()> {
        let Value::Array(values) = operand else {
            return Ok(());
        };
        if !values
            .iter()
            .all(|value| value.is_string() || value.is_number())
        {
            let problem = "Inside anything but list, start|null|boolean is not supported.";
            return Err(self.error(problem));
        }
        let all = |kind: fn(&Value) -> bool| values.iter().all(kind);
        if all(Value::is_string) || all(Value::is_number) {
            return Ok(());
        }
        let problem = "Inside anything but list, either all values are number or string, mixed type is not supported";
        Err(self.error(problem))
    }

    pub(super) fn numeric(&self, operand: &Value) -> Result<Test> {
        let Value::Array(terms) = operand else {
            return Err(self.error("Value of numeric must be an array."));
        };
        let operator = match terms.first() {
            Some(Value::String(operator)) => operator.as_str(),
            other => {
                let token = other.map_or_else(|| "]".to_owned(), token);
                return Err(self.error(format!("Invalid member in numeric match: {token}")));
            }
        };
        let called = match operator {
            "=" => "equals",
            "<" | "<=" | ">" | ">=" => operator,
            other => {
                let problem = format!("Unrecognized numeric range operator: {other}");
                return Err(self.error(problem));
            }
        };
        let number = self.bound(called, terms.get(1))?;
        let bound = Some((number, operator.ends_with('=')));
        let (from, to) = match (operator, &terms[2..]) {
            ("=", []) => (bound, bound),
            ("<" | "<=", []) => (None, bound),
            (">" | ">=", []) => (bound, None),
            (">" | ">=", [operator, rest @ ..]) => (bound, Some(self.top(operator, rest)?)),
            _ => return Err(self.error("Too many elements in numeric expression")),
        };
        let is_empty = match (from, to) {
            (Some((from, true)), Some((to, true))) => from > to,
            (Some((from, _)), Some((to, _))) => from >= to,
            _ => false,
        };
        if is_empty {
            return Err(self.error("Bottom must be less than top"));
        }
        Ok(Test::Number(Range { from, to }))
    }

    /// The upper end of a range that has both.
    fn top(&self, operator: &Value, rest: &[Value]) -> Result<(f64, bool)> {
        let operator = match operator {
            Value::String(operator) if matches!(operator.as_str(), "<" | "<=") => operator,
            Value::String(other) => {
                return Err(self.error(format!("Bad numeric range operator: {other}")));
            }
            other => {
                let problem = format!("Bad value in numeric range: {}", token(other));
                return Err(self.error(problem));
            }
        };
        let number = self.bound(operator, rest.first())?;
        match rest.len() {
            1 => Ok((number, operator == "<=")),
            _ => Err(self.error("Too many terms in numeric range expression")),
        }
    }

    fn bound(&self, operator: &str, number: Option<&Value>) -> Result<f64> {
        let number = number
            .and_then(Value::as_f64)
            .ok_or_else(|| self.error(format!("Value of {operator} must be numeric")))?;
        if number.abs() > LARGEST {
            let problem = "Value must be between -5.0E9 and 5.0E9, inclusive";
            return Err(self.error(problem));
        }
        Ok(number)
    }
}

/// A list's tests, or the one of what is no list.
fn each(operand: &Value, test: impl Fn(&Value) -> Result<Test>) -> Result<Vec<Test>> {
    match operand {
        Value::Array(values) => values.iter().map(test).collect(),
        value => Ok(vec![test(value)?]),
    }
}

/// What of a value is read first.
fn token(value: &Value) -> String {
    match value {
        Value::Array(_) => "[".to_owned(),
        Value::Object(_) => "{".to_owned(),
        Value::String(text) => text.clone(),
        plain => plain.to_string(),
    }
}
