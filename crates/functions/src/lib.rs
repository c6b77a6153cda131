//! Functions: what is deployed, and running it.
//!
//! An invocation is resolved to a function, takes a *permit* (one unit of concurrency), is lent an *instance* (one
//! confined process that serves one invocation at a time, or several: `joint.rs`) or starts one, and ends in an outcome, which is written to
//! the ledger. Asynchronous invocations wait in a durable backlog and are delivered at least once.
//!
//! Instances speak the worker protocol (`worker.rs`): they ask for work, and answer it. What a cloud's functions see
//! (environment, event, error shapes, log lines) comes from its [`Dialect`].
//!
//! Must never know: why something is to run (that is `triggers`' business), or any cloud's words. The worker protocol
//! is the one exception: it is published, and others' runtimes speak it, so its constants stand in `protocol.rs`.

mod alias;
mod backlog;
mod call;
mod capture;
mod code;
mod concurrency;
mod create;
mod delete;
mod dialect;
mod dialects;
mod errand;
mod error;
mod event;
mod extension;
mod get;
mod handover;
mod instance;
mod invoke;
mod joint;
mod keep;
mod launch;
mod layer;
mod permission;
mod pool;
mod protocol;
mod provision;
mod rest;
mod schema;
mod settled;
mod stream;
mod templates;
mod trial;
mod turns;
mod update;
mod version;
mod worker;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::{ByteSize, Clock, Random, Space};
use ledger::Ledger;
use store::{Store, Working};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use alias::{AliasChange, NewAlias};
pub use code::pack;
pub use create::{Create, NewCode};
pub use dialect::{
    CallFacts, Dialect, Ended, Exit, Failed, Fault, Happening, Initialization, InstanceFacts,
    Looping, Moment, Report,
};
pub use dialects::Dialects;
pub use error::{Error, PackageError, Result, Throttle};
pub use event::{
    Caller, CallerKey, Event, GatewayKind, HttpForm, HttpRequest, HttpRoute, ObjectEvent,
    ObjectEventKind,
};
pub use extension::{Broken, How, Kind};
pub use handover::{FRAMING, HttpAnswer, HttpBegun, NoAnswer, handed_over, posted};
pub use invoke::{Invoke, Outcome};
pub use keep::{KeepAlive, Plan, Policy, Watched, Window};
pub use launch::{Extensions, Keeper, Launch, Launched, Launcher, NotLaunched, Process, Start};
pub use layer::PublishLayer;
pub use provision::{Provisioning, ProvisioningState};
pub use rest::Freeze;
pub use schema::{
    Alias, Architecture, AsyncSettings, Code, CodeSource, Configuration, Function, Generation, Job,
    LayerVersion, LogFormat, Logging, Permission, Provisioned, Recursion, UsedLayer,
};
pub use settled::{Answered, LoggedSettled, Settled};
pub use stream::Answering;
pub use templates::KeptTemplate;
pub use trial::Trial;
pub use update::UpdateCode;
pub use version::Publish;

use code::CodeStore;
use concurrency::{Permits, Scaling};
use pool::Pools;
use provision::Provisions;
use templates::Templates;
use turns::Turns;
use worker::Ahead;

#[derive(Clone, Debug)]
pub struct Config {
    /// How many invocations may run at once in one space.
    pub concurrency: u32,
    /// What of that functions with reserved concurrency must leave to the others.
    pub least_unreserved: u32,
    /// How many instances one function may start at once; they become free again evenly over `scaling_period`. None for
    /// no limit.
    pub scaling: Option<u32>,
    pub scaling_period: Duration,
    /// How long idle instances are kept.
    pub keep_alive: Policy,
    /// Whether instances are started ahead of calls that the policy expects. Then a function's initialisation runs
    /// although nobody has called it.
    pub start_ahead: bool,
    /// How long an instance lives at most, however busy: the keys that it was given do not last for ever.
    pub longest_life: Duration,
    /// How long an instance may take to ask for work the first time.
    pub init_timeout: Duration,
    /// The largest answer of a function.
    pub response: ByteSize,
    /// The largest answer that is passed on while it comes.
    pub streamed: ByteSize,
    /// What a package may unpack to.
    pub unpacked: ByteSize,
    /// A function whose initialisation takes longer gets a template, from which its further instances are forked.
    pub template_after: Duration,
    /// The memory that templates may use together, what they share with their instances included.
    pub templates: ByteSize,
    /// How many asynchronous invocations run at once, of all spaces.
    pub backlog: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            concurrency: 1_000,
            least_unreserved: 100,
            scaling: Some(1_000),
            scaling_period: Duration::from_secs(10),
            keep_alive: Policy::default(),
            start_ahead: false,
            longest_life: Duration::from_secs(6 * 3_600),
            init_timeout: Duration::from_secs(10),
            // The published limit of 6 MB and what the envelope may add.
            response: ByteSize::bytes((6 << 20) + 100),
            streamed: ByteSize::mib(200),
            unpacked: ByteSize::mib(250),
            template_after: Duration::from_millis(100),
            templates: ByteSize::mib(1_024),
            backlog: 1_000,
        }
    }
}

