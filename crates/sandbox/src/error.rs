use std::io;

pub type Result<T> = std::result::Result<T, Error>;

/// A process that could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Confining it failed: nothing has run.
    #[error("confining the process failed: {0}")]
    Confine(String),
    /// A process cannot be forked, for this reason. Others are not affected.
    #[error("it cannot be forked: {0}")]
    Unsafe(String),
    #[error("{step}: {cause}")]
    Io {
        step: &'static str,
        cause: io::Error,
    },
}

impl Error {
    pub(crate) fn io(step: &'static str, cause: impl Into<io::Error>) -> Self {
        Self::Io {
            step,
            cause: cause.into(),
        }
    }

    /// Whether whoever was spoken to has ended.
    pub(crate) fn is_of_an_end(&self) -> bool {
        use io::ErrorKind::{BrokenPipe, ConnectionReset, NotConnected, UnexpectedEof};
        let Self::Io { cause, .. } = self else {
            return false;
        };
        matches!(
            cause.kind(),
            BrokenPipe | ConnectionReset | NotConnected | UnexpectedEof
        )
    }

    pub fn kind(&self) -> base::ErrorKind {
        match self {
            Self::Confine(_) | Self::Unsafe(_) | Self::Io { .. } => base::ErrorKind::Unavailable,
        }
    }
}
