//! Queues of messages: each is sent once, seen by one at a time, and kept until whoever has it says that it is done.
//!
//! # Plain queues
//!
//! A send appends to the queue's log and reads nothing, so any number of them share a sync without conflicts. What was
//! never received is found by a cursor into that log, which is in memory: it moves with each receive, and so nobody
//! walks over what was taken or deleted. A message that was received (or is delayed) has a second row that says until
//! when, sorted by that time, and is found again by it. A receive is buffered: to lose it in a crash only means that the
//! messages are seen again. A settlement is synced.
//!
//! # Ordered queues
//!
//! Each message is in the log of its group too, and the queue's log says only whose turn it is. While a message of a group
//! is in flight the group is locked; the cursor passes over the messages of locked groups, and `desk/ordered.rs` remembers
//! where each of these groups goes on.
//!
//! # One process
//!
//! A store is open in one process. So who takes which message is settled in memory, in the queue's `desk`, and
//! transactions of receivers do not meet. What the desk knows is derived from the store, and derived again after a start.
//!
//! Must never know: how any cloud writes a message, an attribute or an error.

mod allow;
mod counts;
mod create;
mod desk;
mod drop;
mod error;
mod hold;
mod list;
mod message;
mod moves;
mod once;
mod place;
mod purge;
mod receipt;
mod receive;
mod remove;
mod schema;
mod send;
mod settings;
mod settle;
mod sweep;
mod tags;
mod tally;
mod upkeep;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use base::{Clock, Random};
use parking_lot::Mutex;
use store::Store;
use tokio::sync::Notify;

pub use counts::Counts;
pub use create::NewQueue;
pub use error::{Error, Result};
pub use list::Names;
pub use message::{NewMessage, Received, Sent, SequenceNumber};
pub use moves::{MAX_MOVES_PER_SECOND, NewMove};
pub use receipt::Receipt;
pub use receive::Receive;
pub use schema::{
    Address, Allow, Attribute, AttributeValue, Message, Move, MoveFailure, MoveState, Queue,
    Redrive, Settings,
};
pub use tags::MAX_TAGS;

use desk::Desk;

/// The most that a message may have, with its attributes.
pub const MAX_MESSAGE: u32 = 1 << 20;
/// The most messages of a queue that may be in flight.
pub const MAX_IN_FLIGHT: usize = 120_000;
/// The longest that a message may be held after it was received.
pub const MAX_HELD_S: u32 = 12 * 3600;

/// A handle on the queues. Clones share it.
#[derive(Clone)]
pub struct Queues {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    clock: Arc<dyn Clock>,
    random: Random,
    desks: Mutex<HashMap<Address, Arc<Desk>>>,
    /// Rung when there is something to remove.
    upkeep: Notify,
    /// Rung when messages are to be moved.
    moves: Notify,
}

impl Queues {
    pub fn new(store: Store, clock: Arc<dyn Clock>, random: Random) -> Self {
        Self {
            shared: Arc::new(Shared {
                store,
                clock,
                random,
                desks: Mutex::new(HashMap::new()),
                upkeep: Notify::new(),
                moves: Notify::new(),
            }),
        }
    }

    fn store(&self) -> &Store {
        &self.shared.store
    }

    fn now(&self) -> base::Timestamp {
        self.shared.clock.now()
    }
}

impl std::fmt::Debug for Queues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Queues")
    }
}
