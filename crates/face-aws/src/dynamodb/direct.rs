//! The commonest requests, read straight from their bytes: the general way, by JSON values that are held against the
//! model, costs more than all the rest of such a request.
//!
//! Only what is right and plain is read here. Whatever else there is (a parameter more, an expression, a value of
//! another type, a name twice) is left to the general way, which knows what it means or what to say of it. So the two
//! must agree on what is read here, and on nothing else; `tests/direct.rs` holds them against each other.

mod attributes;
mod changes;

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::capacity::Wanted;
use super::{Asked, batch, get, write};
use crate::protocol::Fault;
use attributes::Attributes;
use changes::Tables;

/// A request that was understood.
#[derive(Debug, PartialEq)]
pub(super) enum Direct {
    Get(get::Request),
    Put(write::Put),
    Batch(batch::Writes),
}

impl Direct {
    pub(super) async fn answer(self, asked: &Asked<'_>) -> Result<wire::Response, Fault> {
        match self {
            Self::Get(get) => get.answer(asked),
            Self::Put(put) => put.answer(asked).await,
            Self::Batch(writes) => Box::pin(writes.answer(asked)).await,
        }
    }
}

/// The request for an operation, if it is one of those.
pub(super) fn read(operation: &str, body: &[u8]) -> Option<Direct> {
    // What is derived below would take a list of the members' values too.
    if body.first() != Some(&b'{') {
        return None;
    }
    // Looked at once as a whole, and not again string by string.
    let text = std::str::from_utf8(body).ok()?;
    match operation {
        "GetItem" => {
            let get: Get<'_> = serde_json::from_str(text).ok()?;
            Some(Direct::Get(get::Request {
                table_name: get.table_name.0.into_owned(),
                key: get.key.0,
                consistent_read: get.consistent_read,
                return_consumed_capacity: get.return_consumed_capacity.0,
                projection: None,
            }))
        }
        "PutItem" => {
            let put: Put<'_> = serde_json::from_str(text).ok()?;
            let capacity = put.return_consumed_capacity.0;
            let name = put.table_name.0.into_owned();
            Some(Direct::Put(write::Put::plain(name, put.item.0, capacity)))
        }
        "BatchWriteItem" => {
            let batch: Batch = serde_json::from_str(text).ok()?;
            Some(Direct::Batch(batch::Writes {
                tables: batch.request_items.0,
                settings: batch::Settings {
                    return_consumed_capacity: batch.return_consumed_capacity.0,
                    ..batch::Settings::default()
                },
            }))
        }
        _ => None,
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Get<'a> {
    #[serde(borrow)]
    table_name: TableName<'a>,
    key: Attributes,
    #[serde(default)]
    consistent_read: bool,
    #[serde(default)]
    return_consumed_capacity: Capacity,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Put<'a> {
    #[serde(borrow)]
    table_name: TableName<'a>,
    item: Attributes,
    #[serde(default)]
    return_consumed_capacity: Capacity,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Batch {
    request_items: Tables,
    #[serde(default)]
    return_consumed_capacity: Capacity,
}

/// A table's name as the model wants it, and no ARN.
struct TableName<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for TableName<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl<'de> Visitor<'de> for Name {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table's name")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
        }
        let name = deserializer.deserialize_str(Name)?;
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        if (3..=255).contains(&name.len()) && name.bytes().all(letter) {
            Ok(Self(name))
        } else {
            Err(D::Error::custom("not a plain name"))
        }
    }
}

/// `ReturnConsumedCapacity`, as text only.
#[derive(Default)]
struct Capacity(Wanted);

impl<'de> Deserialize<'de> for Capacity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let wanted = Wanted::named(&name);
        wanted.map(Self).ok_or_else(|| D::Error::custom("no such"))
    }
}
