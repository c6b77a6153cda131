//! Which parts of an item somebody wants.

use std::collections::BTreeMap;

use crate::path::{Path, Step};
use crate::value::{Item, Value};

/// Parts of items, to be picked from each. What an item has not is not in what is picked; the elements that are picked
/// from a list stand next to each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Projection {
    attributes: BTreeMap<String, Pick>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pick {
    Whole,
    Of(BTreeMap<Step, Pick>),
}

impl FromIterator<Path> for Projection {
    fn from_iter<I: IntoIterator<Item = Path>>(paths: I) -> Self {
        let mut attributes = BTreeMap::new();
        for path in paths {
            let pick = attributes
                .entry(path.name)
                .or_insert_with(|| Pick::Of(BTreeMap::new()));
            pick.add(path.steps.into_iter());
        }
        Self { attributes }
    }
}

impl Projection {
    pub fn of(&self, item: &Item) -> Item {
        let picked = self.attributes.iter().filter_map(|(name, pick)| {
            let value = pick.of(item.get(name)?)?;
            Some((name.clone(), value))
        });
        picked.collect()
    }

    /// The attributes of which something is picked.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.attributes.keys().map(String::as_str)
    }
}

impl Pick {
    fn add(&mut self, mut steps: impl Iterator<Item = Step>) {
        match (&mut *self, steps.next()) {
            (Self::Whole, _) => {}
            (Self::Of(_), None) => *self = Self::Whole,
            (Self::Of(parts), Some(step)) => {
                let part = parts
                    .entry(step)
                    .or_insert_with(|| Self::Of(BTreeMap::new()));
                part.add(steps);
            }
        }
    }

    fn of(&self, value: &Value) -> Option<Value> {
        let Self::Of(parts) = self else {
            return Some(value.clone());
        };
        match value {
            Value::Map(entries) => {
                let picked: Item = parts
                    .iter()
                    .filter_map(|(step, pick)| match step {
                        Step::Name(name) => Some((name.clone(), pick.of(entries.get(name)?)?)),
                        Step::Index(_) => None,
                    })
                    .collect();
                (!picked.is_empty()).then_some(Value::Map(picked))
            }
            Value::List(values) => {
                let picked: Vec<Value> = parts
                    .iter()
                    .filter_map(|(step, pick)| match step {
                        Step::Index(index) => pick.of(values.get(*index)?),
                        Step::Name(_) => None,
                    })
                    .collect();
                (!picked.is_empty()).then_some(Value::List(picked))
            }
            _ => None,
        }
    }
}
