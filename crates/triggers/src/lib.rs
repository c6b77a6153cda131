//! What makes a function run: bindings from the changes of engines to functions.
//!
//! An engine appends what somebody watches to its change log, in the change's own transaction. Here that log is
//! followed: one transaction moves the cursor and enqueues an invocation for every binding that matches. If it is lost
//! in a crash, cursor and invocations are lost together and it is done again, so every change arrives at least once.
//!
//! Must never know: how a cloud writes its bindings down, or what an event looks like to a function.

mod admit;
mod binding;
mod bucket;
mod error;
mod follow;
mod gateway;
mod plan;
mod schema;

use std::sync::Arc;

use base::Clock;
use functions::Functions;
use objects::Objects;
use store::Store;

pub use admit::Admission;
pub use error::{Error, Result};
pub use gateway::Found;
pub use schema::gateway::{
    Asks, Backend, Cors, FixedAnswer, FunctionBackend, FunctionGuard, Gateway, Guard, GuardKind,
    Guarded, KeySource, RefusalForm, Route, Source, Stage, TokenGuard, Wanted,
};
pub use schema::plan::{ClientKey, Period, Plan, PlannedStage, Quota, Rate};
pub use schema::{EventKind, ObjectBinding, Target};

/// A handle on the bindings. Clones share them.
#[derive(Clone)]
pub struct Triggers {
    store: Store,
    objects: Objects,
    functions: Functions,
    clock: Arc<dyn Clock>,
    buckets: Arc<admit::Buckets>,
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
            buckets: Arc::default(),
        }
    }
}
