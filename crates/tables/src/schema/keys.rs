//! Keys of tables and of their indexes.

use serde::{Deserialize, Serialize};

use crate::value::Item;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySchema {
    pub partition: KeyAttribute,
    pub sort: Option<KeyAttribute>,
}

/// The key of an index. One that is not local may have several attributes of each kind, which come one after another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexKey {
    /// At least one; items are in one partition that have the same in all of them.
    pub partition: Vec<KeyAttribute>,
    pub sort: Vec<KeyAttribute>,
}

/// The attributes of a key by what they are for, whether it is a table's or an index's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyParts<'a> {
    /// At least one.
    pub partition: &'a [KeyAttribute],
    pub sort: &'a [KeyAttribute],
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyAttribute {
    pub name: String,
    pub r#type: KeyType,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KeyType {
    String,
    Number,
    Binary,
}

impl IndexKey {
    pub fn attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        self.partition.iter().chain(&self.sort)
    }

    pub fn parts(&self) -> KeyParts<'_> {
        KeyParts {
            partition: &self.partition,
            sort: &self.sort,
        }
    }
}

impl From<KeySchema> for IndexKey {
    fn from(key: KeySchema) -> Self {
        Self {
            partition: vec![key.partition],
            sort: key.sort.into_iter().collect(),
        }
    }
}

impl<'a> KeyParts<'a> {
    pub fn attributes(self) -> impl Iterator<Item = &'a KeyAttribute> {
        self.partition.iter().chain(self.sort)
    }

    /// The partition key and the sort key, where neither is of several attributes.
    pub fn single(self) -> Option<(&'a KeyAttribute, Option<&'a KeyAttribute>)> {
        match (self.partition, self.sort) {
            ([partition], []) => Some((partition, None)),
            ([partition], [sort]) => Some((partition, Some(sort))),
            _ => None,
        }
    }
}

impl KeySchema {
    pub fn attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        std::iter::once(&self.partition).chain(&self.sort)
    }

    pub fn parts(&self) -> KeyParts<'_> {
        KeyParts {
            partition: std::slice::from_ref(&self.partition),
            sort: self.sort.as_slice(),
        }
    }

    /// The key of an item.
    pub(crate) fn of(&self, item: &Item) -> Item {
        let attribute = |key: &KeyAttribute| Some((key.name.clone(), item.get(&key.name)?.clone()));
        self.attributes().filter_map(attribute).collect()
    }
}
