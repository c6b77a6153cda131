use base::ErrorKind;

use crate::number::NumberError;
use crate::schema::KeyType;
use crate::value::{Item, Type};

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
    /// The items of one partition, with their entries in local indexes.
    #[error("the partition is larger than {limit} bytes")]
    CollectionTooLarge { limit: u64 },
    /// A query's condition is about a sort key of another type, or the table has none.
    #[error("the condition does not fit the table's keys")]
    WrongCondition,
    /// An item to be stored has an attribute of an index's key that can be none.
    #[error(
        "the key attribute {attribute} of the index {index} is a {actual:?} and must be a {expected:?}"
    )]
    WrongIndexKeyType {
        index: String,
        attribute: String,
        expected: KeyType,
        actual: Type,
    },
    #[error("the key attribute {attribute} of the index {index} is empty")]
    EmptyIndexKey {
        index: String,
        attribute: String,
        r#type: KeyType,
    },
    /// An update makes one of these empty.
    #[error("the update makes a key attribute of an index empty")]
    EmptiesIndexKey { r#type: KeyType },
    #[error("the table has no index {0}")]
    NoSuchIndex(String),
    #[error("the table has an index {0} already")]
    IndexExists(String),
    /// It is still being made from the table's items.
    #[error("the index {0} cannot be read yet")]
    IndexNotBuilt(String),
    /// Another index of the table is still being made.
    #[error("an index of the table {0} is being made")]
    Building(String),
    #[error("the table {0} is protected from being dropped")]
    Protected(String),
    /// A table (none) or an index is ready for more reads, or writes, than is wanted.
    #[error("what is ready is never made less")]
    LessReady { index: Option<String>, reads: bool },
    #[error("there is no copy {0}")]
    NoSuchCopy(String),
    /// It is being made, or a table is being made of it.
    #[error("the copy {0} is in use")]
    CopyInUse(String),
    /// Writes or reads that are done together are about different items.
    #[error("an item is named twice")]
    RepeatedItem,
    /// What a transaction brings, together.
    #[error("the transaction brings {size} bytes, which is too much")]
    TransactionTooLarge { size: usize },
    /// A transaction's token was another transaction's.
    #[error("the token stands for another transaction")]
    AnotherTransaction,
    /// A transaction was not done because of some of its parts; there is an entry for each.
    #[error("the transaction was cancelled")]
    Cancelled(Vec<Option<Error>>),
    /// A write's condition does not hold for the item that is there.
    #[error("the condition does not hold")]
    ConditionFailed(Option<Box<Item>>),
    #[error("{0} is a part of the key and cannot be updated")]
    UpdatesKey(String),
    /// An update is about a part of an attribute that an index has as a key, and so has no parts.
    #[error("{0} is a key of an index and has no parts")]
    PartOfIndexKey(String),
    /// What an update takes a value from is not there.
    #[error("the update needs an attribute that the item has not")]
    MissingOperand,
    #[error("the update needs a value of another type")]
    WrongOperand,
    /// What an update puts a value into is not there, or cannot have such a part.
    #[error("the item has no place for what the update sets")]
    NoSuchPath,
    #[error("the updated item is larger than {limit} bytes")]
    UpdatedItemTooLarge { limit: usize },
    /// An update puts lists and maps into one another deeper than they may be.
    #[error("the updated item's values are in more than {limit} lists and maps")]
    TooDeep { limit: usize },
    #[error(transparent)]
    Number(#[from] NumberError),
    /// A page can't begin where the caller wants: the key is outside of what is read.
    #[error("the page begins outside of the range that is read")]
    StartOutside,
    #[error("the table {0} has a feed already")]
    FeedExists(String),
    #[error("the table {0} has no feed")]
    NoFeed(String),
    /// It never was, or ended so long ago that nothing is kept of it.
    #[error("there is no such feed of the table {0}")]
    NoSuchFeed(String),
    #[error("the feed has no such shard")]
    NoSuchShard,
    /// Changes that come after the place from which to read are no longer kept.
    #[error("the changes are no longer kept")]
    Forgotten,
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    /// What an error about an item is where an update made the item.
    pub(crate) fn of_update(self) -> Self {
        match self {
            Self::EmptyIndexKey { r#type, .. } => Self::EmptiesIndexKey { r#type },
            error => error,
        }
    }

    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoSuchTable(_)
            | Self::NoSuchCopy(_)
            | Self::NoSuchIndex(_)
            | Self::NoSuchFeed(_)
            | Self::NoSuchShard
            | Self::Forgotten => ErrorKind::Missing,
            Self::TableExists(_)
            | Self::CopyInUse(_)
            | Self::IndexExists(_)
            | Self::IndexNotBuilt(_)
            | Self::Building(_)
            | Self::FeedExists(_)
            | Self::NoFeed(_)
            | Self::Protected(_)
            | Self::AnotherTransaction
            | Self::Cancelled(_)
            | Self::ConditionFailed(_) => ErrorKind::Conflict,
            Self::MissingKey(_)
            | Self::WrongKeyType { .. }
            | Self::EmptyKey { .. }
            | Self::PartitionKeyTooLarge { .. }
            | Self::SortKeyTooLarge { .. }
            | Self::NotAKey
            | Self::ItemTooLarge { .. }
            | Self::CollectionTooLarge { .. }
            | Self::WrongCondition
            | Self::WrongIndexKeyType { .. }
            | Self::EmptyIndexKey { .. }
            | Self::EmptiesIndexKey { .. }
            | Self::LessReady { .. }
            | Self::RepeatedItem
            | Self::TransactionTooLarge { .. }
            | Self::UpdatesKey(_)
            | Self::PartOfIndexKey(_)
            | Self::MissingOperand
            | Self::WrongOperand
            | Self::NoSuchPath
            | Self::UpdatedItemTooLarge { .. }
            | Self::TooDeep { .. }
            | Self::Number(_)
            | Self::StartOutside => ErrorKind::Invalid,
            Self::Store(error) => error.kind(),
        }
    }
}
