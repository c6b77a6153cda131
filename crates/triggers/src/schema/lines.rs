//! Who is fed with which groups' lines, and how far each was.

use std::collections::BTreeMap;

use base::Timestamp;
use ledger::Group;
use serde::{Deserialize, Serialize};
use store::{Key, Keyspace, Record, Table};

use super::Cursor;
use crate::target::Target;

/// By space, group and name.
pub(crate) const LINE_SUBSCRIPTIONS: Table<LineSubscription> = Table::new(Keyspace::Triggers, 62);
/// Up to which entry of its group each was dealt with: by the same.
pub(crate) const LINE_CURSORS: Table<Cursor> = Table::new(Keyspace::Triggers, 63);

/// Feeds a function with the lines of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineSubscription {
    pub group: Group,
    /// Unique among the group's.
    pub name: String,
    /// Which lines are wanted: a [`LinePattern`](crate::LinePattern), as it was written.
    pub pattern: String,
    pub target: Target,
    pub created: Timestamp,
    /// What else its owner has set, in the words of the face that was told.
    pub others: BTreeMap<String, String>,
}

impl Record for LineSubscription {}

impl LineSubscription {
    pub(crate) fn key(&self) -> Key {
        subscriptions_of(&self.group).str(&self.name)
    }

    pub(crate) fn cursor(&self) -> Key {
        cursors_of(&self.group).str(&self.name)
    }
}

pub(crate) fn subscriptions_of(group: &Group) -> Key {
    LINE_SUBSCRIPTIONS
        .key()
        .str(group.space.as_str())
        .str(&group.name)
}

pub(crate) fn cursors_of(group: &Group) -> Key {
    LINE_CURSORS
        .key()
        .str(group.space.as_str())
        .str(&group.name)
}
