//! The writes of a batch out of JSON text. What is not right is an error that nobody sees.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use tables::Item;

use super::TableName;
use super::attributes::Attributes;
use crate::dynamodb::batch::{Change, MOST_WRITES};

/// What is to be done in each table, and in all of them together no more than may be.
pub(super) struct Tables(pub(super) Vec<(String, Vec<Change>)>);

impl<'de> Deserialize<'de> for Tables {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Named).map(Self)
    }
}

struct Named;

impl<'de> Visitor<'de> for Named {
    type Value = Vec<(String, Vec<Change>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("writes by table")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut tables: Self::Value = Vec::new();
        let mut count = 0;
        while let Some((name, requests)) = entries.next_entry::<TableName<'_>, Vec<Request>>()? {
            let name = name.0.into_owned();
            count += requests.len();
            let again = tables.iter().any(|(other, _)| *other == name);
            if requests.is_empty() || count > MOST_WRITES || again {
                return Err(A::Error::custom("none, too many, or a table twice"));
            }
            let changes = requests.into_iter().map(|request| request.0);
            tables.push((name, changes.collect()));
        }
        match tables.is_empty() {
            true => Err(A::Error::custom("no tables")),
            false => Ok(tables),
        }
    }
}

/// One write, under its kind's name.
struct Request(Change);

#[derive(serde::Deserialize)]
enum Kind {
    PutRequest,
    DeleteRequest,
}

#[derive(serde::Deserialize)]
enum Part {
    Item,
    Key,
}

/// Something that has just one member.
struct One;

impl<'de> Deserialize<'de> for Request {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(One)
    }
}

impl<'de> Visitor<'de> for One {
    type Value = Request;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a write")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut kinds: A) -> Result<Request, A::Error> {
        let change = match kinds.next_entry::<Kind, Only>()? {
            Some((Kind::PutRequest, Only(Part::Item, item))) => Change::Put(item),
            Some((Kind::DeleteRequest, Only(Part::Key, key))) => Change::Delete(key),
            _ => return Err(A::Error::custom("no write")),
        };
        match kinds.next_key::<Kind>()? {
            None => Ok(Request(change)),
            Some(_) => Err(A::Error::custom("several writes")),
        }
    }
}

/// What a write is about.
struct Only(Part, Item);

impl<'de> Deserialize<'de> for Only {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Member;
        impl<'de> Visitor<'de> for Member {
            type Value = Only;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an item or a key")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<Only, A::Error> {
                let found = parts.next_entry::<Part, Attributes>()?;
                match (found, parts.next_key::<Part>()?) {
                    (Some((part, attributes)), None) => Ok(Only(part, attributes.0)),
                    _ => Err(A::Error::custom("not one part")),
                }
            }
        }
        deserializer.deserialize_map(Member)
    }
}
