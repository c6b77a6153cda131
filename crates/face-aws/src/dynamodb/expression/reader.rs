//! Going through an expression's tokens.

use tables::{Path, Step, Type, Value};

use super::reserved::is_reserved;
use super::token::{Kind, Token, tokens};
use crate::dynamodb::attribute::code;
use crate::dynamodb::placeholders::Placeholders;
use crate::protocol::Fault;

/// The published limit of an expression.
const LONGEST: usize = 4_096;
/// Functions and terms in each other; each is a call of its own here.
const DEEPEST: usize = 32;
/// The published limit of operators and functions.
const MOST_OPERATORS: usize = 300;
/// The published limit of a path's names and indexes.
const LONGEST_PATH: usize = 32;

pub(super) struct Reader<'a> {
    /// Which expression it is.
    parameter: &'static str,
    text: &'a str,
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
    operators: usize,
    placeholders: &'a mut Placeholders,
    trouble: Option<(Rank, String)>,
}

/// What is told before what: the lesser first. Its parts are the grammar's.
pub(super) type Rank = (u8, usize, u8);

/// Ranks of names and values within an expression.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ranks {
    pub(super) reserved: Rank,
    pub(super) name: Rank,
    pub(super) value: Rank,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        parameter: &'static str,
        text: &'a str,
        placeholders: &'a mut Placeholders,
    ) -> Result<Self, Fault> {
        let reader = Self {
            parameter,
            text,
            tokens: tokens(text),
            next: 0,
            depth: 0,
            operators: 0,
            placeholders,
            trouble: None,
        };
        if text.trim().is_empty() {
            return Err(reader.invalid("The expression can not be empty;"));
        }
        if text.len() > LONGEST {
            return Err(reader.invalid(format!(
                "Expression size has exceeded the maximum allowed size; expression size: {}",
                text.len()
            )));
        }
        Ok(reader)
    }

    /// The expression has been read: there is nothing after it, and nothing is wrong with it.
    pub(super) fn finish(mut self) -> Result<(), Fault> {
        self.take(Kind::End)?;
        if self.operators > MOST_OPERATORS {
            // The service counts no further than to the first that is too much.
            return Err(self.invalid(format!(
                "The expression contains too many operators; operator count: {}",
                MOST_OPERATORS + 1
            )));
        }
        match self.trouble.take() {
            None => Ok(()),
            Some((_, message)) => Err(self.invalid(message)),
        }
    }

    pub(super) fn invalid(&self, what: impl std::fmt::Display) -> Fault {
        Fault::validation(format!("Invalid {}: {what}", self.parameter))
    }

    /// Remembers what is wrong, unless something that ranks before it is.
    pub(super) fn blame(&mut self, rank: Rank, message: impl Into<String>) {
        if self.trouble.as_ref().is_none_or(|(known, _)| rank < *known) {
            self.trouble = Some((rank, message.into()));
        }
    }

    pub(super) fn blame_type(&mut self, rank: Rank, function: &str, found: Type) {
        let found = code(found);
        self.blame(
            rank,
            format!(
                "Incorrect operand type for operator or function; operator or function: {function}, operand type: {found}"
            ),
        );
    }

    /// The last token is never taken, so there is always one.
    pub(super) fn peek(&self) -> Kind {
        self.token().kind
    }

    fn token(&self) -> &Token {
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    /// An operator or a function was read.
    pub(super) fn count(&mut self) {
        self.operators += 1;
    }

    /// The kind of the token after the next.
    pub(super) fn peek_second(&self) -> Kind {
        self.tokens
            .get(self.next + 1)
            .map_or(Kind::End, |token| token.kind)
    }

    pub(super) fn take(&mut self, kind: Kind) -> Result<&'a str, Fault> {
        let token = self.token();
        if token.kind != kind {
            return Err(self.syntax());
        }
        let at = token.at.clone();
        self.next += 1;
        Ok(&self.text[at])
    }

    /// Back to the token that was taken last.
    pub(super) fn back(&mut self) {
        self.next = self.next.saturating_sub(1);
    }

    /// Goes past a token if it is next.
    pub(super) fn skip(&mut self, kind: Kind) -> bool {
        let found = self.peek() == kind;
        self.next += usize::from(found);
        found
    }

    /// Whether a keyword is next.
    pub(super) fn is_at(&self, keyword: &str) -> bool {
        let token = self.token();
        token.kind == Kind::Word && self.text[token.at.clone()].eq_ignore_ascii_case(keyword)
    }

    /// Goes past a keyword if it is next.
    pub(super) fn keyword(&mut self, keyword: &str) -> bool {
        let found = self.is_at(keyword);
        self.next += usize::from(found);
        found
    }

    /// Goes into parentheses, or whatever else could be in each other without an end.
    pub(super) fn enter(&mut self) -> Result<(), Fault> {
        if self.depth == DEEPEST {
            return Err(self.syntax());
        }
        self.depth += 1;
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// The next token cannot stand where it does. Its neighbours are told with it.
    pub(super) fn syntax(&self) -> Fault {
        let token = self.token();
        let shown = match token.kind {
            Kind::End => "<EOF>",
            _ => &self.text[token.at.clone()],
        };
        let before = self.next.checked_sub(1).and_then(|at| self.tokens.get(at));
        let after = self.tokens.get(self.next + 1);
        let from = before.unwrap_or(token).at.start;
        let to = after.unwrap_or(token).at.end;
        self.invalid(format!(
            "Syntax error; token: \"{shown}\", near: \"{}\"",
            self.text[from..to].trim_end()
        ))
    }

    /// A document path.
    pub(super) fn path(&mut self, ranks: Ranks) -> Result<Path, Fault> {
        let mut path = Path::attribute(self.name(ranks)?);
        loop {
            if self.skip(Kind::Dot) {
                path.steps.push(Step::Name(self.name(ranks)?));
            } else if self.skip(Kind::OpenIndex) {
                let digits = self.take(Kind::Integer)?;
                let index = digits.parse().unwrap_or_else(|_| {
                    let message =
                        format!("List index is not within the allowable range; index: [{digits}]");
                    self.blame(ranks.name, message);
                    0
                });
                path.steps.push(Step::Index(index));
                self.take(Kind::CloseIndex)?;
            } else {
                break;
            }
        }
        let levels = path.steps.len() + 1;
        if levels > LONGEST_PATH {
            let message =
                format!("The document path has too many nesting levels; nesting levels: {levels}");
            self.blame(ranks.name, message);
        }
        Ok(path)
    }

    /// One name, as it is or by a placeholder.
    fn name(&mut self, ranks: Ranks) -> Result<String, Fault> {
        if self.peek() == Kind::Word {
            let word = self.take(Kind::Word)?;
            if is_reserved(word) {
                self.blame(
                    ranks.reserved,
                    format!("Attribute name is a reserved keyword; reserved keyword: {word}"),
                );
            }
            return Ok(word.to_owned());
        }
        let key = self.take(Kind::Name)?;
        Ok(self.placeholders.name(key).unwrap_or_else(|| {
            let message = format!(
                "An expression attribute name used in the document path is not defined; attribute name: {key}"
            );
            self.blame(ranks.name, message);
            key.to_owned()
        }))
    }

    /// A value, which is always a placeholder's.
    pub(super) fn value(&mut self, ranks: Ranks) -> Result<Value, Fault> {
        let key = self.take(Kind::Value)?;
        Ok(self.placeholders.value(key).unwrap_or_else(|| {
            let message = format!(
                "An expression attribute value used in expression is not defined; attribute value: {key}"
            );
            self.blame(ranks.value, message);
            Value::Null
        }))
    }
}

