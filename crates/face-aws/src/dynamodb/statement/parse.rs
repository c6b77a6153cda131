//! The grammar of statements.
//!
//! ```text
//! statement = select / "EXISTS" "(" select ")"
//!           / "INSERT" "INTO" table "VALUE" map
//!           / "UPDATE" table 1*( "SET" path "=" term *( "," path "=" term ) / "REMOVE" path ) "WHERE" any [ returning ]
//!           / "DELETE" "FROM" table "WHERE" any [ returning ]
//! select    = "SELECT" ( "*" / path *( "," path ) ) "FROM" table [ "." index ] [ "WHERE" any ] [ "ORDER" "BY" order *( "," order ) ]
//! order     = name [ "ASC" / "DESC" ]
//! returning = "RETURNING" ( "ALL" / "MODIFIED" ) ( "OLD" / "NEW" ) "*"
//! any       = all *( "OR" all )
//! all       = not *( "AND" not )
//! not       = "NOT" not / "(" any ")" / test
//! ```
//!
//! Values are literals or `?`, which stand for the parameters in their order.

use std::collections::BTreeSet;
use std::vec::IntoIter;

use tables::{
    Change, Comparison, Condition, Item, Number, Operand, Path, Step, Term, Type, Update, Value,
};

use crate::dynamodb::attribute::code;
use crate::dynamodb::error::invalid;
use crate::dynamodb::expression::{TYPES, only};
use crate::protocol::Fault;

/// Parentheses, lists and maps in each other.
const DEEPEST: usize = 32;

#[derive(Debug)]
pub(super) enum Statement {
    Select(Select),
    /// A part of a transaction that only sees to it that something is so.
    Exists(Select),
    Insert {
        table: String,
        item: Item,
    },
    Update {
        table: String,
        update: Update,
        condition: Condition,
        returning: Option<Returning>,
    },
    Delete {
        table: String,
        condition: Condition,
        returning: Option<Returning>,
    },
}

#[derive(Debug)]
pub(super) struct Select {
    pub(super) table: String,
    pub(super) index: Option<String>,
    /// None for everything.
    pub(super) fields: Option<Vec<Path>>,
    pub(super) condition: Option<Condition>,
    pub(super) order: Vec<Order>,
}

/// An attribute by which what is selected is ordered.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) name: String,
    pub(super) backwards: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Returning {
    pub(super) all: bool,
    pub(super) new: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    /// In double quotes.
    Quoted(String),
    /// In single quotes.
    Text(String),
    Number(String),
    Sign(&'static str),
    End,
}

const SIGNS: [&str; 22] = [
    "<<", ">>", "<>", "<=", ">=", "!=", "=", "<", ">", "(", ")", "[", "]", "{", "}", ",", ".", ":",
    "?", "*", "+", "-",
];

fn malformed(what: impl std::fmt::Display) -> Fault {
    Fault::validation(format!(
        "Statement wasn't well formed, can't be processed: {what}"
    ))
}

fn tokens(text: &str) -> Result<Vec<Token>, Fault> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            first if first.is_whitespace() => first.len_utf8(),
            '\'' | '"' => {
                let (inner, length) = quoted(rest, first)?;
                tokens.push(match first {
                    '\'' => Token::Text(inner),
                    _ => Token::Quoted(inner),
                });
                length
            }
            first if first.is_ascii_alphabetic() || first == '_' => {
                let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let length = rest.find(|c| !word(c)).unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..length].to_owned()));
                length
            }
            first if first.is_ascii_digit() => {
                let part = |c: char| c.is_ascii_alphanumeric() || c == '.';
                let length = rest.find(|c| !part(c)).unwrap_or(rest.len());
                tokens.push(Token::Number(rest[..length].to_owned()));
                length
            }
            first => {
                let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
                let sign =
                    sign.ok_or_else(|| malformed(format!("Unexpected character: {first}")))?;
                tokens.push(Token::Sign(sign));
                sign.len()
            }
        };
        rest = &rest[length..];
    }
    tokens.push(Token::End);
    Ok(tokens)
}

