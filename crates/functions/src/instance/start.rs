//! Starting instances: from a function's code to a process that asks for its first work.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::{Stopwatch, Timestamp};
use ledger::{Group, Line, Writer};
use runtimes::Connection;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::unconstrained;

use super::{Instance, exit_of, said_at_the_end, tell};
use crate::capture::{Capture, Pipes};
use crate::code::Hold;
use crate::dialect::{Dialect, Exit, Failed, Happening, Initialization, InstanceFacts};
use crate::extension::{self, Beside, Broken, ForWorker, Hub, Telemetry};
use crate::launch::{Extensions, Launch, NotLaunched, Process};
use crate::schema::Function;
use crate::templates::Made;
use crate::turns::{LONGEST_TURN, Turn};
use crate::worker::{Outlets, Ready, Worker};
use crate::{Error, Functions, Result};

/// Tells our bootstraps how many calls they may take at once; they take it out of the environment again.
const AT_ONCE_VARIABLE: &str = "FULMAR_AT_ONCE";

/// What an instance is started for.
#[derive(Clone, Copy)]
pub(crate) struct Why {
    pub(crate) initialization: Initialization,
    /// Its like could not be initialised: this is in the call's own time.
    pub(crate) again: bool,
}

impl Why {
    pub(crate) fn first(initialization: Initialization) -> Self {
        Self {
            initialization,
            again: false,
        }
    }
}

/// A start whose turn it is.
pub(crate) struct Planned<'a> {
    function: &'a Function,
    log_stream: &'a str,
    why: Why,
    watch: Stopwatch,
    what: Launch,
    holds: Vec<Hold>,
    group: Group,
    template: Option<Arc<Made>>,
    turn: Turn,
}

/// An attempt at starting one.
pub(crate) enum Started {
    Ready {
        instance: Box<Instance>,
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
    Extension(Broken),
    TimedOut,
    Stopped,
}

impl std::fmt::Display for InitFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Reported(failed) => write!(f, "{}: {}", failed.kind, failed.message),
            Self::NoEntrypoint(why) => f.write_str(why),
            Self::Exited(exit) => write!(f, "it ended: {exit:?}"),
            Self::Extension(broken) => write!(f, "{} beside it: {:?}", broken.name, broken.how),
            Self::BrokeOff => f.write_str("it spoke no more"),
            Self::TimedOut => f.write_str("it took too long"),
            Self::Stopped => f.write_str("the server is stopping"),
        }
    }
}

impl Functions {
    /// Starts an instance and waits until it asks for work, at the latest until `deadline`.
    pub(crate) async fn start(
        &self,
        function: &Function,
        log_stream: &str,
        why: Why,
        deadline: impl Fn(Timestamp) -> Timestamp,
    ) -> Result<Started> {
        let planned = self.plan_start(function, log_stream, why).await?;
        self.start_planned(planned, deadline).await
    }

