//! Reading a pattern.

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::number::{LARGEST, Range};
use super::test::{Test, Text};
use super::wildcard::Wildcard;
use super::{Condition, Language, Names, Pattern, PatternError};

/// Every `$or` multiplies the alternatives; more are refused, as by the language's own service.
const MOST_ALTERNATIVES: usize = 1_000;
/// What else would overflow the stack, here or at the matching.
const DEEPEST: usize = 64;
const OR: &str = "$or";

pub(super) fn parse(text: &str, language: Language) -> Result<Pattern> {
    let mut parser = Parser {
        language,
        path: Vec::new(),
        names: Names::default(),
        paths: Vec::new(),
    };
    let read: Value = serde_json::from_str(text)
        .map_err(|cause| parser.error(format!("the pattern is not JSON: {cause}")))?;
    let Value::Object(members) = &read else {
        return Err(parser.error("the pattern is not an object"));
    };
    let mut alternatives = parser.object(members, vec![Vec::new()])?;
    // Which element of an array a field chooses depends on the order, so it must not depend on how the pattern is written.
    for conditions in &mut alternatives {
        conditions.sort_by_key(|condition| &parser.paths[condition.path]);
    }
    Ok(Pattern {
        names: parser.names,
        paths: parser.paths,
        alternatives,
    })
}

struct Parser {
    language: Language,
    path: Vec<String>,
    names: Names,
    /// By number.
    paths: Vec<Vec<String>>,
}

type Alternatives = Vec<Vec<Condition>>;
type Result<T> = std::result::Result<T, PatternError>;

impl Parser {
    fn error(&self, problem: impl Into<String>) -> PatternError {
        PatternError {
            path: self.path.join("."),
            problem: problem.into(),
        }
    }

    /// Adds what an object asks for to each of `alternatives`.
    fn object(
        &mut self,
        members: &Map<String, Value>,
        mut alternatives: Alternatives,
    ) -> Result<Alternatives> {
        if members.is_empty() {
            return Err(self.error("empty objects are not allowed"));
        }
        for (name, value) in members {
            if name == OR {
                alternatives = self.or(value, &alternatives)?;
                continue;
            }
            let above = self.path.len();
            // A name with points in it is the way through as many objects.
            self.path.extend(name.split('.').map(str::to_owned));
            if self.path.len() > DEEPEST {
                return Err(self.error("it is nested too deep"));
            }
            alternatives = match value {
                Value::Object(below) => self.object(below, alternatives)?,
                Value::Array(tests) => self.field(tests, alternatives)?,
                _ => return Err(self.error("it must be an object or an array")),
            };
            self.path.truncate(above);
        }
        Ok(alternatives)
    }

    fn or(&mut self, value: &Value, before: &[Vec<Condition>]) -> Result<Alternatives> {
        let Value::Array(choices) = value else {
            return Err(self.error("what follows $or must be an array"));
        };
        if choices.len() < 2 {
            return Err(self.error("there must be at least 2 objects in $or"));
        }
        let mut alternatives = Vec::new();
        for choice in choices {
            let Value::Object(members) = choice else {
                return Err(self.error("only objects are allowed in $or"));
            };
            alternatives.extend(self.object(members, before.to_vec())?);
            if alternatives.len() > MOST_ALTERNATIVES {
                let problem = format!("its $or make more than {MOST_ALTERNATIVES} alternatives");
                return Err(self.error(problem));
            }
        }
        Ok(alternatives)
    }

    fn field(&mut self, tests: &[Value], mut alternatives: Alternatives) -> Result<Alternatives> {
        if tests.is_empty() {
            return Err(self.error("empty arrays are not allowed"));
        }
        let tests: Arc<[Test]> = tests
            .iter()
            .map(|test| self.test(test))
            .collect::<Result<_>>()?;
        let path = self.number_of_path();
        for conditions in &mut alternatives {
            // The same field again, inside of a `$or`: the last one counts, as in any object.
            conditions.retain(|known| known.path != path);
            let tests = tests.clone();
            conditions.push(Condition { path, tests });
        }
        Ok(alternatives)
    }

    fn number_of_path(&mut self) -> usize {
        let mut names = &mut self.names;
        for name in &self.path {
            names = names.below.entry(name.clone()).or_default();
        }
        *names.path.get_or_insert_with(|| {
            self.paths.push(self.path.clone());
            self.paths.len() - 1
        })
    }

    fn test(&self, value: &Value) -> Result<Test> {
        match value {
            Value::Object(members) => {
                let (operator, operand) = self.only(members)?;
                self.operator(operator, operand)
            }
            Value::Array(_) => {
                Err(self.error("a value to match must be a string, a number, true, false or null"))
            }
            literal => Ok(Test::Is(literal.clone())),
        }
    }

