//! What a statement is made of.

use std::ops::Range;

use crate::protocol::Fault;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
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
pub(super) const CLAUSES: [&str; 10] = [
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
pub(super) const OPERATORS: [&str; 6] = ["AND", "OR", "IS", "IN", "BETWEEN", "LIKE"];

pub(super) fn malformed(what: impl std::fmt::Display) -> Fault {
    Fault::validation(format!(
        "Statement wasn't well formed, can't be processed: {what}"
    ))
}

/// What has no words of its own.
const UNREADABLE: &str = "";

/// The tokens, and where each is.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, Range<usize>)>, Fault> {
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
