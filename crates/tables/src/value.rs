use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::number::Number;

/// In how many lists and maps a value may be.
pub const DEEPEST: usize = 31;

/// Attributes by name.
pub type Item = BTreeMap<String, Value>;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Value {
    String(String),
    Number(Number),
    Binary(Bytes),
    Bool(bool),
    Null,
    List(Vec<Value>),
    Map(Item),
    /// Sets are never empty; the face that reads them sees to it.
    Strings(BTreeSet<String>),
    Numbers(BTreeSet<Number>),
    Binaries(BTreeSet<Bytes>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    String,
    Number,
    Binary,
    Bool,
    Null,
    List,
    Map,
    Strings,
    Numbers,
    Binaries,
}

impl Value {
    /// In how many lists and maps that belong to it the deepest value in it is.
    pub(crate) fn nesting(&self) -> usize {
        let inner = |value: &Self| 1 + value.nesting();
        match self {
            Self::List(values) => values.iter().map(inner).max(),
            Self::Map(entries) => entries.values().map(inner).max(),
            _ => None,
        }
        .unwrap_or_default()
    }

    pub fn r#type(&self) -> Type {
        match self {
            Self::String(_) => Type::String,
            Self::Number(_) => Type::Number,
            Self::Binary(_) => Type::Binary,
            Self::Bool(_) => Type::Bool,
            Self::Null => Type::Null,
            Self::List(_) => Type::List,
            Self::Map(_) => Type::Map,
            Self::Strings(_) => Type::Strings,
            Self::Numbers(_) => Type::Numbers,
            Self::Binaries(_) => Type::Binaries,
        }
    }
}
