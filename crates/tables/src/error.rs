use base::ErrorKind;

use crate::schema::KeyType;
use crate::value::Type;

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no table {0}")]
    NoSuchTable(String),
    #[error("the table {0} exists already")]
    TableExists(String),
    /// An item to be stored lacks a key attribute.
    #[error("the item has no key attribute {0}")]
    MissingKey(String),
    #[error("the key attribute {attribute} is a {actual:?} and must be a {expected:?}")]
    WrongKeyType {
        attribute: String,
        expected: KeyType,
        actual: Type,
    },
    /// Key attributes of strings and bytes must not be empty.
    #[error("the key attribute {attribute} is empty")]
    EmptyKey { attribute: String, r#type: KeyType },
    #[error("the partition key is larger than {limit} bytes")]
    PartitionKeyTooLarge { limit: usize },
    #[error("the sort key is larger than {limit} bytes")]
    SortKeyTooLarge { limit: usize },
    /// A key that names an item has other attributes, or of other types, than the table's key.
    #[error("the key is not one of this table")]
    NotAKey,
    #[error("the item is larger than {limit} bytes")]
    ItemTooLarge { limit: usize },
    /// A query's condition is about a sort key of another type, or the table has none.
    #[error("the condition does not fit the table's keys")]
    WrongCondition,
    /// A page can't begin where the caller wants: the key is outside of what is read.
    #[error("the page begins outside of the range that is read")]
    StartOutside,
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoSuchTable(_) => ErrorKind::Missing,
            Self::TableExists(_) => ErrorKind::Conflict,
            Self::MissingKey(_)
            | Self::WrongKeyType { .. }
            | Self::EmptyKey { .. }
            | Self::PartitionKeyTooLarge { .. }
            | Self::SortKeyTooLarge { .. }
            | Self::NotAKey
            | Self::ItemTooLarge { .. }
            | Self::WrongCondition
            | Self::StartOutside => ErrorKind::Invalid,
            Self::Store(error) => error.kind(),
        }
    }
}