    /// Waits for what a start needs, and for a turn to begin it.
    pub(crate) async fn plan_start<'a>(
        &self,
        function: &'a Function,
        log_stream: &'a str,
        why: Why,
    ) -> Result<Planned<'a>> {
        let shared = &self.shared;
        let watch = Stopwatch::start();
        let (code, hold) = self.code_to_start(function).await?;
        let (layers, mut holds) = self.layers_of(&function.configuration.layers).await?;
        holds.push(hold);
        let group = self.log_group(function);
        let facts = facts(function, &group, log_stream, why);
        let what = self.plan(&facts, code, layers);
        let template = self.template_of(function).await;
        let turn = shared.turns.take(&function.space, &function.name).await;
        Ok(Planned {
            function,
            log_stream,
            why,
            watch,
            what,
            holds,
            group,
            template,
            turn,
        })
    }

    pub(crate) async fn start_planned(
        &self,
        planned: Planned<'_>,
        deadline: impl Fn(Timestamp) -> Timestamp,
    ) -> Result<Started> {
        let shared = &self.shared;
        let Planned {
            function,
            log_stream,
            why,
            watch,
            what,
            holds,
            group,
            template,
            turn,
        } = planned;
        let facts = facts(function, &group, log_stream, why);
        let forked = match template {
            Some(template) => self.fork(template, function, &what).await,
            None => None,
        };
        let launched = match forked {
            Some(launched) => Ok(launched),
            None => shared.launcher.launch(what, &shared.running).await,
        };
        if let Err(NotLaunched::Host(why)) = launched {
            return Err(Error::Launch(why));
        }
        // It is known by now: whatever starts it has looked for it.
        let runs_on = shared.launcher.runs_on(&function.configuration.runtime);
        let runs_on = runs_on.await;
        let runs_on = runs_on.as_deref();
        let writer = self.begin_log(&facts, group.clone(), runs_on).await;
        let launched = match launched {
            Ok(launched) => launched,
            Err(NotLaunched::Host(why)) => return Err(Error::Launch(why)),
            Err(NotLaunched::Entrypoint(why)) => {
                return Ok(Started::Failed {
                    failure: InitFailure::NoEntrypoint(why),
                    capture: self.capture(Pipes::empty(), writer, None),
                    launch: watch.elapsed(),
                    init: Duration::ZERO,
                });
            }
        };
        let launch = watch.elapsed();
        let mut extensions = launched.extensions;
        let pipes = Pipes {
            stdout: launched.stdout,
            stderr: launched.stderr,
            beside: extensions.as_mut().map(|started| {
                std::mem::replace(&mut started.printed, Box::new(tokio::io::empty()))
            }),
        };
        let reached = Reached {
            connection: launched.connection,
            beside: launched.beside,
        };
        let (worker, beside) = self.reach(&facts, reached, extensions);
        let at_once = self.at_once(&facts);
        let mut worker = worker
            .with_snapshots(why.initialization == Initialization::Snapshot)
            .with_seats(at_once);
        let telemetry = beside.as_ref().map(|beside| beside.hub.telemetry.clone());
        let capture = self.capture(pipes, writer, telemetry);
        tell(
            beside.as_ref(),
            &Happening::InitStart {
                instance: facts,
                runs_on,
            },
        );
        let deadline = deadline(shared.host.now());
        let init = Stopwatch::start();
        let starting = Starting {
            dialect: &**shared.dialects.of(&function.space),
            process: &launched.process,
            beside: beside.as_ref(),
            why,
        };
        let ready = self
            .init_in_turn(&mut worker, &starting, deadline, turn)
            .await;
        let init = init.elapsed();
        tell(
            beside.as_ref(),
            &Happening::InitReport {
                again: why.again,
                initialization: why.initialization,
                failed: ready.as_ref().err().map(InitFailure::kind),
                timed_out: matches!(ready, Err(InitFailure::TimedOut)),
                took: init,
            },
        );
        Ok(match ready {
            Ok(()) => {
                self.consider_template(function, launched.start, init);
                let instance = Instance {
                    start: launched.start,
                    generation: function.generation,
                    capture,
                    idle_since: shared.host.now(),
                    started: shared.host.now(),
                    worker,
                    process: Arc::new(launched.process),
                    beside: beside.map(Box::new),
                    kept: None,
                    _code: holds,
                };
                Started::Ready {
                    instance: Box::new(instance),
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

    /// Our end of an instance's connections.
    fn reach(
        &self,
        facts: &InstanceFacts<'_>,
        reached: Reached,
        extensions: Option<Extensions>,
    ) -> (Worker, Option<Beside>) {
        let (shared, largest) = (&self.shared, self.shared.config.response.as_bytes());
        let names = extensions.as_ref().map(|started| started.names.clone());
        let hub = || self.hub(facts, names.unwrap_or_default());
        let start = |hub, listener, worker, extensions| {
            let (clock, tasks) = (shared.host.clone(), shared.running.clone());
            Beside::start(hub, listener, worker, extensions, clock, tasks)
        };
        match (reached.connection, reached.beside, extensions) {
            // The worker's listener is everybody's.
            (Connection::Listener(listener), _, Some(extensions)) => {
                let (relay, requests) = mpsc::channel(1);
                let outlets = Outlets::default();
                let worker = Worker::relayed(requests, outlets.clone());
                let for_worker = ForWorker {
                    relay,
                    outlets,
                    largest,
                };
                let beside = start(hub(), listener, Some(for_worker), Some(extensions));
                (worker, Some(beside))
            }
            (connection, Some(listener), extensions) => {
                let beside = start(hub(), listener, None, extensions);
                (Worker::new(connection, largest), Some(beside))
            }
            (connection, None, _) => (Worker::new(connection, largest), None),
        }
    }

    fn hub(&self, facts: &InstanceFacts<'_>, external: Vec<String>) -> Arc<Hub> {
        let shared = &self.shared;
        let spoken = shared.dialects.of(&facts.function.space);
        let told = extension::Facts {
            function: facts.function.name.clone(),
            version: spoken.version_name(facts.version),
            handler: facts.function.configuration.handler.clone(),
            account: spoken.account(facts.function),
        };
        let (dialect, clock) = (spoken.clone(), shared.clock.clone());
        let telemetry = Telemetry::new(dialect, clock, shared.running.clone());
        Hub::new(told, external, shared.random.clone(), telemetry)
    }

    /// The log of an instance that is about to say something itself.
    async fn begin_log(
        &self,
        facts: &InstanceFacts<'_>,
        group: Group,
        runs_on: Option<&str>,
    ) -> Writer {
        let writer = self.writer(facts.function, group, facts.log_stream);
        let at = self.shared.clock.now();
        let dialect = self.shared.dialects.of(&facts.function.space);
        if let Some(text) = dialect.first_line(at, facts, runs_on) {
            writer.print(vec![Line { at, text }]).await;
        }
        writer
    }

    /// As [`init`](Self::init). The turn to start passes to others when that has taken too long.
    async fn init_in_turn(
        &self,
        worker: &mut Worker,
        starting: &Starting<'_>,
        deadline: Timestamp,
        turn: Turn,
    ) -> std::result::Result<(), InitFailure> {
        let host = &self.shared.host;
        let ready = self.init(worker, starting, deadline);
        let turn_ends = async {
            host.sleep_until(host.now() + LONGEST_TURN).await;
            drop(turn);
        };
        tokio::pin!(ready);
        tokio::select! {
            biased;
            ready = &mut ready => ready,
            () = turn_ends => ready.await,
        }
    }

    async fn init(
        &self,
        worker: &mut Worker,
        starting: &Starting<'_>,
        deadline: Timestamp,
    ) -> std::result::Result<(), InitFailure> {
        let Starting {
            dialect,
            process,
            beside,
            ..
        } = *starting;
        let done = |failed| {
            tell(
                beside,
                &Happening::InitDone {
                    again: starting.why.again,
                    initialization: starting.why.initialization,
                    failed,
                },
            );
        };
        let ready = async {
            let ready = worker.ready().await;
            if let Ok(Ready::Ready) = ready {
                done(None);
                Beside::settled(beside)
                    .await
                    .map_err(InitFailure::Extension)?;
            }
            Ok(ready)
        };
        tokio::select! {
            biased;
            ready = ready => match ready? {
                Ok(Ready::Ready) => {
                    // Calls that share an instance need more than the share of one: clouds want whole processors there. So it
                    // keeps what it had to start.
                    if !worker.takes_several() {
                        process.settle();
                    }
                    Ok(())
                }
                Ok(Ready::InitError { kind, payload }) => {
                    let failed = dialect.reported(payload, kind.as_deref());
                    done(Some(&failed.kind));
                    Err(InitFailure::Reported(failed))
                }
                Err(broken) => Err(match exit_of(process, &broken).await {
                    Some(exit) => InitFailure::Exited(exit),
                    None => InitFailure::BrokeOff,
                }),
            },
            exit = unconstrained(process.wait()) => Err(match said_at_the_end(worker.ready()).await {
                Some(Ready::InitError { kind, payload }) => {
                    InitFailure::Reported(dialect.reported(payload, kind.as_deref()))
                }
                _ => InitFailure::Exited(exit),
            }),
            broken = Beside::broken(beside) => Err(InitFailure::Extension(broken)),
            () = unconstrained(self.shared.host.sleep_until(deadline)) => Err(InitFailure::TimedOut),
            () = unconstrained(self.shared.stopping.cancelled()) => Err(InitFailure::Stopped),
        }
    }

    /// How many calls an instance may be given at once. Those that are kept at hand are counted by their calls, so each of
    /// them has one.
    fn at_once(&self, facts: &InstanceFacts<'_>) -> Option<u32> {
        let dialect = self.shared.dialects.of(&facts.function.space);
        match facts.initialization {
            Initialization::OnDemand => dialect.at_once(facts.function),
            Initialization::Provisioned | Initialization::Snapshot => None,
        }
    }

    pub(crate) fn plan(
        &self,
        facts: &InstanceFacts<'_>,
        code: PathBuf,
        layers: Option<PathBuf>,
    ) -> Launch {
        let configuration = &facts.function.configuration;
        let platform = self
            .shared
            .dialects
            .of(&facts.function.space)
            .environment(facts);
        let mut environment: BTreeMap<String, String> = platform.into_iter().collect();
        environment.extend(configuration.environment.clone().unwrap_or_default());
        if let Some(at_once) = self.at_once(facts) {
            environment.insert(AT_ONCE_VARIABLE.to_owned(), at_once.to_string());
        }
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
}

impl InitFailure {
    /// As those hear of it that listen.
    fn kind(&self) -> &str {
        match self {
            Self::Reported(failed) => &failed.kind,
            Self::NoEntrypoint(_) => "Runtime.InvalidEntrypoint",
            Self::Exited(_) | Self::BrokeOff => "Runtime.ExitError",
            Self::Extension(broken) => broken.how.kind(),
            Self::TimedOut | Self::Stopped => "Runtime.Unknown",
        }
    }
}

fn facts<'a>(
    function: &'a Function,
    group: &'a Group,
    log_stream: &'a str,
    why: Why,
) -> InstanceFacts<'a> {
    InstanceFacts {
        function,
        version: function.version,
        log_group: &group.name,
        log_stream,
        initialization: why.initialization,
        again: why.again,
    }
}

/// How an instance reaches us.
struct Reached {
    connection: Connection,
    beside: Option<TcpListener>,
}

/// An instance on its way to its first request.
struct Starting<'a> {
    dialect: &'a dyn Dialect,
    process: &'a Process,
    beside: Option<&'a Beside>,
    why: Why,
}
