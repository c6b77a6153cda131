//! What is wrong with a template, where, why, and what to do: collected into one list before anything is created.

use std::cell::{Cell, RefCell};
mod source;

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;

pub(crate) use source::Source;

/// Whether the template can be deployed in spite of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is created.
    Error,
    /// It is deployed, but behaves differently here, or elsewhere, than one may think.
    Notice,
}

/// A place in a file. Lines and columns count from one, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    pub file: PathBuf,
    pub line: usize,
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    pub severity: Severity,
    /// What is the matter, as a sentence without a full stop.
    pub message: String,
    /// Where it stands; none for what has no place, as a file that cannot be read.
    pub place: Option<Place>,
    /// Why it is a matter; shown beside the place.
    pub why: Option<String>,
    /// What to do about it.
    pub help: Option<String>,
    #[serde(skip)]
    pub(crate) span: Option<Span>,
}

/// A range of bytes of the source, in which each file has a range of its own, and for what is included there, in which line of its own file it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
    included_line: Option<usize>,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self {
            start,
            end,
            included_line: None,
        }
    }

    pub(crate) fn including(self, line: usize) -> Self {
        Self {
            included_line: Some(line),
            ..self
        }
    }

    /// The same in a file that begins so far on in its source.
    pub(crate) fn moved(self, by: usize) -> Self {
        Self {
            start: self.start + by,
            end: self.end + by,
            ..self
        }
    }

    /// Why something is a matter, and where in the file that is included.
    fn explained(self, why: Option<String>) -> Option<String> {
        let Some(line) = self.included_line else {
            return why;
        };
        let place = format!("in line {line} of the file that is included here");
        Some(match why {
            Some(why) => format!("{why}; {place}"),
            None => place,
        })
    }
}

/// A finding before it is tied to its source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Finding {
    severity: Severity,
    span: Option<Span>,
    message: String,
    why: Option<String>,
    help: Option<String>,
}

impl Finding {
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn error(span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            span: Some(span),
            message: message.into(),
            why: None,
            help: None,
        }
    }

    pub(crate) fn notice(span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Notice,
            ..Self::error(span, message)
        }
    }

    /// About the whole file, or about something outside of it.
    pub(crate) fn placeless(message: impl Into<String>) -> Self {
        Self {
            span: None,
            ..Self::error(Span::default(), message)
        }
    }

    #[must_use]
    pub(crate) fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// `help`, when there is something to say.
    #[must_use]
    pub(crate) fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    pub(crate) fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The same in a file that begins so far on in its source.
    pub(crate) fn moved(self, by: usize) -> Self {
        Self {
            span: self.span.map(|span| span.moved(by)),
            ..self
        }
    }

    /// Where it has no place of its own, this is its place.
    pub(crate) fn at_least_at(self, span: Span) -> Self {
        Self {
            span: self.span.or(Some(span)),
            ..self
        }
    }
}

/// Where the readers of a template put what they find. While it is hushed it takes nothing: some values are looked at
/// ahead of their turn, and what is wrong with them is said when their turn comes.
#[derive(Debug, Default)]
pub(crate) struct Report {
    findings: RefCell<Vec<Finding>>,
    hushed: Cell<usize>,
}

impl Report {
    pub(crate) fn add(&self, finding: Finding) {
        if self.hushed.get() == 0 {
            self.findings.borrow_mut().push(finding);
        }
    }

    pub(crate) fn hushed<T>(&self, work: impl FnOnce() -> T) -> T {
        self.hushed.set(self.hushed.get() + 1);
        let done = work();
        self.hushed.set(self.hushed.get() - 1);
        done
    }

    pub(crate) fn is_hushed(&self) -> bool {
        self.hushed.get() > 0
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.findings.borrow().iter().any(Finding::is_error)
    }

    pub(crate) fn into_findings(self) -> Vec<Finding> {
        self.findings.into_inner()
    }
}

/// Nobody reads more at once, and a broken generator can make a hundred thousand.
const MAX_SHOWN: usize = 200;

/// Leaves the first, and says how many there were after them.
fn cut(list: &mut Vec<Diagnostic>) {
    let Some(first) = list.get(MAX_SHOWN) else {
        return;
    };
    let rest = Diagnostic {
        severity: first.severity,
        message: format!("there are {} findings more", list.len() - MAX_SHOWN),
        place: None,
        why: None,
        help: None,
        span: None,
    };
    list.truncate(MAX_SHOWN);
    list.push(rest);
}

/// Everything that was found, errors first, each kind in the order of the files.
#[derive(Clone, Debug)]
pub struct Diagnostics {
    source: Arc<Source>,
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    pub(crate) fn new(source: &Arc<Source>, findings: Vec<Finding>) -> Self {
        let mut seen = HashSet::new();
        let mut list: Vec<Diagnostic> = Vec::new();
        for finding in findings {
            if !seen.insert(finding.clone()) {
                continue;
            }
            let place = finding.span.map(|span| source.place(span));
            let diagnostic = Diagnostic {
                severity: finding.severity,
                message: finding.message,
                place,
                why: finding.span.unwrap_or_default().explained(finding.why),
                help: finding.help,
                span: finding.span,
            };
            list.push(diagnostic);
        }
        list.sort_by_key(|found| (found.severity, found.span));
        cut(&mut list);
        Self {
            source: Arc::clone(source),
            list,
        }
    }

    /// Adds a notice about something outside of the file.
    pub(crate) fn note(&mut self, message: String) {
        self.list.push(Diagnostic {
            severity: Severity::Notice,
            message,
            place: None,
            why: None,
            help: None,
            span: None,
        });
    }

    pub(crate) fn source(&self) -> &Arc<Source> {
        &self.source
    }

    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    pub fn errors(&self) -> usize {
        self.of(Severity::Error)
    }

    pub fn notices(&self) -> usize {
        self.of(Severity::Notice)
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn of(&self, severity: Severity) -> usize {
        self.list
            .iter()
            .filter(|found| found.severity == severity)
            .count()
    }

    /// As a compiler would print them; with colours for a terminal that shows them.
    pub fn render(&self, coloured: bool) -> String {
        let renderer = if coloured {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let printed: Vec<String> = self
            .list
            .iter()
            .map(|found| renderer.render(&[self.group(found)]))
            .collect();
        printed.join("\n\n")
    }

    fn group<'a>(&'a self, found: &'a Diagnostic) -> Group<'a> {
        let level = match found.severity {
            Severity::Error => Level::ERROR,
            Severity::Notice => Level::WARNING.with_name("notice"),
        };
        let mut group = Group::with_title(level.primary_title(found.message.as_str()));
        if let Some(span) = found.span {
            let file = self.source.file_of(span);
            let mark = AnnotationKind::Primary
                .span(file.first_line(span))
                .label(found.why.as_deref());
            group = group.element(
                Snippet::source(file.text.as_str())
                    .path(file.path.display().to_string())
                    .annotation(mark),
            );
        } else if let Some(why) = &found.why {
            group = group.element(Level::NOTE.message(why.as_str()));
        }
        match &found.help {
            Some(help) => group.element(Level::HELP.message(help.as_str())),
            None => group,
        }
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}

impl Serialize for Diagnostics {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.list)
    }
}
