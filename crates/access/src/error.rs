use base::ErrorKind;

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no such access key")]
    UnknownKey,
    #[error("a session key needs its session token")]
    MissingToken,
    #[error("the session token is not one of ours, or belongs to another key")]
    InvalidToken,
    #[error("the session has expired")]
    Expired,
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownKey | Self::MissingToken | Self::InvalidToken | Self::Expired => {
                ErrorKind::Denied
            }
            Self::Store(error) => error.kind(),
        }
    }
}
