use base::ErrorKind;

use crate::Refusal;
use crate::pattern::PatternError;

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One change would match both, so neither's settings would say what happens.
    #[error("bindings {0:?} and {1:?} overlap")]
    Overlap(String, String),
    #[error("two bindings have the id {0:?}")]
    DuplicateId(String),
    #[error("there is no mapping {0}")]
    NoSuchMapping(String),
    /// The source and the function have this one already.
    #[error("the mapping {id} maps the source to the function already")]
    MappingExists { id: String, function: String },
    /// It is on its way from one state to another.
    #[error("the mapping {0} is being changed")]
    MappingBusy(String),
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// Messages would be seen again while the function still works on them.
    #[error(
        "the queue's visibility of {visibility_s} seconds is shorter than the function's time of {timeout_s}"
    )]
    VisibilityTooShort { visibility_s: u64, timeout_s: u64 },
    #[error(transparent)]
    Queues(#[from] queues::Error),
    #[error(transparent)]
    Tables(#[from] tables::Error),
    /// A place does not take what is to be sent to it.
    #[error(transparent)]
    Refused(#[from] Refusal),
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
            Self::Overlap(..) | Self::DuplicateId(_) | Self::Pattern(_) | Self::Refused(_) => {
                ErrorKind::Invalid
            }
            Self::NoSuchMapping(_) => ErrorKind::Missing,
            Self::MappingExists { .. } | Self::MappingBusy(_) | Self::KeyTaken => {
                ErrorKind::Conflict
            }
            Self::VisibilityTooShort { .. } => ErrorKind::Invalid,
            Self::Queues(error) => error.kind(),
            Self::Tables(error) => error.kind(),
            Self::Objects(error) => error.kind(),
            Self::Functions(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }
}