    fn only<'v>(&self, members: &'v Map<String, Value>) -> Result<(&'v str, &'v Value)> {
        let mut all = members.iter();
        match (all.next(), all.next()) {
            (Some((name, value)), None) => Ok((name, value)),
            (None, _) => Err(self.error("a test has no name")),
            _ => Err(self.error("only one key is allowed in a test")),
        }
    }

    fn operator(&self, operator: &str, operand: &Value) -> Result<Test> {
        match operator {
            "exactly" => Ok(Test::Is(self.text(operator, operand)?.into())),
            "prefix" => Ok(Test::Prefix(self.affix(operator, operand)?)),
            "suffix" => Ok(Test::Suffix(self.affix(operator, operand)?)),
            "equals-ignore-case" => {
                let text = self.text(operator, operand)?;
                Ok(Test::Same(Text::new(text, true)))
            }
            "numeric" => self.numeric(operand),
            "exists" => match operand {
                Value::Bool(true) => Ok(Test::Present),
                Value::Bool(false) => Ok(Test::Absent),
                _ => Err(self.error("exists must be either true or false")),
            },
            "anything-but" => self.anything_but(operand),
            "wildcard" if self.language == Language::Whole => self.wildcard(operand),
            "cidr" if self.language == Language::Whole => self.addresses(operand),
            other => Err(self.error(format!("unrecognized match type {other}"))),
        }
    }

    fn text<'v>(&self, operator: &str, operand: &'v Value) -> Result<&'v str> {
        operand
            .as_str()
            .ok_or_else(|| self.error(format!("{operator} must be a string")))
    }

    /// A text, or one in which case does not matter.
    fn affix(&self, operator: &str, operand: &Value) -> Result<Text> {
        let Value::Object(members) = operand else {
            return Ok(Text::new(self.text(operator, operand)?, false));
        };
        match self.only(members)? {
            (inner @ "equals-ignore-case", text) => Ok(Text::new(self.text(inner, text)?, true)),
            (other, _) => Err(self.error(format!("unsupported {operator} pattern: {other}"))),
        }
    }

    fn wildcard(&self, operand: &Value) -> Result<Test> {
        let text = self.text("wildcard", operand)?;
        let wildcard = Wildcard::parse(text).map_err(|problem| self.error(problem))?;
        Ok(Test::Wildcard(wildcard))
    }

    fn addresses(&self, operand: &Value) -> Result<Test> {
        let text = self.text("cidr", operand)?;
        let malformed = || self.error(format!("malformed CIDR: {text}"));
        let (network, bits) = text.split_once('/').ok_or_else(malformed)?;
        let network: IpAddr = network.parse().map_err(|_| malformed())?;
        let bits: u8 = bits.parse().map_err(|_| malformed())?;
        let most = if network.is_ipv4() { 32 } else { 128 };
        if bits > most {
            return Err(malformed());
        }
        Ok(Test::Address { network, bits })
    }

    fn anything_but(&self, operand: &Value) -> Result<Test> {
        let refused = match operand {
            Value::Object(members) => {
                let (operator, operand) = self.only(members)?;
                let known = matches!(
                    operator,
                    "prefix" | "suffix" | "equals-ignore-case" | "wildcard"
                );
                if !known {
                    let problem = format!("unsupported anything-but pattern: {operator}");
                    return Err(self.error(problem));
                }
                self.each(operand, |value| {
                    let text = self.text(operator, value)?;
                    if text.is_empty() && operator != "wildcard" {
                        return Err(self.error(format!("{operator} must not be empty here")));
                    }
                    self.operator(operator, value)
                })?
            }
            Value::String(_) | Value::Number(_) | Value::Array(_) => {
                self.one_kind(operand)?;
                self.each(operand, |value| Ok(Test::Is(value.clone())))?
            }
            _ => {
                let problem = "anything-but must be a list, a string or a number";
                return Err(self.error(problem));
            }
        };
        Ok(Test::Not(refused))
    }

    /// A list's tests, or the one of what is no list.
    fn each(&self, operand: &Value, test: impl Fn(&Value) -> Result<Test>) -> Result<Vec<Test>> {
        match operand {
            Value::Array(values) if values.is_empty() => {
                Err(self.error("empty arrays are not allowed"))
            }
            Value::Array(values) => values.iter().map(test).collect(),
            value => Ok(vec![test(value)?]),
        }
    }

    fn one_kind(&self, operand: &Value) -> Result<()> {
        let Value::Array(values) = operand else {
            return Ok(());
        };
        let all = |kind: fn(&Value) -> bool| values.iter().all(kind);
        if all(Value::is_string) || all(Value::is_number) {
            return Ok(());
        }
        Err(self.error("in an anything-but list, all values are strings or all are numbers"))
    }

    fn numeric(&self, operand: &Value) -> Result<Test> {
        let Value::Array(terms) = operand else {
            return Err(self.error("numeric must be an array"));
        };
        let mut terms = terms.as_slice();
        let mut range = Range {
            from: None,
            to: None,
        };
        if terms.is_empty() {
            return Err(self.error("numeric must not be empty"));
        }
        while let Some((operator, rest)) = terms.split_first() {
            let number = self.bound(operator, rest.first())?;
            let operator = operator.as_str().unwrap_or_default();
            match operator {
                "=" if range
                    == (Range {
                        from: None,
                        to: None,
                    }) =>
                {
                    range = Range::exactly(number);
                }
                ">" | ">=" if range.from.is_none() && range.to.is_none() => {
                    range.from = Some((number, operator == ">="));
                }
                "<" | "<=" if range.to.is_none() => range.to = Some((number, operator == "<=")),
                _ => return Err(self.error(format!("bad numeric range operator: {operator}"))),
            }
            terms = &rest[1..];
        }
        match (range.from, range.to) {
            (Some((from, true)), Some((to, true))) if from <= to => Ok(Test::Number(range)),
            (Some((from, _)), Some((to, _))) if from >= to => {
                Err(self.error("the bottom of a numeric range must be less than its top"))
            }
            _ => Ok(Test::Number(range)),
        }
    }

    fn bound(&self, operator: &Value, number: Option<&Value>) -> Result<f64> {
        let Some(operator) = operator.as_str() else {
            return Err(self.error(format!("invalid member in numeric match: {operator}")));
        };
        let number = number
            .and_then(Value::as_f64)
            .ok_or_else(|| self.error(format!("the value of {operator} must be a number")))?;
        if number.abs() > LARGEST {
            let problem = "numbers must be between -5.0E9 and 5.0E9, inclusive";
            return Err(self.error(problem));
        }
        Ok(number)
    }
}
