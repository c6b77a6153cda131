//! What an engine said to a step: its error, of which only the kind and the text become part of a message.

use base::ErrorKind;

use crate::error::Error;

/// What an engine said to a step.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    pub(crate) text: String,
}

impl Failure {
    pub(crate) fn invalid(text: impl Into<String>) -> Self {
        Self::of(ErrorKind::Invalid, text)
    }

    pub(crate) fn missing(text: impl Into<String>) -> Self {
        Self::of(ErrorKind::Missing, text)
    }

    pub(crate) fn conflict(text: impl Into<String>) -> Self {
        Self::of(ErrorKind::Conflict, text)
    }

    fn of(kind: ErrorKind, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { kind, text }
    }

    /// The error of a deployment of which this was a step.
    pub(crate) fn of_step(
        self,
        verb: &'static str,
        noun: &'static str,
        name: impl Into<String>,
    ) -> Error {
        Error::Step {
            verb,
            noun,
            name: name.into(),
            kind: self.kind,
            cause: self.text,
        }
    }
}

/// Engines' errors are facts with a kind; here they only become part of a message.
macro_rules! failure_from {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self { kind: error.kind(), text: error.to_string() }
            }
        }
    )*};
}
failure_from!(
    access::Error,
    buses::Error,
    ledger::Error,
    objects::Error,
    tables::Error,
    queues::Error,
    functions::Error,
    schedules::Error,
    topics::Error,
    triggers::Error,
    store::Error
);

/// Missing is an answer, not a failure.
pub(crate) fn is_there<T>(found: Result<T, impl Into<Failure>>) -> Result<bool, Failure> {
    Ok(unless_missing(found)?.is_some())
}

pub(crate) fn unless_missing<T>(
    found: Result<T, impl Into<Failure>>,
) -> Result<Option<T>, Failure> {
    match found.map_err(Into::into) {
        Ok(found) => Ok(Some(found)),
        Err(failure) if failure.kind == ErrorKind::Missing => Ok(None),
        Err(failure) => Err(failure),
    }
}
