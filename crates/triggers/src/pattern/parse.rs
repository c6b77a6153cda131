//! Reading a pattern.

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::{Map, Value};

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
        return Err(parser.error("Filter is not an object"));
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

pub(super) struct Parser {
    language: Language,
    path: Vec<String>,
    names: Names,
    /// By number.
    paths: Vec<Vec<String>>,
}

type Alternatives = Vec<Vec<Condition>>;
pub(super) type Result<T> = std::result::Result<T, PatternError>;

impl Parser {
    pub(super) fn error(&self, problem: impl Into<String>) -> PatternError {
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
            return Err(self.error("Empty objects are not allowed"));
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
                _ => {
                    let problem = format!("\"{name}\" must be an object or an array");
                    return Err(self.error(problem));
                }
            };
            self.path.truncate(above);
        }
        Ok(alternatives)
    }

    fn or(&mut self, value: &Value, before: &[Vec<Condition>]) -> Result<Alternatives> {
        let Value::Array(choices) = value else {
            return Err(self.error("It must be an Array followed with $or."));
        };
        if choices.len() < 2 {
            return Err(self.error("There must have at least 2 Objects in $or relationship."));
        }
        let mut alternatives = Vec::new();
        for choice in choices {
            let Value::Object(members) = choice else {
                return Err(self.error("Only JSON object is allowed in array of $or relationship."));
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
            return Err(self.error("Empty arrays are not allowed"));
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
                Err(self.error("Match value must be String, number, true, false, or null"))
            }
            literal => Ok(Test::Is(literal.clone())),
        }
    }

    pub(super) fn only<'v>(&self, members: &'v Map<String, Value>) -> Result<(&'v str, &'v Value)> {
        let mut all = members.iter();
        match (all.next(), all.next()) {
            (Some((name, value)), None) => Ok((name, value)),
            (None, _) => Err(self.error("Match expression name not found")),
            _ => Err(self.error("Only one key allowed in match expression")),
        }
    }

    pub(super) fn operator(&self, operator: &str, operand: &Value) -> Result<Test> {
        match operator {
            "exactly" => Ok(Test::Is(self.text("exact", operand)?.into())),
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
                _ => Err(self.error("exists match pattern must be either true or false.")),
            },
            "anything-but" => self.anything_but(operand),
            "wildcard" if self.language == Language::Whole => self.wildcard(operand),
            "cidr" if self.language == Language::Whole => self.addresses(operand),
            other => Err(self.error(format!("Unrecognized match type {other}"))),
        }
    }

    fn text<'v>(&self, operator: &str, operand: &'v Value) -> Result<&'v str> {
        operand
            .as_str()
            .ok_or_else(|| self.error(format!("{operator} match pattern must be a string")))
    }

    /// A text, or one in which case does not matter.
    fn affix(&self, operator: &str, operand: &Value) -> Result<Text> {
        let Value::Object(members) = operand else {
            return Ok(Text::new(self.text(operator, operand)?, false));
        };
        match self.only(members)? {
            (inner @ "equals-ignore-case", text) => Ok(Text::new(self.text(inner, text)?, true)),
            (other, _) => Err(self.error(format!("Unsupported {operator} pattern: {other}"))),
        }
    }

    fn wildcard(&self, operand: &Value) -> Result<Test> {
        let text = self.text("wildcard", operand)?;
        let wildcard = Wildcard::parse(text).map_err(|problem| self.error(problem))?;
        Ok(Test::Wildcard(wildcard))
    }

    fn addresses(&self, operand: &Value) -> Result<Test> {
        // So says the language's own service.
        let text = self.text("prefix", operand)?;
        let parts = text.split_once('/');
        let (network, bits) = parts
            .filter(|(_, bits)| !bits.contains('/'))
            .ok_or_else(|| self.error("Malformed CIDR, one '/' required"))?;
        let bits: u8 = bits
            .parse()
            .map_err(|_| self.error("Malformed CIDR, mask bits must be an integer"))?;
        let network: IpAddr = network
            .parse()
            .map_err(|_| self.error(format!("Nonstandard IP address: {network}")))?;
        let most = if network.is_ipv4() { 32 } else { 128 };
        if bits > most {
            return Err(self.error(format!("Malformed CIDR: {text}")));
        }
        Ok(Test::Address { network, bits })
    }
}
