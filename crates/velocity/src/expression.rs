//! References, and what stands between the brackets of statements.

use crate::Misread;
use crate::parse::{self, Piece};
use crate::reader::Reader;

/// `$name` and what follows it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reference {
    pub(crate) name: String,
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    Property(String),
    Call(String, Vec<Expression>),
    Index(Expression),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    /// A string in double quotes, which is a template itself.
    Template(Vec<Piece>),
    List(Vec<Expression>),
    Range(Box<Expression>, Box<Expression>),
    Map(Vec<(Expression, Expression)>),
    Reference(Reference),
    Not(Box<Expression>),
    Negative(Box<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Reference {
    pub(crate) fn can_be_set(&self) -> bool {
        !matches!(self.steps.last(), Some(Step::Call(..)))
    }

    /// The name alone, if it has no steps.
    pub(crate) fn into_name(self) -> Option<String> {
        self.steps.is_empty().then_some(self.name)
    }
}

/// A reference that begins with the `$` here; none if that is text.
pub(crate) fn reference(reader: &mut Reader<'_>) -> Result<Option<Reference>, Misread> {
    let mut ahead = *reader;
    if !ahead.take("$") {
        return Ok(None);
    }
    // What is nothing prints as nothing, with or without it.
    ahead.take("!");
    let in_braces = ahead.take("{");
    let Some(name) = ahead.name() else {
        return Ok(None);
    };
    let name = name.to_owned();
    let steps = steps(&mut ahead)?;
    if in_braces && !ahead.take("}") {
        return Err(ahead.wrong(format!("the reference `${{{name}` does not end with `}}`")));
    }
    *reader = ahead;
    Ok(Some(Reference { name, steps }))
}

fn steps(reader: &mut Reader<'_>) -> Result<Vec<Step>, Misread> {
    let mut steps = Vec::new();
    loop {
        let mut ahead = *reader;
        let step = if ahead.take(".") {
            // A full stop behind a reference ends a sentence.
            match ahead.name() {
                Some(name) => property(name.to_owned(), &mut ahead)?,
                None => return Ok(steps),
            }
        } else if ahead.take("[") {
            match index(&mut ahead)? {
                Some(index) => Step::Index(index),
                None => return Ok(steps),
            }
        } else {
            return Ok(steps);
        };
        steps.push(step);
        *reader = ahead;
    }
}

fn property(name: String, reader: &mut Reader<'_>) -> Result<Step, Misread> {
    if !reader.take("(") {
        return Ok(Step::Property(name));
    }
    reader.deeper()?;
    let arguments = list(reader, ")")?;
    reader.depth -= 1;
    Ok(Step::Call(name, arguments))
}

/// Behind a bracket; none if that is text (`$name[]`).
fn index(reader: &mut Reader<'_>) -> Result<Option<Expression>, Misread> {
    reader.skip_spaces();
    let starts = |first: char| first.is_ascii_digit() || matches!(first, '$' | '"' | '\'' | '-');
    if !reader.peek().is_some_and(starts) {
        return Ok(None);
    }
    let index = read(reader)?;
    reader.skip_spaces();
    reader.want("]")?;
    Ok(Some(index))
}

/// Expressions with commas between them, and what ends them.
fn list(reader: &mut Reader<'_>, end: &str) -> Result<Vec<Expression>, Misread> {
    let mut all = Vec::new();
    reader.skip_spaces();
    if reader.take(end) {
        return Ok(all);
    }
    loop {
        all.push(read(reader)?);
        reader.skip_spaces();
        if reader.take(end) {
            return Ok(all);
        }
        reader.want(",")?;
    }
}

pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Expression, Misread> {
    reader.deeper()?;
    let expression = binary(reader, 0)?;
    reader.depth -= 1;
    Ok(expression)
}

/// From those that bind least to those that bind most; longer signs before those that begin them.
const OPERATORS: [&[(&str, Operator)]; 6] = [
    &[("||", Operator::Or), ("or", Operator::Or)],
    &[("&&", Operator::And), ("and", Operator::And)],
    &[
        ("==", Operator::Equal),
        ("!=", Operator::Unequal),
        ("eq", Operator::Equal),
        ("ne", Operator::Unequal),
    ],
    &[
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
        ("le", Operator::LessOrEqual),
        ("ge", Operator::GreaterOrEqual),
        ("lt", Operator::Less),
        ("gt", Operator::Greater),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[
        ("*", Operator::Multiply),
        ("/", Operator::Divide),
        ("%", Operator::Remainder),
    ],
];

fn binary(reader: &mut Reader<'_>, level: usize) -> Result<Expression, Misread> {
    let Some(operators) = OPERATORS.get(level) else {
        return unary(reader);
    };
    let mut left = binary(reader, level + 1)?;
    loop {
        reader.skip_spaces();
        let Some(operator) = operator(reader, operators) else {
            return Ok(left);
        };
        let right = binary(reader, level + 1)?;
        left = Expression::Binary(operator, Box::new(left), Box::new(right));
    }
}

fn operator(reader: &mut Reader<'_>, operators: &[(&str, Operator)]) -> Option<Operator> {
    for (sign, operator) in operators {
        let mut ahead = *reader;
        let is_word = sign.starts_with(|letter: char| letter.is_ascii_alphabetic());
        let goes_on = |ahead: &Reader<'_>| {
            ahead
                .peek()
                .is_some_and(|next| next.is_ascii_alphanumeric() || next == '_')
        };
        if ahead.take(sign) && !(is_word && goes_on(&ahead)) {
            *reader = ahead;
            return Some(*operator);
        }
    }
    None
}

fn unary(reader: &mut Reader<'_>) -> Result<Expression, Misread> {
    reader.skip_spaces();
    if reader.take("!") || operator(reader, &[("not", Operator::Unequal)]).is_some() {
        reader.deeper()?;
        let operand = unary(reader)?;
        reader.depth -= 1;
        return Ok(Expression::Not(Box::new(operand)));
    }
    primary(reader)
}

fn primary(reader: &mut Reader<'_>) -> Result<Expression, Misread> {
    match reader.peek() {
        Some('$') => {
            let reference = reference(reader)?;
            let reference = reference.ok_or_else(|| reader.wrong("`$` begins no reference"))?;
            Ok(Expression::Reference(reference))
        }
        Some('\'') => {
            reader.take("'");
            let text = reader.until("'");
            text.map(|text| Expression::Text(text.to_owned()))
                .ok_or_else(|| reader.wrong("a string in single quotes does not end"))
        }
        Some('"') => quoted(reader),
        Some('(') => {
            reader.take("(");
            let inner = read(reader)?;
            reader.skip_spaces();
            reader.want(")")?;
            Ok(inner)
        }
        Some('[') => {
            reader.take("[");
            sequence(reader)
        }
        Some('{') => {
            reader.take("{");
            map(reader)
        }
        Some('-') => {
            reader.take("-");
            reader.deeper()?;
            let operand = primary(reader)?;
            reader.depth -= 1;
            Ok(Expression::Negative(Box::new(operand)))
        }
        Some(first) if first.is_ascii_digit() => number(reader),
        _ => word(reader),
    }
}

fn word(reader: &mut Reader<'_>) -> Result<Expression, Misread> {
    let mut ahead = *reader;
    let expression = match ahead.name() {
        Some("true") => Expression::Bool(true),
        Some("false") => Expression::Bool(false),
        Some("null") => Expression::Null,
        Some(other) => return Err(reader.wrong(format!("`{other}` is no expression"))),
        None => {
            return Err(reader.wrong(match reader.peek() {
                Some(found) => format!("`{found}` is no expression"),
                None => "it ends where an expression should be".to_owned(),
            }));
        }
    };
    *reader = ahead;
    Ok(expression)
}

/// In double quotes; a quote within it is written twice.
fn quoted(reader: &mut Reader<'_>) -> Result<Expression, Misread> {
    let start = *reader;
    reader.take("\"");
    let mut inner = String::new();
    loop {
        let Some(text) = reader.until("\"") else {
            return Err(start.wrong("a string in double quotes does not end"));
        };
        inner.push_str(text);
        if !reader.take("\"") {
            break;
        }
        inner.push('"');
    }
    if !inner.contains(['$', '#']) {
        return Ok(Expression::Text(inner));
    }
    let mut within = start.within(&inner);
    within.deeper()?;
    parse::whole(&mut within).map(Expression::Template)
}

fn number(reader: &mut Reader<'_>) -> Result<Expression, Misread> {
    let start = *reader;
    let digits = |letter: char| letter.is_ascii_digit();
    let whole = reader.while_is(digits);
    let mut ahead = *reader;
    // Two full stops are a range.
    if ahead.take(".") && ahead.peek().is_some_and(|next| next.is_ascii_digit()) {
        let part = ahead.while_is(digits);
        *reader = ahead;
        let number = format!("{whole}.{part}").parse();
        return number
            .map(Expression::Float)
            .map_err(|_| start.wrong("this is no number"));
    }
    let number = whole.parse();
    number
        .map(Expression::Int)
        .map_err(|_| start.wrong("this number is too large"))
}

/// A list, or a range: `[1..5]`.
fn sequence(reader: &mut Reader<'_>) -> Result<Expression, Misread> {
    reader.skip_spaces();
    if reader.take("]") {
        return Ok(Expression::List(Vec::new()));
    }
    let first = read(reader)?;
    reader.skip_spaces();
    if reader.take("..") {
        let last = read(reader)?;
        reader.skip_spaces();
        reader.want("]")?;
        return Ok(Expression::Range(Box::new(first), Box::new(last)));
    }
    let mut items = vec![first];
    if !reader.take("]") {
        reader.want(",")?;
        items.extend(list(reader, "]")?);
    }
    Ok(Expression::List(items))
}

fn map(reader: &mut Reader<'_>) -> Result<Expression, Misread> {
    let mut entries = Vec::new();
    reader.skip_spaces();
    if reader.take("}") {
        return Ok(Expression::Map(entries));
    }
    loop {
        let key = read(reader)?;
        reader.skip_spaces();
        reader.want(":")?;
        entries.push((key, read(reader)?));
        reader.skip_spaces();
        if reader.take("}") {
            return Ok(Expression::Map(entries));
        }
        reader.want(",")?;
    }
}
