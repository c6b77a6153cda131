//! How an item is to be changed where it is.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::error::{Error, Result};
use crate::path::Path;
use crate::projection::Projection;
use crate::size::value_size;
use crate::value::{DEEPEST, Item, Value};

/// Changes of different parts of one item, none of which is in another. They all see the item as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    pub changes: Vec<(Path, Change)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Set(Term),
    Remove,
    /// To a number, to a set, at the end of a list; to nothing it is the value itself.
    Add(Value),
    /// From a set. One that becomes empty goes.
    Subtract(Value),
}

/// What a new value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    Path(Path),
    Value(Value),
    /// What is there, or else the other.
    Or(Path, Box<Term>),
    /// Two lists, one after the other.
    Append(Box<Term>, Box<Term>),
    Plus(Box<Term>, Box<Term>),
    Minus(Box<Term>, Box<Term>),
}

/// What becomes of a part of an item.
enum Outcome {
    Set(Value),
    Remove,
}

impl Update {
    /// The item as it is after the update.
    pub fn apply(&self, item: &Item) -> Result<Item> {
        let mut sets = Vec::new();
        let mut removals = Vec::new();
        for (path, change) in &self.changes {
            match change.outcome(path, item)? {
                Some(Outcome::Set(value)) => {
                    check_depth(path, &value)?;
                    sets.push((path, value));
                }
                Some(Outcome::Remove) => removals.push(path),
                None => {}
            }
        }
        let mut new = item.clone();
        // Past a list's end, the lesser index comes first. From a list, the greater goes first: both keep the others
        // where they were.
        sets.sort_by_key(|(path, _)| *path);
        removals.sort_by_key(|path| Reverse(*path));
        for (path, value) in sets {
            path.set(&mut new, value)?;
        }
        for path in removals {
            path.remove(&mut new)?;
        }
        Ok(new)
    }

    /// Whether it only takes away: such an update of an item that does not exist does not make one.
    pub(crate) fn only_removes(&self) -> bool {
        !self.changes.is_empty()
            && self
                .changes
                .iter()
                .all(|(_, change)| matches!(change, Change::Remove | Change::Subtract(_)))
    }

    /// Of the values that it brings.
    pub(crate) fn size(&self) -> usize {
        self.changes.iter().map(|(_, change)| change.size()).sum()
    }

    /// The parts that it changes.
    pub fn parts(&self) -> Projection {
        self.changes.iter().map(|(path, _)| path.clone()).collect()
    }
}

impl Change {
    fn size(&self) -> usize {
        match self {
            Self::Set(term) => term.size(),
            Self::Remove => 0,
            Self::Add(value) | Self::Subtract(value) => value_size(value),
        }
    }

    fn outcome(&self, path: &Path, item: &Item) -> Result<Option<Outcome>> {
        let there = path.find(item);
        Ok(match self {
            Self::Set(term) => Some(Outcome::Set(term.of(item)?.into_owned())),
            Self::Remove => Some(Outcome::Remove),
            Self::Add(value) => Some(Outcome::Set(match there {
                None => value.clone(),
                Some(there) => sum(there, value)?,
            })),
            Self::Subtract(value) => match there {
                // Where it would be must exist all the same.
                None if path.steps.is_empty() => None,
                None => Some(Outcome::Remove),
                Some(there) => Some(match difference(there, value)? {
                    Some(left) => Outcome::Set(left),
                    None => Outcome::Remove,
                }),
            },
        })
    }
}

impl Term {
    fn size(&self) -> usize {
        match self {
            Self::Path(_) => 0,
            Self::Value(value) => value_size(value),
            Self::Or(_, term) => term.size(),
            Self::Append(one, other) | Self::Plus(one, other) | Self::Minus(one, other) => {
                one.size() + other.size()
            }
        }
    }

    fn of<'a>(&'a self, item: &'a Item) -> Result<Cow<'a, Value>> {
        match self {
            Self::Path(path) => path
                .find(item)
                .map(Cow::Borrowed)
                .ok_or(Error::MissingOperand),
            Self::Value(value) => Ok(Cow::Borrowed(value)),
            Self::Or(path, otherwise) => match path.find(item) {
                Some(value) => Ok(Cow::Borrowed(value)),
                None => otherwise.of(item),
            },
            Self::Append(first, second) => match (&*first.of(item)?, &*second.of(item)?) {
                (Value::List(first), Value::List(second)) => {
                    let both = first.iter().chain(second).cloned().collect();
                    Ok(Cow::Owned(Value::List(both)))
                }
                _ => Err(Error::WrongOperand),
            },
            Self::Plus(left, right) => match (&*left.of(item)?, &*right.of(item)?) {
                (Value::Number(left), Value::Number(right)) => {
                    Ok(Cow::Owned(Value::Number(left.plus(right)?)))
                }
                _ => Err(Error::WrongOperand),
            },
            Self::Minus(left, right) => match (&*left.of(item)?, &*right.of(item)?) {
                (Value::Number(left), Value::Number(right)) => {
                    Ok(Cow::Owned(Value::Number(left.plus(&right.negated())?)))
                }
                _ => Err(Error::WrongOperand),
            },
        }
    }
}

/// Values that are read are not too deep themselves; into others they may be put only so far.
fn check_depth(path: &Path, value: &Value) -> Result<()> {
    match path.steps.len() + value.nesting() <= DEEPEST {
        true => Ok(()),
        false => Err(Error::TooDeep { limit: DEEPEST }),
    }
}

fn sum(there: &Value, value: &Value) -> Result<Value> {
    fn both<T: Ord + Clone>(a: &BTreeSet<T>, b: &BTreeSet<T>) -> BTreeSet<T> {
        a.union(b).cloned().collect()
    }
    Ok(match (there, value) {
        (Value::Number(a), Value::Number(b)) => Value::Number(a.plus(b)?),
        (Value::Strings(a), Value::Strings(b)) => Value::Strings(both(a, b)),
        (Value::Numbers(a), Value::Numbers(b)) => Value::Numbers(both(a, b)),
        (Value::Binaries(a), Value::Binaries(b)) => Value::Binaries(both(a, b)),
        (Value::List(a), Value::List(b)) => Value::List(a.iter().chain(b).cloned().collect()),
        _ => return Err(Error::WrongOperand),
    })
}

/// None if nothing is left.
fn difference(there: &Value, value: &Value) -> Result<Option<Value>> {
    fn left<T: Ord + Clone>(a: &BTreeSet<T>, b: &BTreeSet<T>) -> Option<BTreeSet<T>> {
        let left: BTreeSet<T> = a.difference(b).cloned().collect();
        (!left.is_empty()).then_some(left)
    }
    Ok(match (there, value) {
        (Value::Strings(a), Value::Strings(b)) => left(a, b).map(Value::Strings),
        (Value::Numbers(a), Value::Numbers(b)) => left(a, b).map(Value::Numbers),
        (Value::Binaries(a), Value::Binaries(b)) => left(a, b).map(Value::Binaries),
        _ => return Err(Error::WrongOperand),
    })
}
