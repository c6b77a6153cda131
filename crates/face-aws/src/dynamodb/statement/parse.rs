//! The grammar of statements.
//!
//! ```text
//! statement = select / "EXISTS" "(" select ")"
//!           / "INSERT" "INTO" table "VALUE" map
//!           / "UPDATE" table 1*change [ "WHERE" any ] [ returning ]
//!           / "FROM" table [ "WHERE" any ] 1*change [ returning ]
//!           / "DELETE" "FROM" table [ "WHERE" any ] [ returning ]
//! change    = "SET" path "=" term *( "," path "=" term ) / "REMOVE" path *( "," path )
//! select    = "SELECT" ( "*" / path *( "," path ) ) "FROM" table [ "." index ] [ "WHERE" any ] [ "ORDER" "BY" order *( "," order ) ]
//! order     = name [ "ASC" / "DESC" ]
//! returning = "RETURNING" ( "ALL" / "MODIFIED" ) ( "OLD" / "NEW" ) "*"
//! any       = all *( "OR" all )
//! all       = not *( "AND" not )
//! not       = "NOT" not / "(" any ")" / test
//! ```
//!
//! Values are literals or `?`, which stand for the parameters in their order. `-- ...` and `/* ... */` are comments, and
//! a statement may end in `;`.

mod condition;
mod token;

use std::collections::BTreeSet;
use std::ops::Range;
use std::vec::IntoIter;

use tables::{Change, Condition, Item, Operand, Path, Step, Term, Update, Value};

use self::token::{CLAUSES, OPERATORS, Token, malformed, tokens};
use crate::dynamodb::attribute::number_fault;
use crate::dynamodb::error::invalid;
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
        condition: Option<Condition>,
        returning: Option<Returning>,
    },
    Delete {
        table: String,
        condition: Option<Condition>,
        returning: Option<Returning>,
    },
}

