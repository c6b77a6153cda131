//! A template's letters, one after the other.

use crate::Misread;

/// Statements and expressions within one another, at most.
const DEEPEST: usize = 64;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Of `text`'s beginning within the whole template.
    line: usize,
    pub(crate) depth: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            line: 1,
            depth: 0,
        }
    }

    /// Of a text that stands within this one, and begins on the line where this one is.
    pub(crate) fn within<'b>(&self, text: &'b str) -> Reader<'b> {
        Reader {
            text,
            at: 0,
            line: self.line(),
            depth: self.depth,
        }
    }

    pub(crate) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Goes past `token`, if it stands here.
    pub(crate) fn take(&mut self, token: &str) -> bool {
        let is_here = self.rest().starts_with(token);
        if is_here {
            self.at += token.len();
        }
        is_here
    }

    /// Goes past `token`, or says that it is missing.
    pub(crate) fn want(&mut self, token: &str) -> Result<(), Misread> {
        if self.take(token) {
            return Ok(());
        }
        Err(self.wrong(match self.peek() {
            Some(found) => format!("here should be `{token}`, and is `{found}`"),
            None => format!("it ends where `{token}` should be"),
        }))
    }

    pub(crate) fn while_is(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|letter| !fits(letter)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// What stands before `token`, which is gone past.
    pub(crate) fn until(&mut self, token: &str) -> Option<&'a str> {
        let rest = self.rest();
        let end = rest.find(token)?;
        self.at += end + token.len();
        Some(&rest[..end])
    }

    pub(crate) fn skip_spaces(&mut self) {
        self.while_is(char::is_whitespace);
    }

    /// A name of letters, digits, dashes and underscores; none if it would begin with anything but a letter or `_`.
    pub(crate) fn name(&mut self) -> Option<&'a str> {
        let first = self.peek()?;
        (first.is_ascii_alphabetic() || first == '_').then(|| {
            self.while_is(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-'))
        })
    }

    /// Behind a statement: what is left of its line belongs to it, if nothing else stands there.
    pub(crate) fn skip_line_end(&mut self) {
        let rest = self.rest();
        let blank = rest.trim_start_matches([' ', '\t']);
        let past = blank
            .strip_prefix("\r\n")
            .or_else(|| blank.strip_prefix(['\n', '\r']));
        if let Some(past) = past {
            self.at = self.text.len() - past.len();
        }
    }

    pub(crate) fn wrong(&self, why: impl Into<String>) -> Misread {
        Misread {
            line: self.line(),
            why: why.into(),
        }
    }

    fn line(&self) -> usize {
        self.line + self.text[..self.at].matches('\n').count()
    }

    pub(crate) fn deeper(&mut self) -> Result<(), Misread> {
        self.depth += 1;
        match self.depth > DEEPEST {
            true => Err(self.wrong("it is nested too deeply")),
            false => Ok(()),
        }
    }
}
