//! Conditions on lines that are JSON: `{ $.level = "ERROR" && ($.code >= 500 || $.user.id NOT EXISTS) }`.

use regex::Regex;
use serde_json::Value;

use super::quoted_by;

/// How deep conditions may be within one another.
const DEEPEST: usize = 32;

#[derive(Debug)]
pub(crate) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Of(Vec<Step>, Test),
}

#[derive(Debug)]
pub(crate) enum Step {
    Member(String),
    Element(usize),
}

#[derive(Debug)]
pub(crate) enum Test {
    /// Equal, or not.
    Text(bool, Regex),
    Number(Comparison, f64),
    Is(Value),
    Missing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    /// Longer signs before those that they begin with.
    const SIGNS: [(&str, Self); 6] = [
        ("!=", Self::NotEqual),
        ("<=", Self::LessOrEqual),
        (">=", Self::GreaterOrEqual),
        ("=", Self::Equal),
        ("<", Self::Less),
        (">", Self::Greater),
    ];

    #[expect(clippy::float_cmp, reason = "as written is what is asked for")]
    fn holds(self, one: f64, other: f64) -> bool {
        match self {
            Self::Equal => one == other,
            Self::NotEqual => one != other,
            Self::Less => one < other,
            Self::LessOrEqual => one <= other,
            Self::Greater => one > other,
            Self::GreaterOrEqual => one >= other,
        }
    }
}

impl Condition {
    /// What stands between the braces.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut reader = Reader {
            rest: text,
            depth: 0,
        };
        let condition = reader.any()?;
        reader.rest.trim().is_empty().then_some(condition)
    }

    pub(crate) fn holds(&self, line: &Value) -> bool {
        match self {
            Self::All(all) => all.iter().all(|one| one.holds(line)),
            Self::Any(any) => any.iter().any(|one| one.holds(line)),
            Self::Of(path, test) => test.holds(find(line, path)),
        }
    }
}

fn find<'a>(line: &'a Value, path: &[Step]) -> Option<&'a Value> {
    path.iter().try_fold(line, |value, step| match step {
        Step::Member(name) => value.get(name),
        Step::Element(at) => value.get(at),
    })
}

