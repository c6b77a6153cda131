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
    #[error("there is no subscription {0}")]
    NoSuchSubscription(String),
    /// The endpoint has it, and it is set otherwise.
    #[error("the subscription {0} is set otherwise")]
    SubscriptionDiffers(String),
    /// Nobody was asked with it.
    #[error("there is no such token")]
    NoSuchToken,
    #[error("the token is too old")]
    TokenTooOld,
    /// A group feeds no more than these.
    #[error("the group {0} has as many subscriptions as it may have")]
    TooManyLineSubscriptions(String),
    #[error(transparent)]
    Lines(#[from] ledger::Error),
    #[error(transparent)]
    Topics(#[from] topics::Error),
    #[error("there is no rule {name} on the bus {bus}")]
    NoSuchRule { name: String, bus: String },
    #[error("the rule {0} has targets")]
    RuleHasTargets(String),
    #[error("the bus {0} has rules")]
    BusHasRules(String),
    #[error("there is no address {0}")]
    NoSuchAddress(String),
    #[error("there is an address {0} already")]
    AddressExists(String),
    #[error("there is no connection {0}")]
    NoSuchConnection(String),
    #[error("there is a connection {0} already")]
    ConnectionExists(String),
    /// Addresses are asked by it.
    #[error("the connection {0} is in use")]
    ConnectionInUse(String),
    #[error(transparent)]
    Buses(#[from] buses::Error),
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
    /// The process is ending.
    #[error("the server is stopping")]
    Stopped,
    #[error(transparent)]
    Objects(#[from] objects::Error),
    #[error(transparent)]
    Functions(#[from] functions::Error),
    #[error(transparent)]
    Schedules(#[from] schedules::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Overlap(..) | Self::DuplicateId(_) | Self::Pattern(_) | Self::Refused(_) => {
                ErrorKind::Invalid
            }
            Self::NoSuchToken | Self::TokenTooOld => ErrorKind::Invalid,
            Self::NoSuchSubscription(_) => ErrorKind::Missing,
            Self::SubscriptionDiffers(_) => ErrorKind::Conflict,
            Self::Topics(error) => error.kind(),
            Self::Lines(error) => error.kind(),
            Self::NoSuchMapping(_)
            | Self::NoSuchRule { .. }
            | Self::NoSuchAddress(_)
            | Self::NoSuchConnection(_) => ErrorKind::Missing,
            Self::MappingExists { .. }
            | Self::MappingBusy(_)
            | Self::TooManyLineSubscriptions(_)
            | Self::RuleHasTargets(_)
            | Self::BusHasRules(_)
            | Self::AddressExists(_)
            | Self::ConnectionExists(_)
            | Self::ConnectionInUse(_)
            | Self::KeyTaken => ErrorKind::Conflict,
            Self::Stopped => ErrorKind::Unavailable,
            Self::Buses(error) => error.kind(),
            Self::VisibilityTooShort { .. } => ErrorKind::Invalid,
            Self::Queues(error) => error.kind(),
            Self::Tables(error) => error.kind(),
            Self::Objects(error) => error.kind(),
            Self::Functions(error) => error.kind(),
            Self::Schedules(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }
}
