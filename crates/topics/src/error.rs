use base::ErrorKind;

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no topic {0}")]
    NoSuchTopic(String),
    /// It exists, and is another than the one that was asked for.
    #[error("the topic {name} exists with another {what}")]
    TopicDiffers { name: String, what: &'static str },
    /// Messages of an ordered topic belong to a group.
    #[error("a message of an ordered topic needs a group")]
    NoGroup,
    /// Messages of an ordered topic need an id to be told apart by, unless their content tells.
    #[error("a message of an ordered topic needs an id to be told apart by")]
    NoRepeatId,
    /// Only messages of ordered topics have an id to be told apart by.
    #[error("a message of a topic that is not ordered has no id to be told apart by")]
    NotOrdered,
    #[error("there is no app {0}")]
    NoSuchApp(String),
    #[error("there is no device {0}")]
    NoSuchDevice(String),
    /// The app has a device with this token, which says something else.
    #[error("the device {0} has this token, and other settings")]
    DeviceDiffers(String),
    #[error("there is no number {0}")]
    NoSuchNumber(String),
    #[error("this is not the code that was sent")]
    WrongCode,
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoSuchTopic(_)
            | Self::NoSuchApp(_)
            | Self::NoSuchDevice(_)
            | Self::NoSuchNumber(_) => ErrorKind::Missing,
            Self::TopicDiffers { .. } | Self::DeviceDiffers(_) => ErrorKind::Conflict,
            Self::NoGroup | Self::NoRepeatId | Self::NotOrdered | Self::WrongCode => {
                ErrorKind::Invalid
            }
            Self::Store(error) => error.kind(),
        }
    }
}