impl Statement {
    /// The table that it changes.
    pub(super) fn written(&self) -> Option<&str> {
        match self {
            Self::Select(_) | Self::Exists(_) => None,
            Self::Insert { table, .. }
            | Self::Update { table, .. }
            | Self::Delete { table, .. } => Some(table),
        }
    }
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

pub(super) fn parse(text: &str, parameters: Vec<Value>) -> Result<Statement, Fault> {
    let mut parser = Parser {
        text,
        tokens: tokens(text)?,
        next: 0,
        depth: 0,
        under: Vec::new(),
        parameters: parameters.into_iter(),
    };
    let statement = parser.statement()?;
    parser.sign(";");
    if *parser.peek() != Token::End {
        return Err(leftover());
    }
    match parser.parameters.next() {
        None => Ok(statement),
        Some(_) => Err(mismatch()),
    }
}

fn mismatch() -> Fault {
    Fault::validation("Number of parameters in request and statement don't match.")
}

fn leftover() -> Fault {
    malformed("Unexpected token after expression")
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<(Token, Range<usize>)>,
    next: usize,
    depth: usize,
    /// The way to the value that is being read, from the one it is in.
    under: Vec<String>,
    parameters: IntoIter<Value>,
}

impl Parser<'_> {
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
            return self.insert();
        }
        if self.keyword("UPDATE") {
            let table = self.written()?;
            let update = self.update()?;
            let condition = self.condition()?;
            return self.changed(table, update, condition);
        }
        if self.keyword("FROM") {
            let table = self.written()?;
            let condition = self.condition()?;
            let update = self.update()?;
            return self.changed(table, update, condition);
        }
        if self.keyword("DELETE") {
            self.expect("FROM")?;
            let table = self.written()?;
            let condition = self.condition()?;
            let returning = self.returning()?;
            if let Some(returning) = returning
                && (!returning.all || returning.new)
            {
                let which = if returning.all { "ALL" } else { "MODIFIED" };
                let when = if returning.new { "NEW" } else { "OLD" };
                return Err(Fault::validation(format!(
                    "Invalid returning clause: RETURNING {which} {when} *. Only RETURNING ALL OLD * is allowed in DELETE statements."
                )));
            }
            return Ok(Statement::Delete {
                table,
                condition,
                returning,
            });
        }
        Err(malformed("Expected data manipulation"))
    }

    fn changed(
        &mut self,
        table: String,
        update: Update,
        condition: Option<Condition>,
    ) -> Result<Statement, Fault> {
        Ok(Statement::Update {
            table,
            update,
            condition,
            returning: self.returning()?,
        })
    }

    fn insert(&mut self) -> Result<Statement, Fault> {
        self.expect("INTO")?;
        let table = self.component()?;
        if self.sign(".") {
            return Err(Fault::validation(
                "FROM clause may only contain a single table name in data manipulation statements",
            ));
        }
        if !self.keyword("VALUE") {
            return Err(leftover());
        }
        let item = if self.sign("{") {
            self.nested(|parser| parser.entries(true))?
        } else {
            match self.value()? {
                Value::Map(item) => item,
                _ => {
                    return Err(Fault::validation(
                        "Unsupported format in item expression. Please use struct format {...} to express item values for insert statement.",
                    ));
                }
            }
        };
        match self.returning()? {
            None => Ok(Statement::Insert { table, item }),
            Some(_) => Err(Fault::validation("RETURNING is not supported in INSERT")),
        }
    }

    /// The table that a statement changes.
    fn written(&mut self) -> Result<String, Fault> {
        if !matches!(self.peek(), Token::Word(_) | Token::Quoted(_)) || self.is_clause() {
            return Err(malformed("Expected identifier for simple path"));
        }
        match self.source()? {
            (table, None) => Ok(table),
            (_, Some(_)) => Err(Fault::validation(
                "This operation is not supported on an index",
            )),
        }
    }

    /// A table, or an index of it.
    fn source(&mut self) -> Result<(String, Option<String>), Fault> {
        let table = self.component()?;
        let index = match self.sign(".") {
            true => Some(self.component()?),
            false => None,
        };
        if self.sign(".") {
            return Err(Fault::validation(
                "A path may contain at most 2 components in the FROM clause",
            ));
        }
        match self.peek() {
            Token::Word(_) | Token::Quoted(_) if !self.is_clause() => {
                Err(Fault::validation("Aliasing is not supported"))
            }
            _ => Ok((table, index)),
        }
    }

    fn component(&mut self) -> Result<String, Fault> {
        if self.is_clause() {
            return Err(self.unexpected());
        }
        let name = self.name()?;
        match name.is_empty() {
            true => Err(Fault::validation(
                "Path component cannot be an empty string",
            )),
            false => Ok(name),
        }
    }

    fn condition(&mut self) -> Result<Option<Condition>, Fault> {
        match self.keyword("WHERE") {
            true => self.any().map(Some),
            false => Ok(None),
        }
    }

    fn select(&mut self) -> Result<Select, Fault> {
        let fields = match self.sign("*") {
            true => None,
            false => Some(self.list(Self::field)?),
        };
        self.expect("FROM")?;
        let (table, index) = self.source()?;
        let condition = self.condition()?;
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

    fn field(&mut self) -> Result<Path, Fault> {
        match self.call() {
            None => self.path(),
            Some(_) => {
                let place = self.place(self.next);
                Err(Fault::validation(format!(
                    "Unexpected path component at {place}"
                )))
            }
        }
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
        let (call, name) = (self.next, function.to_ascii_uppercase());
        self.next += 1;
        let first = self.next + 1;
        let arguments = self.arguments()?;
        let wrong =
            |what: String, place: String| Err(Fault::validation(format!("{what} at {place}")));
        let Ok([target, value]) = <[Operand; 2]>::try_from(arguments) else {
            let what = format!("{name} must have exactly two arguments");
            return wrong(what, self.place(call));
        };
        if target != Operand::Path(path.clone()) {
            let what = format!("The first argument to {name} must equal the assignment value");
            return wrong(what, self.place(call));
        }
        let Operand::Value(value @ (Value::Strings(_) | Value::Numbers(_) | Value::Binaries(_))) =
            value
        else {
            let what = format!("The second argument to {name} must be a value with type SET");
            // It is the first one that is pointed at.
            return wrong(what, self.place(first));
        };
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
        if let Some(name) = self.call() {
            let name = name.to_ascii_lowercase();
            let place = self.place(self.next);
            return Err(Fault::validation(format!(
                "Unrecognized function: {name} at {place}"
            )));
        }
        match self.peek() {
            Token::Word(_) | Token::Quoted(_) if !is_literal => self.path().map(Operand::Path),
            _ => self.value().map(Operand::Value),
        }
    }

    fn path(&mut self) -> Result<Path, Fault> {
        if self.is_clause() || self.is_operator() {
            return Err(self.unexpected());
        }
        let mut path = Path::attribute(self.name()?);
        loop {
            if self.sign(".") {
                path.steps.push(Step::Name(self.name()?));
            } else if self.sign("[") {
                path.steps.push(match self.peek().clone() {
                    Token::Number(digits) => {
                        Step::Index(digits.parse().map_err(|_| self.unexpected())?)
                    }
                    Token::Text(name) => Step::Name(name),
                    _ => return Err(self.unexpected()),
                });
                self.next += 1;
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
        if let Some(name) = self.call() {
            let (name, under) = (name.to_ascii_lowercase(), self.under.concat());
            let place = self.place(self.next);
            return Err(Fault::validation(format!(
                "Unsupported data type: {name} under key root{under} at {place}"
            )));
        }
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
            let mut at = 0;
            let values = self.list(|parser| {
                parser.under.push(format!("[{at}]"));
                at += 1;
                let value = parser.value();
                parser.under.pop();
                value
            })?;
            self.take("]")?;
            return Ok(Value::List(values));
        }
        if self.sign("{") {
            return self.entries(false).map(Value::Map);
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
                let number = format!("{sign}{digits}").parse().map_err(|error| {
                    let wrong = number_fault(error, &digits);
                    Fault::validation(format!("{wrong} under root{}", self.under.concat()))
                })?;
                Ok(Value::Number(number))
            }
            _ => Err(self.unexpected()),
        }
    }

    /// What is in a map, after its brace. An item's attributes are each where the way to a value begins.
    fn entries(&mut self, is_item: bool) -> Result<Item, Fault> {
        let mut item = Item::new();
        while !self.sign("}") {
            let (Token::Text(name) | Token::Quoted(name)) = self.peek().clone() else {
                return Err(self.unexpected());
            };
            self.next += 1;
            self.take(":")?;
            if !is_item {
                self.under.push(format!(".{name}"));
            }
            let value = self.value()?;
            if !is_item {
                self.under.pop();
            }
            item.insert(name, value);
            if !self.sign(",") {
                self.take("}")?;
                break;
            }
        }
        Ok(item)
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
        self.tokens
            .get(self.next)
            .map_or(&Token::End, |(token, _)| token)
    }

    /// Where a token is, as the real service tells it: its line, its column and its length.
    fn place(&self, token: usize) -> String {
        let range = self.tokens.get(token).map(|(_, range)| range.clone());
        let range = range.unwrap_or(self.text.len()..self.text.len());
        let before = &self.text[..range.start];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        format!("{line}:{column}:{}", self.text[range].chars().count())
    }

    fn is_clause(&self) -> bool {
        CLAUSES.iter().any(|word| self.is_at(word))
    }

    fn is_operator(&self) -> bool {
        OPERATORS.iter().any(|word| self.is_at(word))
    }

    /// The function that is called here.
    fn call(&self) -> Option<&str> {
        match (self.peek(), self.tokens.get(self.next + 1)) {
            (Token::Word(name), Some((Token::Sign("("), _))) => Some(name),
            _ => None,
        }
    }

    fn is_at(&self, keyword: &str) -> bool {
        matches!(self.peek(), Token::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    fn is_call(&self, function: &str) -> bool {
        self.call()
            .is_some_and(|name| name.eq_ignore_ascii_case(function))
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
            Token::End | Token::Sign(_) => "Unexpected term".to_owned(),
            Token::Word(_) if self.is_clause() => "Unexpected keyword".to_owned(),
            Token::Word(_) if self.is_operator() => "Unexpected operator".to_owned(),
            Token::Word(word) => format!("Unexpected term: {word}"),
            Token::Quoted(name) => format!("Unexpected identifier: \"{name}\""),
            Token::Text(text) => format!("Unexpected literal: '{text}'"),
            Token::Number(number) => format!("Unexpected literal: {number}"),
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
