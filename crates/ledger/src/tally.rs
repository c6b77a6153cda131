//! How much is kept of each group and function, counted in memory so that writing costs no reading.

use std::collections::HashMap;

use base::Space;
use parking_lot::Mutex;

use crate::schema::Group;

#[derive(Debug, Default)]
pub(crate) struct Tallies {
    groups: Mutex<HashMap<Group, GroupTally>>,
    functions: Mutex<HashMap<(Space, String), FunctionTally>>,
}

#[derive(Debug, Default)]
struct FunctionTally {
    records: usize,
    /// From this key on, all were dropped: whoever looks for the oldest would walk over what is left of them.
    gone: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug)]
struct GroupTally {
    bytes: u64,
    /// What the group's record says.
    recorded: u64,
}

/// How far a group's record may lag behind: what a crash can make us keep too much.
const RECORD_EVERY: u64 = 1 << 20;

impl Tallies {
    pub(crate) fn knows_group(&self, group: &Group) -> bool {
        self.groups.lock().contains_key(group)
    }

    pub(crate) fn learn_group(&self, group: &Group, bytes: u64) {
        let tally = GroupTally {
            bytes,
            recorded: bytes,
        };
        self.groups.lock().entry(group.clone()).or_insert(tally);
    }

    pub(crate) fn size_of_group(&self, group: &Group) -> Option<u64> {
        let groups = self.groups.lock();
        groups.get(group).map(|tally| tally.bytes)
    }

    pub(crate) fn forget_group(&self, group: &Group) {
        self.groups.lock().remove(group);
    }

    /// Counts more bytes; returns the new sum, and whether it is time to write it down.
    pub(crate) fn grow_group(&self, group: &Group, by: u64) -> (u64, bool) {
        let mut groups = self.groups.lock();
        let Some(tally) = groups.get_mut(group) else {
            return (0, false);
        };
        tally.bytes += by;
        let due = tally.bytes >= tally.recorded + RECORD_EVERY;
        if due {
            tally.recorded = tally.bytes;
        }
        (tally.bytes, due)
    }

    pub(crate) fn shrink_group(&self, group: &Group, by: u64) {
        if let Some(tally) = self.groups.lock().get_mut(group) {
            tally.bytes = tally.bytes.saturating_sub(by);
            tally.recorded = tally.recorded.min(tally.bytes);
        }
    }

    /// Counts one more record of a function whose count is known; none if it is not.
    pub(crate) fn grow_function(&self, space: &Space, function: &str) -> Option<usize> {
        let mut functions = self.functions.lock();
        let tally = functions.get_mut(&(space.clone(), function.to_owned()))?;
        tally.records += 1;
        Some(tally.records)
    }

    pub(crate) fn set_function(&self, space: &Space, function: &str, records: usize) {
        let key = (space.clone(), function.to_owned());
        self.functions.lock().entry(key).or_default().records = records;
    }

    pub(crate) fn gone_of_function(&self, space: &Space, function: &str) -> Option<Vec<u8>> {
        let functions = self.functions.lock();
        let tally = functions.get(&(space.clone(), function.to_owned()))?;
        tally.gone.clone()
    }

    /// Notes that all records of a function from this key on were dropped.
    pub(crate) fn note_gone(&self, space: &Space, function: &str, from: Vec<u8>) {
        let key = (space.clone(), function.to_owned());
        self.functions.lock().entry(key).or_default().gone = Some(from);
    }
}
