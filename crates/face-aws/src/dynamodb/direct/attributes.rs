//! Attribute values out of JSON text. What is not right is an error that nobody sees.

use std::collections::BTreeSet;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use tables::{DEEPEST, Item, Number, Value};

/// Of an attribute's name, in bytes; the model's bound is on something that there is no more of.
const LONGEST_NAME: usize = 65_535;

/// An item, or a key.
pub(super) struct Attributes(pub(super) Item);

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Entries { depth: 0 }.deserialize(deserializer).map(Self)
    }
}

/// Values by name, in this many lists and maps.
#[derive(Clone, Copy)]
struct Entries {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Entries {
    type Value = Item;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Item, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Entries {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("attributes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Item, A::Error> {
        let mut item = Item::new();
        while let Some(name) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(Typed { depth: self.depth })?;
            if name.len() > LONGEST_NAME || item.insert(name, value).is_some() {
                return Err(A::Error::custom("a name too long, or twice"));
            }
        }
        Ok(item)
    }
}

/// One value, under its type's name.
#[derive(Clone, Copy)]
struct Typed {
    depth: usize,
}

#[derive(serde::Deserialize)]
enum Code {
    S,
    N,
    B,
    #[serde(rename = "BOOL")]
    Bool,
    #[serde(rename = "NULL")]
    Null,
    L,
    M,
    #[serde(rename = "SS")]
    Strings,
    #[serde(rename = "NS")]
    Numbers,
    #[serde(rename = "BS")]
    Binaries,
}

impl<'de> DeserializeSeed<'de> for Typed {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Typed {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut types: A) -> Result<Value, A::Error> {
        if self.depth > DEEPEST {
            return Err(A::Error::custom("too deep"));
        }
        let depth = self.depth + 1;
        let code = types.next_key()?;
        let value = match code.ok_or_else(|| A::Error::custom("no type"))? {
            Code::S => Value::String(types.next_value()?),
            Code::N => Value::Number(types.next_value::<Digits>()?.0),
            Code::B => Value::Binary(types.next_value::<Base64>()?.0),
            Code::Bool => Value::Bool(types.next_value()?),
            Code::Null if types.next_value()? => Value::Null,
            Code::Null => return Err(A::Error::custom("null that is not")),
            Code::L => Value::List(types.next_value_seed(Values { depth })?),
            Code::M => Value::Map(types.next_value_seed(Entries { depth })?),
            Code::Strings => Value::Strings(set(types.next_value()?)?),
            Code::Numbers => {
                let numbers: Vec<Digits> = types.next_value()?;
                Value::Numbers(set(numbers.into_iter().map(|digits| digits.0).collect())?)
            }
            Code::Binaries => {
                let binaries: Vec<Base64> = types.next_value()?;
                Value::Binaries(set(binaries.into_iter().map(|text| text.0).collect())?)
            }
        };
        match types.next_key::<Code>()? {
            None => Ok(value),
            Some(_) => Err(A::Error::custom("several types")),
        }
    }
}

/// Neither empty nor with anything twice.
fn set<T: Ord, E: Error>(values: Vec<T>) -> Result<BTreeSet<T>, E> {
    let count = values.len();
    let set = BTreeSet::from_iter(values);
    if count == 0 || set.len() < count {
        return Err(E::custom("no set"));
    }
    Ok(set)
}

struct Values {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Values {
    type Value = Vec<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Value>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Values {
    type Value = Vec<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Vec<Value>, A::Error> {
        let mut read = Vec::new();
        while let Some(value) = values.next_element_seed(Typed { depth: self.depth })? {
            read.push(value);
        }
        Ok(read)
    }
}

/// A number, which is written as text.
struct Digits(Number);

impl<'de> Deserialize<'de> for Digits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = |text: &str| text.parse().ok().map(Self);
        deserializer.deserialize_str(Text(read))
    }
}

struct Base64(Bytes);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = |text: &str| Some(Self(STANDARD.decode(text).ok()?.into()));
        deserializer.deserialize_str(Text(read))
    }
}

/// Something that is written as text.
struct Text<F>(F);

impl<T, F: FnOnce(&str) -> Option<T>> Visitor<'_> for Text<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).ok_or_else(|| E::custom("something else"))
    }
}
