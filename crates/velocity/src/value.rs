//! What references stand for.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use indexmap::IndexMap;
use serde_json::Value as Json;

use crate::Error;

/// Deeper than any JSON that is read.
const DEEPEST: u16 = 256;

/// Something that is handed in.
pub trait Object: fmt::Debug {
    /// What `$object.name` is.
    fn property(&self, name: &str) -> Option<Value>;
    /// What `$object.name(arguments)` is; none if there is no such method.
    fn call(&self, name: &str, arguments: &[Value]) -> Result<Option<Value>, Error>;
}

/// Lists and maps are shared: what is added by one name is there by all.
#[derive(Clone, Debug, Default)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    List(Rc<List>),
    Map(Rc<Map>),
    Object(Rc<dyn Object>),
}

#[derive(Debug, Default)]
pub struct List {
    /// Below all that hold it. So nothing can hold itself, and nothing is nested too deeply to be walked through.
    pub(crate) level: Cell<u16>,
    pub(crate) items: RefCell<Vec<Value>>,
    /// Whether it prints as JSON: what was read from JSON does, what a template writes down does not.
    pub(crate) is_json: bool,
}

#[derive(Debug, Default)]
pub struct Map {
    pub(crate) level: Cell<u16>,
    pub(crate) entries: RefCell<IndexMap<String, Value>>,
}

impl Value {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub fn object(object: impl Object + 'static) -> Self {
        Self::Object(Rc::new(object))
    }

    /// An entry of a map.
    pub fn entry(&self, name: &str) -> Option<Self> {
        match self {
            Self::Map(map) => map.entries.borrow().get(name).cloned(),
            _ => None,
        }
    }

    /// The entries of a map; none of anything else.
    pub fn entries(&self) -> Vec<(String, Self)> {
        match self {
            Self::Map(map) => {
                let entries = map.entries.borrow();
                let entries = entries.iter();
                entries
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    pub(crate) fn count(number: usize) -> Self {
        Self::Int(number as i128)
    }

    pub(crate) fn list(items: Vec<Self>) -> Result<Self, Error> {
        for item in &items {
            item.lie_below(0)?;
        }
        Ok(Self::List(Rc::new(List {
            items: RefCell::new(items),
            ..List::default()
        })))
    }

    pub(crate) fn map(entries: IndexMap<String, Self>) -> Result<Self, Error> {
        for value in entries.values() {
            value.lie_below(0)?;
        }
        Ok(Self::Map(Rc::new(Map {
            entries: RefCell::new(entries),
            ..Map::default()
        })))
    }

    fn lie_below(&self, level: u16) -> Result<(), Error> {
        let mine = match self {
            Self::List(list) => &list.level,
            Self::Map(map) => &map.level,
            _ => return Ok(()),
        };
        if mine.get() > level {
            return Ok(());
        }
        if level >= DEEPEST {
            return Err(Error::TooDeep);
        }
        mine.set(level + 1);
        match self {
            Self::List(list) => {
                let items = list.items.borrow();
                items.iter().try_for_each(|item| item.lie_below(level + 1))
            }
            Self::Map(map) => {
                let entries = map.entries.borrow();
                entries
                    .values()
                    .try_for_each(|value| value.lie_below(level + 1))
            }
            _ => Ok(()),
        }
    }

    /// Before this is put into what has `level`, which is raised with it if it is held by it already.
    pub(crate) fn go_into(&self, level: &Cell<u16>) -> Result<(), Error> {
        let before = level.get();
        self.lie_below(before)?;
        match level.get() == before {
            true => Ok(()),
            false => Err(Error::TooDeep),
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Only nothing and `false` are untrue.
    pub(crate) fn is_true(&self) -> bool {
        !matches!(self, Self::Null | Self::Bool(false))
    }

    /// As messages call it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a truth value",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Object(_) => "an object",
        }
    }

    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "as the language widens them")]
            Self::Int(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            _ => None,
        }
    }

    fn from_json(json: Json, level: u16) -> Self {
        let level = Cell::new(level);
        let within = level.get() + 1;
        match json {
            Json::Null => Self::Null,
            Json::Bool(truth) => Self::Bool(truth),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(whole), _) => Self::Int(whole.into()),
                (None, Some(whole)) => Self::Int(whole.into()),
                (None, None) => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => Self::Text(text),
            Json::Array(items) => {
                let items = items.into_iter();
                let items = items.map(|item| Self::from_json(item, within)).collect();
                Self::List(Rc::new(List {
                    level,
                    items: RefCell::new(items),
                    is_json: true,
                }))
            }
            Json::Object(entries) => {
                let entries = entries.into_iter();
                let entries = entries.map(|(name, value)| (name, Self::from_json(value, within)));
                Self::Map(Rc::new(Map {
                    level,
                    entries: RefCell::new(entries.collect()),
                }))
            }
        }
    }
}

impl From<Json> for Value {
    fn from(json: Json) -> Self {
        Self::from_json(json, 0)
    }
}

/// Two values are equal by what they hold; numbers of both kinds by their size.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(left), Self::Bool(right)) => left == right,
            (Self::Int(left), Self::Int(right)) => left == right,
            (Self::Text(left), Self::Text(right)) => left == right,
            (Self::List(left), Self::List(right)) => {
                Rc::ptr_eq(left, right) || left.items == right.items
            }
            (Self::Map(left), Self::Map(right)) => {
                Rc::ptr_eq(left, right) || left.entries == right.entries
            }
            (Self::Object(left), Self::Object(right)) => Rc::ptr_eq(left, right),
            (Self::Int(_) | Self::Float(_), Self::Int(_) | Self::Float(_)) => {
                self.number() == other.number()
            }
            // A string is compared with what the other prints as.
            (Self::Text(text), Self::Bool(_) | Self::Int(_) | Self::Float(_)) => {
                other.print().is_ok_and(|other| other == *text)
            }
            (Self::Bool(_) | Self::Int(_) | Self::Float(_), Self::Text(_)) => other == self,
            _ => false,
        }
    }
}
