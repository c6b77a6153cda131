use base::ErrorKind;

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A runtime's id that stands for nothing we know.
    #[error("there is no runtime {0}")]
    Unknown(String),
    /// A language that we know but do not run yet.
    #[error("the runtime {0} is not supported yet: Node, Python and custom runtimes run")]
    NotYet(String),
    /// It speaks over TCP, and nothing gives it a network of its own in which we could listen.
    #[error("custom runtimes run in an isolated network only where they are confined")]
    NeedsNetwork,
    /// The host lacks it.
    #[error("{0} is not installed on this host, or not in the path")]
    NotInstalled(&'static str),
    /// The code has nothing that could be started; in words for the function's owner.
    #[error("{0}")]
    Entrypoint(String),
    #[error("{what}: {cause}")]
    Io {
        what: &'static str,
        cause: std::io::Error,
    },
    #[error(transparent)]
    Sandbox(#[from] sandbox::Error),
}

impl Error {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Unknown(_) | Self::NotYet(_) | Self::Entrypoint(_) => ErrorKind::Invalid,
            Self::NotInstalled(_) | Self::NeedsNetwork | Self::Io { .. } => ErrorKind::Unavailable,
            Self::Sandbox(error) => error.kind(),
        }
    }
}
