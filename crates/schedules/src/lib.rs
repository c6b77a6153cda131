//! Schedules: what is to be done at which times.
//!
//! When a schedule is due next is a timer in the store. Who does what is due takes it in the transaction in which it is
//! done, and the same transaction sets the next time, which is found from the one before and not from the clock: so
//! nothing is skipped and nothing is done twice, however often the server ends in between and whatever the clock does.
//! What fell due while there was no server is done late, one after the other, unless it is older than its schedule
//! allows ([`Retries::age`]).
//!
//! Must never know: what is done, or to whom.

mod due;
mod error;
mod expression;
mod group;
mod list;
mod put;
mod rule;
mod schema;
mod timetable;

use std::sync::Arc;

use base::{Clock, Random, Timestamp};
use store::Store;

pub use due::{Occasion, Owner};
pub use error::{Error, Result};
pub use expression::{Cron, Expression, Malformed};
pub use group::DEFAULT;
pub use list::{Listed, Wanted};
pub use schema::{Group, Retries, Schedule, Settings, Whose};
pub use timetable::Timetable;

/// The engine's handle. Clones share it.
#[derive(Clone)]
pub struct Schedules {
    store: Store,
    clock: Arc<dyn Clock>,
    random: Random,
}

impl Schedules {
    /// The time by which things fall due.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn new(store: Store, clock: Arc<dyn Clock>, random: Random) -> Self {
        Self {
            store,
            clock,
            random,
        }
    }
}

impl std::fmt::Debug for Schedules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Schedules")
    }
}