/// What is between quotes, of which two in a row are one, and how long it is with them.
fn quoted(text: &str, quote: char) -> Result<(String, usize), Fault> {
    let mut inner = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != quote {
            inner.push(c);
        } else if chars.peek().is_some_and(|(_, next)| *next == quote) {
            chars.next();
            inner.push(quote);
        } else {
            return Ok((inner, at + 1));
        }
    }
    Err(malformed("Unterminated string"))
}

pub(super) fn parse(text: &str, parameters: Vec<Value>) -> Result<Statement, Fault> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        next: 0,
        depth: 0,
        parameters: parameters.into_iter(),
    };
    let statement = parser.statement()?;
    if *parser.peek() != Token::End {
        return Err(parser.unexpected());
    }
    match parser.parameters.next() {
        None => Ok(statement),
        Some(_) => Err(mismatch()),
    }
}

fn mismatch() -> Fault {
    Fault::validation("Number of parameters in request and statement don't match.")
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
    parameters: IntoIter<Value>,
}

impl Parser {
    fn statement(&mut self) -> Result<Statement, Fault> {
        if self.keyword("SELECT") {
            return self.select().map(Statement::Select);
        }
        if self.is_call("EXISTS") {
            self.next += 1;
            self.take("(")?;
            self.expect("SELECT")?;
            let select = self.select()?;
            self.take(")")?;
            return Ok(Statement::Exists(select));
        }
        if self.keyword("INSERT") {
            self.expect("INTO")?;
            let table = self.name()?;
            self.expect("VALUE")?;
            return match self.value()? {
                Value::Map(item) => Ok(Statement::Insert { table, item }),
                _ => Err(malformed("Expected a map after VALUE")),
            };
        }
        if self.keyword("UPDATE") {
            let table = self.name()?;
            let update = self.update()?;
            self.expect("WHERE")?;
            let condition = self.any()?;
            let returning = self.returning()?;
            return Ok(Statement::Update {
                table,
                update,
                condition,
                returning,
            });
        }
        if self.keyword("DELETE") {
            self.expect("FROM")?;
            let table = self.name()?;
            self.expect("WHERE")?;
            let condition = self.any()?;
            let returning = self.returning()?;
            if returning.is_some_and(|returning| !returning.all || returning.new) {
                return Err(Fault::validation(
                    "Only RETURNING ALL OLD * is allowed in DELETE statements.",
                ));
            }
            return Ok(Statement::Delete {
                table,
                condition,
                returning,
            });
        }
        Err(self.unexpected())
    }

    fn select(&mut self) -> Result<Select, Fault> {
        let fields = match self.sign("*") {
            true => None,
            false => Some(self.list(Self::path)?),
        };
        self.expect("FROM")?;
        let table = self.name()?;
        let index = match self.sign(".") {
            true => Some(self.name()?),
            false => None,
        };
        let condition = match self.keyword("WHERE") {
            true => Some(self.any()?),
            false => None,
        };
        let mut order = Vec::new();
        if self.keyword("ORDER") {
            self.expect("BY")?;
            order = self.list(Self::order)?;
        }
        Ok(Select {
            table,
            index,
            fields,
            condition,
            order,
        })
    }

    fn order(&mut self) -> Result<Order, Fault> {
        let name = self.name()?;
        let backwards = self.keyword("DESC");
        if !backwards {
            self.keyword("ASC");
        }
        Ok(Order { name, backwards })
    }

    fn update(&mut self) -> Result<Update, Fault> {
        let mut update = Update::default();
        loop {
            if self.keyword("SET") {
                for change in self.list(Self::set)? {
                    update.changes.push(change);
                }
            } else if self.keyword("REMOVE") {
                for path in self.list(Self::path)? {
                    update.changes.push((path, Change::Remove));
                }
            } else if update.changes.is_empty() {
                return Err(self.unexpected());
            } else {
                return Ok(update);
            }
        }
    }

