//! The words of an expression.

use std::ops::Range;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Where it is in the expression.
    pub(super) at: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An attribute's name, a function's or a keyword. It begins with a letter.
    Word,
    /// `#name`
    Name,
    /// `:value`
    Value,
    /// `=`, `<>`, `<`, `<=`, `>` or `>=`
    Comparator,
    Open,
    Close,
    Comma,
    Dot,
    /// `[`
    OpenIndex,
    /// `]`
    CloseIndex,
    Integer,
    Plus,
    Minus,
    /// What belongs in no expression.
    Stray,
    End,
}

/// The tokens of an expression, of which the last is [`Kind::End`].
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let length = length(&text[at..], first);
        if !first.is_whitespace() {
            let kind = kind(&text[at..at + length], first);
            let at = at..at + length;
            tokens.push(Token { kind, at });
        }
        at += length;
    }
    tokens.push(Token {
        kind: Kind::End,
        at: at..at,
    });
    tokens
}

fn length(text: &str, first: char) -> usize {
    let name = |from: usize| {
        text.bytes()
            .skip(from)
            .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
            .count()
            + from
    };
    match first {
        '#' | ':' => name(1),
        '<' if text.starts_with("<>") || text.starts_with("<=") => 2,
        '>' if text.starts_with(">=") => 2,
        first if first.is_ascii_alphanumeric() => name(0),
        first => first.len_utf8(),
    }
}

fn kind(token: &str, first: char) -> Kind {
    match first {
        '#' if token.len() > 1 => Kind::Name,
        ':' if token.len() > 1 => Kind::Value,
        '=' | '<' | '>' => Kind::Comparator,
        '(' => Kind::Open,
        ')' => Kind::Close,
        ',' => Kind::Comma,
        '.' => Kind::Dot,
        '[' => Kind::OpenIndex,
        ']' => Kind::CloseIndex,
        '+' => Kind::Plus,
        '-' => Kind::Minus,
        '0'..='9' if token.bytes().all(|byte| byte.is_ascii_digit()) => Kind::Integer,
        first if first.is_ascii_alphabetic() => Kind::Word,
        _ => Kind::Stray,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_apart() {
        let text = "(#a<=:b AND é.x[1]) <> \t>= +-1a _c :_d";
        let found: Vec<(Kind, &str)> = tokens(text)
            .into_iter()
            .map(|token| (token.kind, &text[token.at]))
            .collect();
        assert_eq!(
            found,
            [
                (Kind::Open, "("),
                (Kind::Name, "#a"),
                (Kind::Comparator, "<="),
                (Kind::Value, ":b"),
                (Kind::Word, "AND"),
                (Kind::Stray, "é"),
                (Kind::Dot, "."),
                (Kind::Word, "x"),
                (Kind::OpenIndex, "["),
                (Kind::Integer, "1"),
                (Kind::CloseIndex, "]"),
                (Kind::Close, ")"),
                (Kind::Comparator, "<>"),
                (Kind::Comparator, ">="),
                (Kind::Plus, "+"),
                (Kind::Minus, "-"),
                (Kind::Stray, "1a"),
                (Kind::Stray, "_"),
                (Kind::Word, "c"),
                (Kind::Value, ":_d"),
                (Kind::End, ""),
            ]
        );
    }
}
