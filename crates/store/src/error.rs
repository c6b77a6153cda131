use base::ErrorKind;

pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong below every engine.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Something that the transaction read has changed; [`crate::Store::write`] runs it again by itself.
    #[error("the transaction met a conflicting write")]
    Conflict,
    /// A sync failed or the journal is damaged: nothing is accepted until the process is restarted.
    #[error("the store has failed and takes no more writes: {0}")]
    Failed(String),
    /// What is on disk does not read as what we once wrote.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// Another process holds this store open.
    #[error("the store in {0} is in use by another process")]
    InUse(String),
    /// A body that a record names is gone.
    #[error("body {0} is not in the store")]
    NoBlob(String),
    /// The operating system refused: disk full, permissions, a device error.
    #[error("{verb}: {cause}")]
    Io { verb: &'static str, cause: String },
}

impl Error {
    pub(crate) fn io(verb: &'static str, cause: impl std::fmt::Display) -> Self {
        Self::Io {
            verb,
            cause: cause.to_string(),
        }
    }

    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Conflict => ErrorKind::Conflict,
            Self::Failed(_) | Self::Io { .. } | Self::InUse(_) => ErrorKind::Unavailable,
            Self::Damaged(_) | Self::NoBlob(_) => ErrorKind::Internal,
        }
    }
}
