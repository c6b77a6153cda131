use base::ErrorKind;

use crate::Malformed;

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the schedule {0} does not exist")]
    NoSuchSchedule(String),
    #[error("the schedule {0} exists already")]
    ScheduleExists(String),
    #[error("the schedule group {0} does not exist")]
    NoSuchGroup(String),
    #[error("the schedule group {0} exists already")]
    GroupExists(String),
    #[error("the schedule group {0} is being deleted")]
    GroupEnds(String),
    #[error("the schedule group {0} is there for ever")]
    GroupStays(String),
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("there is no time zone {0}")]
    NoSuchZone(String),
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoSuchSchedule(_) | Self::NoSuchGroup(_) => ErrorKind::Missing,
            Self::ScheduleExists(_) | Self::GroupExists(_) | Self::GroupEnds(_) => {
                ErrorKind::Conflict
            }
            Self::GroupStays(_) | Self::Malformed(_) | Self::NoSuchZone(_) => ErrorKind::Invalid,
            Self::Store(error) => error.kind(),
        }
    }
}
