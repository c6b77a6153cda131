use base::ErrorKind;

use crate::schema::Address;

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no queue {}", .0.name)]
    NoSuchQueue(Address),
    #[error("the queue {} exists already, and this differs: {what}", .address.name)]
    QueueExists {
        address: Address,
        what: &'static str,
    },
    /// Its name is free again a while after it was dropped.
    #[error("the queue {} was dropped just now", .0.name)]
    DroppedJustNow(Address),
    #[error("the queue {} is being emptied already", .0.name)]
    PurgedJustNow(Address),
    /// In an ordered queue each message is of a group.
    #[error("the message names no group")]
    NoGroup,
    #[error("the message has nothing by which repetitions are told")]
    NothingTellsRepetitions,
    /// In an ordered queue only the queue itself delays.
    #[error("a message of an ordered queue cannot be delayed by itself")]
    DelayWithinOrder,
    #[error("the message is larger than {limit} bytes")]
    TooLarge { limit: u32 },
    #[error("the queue {} has too many messages in flight", .0.name)]
    TooManyInFlight(Address),
    /// It was given out by none of our queues, or by another than this one.
    #[error("this is no receipt of this queue")]
    NoReceipt,
    /// In an ordered queue nobody settles what was given to another meanwhile, or could have been.
    #[error("the receipt has expired")]
    ReceiptExpired,
    #[error("the message is not in flight")]
    NotInFlight,
    /// A message can be held for so long after it was received, all told.
    #[error("the message would be held for more than {limit_s} seconds")]
    HeldTooLong { limit_s: u32 },
    #[error("the queue {} gives its dead letters to one that does not take them", .0.name)]
    NotAllowed(Address),
    /// Dead letters of ordered queues go to ordered ones, those of others to others.
    #[error("the dead letters' queue is of another kind")]
    OtherKind,
    #[error("no queue gives its dead letters to {}", .0.name)]
    NotForDeadLetters(Address),
    #[error("messages are being moved out of {} already", .0.name)]
    Moving(Address),
    #[error("there is no such move")]
    NoSuchMove,
    #[error("the move is over")]
    MoveIsOver,
    #[error("queue {} would have too many tags", .0.name)]
    TooManyTags(Address),
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoSuchQueue(_) | Self::NoSuchMove => ErrorKind::Missing,
            Self::QueueExists { .. }
            | Self::DroppedJustNow(_)
            | Self::PurgedJustNow(_)
            | Self::NotInFlight
            | Self::ReceiptExpired
            | Self::Moving(_)
            | Self::MoveIsOver => ErrorKind::Conflict,
            Self::TooManyInFlight(_) => ErrorKind::Throttled,
            Self::NotAllowed(_) => ErrorKind::Denied,
            Self::NoGroup
            | Self::NothingTellsRepetitions
            | Self::DelayWithinOrder
            | Self::TooLarge { .. }
            | Self::NoReceipt
            | Self::HeldTooLong { .. }
            | Self::OtherKind
            | Self::NotForDeadLetters(_)
            | Self::TooManyTags(_) => ErrorKind::Invalid,
            Self::Store(error) => error.kind(),
        }
    }
}
