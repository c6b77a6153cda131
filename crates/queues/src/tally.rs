//! How many messages a queue has: a sum to which whatever sends or removes some adds.

use store::{Key, Tx, View};

use crate::schema::{COUNTS, TALLIES};

/// More than there are ever.
const ALL: usize = 1 << 20;

pub(crate) fn add(tx: &mut Tx, queue: u64, change: i64) {
    if change != 0 {
        COUNTS.add(tx, counted(queue), [change]);
    }
}

pub(crate) fn total(view: &View, queue: u64) -> store::Result<u64> {
    let [counted] = COUNTS.get(view, &counted(queue))?;
    // What queues that are older than sums have counted.
    let before = TALLIES.scan(view, &TALLIES.key().u64(queue).range(), ALL)?;
    let before: i64 = before.iter().map(|(_, tally)| tally.0).sum();
    Ok(u64::try_from(counted + before).unwrap_or(0))
}

/// Where the sum is.
pub(crate) fn counted(queue: u64) -> Key {
    COUNTS.key().u64(queue)
}