    fn set(&mut self) -> Result<(Path, Change), Fault> {
        let path = self.path()?;
        self.take("=")?;
        let sets = ["set_add", "set_delete"];
        let Some(function) = sets.into_iter().find(|name| self.is_call(name)) else {
            return Ok((path, Change::Set(self.term()?)));
        };
        self.next += 1;
        self.take("(")?;
        if self.path()? != path {
            return Err(Fault::validation(format!(
                "The first argument to {} must equal the assignment value",
                function.to_ascii_uppercase()
            )));
        }
        self.take(",")?;
        let value = self.value()?;
        self.take(")")?;
        if !matches!(
            value,
            Value::Strings(_) | Value::Numbers(_) | Value::Binaries(_)
        ) {
            return Err(malformed(format!("{function} takes a set")));
        }
        let change = match function {
            "set_add" => Change::Add(value),
            _ => Change::Subtract(value),
        };
        Ok((path, change))
    }

    fn term(&mut self) -> Result<Term, Fault> {
        let left = self.term_operand()?;
        if self.sign("+") {
            return Ok(Term::Plus(Box::new(left), Box::new(self.term_operand()?)));
        }
        if self.sign("-") {
            return Ok(Term::Minus(Box::new(left), Box::new(self.term_operand()?)));
        }
        Ok(left)
    }

    fn term_operand(&mut self) -> Result<Term, Fault> {
        for function in ["list_append", "if_not_exists"] {
            if self.is_call(function) {
                self.next += 1;
                return self.nested(|parser| {
                    parser.take("(")?;
                    let first = parser.term_operand()?;
                    parser.take(",")?;
                    let second = Box::new(parser.term_operand()?);
                    parser.take(")")?;
                    match (function, first) {
                        ("list_append", first) => Ok(Term::Append(Box::new(first), second)),
                        (_, Term::Path(path)) => Ok(Term::Or(path, second)),
                        _ => Err(malformed("if_not_exists takes a path")),
                    }
                });
            }
        }
        match self.operand()? {
            Operand::Path(path) => Ok(Term::Path(path)),
            Operand::Value(value) => Ok(Term::Value(value)),
            Operand::Size(_) => Err(self.unexpected()),
        }
    }

    fn returning(&mut self) -> Result<Option<Returning>, Fault> {
        if !self.keyword("RETURNING") {
            return Ok(None);
        }
        let all = self.keyword("ALL");
        if !all {
            self.expect("MODIFIED")?;
        }
        let new = self.keyword("NEW");
        if !new {
            self.expect("OLD")?;
        }
        self.take("*")?;
        Ok(Some(Returning { all, new }))
    }

    fn any(&mut self) -> Result<Condition, Fault> {
        let mut parts = vec![self.all()?];
        while self.keyword("OR") {
            parts.push(self.all()?);
        }
        Ok(only(parts, Condition::Any))
    }

    fn all(&mut self) -> Result<Condition, Fault> {
        let mut parts = vec![self.not()?];
        while self.keyword("AND") {
            parts.push(self.not()?);
        }
        Ok(only(parts, Condition::All))
    }

