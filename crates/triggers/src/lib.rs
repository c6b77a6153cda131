//! What makes a function run: bindings from the changes of engines to functions.
//!
//! An engine appends what somebody watches to its change log, in the change's own transaction. Here that log is
//! followed: one transaction moves the cursor and enqueues an invocation for every binding that matches. If it is lost
//! in a crash, cursor and invocations are lost together and it is done again, so every change arrives at least once.
//!
//! Must never know: how a cloud writes its bindings down, or what an event looks like to a function.

mod binding;
mod bucket;
mod delivery;
mod error;
mod follow;
mod gateway;
pub mod pattern;
mod schema;

use std::sync::Arc;

use base::Clock;
use functions::Functions;
use objects::Objects;
use store::Store;

pub use error::{Error, Result};
pub use gateway::Found;
pub use schema::{Cors, EventKind, Gateway, HttpTarget, ObjectBinding, Stage, Target};

/// A handle on the bindings. Clones share them.
#[derive(Clone)]
pub struct Triggers {
    store: Store,
    objects: Objects,
    functions: Functions,
    clock: Arc<dyn Clock>,
}

impl Triggers {
    pub fn new(
        store: Store,
        objects: Objects,
        functions: Functions,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            store,
            objects,
            functions,
            clock,
        }
    }
}
