//! One process that serves one invocation at a time.
//!
//! Whatever ends a wait for the worker is `unconstrained`: a worker that floods us with requests uses up our task's
//! budget, and a deadline that is subject to it would look as if it never came.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use base::{Clock, Stopwatch, Timestamp};
use ledger::Group;
use tokio::task::unconstrained;
use tokio_util::sync::CancellationToken;

use crate::capture::{Capture, Destination, Pipes};
use crate::code::Hold;
use crate::dialect::{Exit, Failed, Fault, Initialization, InstanceFacts};
use crate::launch::{Launch, NotLaunched, Process, Start};
use crate::provision::Place;
use crate::schema::{Function, Generation};
use crate::worker::{Broken, Handover, Ready, Reply, Worker};
use crate::{Error, Functions, Result};

/// How long we wait to learn how a process ended whose connection is gone.
const EXIT_WAIT: Duration = Duration::from_millis(500);

/// A process that has asked for work at least once. Dropping it kills it.
pub(crate) struct Instance {
    pub(crate) generation: Generation,
    pub(crate) capture: Capture,
    pub(crate) idle_since: Timestamp,
    started: Timestamp,
    /// How its process came to be.
    pub(crate) start: Start,
    worker: Worker,
    process: Process,
    /// Its place among those that are kept initialised.
    pub(crate) kept: Option<Place>,
    _code: Vec<Hold>,
}

/// An attempt at starting one.
pub(crate) enum Started {
    Ready {
        instance: Instance,
        launch: Duration,
        init: Duration,
    },
    Failed {
        failure: InitFailure,
        capture: Capture,
        launch: Duration,
        init: Duration,
    },
}

/// Why an instance did not come to ask for work.
pub(crate) enum InitFailure {
    Reported(Failed),
    /// The code has nothing that could be started.
    NoEntrypoint(String),
    Exited(Exit),
    BrokeOff,
    TimedOut,
    Stopped,
}

impl std::fmt::Display for InitFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Reported(failed) => write!(f, "{}: {}", failed.kind, failed.message),
            Self::NoEntrypoint(why) => f.write_str(why),
            Self::Exited(exit) => write!(f, "it ended: {exit:?}"),
            Self::BrokeOff => f.write_str("it spoke no more"),
            Self::TimedOut => f.write_str("it took too long"),
            Self::Stopped => f.write_str("the server is stopping"),
        }
    }
}

/// How an instance dealt with its work.
pub(crate) struct Served {
    pub(crate) result: std::result::Result<Reply, Fault>,
    /// It has asked for more.
    pub(crate) reusable: bool,
    pub(crate) took: Duration,
}

/// Until when, and what else ends it.
pub(crate) struct Limits<'a> {
    pub(crate) clock: &'a dyn Clock,
    pub(crate) deadline: Timestamp,
    /// The function's own limit, to be told.
    pub(crate) timeout: Duration,
    pub(crate) stopping: &'a CancellationToken,
}

impl Functions {
    /// Starts an instance and waits until it asks for work, at the latest until `deadline`.
    pub(crate) async fn start(
        &self,
        function: &Function,
        log_stream: &str,
        why: Initialization,
        deadline: impl Fn(Timestamp) -> Timestamp,
    ) -> Result<Started> {
        let shared = &self.shared;
        let watch = Stopwatch::start();
        let (code, hold) = self.code_of(&function.code).await?;
        let (layers, mut holds) = self.layers_of(&function.configuration.layers).await?;
        holds.push(hold);
        let group = self.log_group(function);
        let facts = InstanceFacts {
            function,
            version: function.version,
            log_group: &group.name,
            log_stream,
            initialization: why,
        };
        let what = self.plan(&facts, code, layers);
        let launched = match self.fork_of_template(function, &what).await {
            Some(launched) => Ok(launched),
            None => shared.launcher.launch(what, &shared.running).await,
        };
        let launched = match launched {
            Ok(launched) => launched,
            Err(NotLaunched::Host(why)) => return Err(Error::Launch(why)),
            Err(NotLaunched::Entrypoint(why)) => {
                return Ok(Started::Failed {
                    failure: InitFailure::NoEntrypoint(why),
                    capture: self.capture(Pipes::empty(), function, group, log_stream),
                    launch: watch.elapsed(),
                    init: Duration::ZERO,
                });
            }
        };
        let launch = watch.elapsed();
        let pipes = Pipes {
            stdout: launched.stdout,
            stderr: launched.stderr,
        };
        let capture = self.capture(pipes, function, group, log_stream);
        let mut worker = Worker::new(launched.connection, shared.config.response.as_bytes());
        let deadline = deadline(shared.clock.now());
        let init = Stopwatch::start();
        let ready = self.init(&mut worker, &launched.process, deadline).await;
        let init = init.elapsed();
        Ok(match ready {
            Ok(()) => {
                self.consider_template(function, launched.start, init);
                let instance = Instance {
                    start: launched.start,
                    generation: function.generation,
                    capture,
                    idle_since: shared.clock.now(),
                    started: shared.clock.now(),
                    worker,
                    process: launched.process,
                    kept: None,
                    _code: holds,
                };
                Started::Ready {
                    instance,
                    launch,
                    init,
                }
            }
            Err(InitFailure::Exited(Exit::NotStarted(why))) => return Err(Error::Launch(why)),
            Err(failure) => Started::Failed {
                failure,
                capture,
                launch,
                init,
            },
        })
    }

    pub(crate) fn capture(
        &self,
        pipes: Pipes,
        function: &Function,
        group: Group,
        log_stream: &str,
    ) -> Capture {
        let shared = &self.shared;
        let destination = Destination {
            group,
            stream: log_stream.to_owned(),
            function: function.name.clone(),
        };
        let (ledger, clock) = (shared.ledger.clone(), shared.clock.clone());
        Capture::start(pipes, destination, ledger, clock, &shared.running)
    }

