//! What happened: the lines that functions print, and a record of each invocation.
//!
//! Lines are kept by group; a group's lines come from streams, one for each instance that prints. Both lines and
//! records are facts about work that is already done, so they are written behind it, together, and buffered: losing the
//! newest ones in a crash loses no promise. (What somebody else puts here is synced before he is answered.) What is kept of each is bounded, oldest first.
//!
//! Must never know: why something ran, how a process is confined, or what a cloud calls these things.

mod behind;
mod error;
mod follow;
mod group;
mod invocation;
mod lines;
mod schema;
mod stream;
mod tally;

use std::sync::Arc;

use base::ByteSize;
use store::Store;

pub use behind::Writer;
pub use error::{Error, Result};
pub use follow::{Filter, Follow, Heard};
pub use group::{GroupFacts, KEPT_DAYS};
pub use lines::Logged;
pub use schema::{Failure, Group, Invocation, Line, Outcome, Phases, Settings, Settlement};
pub use stream::{Made, StreamFacts};

use behind::Behind;
use tally::Tallies;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Lines of one group, all its streams together.
    pub group: ByteSize,
    /// Invocation records of one function.
    pub invocations: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            group: ByteSize::mib(64),
            invocations: 10_000,
        }
    }
}

/// A handle on what happened. Clones share it.
#[derive(Clone, Debug)]
pub struct Ledger {
    store: Store,
    limits: Limits,
    tallies: Arc<Tallies>,
    behind: Arc<Behind>,
}

impl Ledger {
    pub fn new(store: Store, limits: Limits) -> Self {
        Self {
            store,
            limits,
            tallies: Arc::default(),
            behind: Arc::default(),
        }
    }
}
