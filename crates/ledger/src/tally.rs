//! How much is kept of each group and function, counted in memory so that writing costs no reading.

use std::collections::HashMap;

use base::Space;
use parking_lot::Mutex;

use crate::schema::Group;

#[derive(Debug, Default)]
pub(crate) struct Tallies {
    groups: Mutex<HashMap<Group, GroupTally>>,
    functions: Mutex<HashMap<(Space, String), usize>>,
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
        let count = functions.get_mut(&(space.clone(), function.to_owned()))?;
        *count += 1;
        Some(*count)
    }

    pub(crate) fn set_function(&self, space: &Space, function: &str, count: usize) {
        self.functions
            .lock()
            .insert((space.clone(), function.to_owned()), count);
    }
}
