//! Reading and writing what is kept of a stack.

use std::collections::BTreeMap;

use store::{KeyReader, Read, Tx};

use crate::error::Result;
use crate::schema::{self, HELD, Held, LEFTOVERS, Leftover, Noun, STACKS, Stack};

/// No template has more resources than this with all that are nested in it, each bucket's notification and what events
/// make counted, so one scan sees them all.
const MAX_HELD: usize = 10_000;

/// All that is kept of one stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) stack: Option<Stack>,
    /// By logical id.
    pub(crate) held: BTreeMap<String, Held>,
    pub(crate) leftovers: Vec<Leftover>,
}

impl Stored {
    pub(crate) fn read(from: &impl Read, stack: &str) -> Result<Self> {
        let held = HELD.scan(from, &schema::held_of(stack).range(), MAX_HELD)?;
        let held = held.into_iter().filter_map(|(key, held)| {
            let mut reader = KeyReader::new(&key)?;
            reader.str()?;
            Some((reader.str()?, held))
        });
        let range = schema::leftovers_of(stack).range();
        let leftovers = LEFTOVERS.scan(from, &range, MAX_HELD)?;
        Ok(Self {
            stack: STACKS.get(from, &schema::stack_key(stack))?,
            held: held.collect(),
            leftovers: leftovers
                .into_iter()
                .map(|(_, leftover)| leftover)
                .collect(),
        })
    }

    pub(crate) fn version(&self) -> u64 {
        self.stack.as_ref().map_or(0, |stack| stack.version)
    }

    /// The identity of the thing, if it is the stack's own.
    pub(crate) fn identity(&self, noun: Noun, name: &str) -> Option<&str> {
        let mut held = self.held.values();
        let held = held.find(|held| held.noun == noun && held.name == name);
        let held = held.map(|held| held.identity.as_str());
        held.or_else(|| Some(self.leftover(noun, name)?.identity.as_str()))
    }

    fn leftover(&self, noun: Noun, name: &str) -> Option<&Leftover> {
        let mut leftovers = self.leftovers.iter();
        leftovers.find(|leftover| leftover.noun == noun && leftover.name == name)
    }
}

pub(crate) fn put_leftover(tx: &mut Tx, stack: &str, leftover: &Leftover) {
    let key = schema::leftover_key(stack, leftover.noun, &leftover.name);
    LEFTOVERS.put(tx, key, leftover);
}

pub(crate) fn drop_leftover(tx: &mut Tx, stack: &str, noun: Noun, name: &str) {
    LEFTOVERS.delete(tx, schema::leftover_key(stack, noun, name));
}