/// A path as messages show it.
pub(super) fn shown(path: &Path) -> String {
    let mut parts = vec![path.name.clone()];
    parts.extend(path.steps.iter().map(|step| match step {
        Step::Name(name) => name.clone(),
        Step::Index(index) => format!("[{index}]"),
    }));
    format!("[{}]", parts.join(", "))
}

/// How two paths cannot be in one expression, if they can't: one is in the other, or they take one thing for two.
pub(super) fn clash(one: &Path, two: &Path) -> Option<Clash> {
    if one.name != two.name {
        return None;
    }
    for (a, b) in one.steps.iter().zip(&two.steps) {
        match (a, b) {
            (Step::Name(_), Step::Index(_)) | (Step::Index(_), Step::Name(_)) => {
                return Some(Clash::Conflict);
            }
            (a, b) if a != b => return None,
            _ => {}
        }
    }
    Some(Clash::Overlap)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clash {
    Overlap,
    Conflict,
}

impl Clash {
    pub(super) fn message(self, one: &Path, two: &Path) -> String {
        let how = match self {
            Self::Overlap => "overlap",
            Self::Conflict => "conflict",
        };
        format!(
            "Two document paths {how} with each other; must remove or rewrite one of these paths; path one: {}, path two: {}",
            shown(one),
            shown(two)
        )
    }
}
