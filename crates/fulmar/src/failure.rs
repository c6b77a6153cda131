//! Why a command failed: what, why, what to do, and with which exit code.

use std::process::ExitCode;

use base::ErrorKind;
use console::Problem;

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) problem: Problem,
}

#[cfg(test)]
pub(crate) const ALL: [ErrorKind; 7] = [
    ErrorKind::Invalid,
    ErrorKind::Missing,
    ErrorKind::Conflict,
    ErrorKind::Denied,
    ErrorKind::Throttled,
    ErrorKind::Unavailable,
    ErrorKind::Internal,
];

/// The function ran and failed: the one failure that is nobody's here.
pub(crate) const FUNCTION_FAILED: u8 = 5;

/// Documented in `cli.rs`: scripts depend on these.
pub(crate) fn code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Internal => 1,
        ErrorKind::Invalid => 3,
        ErrorKind::Missing => 4,
        ErrorKind::Conflict => 6,
        ErrorKind::Throttled | ErrorKind::Unavailable => 7,
        ErrorKind::Denied => 8,
    }
}

impl Failure {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            problem: Problem::new(kind, message),
        }
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.problem.hint = Some(hint.into());
        self
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(code(self.problem.kind))
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self { problem }
    }
}

impl From<deploy::Error> for Failure {
    fn from(error: deploy::Error) -> Self {
        Problem::from(error).into()
    }
}

impl From<deploy::Diagnostics> for Failure {
    fn from(diagnostics: deploy::Diagnostics) -> Self {
        Problem::from(diagnostics).into()
    }
}

impl From<Vec<deploy::Diagnostics>> for Failure {
    fn from(refused: Vec<deploy::Diagnostics>) -> Self {
        Problem::from(refused).into()
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Self::new(error.kind(), error.to_string())
    }
}