/// What functions need.
pub struct Parts {
    pub store: Store,
    pub ledger: Ledger,
    pub launcher: Launcher,
    pub dialects: Dialects,
    pub clock: Arc<dyn Clock>,
    pub random: Random,
    /// Where packages are unpacked.
    pub code_dir: PathBuf,
    pub config: Config,
}

/// A handle on the functions. Clones share it.
#[derive(Clone)]
pub struct Functions {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    ledger: Ledger,
    launcher: Launcher,
    dialects: Dialects,
    clock: Arc<dyn Clock>,
    /// For what takes time: deadlines that the code compares with its own clock, and how long processes are kept.
    host: Arc<dyn Clock>,
    random: Random,
    config: Config,
    code: CodeStore,
    pools: Pools,
    templates: Templates,
    permits: Permits,
    working: Working,
    scaling: Scaling,
    turns: Turns,
    provisions: Provisions,
    /// What streamed answers hold that nobody has taken yet.
    ahead: Ahead,
    running: TaskTracker,
    stopping: CancellationToken,
}

impl Functions {
    pub fn open(parts: Parts) -> Result<Self> {
        let permits = Permits::new(parts.config.concurrency);
        let pools = Pools::new(parts.config.keep_alive);
        let functions = Self {
            shared: Arc::new(Shared {
                code: CodeStore::new(parts.code_dir, parts.config.unpacked, parts.random.clone()),
                store: parts.store,
                ledger: parts.ledger,
                launcher: parts.launcher,
                dialects: parts.dialects,
                host: parts.clock.host(),
                clock: parts.clock,
                random: parts.random,
                config: parts.config,
                pools,
                templates: Templates::default(),
                permits,
                working: Working::default(),
                ahead: Ahead::default(),
                scaling: Scaling::default(),
                turns: Turns::default(),
                provisions: Provisions::default(),
                running: TaskTracker::new(),
                stopping: CancellationToken::new(),
            }),
        };
        functions.learn_reservations()?;
        functions.learn_provisioned()?;
        Ok(functions)
    }

    /// Where it is written down what they print.
    pub fn ledger(&self) -> &Ledger {
        &self.shared.ledger
    }

    /// An id for an invocation.
    pub fn new_request_id(&self) -> String {
        self.shared.random.uuid().to_string()
    }

    /// A trace for an invocation that belongs to none, in the words of the space's cloud.
    pub fn new_trace(&self, space: &Space) -> String {
        let (dialect, random) = (self.shared.dialects.of(space), &self.shared.random);
        dialect.trace(self.shared.host.now(), random.bytes())
    }

    /// Kills every instance and waits until what ran has been written down. Nothing runs afterwards.
    pub async fn shutdown(&self) {
        self.shared.stopping.cancel();
        self.shared.pools.clear();
        self.shared.templates.clear();
        self.shared.running.close();
        self.shared.running.wait().await;
        self.shared.ledger.caught_up().await;
    }
}

impl Functions {
    /// The placeholders that there are, or why there are none.
    pub fn placeholders(&self) -> Vec<runtimes::Kept> {
        self.shared.launcher.placeholders()
    }

    /// The version of the host's program that a runtime's id runs on, if it is the host's.
    pub async fn runs_on(&self, runtime: &str) -> Option<String> {
        self.shared.launcher.runs_on(runtime).await
    }

    /// What is to be said about a runtime's id that runs on another version than it names.
    pub async fn runs_instead(&self, runtime: &str) -> Option<String> {
        self.shared.launcher.runs_instead(runtime).await
    }
}

impl std::fmt::Debug for Functions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Functions")
    }
}
