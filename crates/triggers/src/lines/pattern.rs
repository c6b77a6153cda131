//! Filter patterns: terms that a line has or has not, and conditions on lines that are JSON.
//!
//! Terms are found anywhere in a line, and case counts. Patterns of lines in columns (`[a, b]`) are not built.

mod condition;

use regex::Regex;

use condition::Condition;

const LONGEST: usize = 1_024;

/// Which lines are wanted.
#[derive(Debug)]
pub struct LinePattern(Wanted);

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinePatternError {
    #[error("it is no pattern of lines")]
    Malformed,
    #[error("patterns of lines in columns are not built")]
    Columns,
}

#[derive(Debug)]
enum Wanted {
    Terms(Vec<Term>),
    Json(Condition),
}

#[derive(Debug)]
struct Term {
    sign: Sign,
    is: Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    /// It must be there.
    Must,
    /// It must not.
    MustNot,
    /// One of these must be there, if there are no others.
    May,
}

#[derive(Debug)]
enum Text {
    Plain(String),
    Regex(Regex),
}

impl Text {
    fn is_in(&self, line: &str) -> bool {
        match self {
            Self::Plain(text) => line.contains(text),
            Self::Regex(regex) => regex.is_match(line),
        }
    }
}

impl LinePattern {
    pub fn read(text: &str) -> Result<Self, LinePatternError> {
        let text = text.trim();
        if text.len() > LONGEST {
            return Err(LinePatternError::Malformed);
        }
        let wanted = match text.chars().next() {
            Some('{') => {
                let inner = text
                    .strip_prefix('{')
                    .and_then(|text| text.strip_suffix('}'));
                inner.and_then(Condition::read).map(Wanted::Json)
            }
            Some('[') => return Err(LinePatternError::Columns),
            _ => terms(text).map(Wanted::Terms),
        };
        wanted.map(Self).ok_or(LinePatternError::Malformed)
    }

    pub fn matches(&self, line: &str) -> bool {
        match &self.0 {
            Wanted::Terms(terms) => match_terms(terms, line),
            Wanted::Json(condition) => {
                let read = serde_json::from_str(line.trim());
                read.is_ok_and(|value| condition.holds(&value))
            }
        }
    }
}

fn match_terms(terms: &[Term], line: &str) -> bool {
    let of = |sign| terms.iter().filter(move |term| term.sign == sign);
    let has_any = of(Sign::May).any(|term| term.is.is_in(line));
    let only_may = terms.iter().all(|term| term.sign == Sign::May);
    of(Sign::Must).all(|term| term.is.is_in(line))
        && !of(Sign::MustNot).any(|term| term.is.is_in(line))
        && (!only_may || terms.is_empty() || has_any)
}

fn terms(mut text: &str) -> Option<Vec<Term>> {
    let mut terms = Vec::new();
    loop {
        text = text.trim_start();
        let Some(first) = text.chars().next() else {
            return Some(terms);
        };
        let sign = match first {
            '-' => Sign::MustNot,
            '?' => Sign::May,
            _ => Sign::Must,
        };
        let rest = if sign == Sign::Must { text } else { &text[1..] };
        let (is, rest) = term(rest)?;
        terms.push(Term { sign, is });
        text = rest;
    }
}

/// The term that the text begins with, and what follows.
fn term(text: &str) -> Option<(Text, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let (inner, rest) = quoted_by(quoted, '"')?;
        return Some((Text::Plain(inner), rest));
    }
    if let Some(regex) = text.strip_prefix('%') {
        let (inner, rest) = regex.split_once('%')?;
        return Some((Text::Regex(Regex::new(inner).ok()?), rest));
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (!word.is_empty()).then(|| (Text::Plain(word.to_owned()), rest))
}

/// What stands before the closing mark, without its backslashes, and what stands behind.
fn quoted_by(text: &str, mark: char) -> Option<(String, &str)> {
    let mut inner = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => inner.push(chars.next()?.1),
            char if char == mark => return Some((inner, &text[at + mark.len_utf8()..])),
            char => inner.push(char),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, line: &str) -> bool {
        LinePattern::read(pattern).unwrap().matches(line)
    }

    #[test]
    fn a_line_has_all_terms_and_none_of_those_with_a_minus() {
        for (pattern, line, is) in [
            ("", "anything", true),
            ("ERROR", "an ERROR 400", true),
            ("ERROR", "an error 400", false),
            ("ERROR 400", "400 of ERROR", true),
            ("ERROR 401", "400 of ERROR", false),
            ("\"of ERROR\"", "400 of ERROR", true),
            ("\"ERROR of\"", "400 of ERROR", false),
            (r#""a \"b\"""#, r#"an a "b""#, true),
            ("ERROR -400", "400 of ERROR", false),
            ("ERROR -401", "400 of ERROR", true),
            ("-\"of ERROR\"", "400 of ERROR", false),
            ("?WARN ?ERROR", "an ERROR", true),
            ("?WARN ?ERROR", "an INFO", false),
            ("?WARN INFO", "an INFO", true),
            ("%4[0-9]{2}%", "status 404", true),
            ("%4[0-9]{2}%", "status 504", false),
        ] {
            assert_eq!(matches(pattern, line), is, "{pattern} of {line}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for bad in [
            "\"open",
            "%open",
            "%(%",
            "{ $.a = 1",
            "{ a = 1 }",
            "-",
            "{}",
        ] {
            let refused = LinePattern::read(bad).unwrap_err();
            assert_eq!(refused, LinePatternError::Malformed, "{bad}");
        }
        let refused = LinePattern::read("[ip, user]").unwrap_err();
        assert_eq!(refused, LinePatternError::Columns);
        assert!(LinePattern::read(&"x".repeat(LONGEST + 1)).is_err());
    }
}