    fn not(&mut self) -> Result<Condition, Fault> {
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

    fn test(&mut self) -> Result<Condition, Fault> {
        for function in ["begins_with", "contains", "attribute_type"] {
            if self.is_call(function) {
                self.next += 1;
                self.take("(")?;
                let first = self.operand()?;
                self.take(",")?;
                let second = self.operand()?;
                self.take(")")?;
                return match (function, second) {
                    ("begins_with", second) => Ok(Condition::BeginsWith(first, second)),
                    ("contains", second) => Ok(Condition::Contains(first, second)),
                    (_, Operand::Value(Value::String(name))) => {
                        let found = TYPES.into_iter().find(|each| code(*each) == name);
                        let found = found.ok_or_else(|| {
                            Fault::validation(format!(
                                "Invalid attribute type name found; type: {name}, valid types: {{N,BS,L,B,NULL,M,S,SS,NS,BOOL}}"
                            ))
                        })?;
                        Ok(Condition::HasType(first, found))
                    }
                    _ => Err(malformed("attribute_type takes the name of a type")),
                };
            }
        }
        let left = self.operand()?;
        if self.keyword("IS") {
            return self.is(left);
        }
        if self.keyword("BETWEEN") {
            let low = self.operand()?;
            self.expect("AND")?;
            return Ok(Condition::Between(left, low, self.operand()?));
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
                return Ok(Condition::Compare(left, comparison, self.operand()?));
            }
        }
        Err(self.unexpected())
    }

    fn is(&mut self, left: Operand) -> Result<Condition, Fault> {
        let negated = self.keyword("NOT");
        let condition = if self.keyword("MISSING") {
            let Operand::Path(path) = left else {
                return Err(self.unexpected());
            };
            Condition::Not(Box::new(Condition::Exists(path)))
        } else {
            self.expect("NULL")?;
            Condition::HasType(left, Type::Null)
        };
        Ok(match negated {
            true => Condition::Not(Box::new(condition)),
            false => condition,
        })
    }

    fn operand(&mut self) -> Result<Operand, Fault> {
        if self.is_call("size") {
            self.next += 1;
            self.take("(")?;
            let path = self.path()?;
            self.take(")")?;
            return Ok(Operand::Size(Box::new(Operand::Path(path))));
        }
        let is_literal = ["TRUE", "FALSE", "NULL"]
            .iter()
            .any(|word| self.is_at(word));
        match self.peek() {
            Token::Word(_) | Token::Quoted(_) if !is_literal => self.path().map(Operand::Path),
            _ => self.value().map(Operand::Value),
        }
    }

    fn path(&mut self) -> Result<Path, Fault> {
        let mut path = Path::attribute(self.name()?);
        loop {
            if self.sign(".") {
                path.steps.push(Step::Name(self.name()?));
            } else if self.sign("[") {
                let Token::Number(digits) = self.peek().clone() else {
                    return Err(self.unexpected());
                };
                let index = digits.parse().map_err(|_| self.unexpected())?;
                self.next += 1;
                path.steps.push(Step::Index(index));
                self.take("]")?;
            } else {
                return Ok(path);
            }
        }
    }

    fn value(&mut self) -> Result<Value, Fault> {
        self.nested(Self::value_inside)
    }

    fn value_inside(&mut self) -> Result<Value, Fault> {
        if self.sign("?") {
            return self.parameters.next().ok_or_else(mismatch);
        }
        for (word, value) in [
            ("TRUE", Value::Bool(true)),
            ("FALSE", Value::Bool(false)),
            ("NULL", Value::Null),
        ] {
            if self.keyword(word) {
                return Ok(value);
            }
        }
        if self.sign("[") {
            if self.sign("]") {
                return Ok(Value::List(Vec::new()));
            }
            let values = self.list(Self::value)?;
            self.take("]")?;
            return Ok(Value::List(values));
        }
        if self.sign("{") {
            let mut item = Item::new();
            while !self.sign("}") {
                let (Token::Text(name) | Token::Quoted(name)) = self.peek().clone() else {
                    return Err(self.unexpected());
                };
                self.next += 1;
                self.take(":")?;
                item.insert(name, self.value()?);
                if !self.sign(",") {
                    self.take("}")?;
                    break;
                }
            }
            return Ok(Value::Map(item));
        }
        if self.sign("<<") {
            if self.sign(">>") {
                return Err(Fault::validation("Empty bags are not supported"));
            }
            let values = self.list(Self::value)?;
            self.take(">>")?;
            return set(values);
        }
        let minus = self.sign("-");
        match self.peek().clone() {
            Token::Text(text) if !minus => {
                self.next += 1;
                Ok(Value::String(text))
            }
            Token::Number(digits) => {
                self.next += 1;
                let sign = if minus { "-" } else { "" };
                let number: Number = format!("{sign}{digits}")
                    .parse()
                    .map_err(|_| malformed(format!("Invalid number: {digits}")))?;
                Ok(Value::Number(number))
            }
            _ => Err(self.unexpected()),
        }
    }

