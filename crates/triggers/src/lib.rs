//! What makes a function run: bindings from the changes of engines to functions.
//!
//! An engine appends what somebody watches to its change log, in the change's own transaction. Here that log is
//! followed: one transaction moves the cursor and enqueues an invocation for every binding that matches. If it is lost
//! in a crash, cursor and invocations are lost together and it is done again, so every change arrives at least once.
//!
//! A *mapping* hands the records of a stream to a function in batches, while it waits for the outcome. `delivery` decides
//! what is next in one shard, `shard` does it, and `keep` keeps a worker for each mapping.
//!
//! Must never know: how a cloud writes its bindings down, or what an event looks like to a function.

mod admit;
pub mod balancer;
mod binding;
mod bucket;
mod bus;
mod call;
mod delivery;
mod dialect;
pub mod edge;
mod error;
mod filter;
mod follow;
mod gateway;
mod invoker;
mod keep;
mod lines;
mod mapping;
mod object;
mod outgoing;
mod path;
pub mod pattern;
mod plan;
mod posting;
mod publication;
mod queue;
mod schedule;
mod schema;
mod settled;
mod shard;
mod subscription;
mod target;
mod wording;

use std::sync::Arc;

use base::{Clock, Random};
use buses::Buses;
use functions::Functions;
use objects::Objects;
use queues::Queues;
use schedules::Schedules;
use store::Store;
use tables::Tables;
use tokio::sync::watch;
use topics::Topics;

pub use admit::{Admission, Considered};
pub use bus::{BadInput, BusFollower, NewRule, NotPut, Page};
pub use call::{Call, Declined, Operations};
pub use delivery::{Answer, FailedRecords, Reason, Window};
pub use dialect::{Dialect, FailedMessages, Failure, Ran};
pub use error::{Error, Result};
pub use filter::FilterError;
pub use gateway::Found;
pub use invoker::Invoker;
pub use lines::{LinePattern, LinePatternError};
pub use mapping::{MappingChange, NewMapping};
pub use outgoing::{
    DeadLetter, Ended, Judge, LogLine, Outgoing, Owner, Post, Retries, Trouble, Undelivered, Waits,
    Web, Work,
};
pub use path::{Parameters, PathPattern};
pub use schedule::{Called, Order, Orders};
pub use schema::gateway::{
    Asked, Asks, Backend, Callee, Conversion, Conversions, Cors, FixedAnswer, ForwardedBackend,
    Forwarding, FunctionBackend, FunctionGuard, Gateway, GatewayTimes, Guard, GuardKind, Guarded,
    KeySource, MappedAnswer, MappedBackend, RefusalForm, Route, Source, Stage, TokenGuard,
    Translation, Unmapped, Wanted,
};
pub use schema::lines::LineSubscription;
pub use schema::plan::{ClientKey, Period, Plan, PlannedStage, Quota, Rate};
pub use schema::rule::{
    Address, Connection, Extra, Input, Parameter, Place, Proof, RequestParts, RetryLimits, Rule,
    RuleState, RuleTarget,
};
pub use schema::subscription::{
    Consent, FilterPolicy, FilterScope, Subscription, SubscriptionSettings, Way,
};
pub use schema::{
    EventKind, LastResult, Mapping, MappingSettings, MappingSource, MappingState, ObjectBinding,
    Starting,
};
pub use subscription::NewSubscription;
pub use target::{About, Attribute, Destination, Message, Named, Refusal, Sent, Target};
pub use wording::{Bare, Notice, Wording};

/// What triggers need.
pub struct Parts {
    pub store: Store,
    pub objects: Objects,
    pub tables: Tables,
    pub buses: Buses,
    pub schedules: Schedules,
    pub queues: Queues,
    pub functions: Functions,
    pub topics: Topics,
    pub wording: Arc<dyn Wording>,
    pub clock: Arc<dyn Clock>,
    pub random: Random,
}

/// A handle on the bindings. Clones share them.
#[derive(Clone)]
pub struct Triggers {
    store: Store,
    objects: Objects,
    tables: Tables,
    buses: Buses,
    schedules: Schedules,
    queues: Queues,
    functions: Functions,
    topics: Topics,
    wording: Arc<dyn Wording>,
    clock: Arc<dyn Clock>,
    random: Random,
    /// Rung when a mapping was made or changed.
    mappings: watch::Sender<u64>,
    /// Rung when a subscription was made, changed or removed.
    subscriptions: watch::Sender<u64>,
    /// Rung when somebody is to be fed with lines.
    line_subscriptions: watch::Sender<u64>,
    buckets: Arc<admit::Buckets>,
    plans: Arc<plan::Known>,
}

impl Triggers {
    pub fn new(parts: Parts) -> Self {
        Self {
            store: parts.store,
            objects: parts.objects,
            tables: parts.tables,
            buses: parts.buses,
            schedules: parts.schedules,
            queues: parts.queues,
            functions: parts.functions,
            topics: parts.topics,
            wording: parts.wording,
            clock: parts.clock,
            random: parts.random,
            mappings: watch::Sender::new(0),
            subscriptions: watch::Sender::new(0),
            line_subscriptions: watch::Sender::new(0),
            buckets: Arc::default(),
            plans: Arc::default(),
        }
    }
}
