//! Where in an item something is: an attribute, and the way from it into lists and maps.

use crate::error::{Error, Result};
use crate::value::{Item, Value};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// The attribute in which it begins.
    pub name: String,
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Into a map.
    Name(String),
    /// Into a list.
    Index(usize),
}

impl Path {
    /// A whole attribute.
    pub fn attribute(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            steps: Vec::new(),
        }
    }

    /// What is there.
    pub fn find<'a>(&self, item: &'a Item) -> Option<&'a Value> {
        let first = item.get(&self.name)?;
        self.steps.iter().try_fold(first, into)
    }

    /// Puts a value there. What the value is put into must exist; past a list's end means at its end.
    pub(crate) fn set(&self, item: &mut Item, value: Value) -> Result<()> {
        let Some((last, way)) = self.steps.split_last() else {
            item.insert(self.name.clone(), value);
            return Ok(());
        };
        match (self.holder(item, way)?, last) {
            (Value::Map(entries), Step::Name(name)) => {
                entries.insert(name.clone(), value);
            }
            (Value::List(values), Step::Index(index)) => match values.get_mut(*index) {
                Some(place) => *place = value,
                None => values.push(value),
            },
            _ => return Err(Error::NoSuchPath),
        }
        Ok(())
    }

    /// Removes what is there. It may be missing, but not what it would be in.
    pub(crate) fn remove(&self, item: &mut Item) -> Result<()> {
        let Some((last, way)) = self.steps.split_last() else {
            item.remove(&self.name);
            return Ok(());
        };
        match (self.holder(item, way)?, last) {
            (Value::Map(entries), Step::Name(name)) => {
                entries.remove(name);
            }
            (Value::List(values), Step::Index(index)) => {
                if *index < values.len() {
                    values.remove(*index);
                }
            }
            _ => return Err(Error::NoSuchPath),
        }
        Ok(())
    }

    fn holder<'a>(&self, item: &'a mut Item, way: &[Step]) -> Result<&'a mut Value> {
        let first = item.get_mut(&self.name).ok_or(Error::NoSuchPath)?;
        way.iter()
            .try_fold(first, |value, step| match (value, step) {
                (Value::Map(entries), Step::Name(name)) => entries.get_mut(name),
                (Value::List(values), Step::Index(index)) => values.get_mut(*index),
                _ => None,
            })
            .ok_or(Error::NoSuchPath)
    }
}

fn into<'a>(value: &'a Value, step: &Step) -> Option<&'a Value> {
    match (value, step) {
        (Value::Map(entries), Step::Name(name)) => entries.get(name),
        (Value::List(values), Step::Index(index)) => values.get(*index),
        _ => None,
    }
}
