//! Keys of items: checking them against a table's schema, and their place in the store.

use crate::error::{Error, Result};
use crate::schema::{KeyAttribute, KeyType, Table};
use crate::value::{Item, Type, Value};

/// How many bytes the attributes of one part of a key may be together.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    bytes: usize,
    error: fn(usize) -> Error,
}

pub(crate) const PARTITION_KEY: Limit = Limit {
    bytes: 2_048,
    error: |limit| Error::PartitionKeyTooLarge { limit },
};
pub(crate) const SORT_KEY: Limit = Limit {
    bytes: 1_024,
    error: |limit| Error::SortKeyTooLarge { limit },
};

/// The key of one item of one table, checked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    partition: Vec<u8>,
    sort: Vec<u8>,
}

impl Key {
    /// The key in `item`, which is to be stored and may have more attributes.
    pub fn of(table: &Table, item: &Item) -> Result<Self> {
        let value = |attribute: &KeyAttribute, limit| {
            let value = item
                .get(&attribute.name)
                .ok_or_else(|| Error::MissingKey(attribute.name.clone()))?;
            bytes(attribute, value, limit)
        };
        Ok(Self {
            partition: value(&table.key.partition, PARTITION_KEY)?,
            sort: match &table.key.sort {
                Some(attribute) => value(attribute, SORT_KEY)?,
                None => Vec::new(),
            },
        })
    }

    /// The key that `attributes` are, and nothing else.
    pub fn exactly(table: &Table, attributes: &Item) -> Result<Self> {
        let expected = 1 + usize::from(table.key.sort.is_some());
        if attributes.len() != expected {
            return Err(Error::NotAKey);
        }
        Self::of(table, attributes).map_err(|error| match error {
            Error::MissingKey(_) | Error::WrongKeyType { .. } => Error::NotAKey,
            error => error,
        })
    }

    pub(crate) fn row(&self, table: &Table) -> store::Key {
        partition_row(table, &self.partition).raw(&self.sort)
    }

    pub(crate) fn partition(&self) -> &[u8] {
        &self.partition
    }

    pub(crate) fn sort(&self) -> &[u8] {
        &self.sort
    }

    /// Of the partition.
    pub(crate) fn hash(&self) -> u32 {
        hash(&self.partition)
    }
}

/// What the items of one partition begin with.
pub(crate) fn partition_row(table: &Table, partition: &[u8]) -> store::Key {
    table.items().u32(hash(partition)).bytes(partition)
}

/// The bytes of a partition key's value.
pub(crate) fn partition_bytes(attribute: &KeyAttribute, value: &Value) -> Result<Vec<u8>> {
    bytes(attribute, value, PARTITION_KEY)
}

fn bytes(attribute: &KeyAttribute, value: &Value, limit: Limit) -> Result<Vec<u8>> {
    let bytes = sortable(attribute, value)?;
    sized(std::slice::from_ref(&bytes), limit)?;
    Ok(bytes)
}

/// Bytes that sort as a key attribute's values do.
pub(crate) fn sortable(attribute: &KeyAttribute, value: &Value) -> Result<Vec<u8>> {
    let bytes = match (attribute.r#type, value) {
        (KeyType::String, Value::String(text)) => text.as_bytes().to_vec(),
        (KeyType::Binary, Value::Binary(bytes)) => bytes.to_vec(),
        (KeyType::Number, Value::Number(number)) => number.to_sortable(),
        (expected, value) => {
            return Err(Error::WrongKeyType {
                attribute: attribute.name.clone(),
                expected,
                actual: value.r#type(),
            });
        }
    };
    if bytes.is_empty() {
        return Err(Error::EmptyKey {
            attribute: attribute.name.clone(),
            r#type: attribute.r#type,
        });
    }
    Ok(bytes)
}

pub(crate) fn sized(parts: &[Vec<u8>], limit: Limit) -> Result<()> {
    match parts.iter().map(Vec::len).sum::<usize>() <= limit.bytes {
        true => Ok(()),
        false => Err((limit.error)(limit.bytes)),
    }
}

/// FNV-1a with a final mix. It is in every stored key, so it can never change.
pub(crate) fn hash(bytes: &[u8]) -> u32 {
    let mut hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    let [a, b, c, d, ..] = hash.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

impl KeyType {
    pub fn r#type(self) -> Type {
        match self {
            Self::String => Type::String,
            Self::Number => Type::Number,
            Self::Binary => Type::Binary,
        }
    }
}