impl Test {
    /// What is not there fulfils no condition but that.
    fn holds(&self, value: Option<&Value>) -> bool {
        let Some(value) = value else {
            return matches!(self, Self::Missing);
        };
        match self {
            Self::Text(equal, is) => {
                let text = match value {
                    Value::String(text) => text.clone(),
                    Value::Number(number) => number.to_string(),
                    Value::Bool(said) => said.to_string(),
                    Value::Null | Value::Array(_) | Value::Object(_) => return false,
                };
                is.is_match(&text) == *equal
            }
            Self::Number(comparison, number) => value
                .as_f64()
                .is_some_and(|value| comparison.holds(value, *number)),
            Self::Is(other) => value == other,
            Self::Missing => false,
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn takes(&mut self, sign: &str) -> bool {
        let Some(rest) = self.rest.trim_start().strip_prefix(sign) else {
            return false;
        };
        self.rest = rest;
        true
    }

    fn any(&mut self) -> Option<Condition> {
        let mut any = vec![self.all()?];
        while self.takes("||") {
            any.push(self.all()?);
        }
        Some(Condition::Any(any))
    }

    fn all(&mut self) -> Option<Condition> {
        let mut all = vec![self.one()?];
        while self.takes("&&") {
            all.push(self.one()?);
        }
        Some(Condition::All(all))
    }

    fn one(&mut self) -> Option<Condition> {
        if !self.takes("(") {
            let path = self.path()?;
            return Some(Condition::Of(path, self.test()?));
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let inner = self.any()?;
        self.depth -= 1;
        self.takes(")").then_some(inner)
    }

    fn path(&mut self) -> Option<Vec<Step>> {
        if !self.takes("$") {
            return None;
        }
        let mut path = Vec::new();
        loop {
            if let Some(rest) = self.rest.strip_prefix('.') {
                let name = |char: char| char.is_alphanumeric() || "_-".contains(char);
                let end = rest.find(|char| !name(char)).unwrap_or(rest.len());
                let (member, rest) = rest.split_at(end);
                self.rest = rest;
                path.push(Step::Member(
                    Some(member).filter(|name| !name.is_empty())?.to_owned(),
                ));
            } else if let Some(rest) = self.rest.strip_prefix('[') {
                let (inner, rest) = rest.split_once(']')?;
                self.rest = rest;
                let quoted = ['"', '\''].into_iter().find_map(|mark| {
                    let inner = inner.strip_prefix(mark)?;
                    inner.strip_suffix(mark)
                });
                path.push(match quoted {
                    Some(name) => Step::Member(name.to_owned()),
                    None => Step::Element(inner.trim().parse().ok()?),
                });
            } else {
                return (!path.is_empty()).then_some(path);
            }
        }
    }

    fn test(&mut self) -> Option<Test> {
        if self.takes("NOT EXISTS") {
            return Some(Test::Missing);
        }
        if self.takes("IS") {
            let known = [
                ("TRUE", Value::Bool(true)),
                ("FALSE", Value::Bool(false)),
                ("NULL", Value::Null),
            ];
            let is = known.into_iter().find(|(word, _)| self.takes(word));
            return is.map(|(_, value)| Test::Is(value));
        }
        let signs = Comparison::SIGNS.into_iter();
        let comparison = signs.into_iter().find(|(sign, _)| self.takes(sign))?.1;
        let equal = match comparison {
            Comparison::Equal => Some(true),
            Comparison::NotEqual => Some(false),
            _ => None,
        };
        if self.takes("\"") {
            let (text, rest) = quoted_by(self.rest, '"')?;
            self.rest = rest;
            return Some(Test::Text(equal?, with_stars(&text)?));
        }
        if self.takes("%") {
            let (inner, rest) = self.rest.split_once('%')?;
            self.rest = rest;
            return Some(Test::Text(equal?, Regex::new(inner).ok()?));
        }
        let word = self.word()?;
        match word.parse() {
            Ok(number) => Some(Test::Number(comparison, number)),
            Err(_) => Some(Test::Text(equal?, with_stars(&word)?)),
        }
    }

    fn word(&mut self) -> Option<String> {
        let rest = self.rest.trim_start();
        let ends = |char: char| char.is_whitespace() || "()&|".contains(char);
        let end = rest.find(ends).unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then(|| word.to_owned())
    }
}

/// A star stands for anything.
fn with_stars(text: &str) -> Option<Regex> {
    let parts: Vec<String> = text.split('*').map(regex::escape).collect();
    Regex::new(&format!("(?s)^{}$", parts.join(".*"))).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn conditions_hold_of_what_they_say() {
        let line = json!({
            "level": "ERROR",
            "code": 503,
            "user": { "id": "u-1", "gone": null, "new": true },
            "tags": ["a", { "b": 2.5 }],
            "odd name": "x",
        });
        for (text, holds) in [
            ("$.level = \"ERROR\"", true),
            ("$.level = ERROR", true),
            ("$.level != \"ERROR\"", false),
            ("$.level = \"ERR*\"", true),
            ("$.level = \"RR*\"", false),
            ("$.level = \"*\"", true),
            ("$.level = %^E.+R$%", true),
            ("$.code = 503", true),
            ("$.code>=503 && $.code < 504", true),
            ("$.code > 503", false),
            ("$.code = \"50*\"", true),
            ("$.code != 503", false),
            ("$.user.id = \"u-1\"", true),
            ("$.user.gone IS NULL", true),
            ("$.user.new IS TRUE", true),
            ("$.user.new IS FALSE", false),
            ("$.user.none IS NULL", false),
            ("$.user.none NOT EXISTS", true),
            ("$.user.id NOT EXISTS", false),
            ("$.tags[0] = a", true),
            ("$.tags[1].b = 2.5", true),
            ("$['odd name'] = x", true),
            ("$.none != 1", false),
            ("$.level = WARN || $.code = 503", true),
            ("$.level = WARN || $.code = 503 && $.user.id = x", false),
            ("($.level = WARN || $.code = 503) && $.user.id = u*", true),
        ] {
            let condition = Condition::read(text).expect(text);
            assert_eq!(condition.holds(&line), holds, "{text}");
        }
    }

    #[test]
    fn what_is_no_condition_does_not_read() {
        let deep = format!("{}$.a = 1{}", "(".repeat(99), ")".repeat(99));
        for bad in [
            "",
            "$.a",
            "$ = 1",
            "a = 1",
            "$.a = ",
            "$.a > \"x\"",
            "$.a > x",
            "$.a = 1 &&",
            "($.a = 1",
            "$.a = 1)",
            "$.a[x] = 1",
            "$.a IS 1",
            deep.as_str(),
        ] {
            assert!(Condition::read(bad).is_none(), "{bad}");
        }
    }
}
