//! JSON with places. Strict, except that what CloudFormation's own reader lets pass (a trailing newline, any white space)
//! passes.

use super::{Entries, MAX_DEPTH, MAX_NODES, too_deep, too_many};
use crate::diagnostic::{Finding, Span};
use crate::template::tree::{Entry, Node, Value};

pub(super) fn read(text: &str, findings: &mut Vec<Finding>) -> Result<Node, Finding> {
    let mut reader = Reader {
        text,
        at: 0,
        nodes: 0,
        findings,
    };
    let node = reader.value(0)?;
    reader.blank();
    match reader.peek() {
        None => Ok(node),
        Some(_) => Err(reader.unexpected("the end of the template")),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    nodes: usize,
    findings: &'a mut Vec<Finding>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_it = self.peek() == Some(byte);
        self.at += usize::from(is_it);
        is_it
    }

    fn unexpected(&self, wanted: &str) -> Finding {
        let found = self.text[self.at..].chars().next();
        let (found, end) = match found {
            Some(letter) => (format!("{letter:?}"), self.at + letter.len_utf8()),
            None => ("the end of the template".to_owned(), self.at),
        };
        Finding::error(
            Span::new(self.at, end),
            format!("this is not JSON: expected {wanted}, found {found}"),
        )
    }

    fn value(&mut self, depth: usize) -> Result<Node, Finding> {
        self.blank();
        let start = self.at;
        if depth > MAX_DEPTH {
            return Err(too_deep(Span::new(start, start + 1)));
        }
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(too_many(Span::new(start, start + 1)));
        }
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => {
                let text = self.string()?;
                Ok(Node::text(Span::new(start, self.at), text))
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Node, Finding> {
        let start = self.at;
        self.at += 1;
        let mut entries = Entries::default();
        self.blank();
        if !self.take(b'}') {
            loop {
                self.blank();
                let key_start = self.at;
                if self.peek() != Some(b'"') {
                    return Err(self.unexpected("a key in double quotes"));
                }
                let key = self.string()?;
                let key_span = Span::new(key_start, self.at);
                self.blank();
                if !self.take(b':') {
                    return Err(self.unexpected("`:`"));
                }
                let value = self.value(depth + 1)?;
                let entry = Entry {
                    key,
                    key_span,
                    value,
                };
                entries.push(entry, self.text, self.findings);
                self.blank();
                if self.take(b'}') {
                    break;
                }
                if !self.take(b',') {
                    return Err(self.unexpected("`,` or `}`"));
                }
            }
        }
        Ok(Node::map(Span::new(start, self.at), entries.entries))
    }

    fn array(&mut self, depth: usize) -> Result<Node, Finding> {
        let start = self.at;
        self.at += 1;
        let mut items = Vec::new();
        self.blank();
        if !self.take(b']') {
            loop {
                items.push(self.value(depth + 1)?);
                self.blank();
                if self.take(b']') {
                    break;
                }
                if !self.take(b',') {
                    return Err(self.unexpected("`,` or `]`"));
                }
            }
        }
        Ok(Node::new(Span::new(start, self.at), Value::List(items)))
    }

    fn number(&mut self) -> Result<Node, Finding> {
        let start = self.at;
        while matches!(
            self.peek(),
            Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')
        ) {
            self.at += 1;
        }
        let text = &self.text[start..self.at];
        if serde_json::from_str::<serde_json::Number>(text).is_err() {
            self.at = start;
            return Err(self.unexpected("a number"));
        }
        Ok(Node::new(
            Span::new(start, self.at),
            Value::Plain(text.to_owned()),
        ))
    }

    fn word(&mut self) -> Result<Node, Finding> {
        let start = self.at;
        for word in ["true", "false", "null"] {
            if self.text[start..].starts_with(word) {
                self.at += word.len();
                let value = match word {
                    "null" => Value::Null,
                    _ => Value::Plain(word.to_owned()),
                };
                return Ok(Node::new(Span::new(start, self.at), value));
            }
        }
        Err(self.unexpected("a value"))
    }

    /// The string literal at the cursor; its escapes are left to `serde_json`.
    fn string(&mut self) -> Result<String, Finding> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                None => {
                    return Err(Finding::error(
                        Span::new(start, start + 1),
                        "this string is never closed",
                    ));
                }
                Some(b'"') => break,
                // Whatever is escaped, a quote above all, does not end the string.
                Some(b'\\') => self.at = (self.at + 2).min(self.text.len()),
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        let span = Span::new(start, self.at);
        self.text
            .get(start..self.at)
            .and_then(|literal| serde_json::from_str(literal).ok())
            .ok_or_else(|| {
                Finding::error(span, "this string is not valid JSON")
                    .help("a line break or another control character must be written as an escape, as `\\n`")
            })
    }
}
