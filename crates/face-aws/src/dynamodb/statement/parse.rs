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

use std::collections::BTreeSet;
use std::ops::Range;
use std::vec::IntoIter;

use tables::{Change, Comparison, Condition, Item, Operand, Path, Step, Term, Type, Update, Value};

use crate::dynamodb::attribute::{code, number_fault};
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

const SIGNS: [&str; 23] = [
    "<<", ">>", "<>", "<=", ">=", "!=", "=", "<", ">", "(", ")", "[", "]", "{", "}", ",", ".", ":",
    "?", "*", "+", "-", ";",
];

/// What no value can begin with, and no alias can be.
const CLAUSES: [&str; 10] = [
    "SELECT",
    "FROM",
    "WHERE",
    "ORDER",
    "GROUP",
    "HAVING",
    "SET",
    "REMOVE",
    "RETURNING",
    "LIMIT",
];
const OPERATORS: [&str; 6] = ["AND", "OR", "IS", "IN", "BETWEEN", "LIKE"];

fn malformed(what: impl std::fmt::Display) -> Fault {
    Fault::validation(format!(
        "Statement wasn't well formed, can't be processed: {what}"
    ))
}

/// What has no words of its own.
const UNREADABLE: &str = "";

/// The tokens, and where each is.
fn tokens(text: &str) -> Result<Vec<(Token, Range<usize>)>, Fault> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let (token, length) = match first {
            first if first.is_whitespace() => (None, first.len_utf8()),
            '-' if rest.starts_with("--") => (None, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => {
                let end = rest[2..].find("*/");
                (None, end.ok_or_else(|| malformed(UNREADABLE))? + 4)
            }
            '\'' => {
                let (inner, length) = quoted(rest, first)?;
                (Some(Token::Text(inner)), length)
            }
            '"' => {
                let (inner, length) = quoted(rest, first)?;
                (Some(Token::Quoted(inner)), length)
            }
            first if first.is_ascii_alphabetic() || first == '_' => {
                let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                (Some(Token::Word(rest[..length].to_owned())), length)
            }
            first if first.is_ascii_digit() || (first == '.' && digits(&rest[1..]) > 0) => {
                let length = number(rest)?;
                (Some(Token::Number(rest[..length].to_owned())), length)
            }
            _ => {
                let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
                let sign = sign.ok_or_else(|| malformed(UNREADABLE))?;
                (Some(Token::Sign(sign)), sign.len())
            }
        };
        if let Some(token) = token {
            tokens.push((token, at..at + length));
        }
        at += length;
    }
    Ok(tokens)
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// How many digits a text begins with.
fn digits(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len())
}

/// How long the number is that a text begins with.
fn number(text: &str) -> Result<usize, Fault> {
    let mut length = digits(text);
    let mut fraction = 0;
    if text[length..].starts_with('.') {
        fraction = digits(&text[length + 1..]);
        length += 1 + fraction;
    }
    if text[length..].starts_with(['e', 'E']) {
        let from = length + 1;
        let sign = usize::from(text[from..].starts_with(['+', '-']));
        length = from + sign + digits(&text[from + sign..]);
        // Exponent and scale are whole numbers of 32 bits; one without digits is none either.
        let exponent: Option<i32> = text[from..length].parse().ok();
        let scale = exponent.and_then(|exponent| {
            let fraction = i32::try_from(fraction).ok()?;
            fraction.checked_sub(exponent)
        });
        scale.ok_or_else(|| malformed(UNREADABLE))?;
    }
    match text[length..].starts_with(is_word) {
        true => Err(malformed(UNREADABLE)),
        false => Ok(length),
    }
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
    Err(malformed(UNREADABLE))
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
            let returning = self.returning()?;
            return Ok(Statement::Update {
                table,
                update,
                condition,
                returning,
            });
        }
        if self.keyword("FROM") {
            let table = self.written()?;
            let condition = self.condition()?;
            let update = self.update()?;
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

    fn any(&mut self) -> Result<Condition, Fault> {
        let mut parts = vec![self.all()?];
        while self.keyword("OR") {
            self.right_hand()?;
            parts.push(self.all()?);
        }
        Ok(only(parts, Condition::Any))
    }

    fn all(&mut self) -> Result<Condition, Fault> {
        let mut parts = vec![self.not()?];
        while self.keyword("AND") {
            self.right_hand()?;
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

    /// An operator at the end of a statement has words of its own.
    fn right_hand(&self) -> Result<(), Fault> {
        match self.peek() {
            Token::End => Err(malformed(
                "Missing right-hand side expression of infix operator",
            )),
            _ => Ok(()),
        }
    }

    fn test(&mut self) -> Result<Condition, Fault> {
        match self.function()? {
            Some(condition) => self.against(condition),
            None => self.comparison(),
        }
    }

    /// What a function says may be compared with a truth.
    fn against(&mut self, condition: Condition) -> Result<Condition, Fault> {
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

    fn function(&mut self) -> Result<Option<Condition>, Fault> {
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

    fn existence(&mut self, function: &str) -> Result<Condition, Fault> {
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
    fn arguments(&mut self) -> Result<Vec<Operand>, Fault> {
        self.take("(")?;
        if self.sign(")") {
            return Ok(Vec::new());
        }
        let arguments = self.list(Self::operand)?;
        self.take(")")?;
        Ok(arguments)
    }

    fn comparison(&mut self) -> Result<Condition, Fault> {
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

    fn is(&mut self, left: Operand) -> Result<Condition, Fault> {
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