    fn list<T>(
        &mut self,
        mut part: impl FnMut(&mut Self) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let mut parts = vec![part(self)?];
        while self.sign(",") {
            parts.push(part(self)?);
        }
        Ok(parts)
    }

    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        if self.depth == DEEPEST {
            return Err(malformed("Too many levels"));
        }
        self.depth += 1;
        let read = inner(self);
        self.depth -= 1;
        read
    }

    fn name(&mut self) -> Result<String, Fault> {
        match self.peek().clone() {
            Token::Word(name) | Token::Quoted(name) => {
                self.next += 1;
                Ok(name)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn peek(&self) -> &Token {
        self.tokens.get(self.next).unwrap_or(&Token::End)
    }

    fn is_at(&self, keyword: &str) -> bool {
        matches!(self.peek(), Token::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    fn is_call(&self, function: &str) -> bool {
        self.is_at(function) && self.tokens.get(self.next + 1) == Some(&Token::Sign("("))
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let found = self.is_at(keyword);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, keyword: &str) -> Result<(), Fault> {
        match self.keyword(keyword) {
            true => Ok(()),
            false => Err(self.unexpected()),
        }
    }

    fn sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Token::Sign(next) if *next == sign);
        self.next += usize::from(found);
        found
    }

    fn take(&mut self, sign: &str) -> Result<(), Fault> {
        match self.sign(sign) {
            true => Ok(()),
            false => Err(self.unexpected()),
        }
    }

    fn unexpected(&self) -> Fault {
        malformed(match self.peek() {
            Token::End => "Unexpected end of statement".to_owned(),
            Token::Word(word) => format!("Unexpected term: {word}"),
            Token::Quoted(name) => format!("Unexpected identifier: \"{name}\""),
            Token::Text(text) => format!("Unexpected literal: '{text}'"),
            Token::Number(number) => format!("Unexpected literal: {number}"),
            Token::Sign(sign) => format!("Unexpected term: {sign}"),
        })
    }
}

fn set(values: Vec<Value>) -> Result<Value, Fault> {
    let mixed = || {
        Fault::validation(
            "Unsupported data type in Bag. DynamoDB only supports either numbers or strings in bags",
        )
    };
    if let Some(repeated) = repeated(&values) {
        return Err(repeated);
    }
    let count = values.len();
    let (mut strings, mut numbers, mut binaries) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for value in values {
        match value {
            Value::String(text) => drop(strings.insert(text)),
            Value::Number(number) => drop(numbers.insert(number)),
            Value::Binary(bytes) => drop(binaries.insert(bytes)),
            _ => return Err(mixed()),
        }
    }
    match (strings.len(), numbers.len(), binaries.len()) {
        (n, 0, 0) if n == count => Ok(Value::Strings(strings)),
        (0, n, 0) if n == count => Ok(Value::Numbers(numbers)),
        (0, 0, n) if n == count => Ok(Value::Binaries(binaries)),
        _ => Err(mixed()),
    }
}

fn repeated(values: &[Value]) -> Option<Fault> {
    let texts: Vec<String> = values
        .iter()
        .map(|value| match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        })
        .collect();
    let twice = |at: usize| values[..at].contains(&values[at]);
    (1..values.len()).any(twice).then(|| {
        let listed = texts.join(", ");
        invalid(format!("Input collection [{listed}] contains duplicates."))
    })
}