    async fn init(
        &self,
        worker: &mut Worker,
        process: &Process,
        deadline: Timestamp,
    ) -> std::result::Result<(), InitFailure> {
        tokio::select! {
            biased;
            ready = worker.ready() => match ready {
                Ok(Ready::Ready) => {
                    process.settle();
                    Ok(())
                }
                Ok(Ready::InitError { kind, payload }) => {
                    let failed = self.shared.dialect.reported(payload, kind.as_deref());
                    Err(InitFailure::Reported(failed))
                }
                Err(broken) => Err(match exit_of(process, &broken).await {
                    Some(exit) => InitFailure::Exited(exit),
                    None => InitFailure::BrokeOff,
                }),
            },
            exit = unconstrained(process.wait()) => Err(match said_at_the_end(worker.ready()).await {
                Some(Ready::InitError { kind, payload }) => {
                    InitFailure::Reported(self.shared.dialect.reported(payload, kind.as_deref()))
                }
                _ => InitFailure::Exited(exit),
            }),
            () = unconstrained(self.shared.clock.sleep_until(deadline)) => Err(InitFailure::TimedOut),
            () = unconstrained(self.shared.stopping.cancelled()) => Err(InitFailure::Stopped),
        }
    }

    pub(crate) fn plan(
        &self,
        facts: &InstanceFacts<'_>,
        code: PathBuf,
        layers: Option<PathBuf>,
    ) -> Launch {
        let configuration = &facts.function.configuration;
        let platform = self.shared.dialect.environment(facts);
        let mut environment: BTreeMap<String, String> = platform.into_iter().collect();
        environment.extend(configuration.environment.clone());
        Launch {
            runtime: configuration.runtime.clone(),
            handler: configuration.handler.clone(),
            code,
            layers,
            environment: environment.into_iter().collect(),
            memory: configuration.memory,
            ephemeral: configuration.ephemeral,
        }
    }

    /// Where the function's lines go.
    pub fn log_group(&self, function: &Function) -> Group {
        let configured = function.configuration.logging.group.clone();
        Group {
            space: function.space.clone(),
            name: configured.unwrap_or_else(|| self.shared.dialect.log_group(function)),
        }
    }
}

impl Instance {
    /// False if it has died while it was idle, or is too old.
    pub(crate) fn is_fit(&self, now: Timestamp, longest_life: Duration) -> bool {
        !self.process.has_exited() && now.since(self.started) < longest_life
    }

    pub(crate) fn kill(&self) {
        self.process.kill();
    }

    /// The most memory it has used so far, in whole MiB.
    pub(crate) fn peak_memory_mb(&self) -> impl Future<Output = Option<u32>> + Send {
        // Not of the whole instance: its worker is only one task's.
        let process = &self.process;
        async move {
            let peak = process.peak_memory().await?;
            u32::try_from(peak.as_mib()).ok()
        }
    }

    /// Hands work over and waits for the reply, and then for the next request, which makes it fit for more work.
    pub(crate) async fn serve(&mut self, work: &Handover<'_>, limits: Limits<'_>) -> Served {
        let watch = Stopwatch::start();
        let result = self.exchange(work, &limits).await;
        let took = watch.elapsed();
        let reusable = result.is_ok() && self.asks_for_more(&limits).await;
        Served {
            result,
            reusable,
            took,
        }
    }

    async fn exchange(
        &mut self,
        work: &Handover<'_>,
        limits: &Limits<'_>,
    ) -> std::result::Result<Reply, Fault> {
        let Self {
            worker, process, ..
        } = self;
        let reply = async {
            worker.hand_over(work).await?;
            worker.reply(work).await
        };
        let ended = tokio::select! {
            biased;
            reply = reply => match reply {
                Ok(reply) => return Ok(reply),
                Err(broken) => exit_of(process, &broken).await,
            },
            exit = unconstrained(process.wait()) => Some(exit),
            () = unconstrained(limits.clock.sleep_until(limits.deadline)) => return Err(Fault::TimedOut(limits.timeout)),
            () = unconstrained(limits.stopping.cancelled()) => return Err(Fault::Stopped),
        };
        let Some(exit) = ended else {
            return Err(Fault::BrokeOff);
        };
        // It may have answered and ended at once, and we heard of the end first.
        match said_at_the_end(self.worker.reply(work)).await {
            Some(reply) => Ok(reply),
            None => Err(Fault::Exited(exit)),
        }
    }

    async fn asks_for_more(&mut self, limits: &Limits<'_>) -> bool {
        let Self {
            worker, process, ..
        } = self;
        tokio::select! {
            biased;
            asked = worker.asks_again() => asked.is_ok(),
            _ = unconstrained(process.wait()) => false,
            () = unconstrained(limits.clock.sleep_until(limits.deadline)) => false,
            () = unconstrained(limits.stopping.cancelled()) => false,
        }
    }
}

/// What a process that has ended had still said.
async fn said_at_the_end<T>(
    saying: impl Future<Output = std::result::Result<T, Broken>>,
) -> Option<T> {
    // Its end of the connection is closed, unless its children have it; so this does not wait for a moment to come.
    tokio::time::timeout(Duration::from_millis(100), saying)
        .await
        .ok()?
        .ok()
}

/// How a process ended whose connection is gone; none if it lives on.
async fn exit_of(process: &Process, broken: &Broken) -> Option<Exit> {
    tracing::debug!(%broken, "an instance's connection ended");
    tokio::time::timeout(EXIT_WAIT, process.wait()).await.ok()
}
