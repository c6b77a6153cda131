//! The text that places are in: a template's file, and those of the templates that are nested in it.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::{Place, Span};

/// A template file as it was read.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    lines: Vec<usize>,
    /// Where spans in this file begin.
    start: usize,
    /// Further files, each of which starts after those before it.
    nested: Vec<Source>,
}

impl Source {
    pub(crate) fn new(path: &Path, text: String) -> Self {
        let lines = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self {
            path: path.to_owned(),
            text,
            lines,
            start: 0,
            nested: Vec::new(),
        }
    }

    /// Spans in it are told from those in other files by where they begin.
    pub(crate) fn starting(self, start: usize) -> Self {
        Self { start, ..self }
    }

    /// Where the next file may start: one further than the last place that may be meant here.
    pub(crate) fn end(&self) -> usize {
        self.start + self.text.len() + 1
    }

    pub(crate) fn with_nested(self, nested: Vec<Self>) -> Self {
        Self { nested, ..self }
    }

    /// The file in which a span stands.
    pub(super) fn file_of(&self, span: Span) -> &Self {
        let before = self.nested.partition_point(|one| one.start <= span.start);
        match before.checked_sub(1) {
            Some(at) => &self.nested[at],
            None => self,
        }
    }

    pub(crate) fn place(&self, span: Span) -> Place {
        self.file_of(span).own_place(span)
    }

    fn own_place(&self, span: Span) -> Place {
        let start = self.floor(span.start);
        let line = self.lines.partition_point(|&begin| begin <= start).max(1);
        let column = self.text[self.lines[line - 1]..start].chars().count() + 1;
        Place {
            file: self.path.clone(),
            line,
            column,
        }
    }

    /// The part of a span of this file that stands in its first line: what a reader needs in order to find it.
    pub(super) fn first_line(&self, span: Span) -> Range<usize> {
        let start = self.floor(span.start);
        let end = self.floor(span.end).max(start);
        let line = self.text[start..end].split('\n').next().unwrap_or("");
        start..start + line.trim_end().len()
    }

    /// Where in the text a place is.
    fn floor(&self, at: usize) -> usize {
        let mut at = at.saturating_sub(self.start).min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_in_the_file_in_which_it_stands() {
        let root = Source::new(Path::new("a"), "one\ntwo".to_owned());
        let second = Source::new(Path::new("b"), "drei\nvier".to_owned()).starting(root.end());
        let third = Source::new(Path::new("c"), String::new()).starting(second.end());
        let (start, last) = (second.start, third.start);
        let source = root.with_nested(vec![second, third]);
        let shown = |at| source.place(Span::new(at, at + 1)).to_string();
        assert_eq!(shown(4), "a:2:1");
        assert_eq!(shown(7), "a:2:4");
        assert_eq!(shown(start), "b:1:1");
        assert_eq!(shown(start + 6), "b:2:2");
        assert_eq!(shown(last), "c:1:1");
    }
}
