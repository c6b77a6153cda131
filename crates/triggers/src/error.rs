use base::ErrorKind;

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One change would match both, so neither's settings would say what happens.
    #[error("bindings {0:?} and {1:?} overlap")]
    Overlap(String, String),
    #[error("two bindings have the id {0:?}")]
    DuplicateId(String),
    #[error("another key has this value")]
    KeyTaken,
    #[error(transparent)]
    Objects(#[from] objects::Error),
    #[error(transparent)]
    Functions(#[from] functions::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Overlap(..) | Self::DuplicateId(_) => ErrorKind::Invalid,
            Self::KeyTaken => ErrorKind::Conflict,
            Self::Objects(error) => error.kind(),
            Self::Functions(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }
}
