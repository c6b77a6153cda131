use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::number::Number;

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
