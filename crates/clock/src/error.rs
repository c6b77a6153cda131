use base::{ErrorKind, Timestamp};

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the clock cannot go back")]
    Backwards { now: Timestamp },
    #[error("that is beyond the last day that can be told")]
    TooFar,
    #[error("the clock is being moved already")]
    Moving,
    /// It stays where it was when something took too long.
    #[error(
        "{under_way} things that fell due are not done, and the clock waits for them no longer"
    )]
    Unsettled { at: Timestamp, under_way: usize },
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Backwards { .. } | Self::TooFar => ErrorKind::Invalid,
            Self::Moving => ErrorKind::Conflict,
            Self::Unsettled { .. } => ErrorKind::Unavailable,
            Self::Store(error) => error.kind(),
        }
    }
}
