//! Texts in which `*` stands for anything.

/// The pieces between the stars; there is one more of them than stars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wildcard(Vec<String>);

impl Wildcard {
    /// A backslash before a star or a backslash makes it stand for itself.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = vec![String::new()];
        let mut after_star = false;
        let mut characters = text.char_indices();
        while let Some((at, character)) = characters.next() {
            let literal = match character {
                // The place of the first of the two, where the quotation mark before the text is counted.
                '*' if after_star => {
                    return Err(format!("Consecutive wildcard characters at pos {at}"));
                }
                '*' => None,
                '\\' => match characters.next() {
                    Some((_, escaped @ ('*' | '\\'))) => Some(escaped),
                    _ => return Err(format!("Invalid escape character at pos {}", at + 1)),
                },
                other => Some(other),
            };
            after_star = literal.is_none();
            match (literal, pieces.last_mut()) {
                (Some(literal), Some(piece)) => piece.push(literal),
                _ => pieces.push(String::new()),
            }
        }
        Ok(Self(pieces))
    }

    /// The pieces with nothing for the stars between them.
    pub(super) fn steps(&self) -> Vec<Option<u8>> {
        let mut steps = Vec::new();
        for (at, piece) in self.0.iter().enumerate() {
            if at > 0 {
                steps.push(None);
            }
            steps.extend(piece.bytes().map(Some));
        }
        steps
    }

    /// What a text must begin with.
    pub(super) fn head(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// What a text must end with.
    pub(super) fn tail(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    /// Each piece is taken where it is first found: what comes later only gets more room by that.
    pub(super) fn matches(&self, text: &str) -> bool {
        let Some((last, front)) = self.0.split_last() else {
            return false;
        };
        let Some((first, middle)) = front.split_first() else {
            return text == last;
        };
        let Some(mut rest) = text.strip_prefix(first.as_str()) else {
            return false;
        };
        for piece in middle {
            match rest.find(piece.as_str()) {
                Some(at) => rest = &rest[at + piece.len()..],
                None => return false,
            }
        }
        rest.ends_with(last.as_str())
    }
}
