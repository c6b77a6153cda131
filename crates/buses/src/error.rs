use base::ErrorKind;

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no bus {0}")]
    NoSuchBus(String),
    #[error("there is a bus {0} already")]
    BusExists(String),
    /// Each space has it as long as it exists.
    #[error("the default bus cannot be deleted")]
    DefaultBus,
    #[error("there is no statement {0}")]
    NoSuchStatement(String),
    #[error("there is no archive {0}")]
    NoSuchArchive(String),
    #[error("there is an archive {0} already")]
    ArchiveExists(String),
    #[error("there is no replay {0}")]
    NoSuchReplay(String),
    #[error("there is a replay {0} already")]
    ReplayExists(String),
    /// It came to its end.
    #[error("the replay {0} is over")]
    ReplayOver(String),
    /// An archive's events go back to where they came from.
    #[error("the archive is one of another bus")]
    OtherBus,
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoSuchBus(_)
            | Self::NoSuchStatement(_)
            | Self::NoSuchArchive(_)
            | Self::NoSuchReplay(_) => ErrorKind::Missing,
            Self::BusExists(_)
            | Self::ArchiveExists(_)
            | Self::ReplayExists(_)
            | Self::ReplayOver(_) => ErrorKind::Conflict,
            Self::DefaultBus | Self::OtherBus => ErrorKind::Invalid,
            Self::Store(error) => error.kind(),
        }
    }
}
