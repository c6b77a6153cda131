//! What is wrong with a template.

/// It cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the template: {why}")]
pub struct Misread {
    pub line: usize,
    pub why: String,
}

/// It cannot be rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("{of} has no method `{name}` with {arguments} arguments here")]
    NoMethod {
        of: &'static str,
        name: String,
        arguments: usize,
    },
    #[error("{0}")]
    Failed(String),
    #[error("lists and maps are nested too deeply, or hold themselves")]
    TooDeep,
    #[error("the template runs for too long")]
    TooLong,
    #[error("what the template makes is too large")]
    TooLarge,
}
