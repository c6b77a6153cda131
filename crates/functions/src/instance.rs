//! One process that serves one invocation at a time.
//!
//! Whatever ends a wait for the worker is `unconstrained`: a worker that floods us with requests uses up our task's
//! budget, and a deadline that is subject to it would look as if it never came.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Stopwatch, Timestamp};
use ledger::{Group, Line, Writer};
use runtimes::Connection;
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::unconstrained;
use tokio_util::sync::CancellationToken;

use crate::capture::{Capture, Pipes};
use crate::code::Hold;
use crate::dialect::{Dialect, Exit, Failed, Fault, Happening, Initialization, InstanceFacts};
use crate::extension::{self, Beside, Broken, Called, End, ForWorker, Hub, Telemetry};
use crate::launch::{Extensions, Launch, NotLaunched, Process, Start};
use crate::provision::Place;
use crate::rest::Rest;
use crate::schema::{Function, Generation};
use crate::templates::Made;
use crate::turns::{LONGEST_TURN, Turn};
use crate::worker::{self, Handover, Outlets, Ready, Reply, Worker};
use crate::{Error, Functions, Result};

/// How long we wait to learn how a process ended whose connection is gone.
const EXIT_WAIT: Duration = Duration::from_millis(500);
/// Tells our bootstraps how many calls they may take at once; they take it out of the environment again.
const AT_ONCE_VARIABLE: &str = "FULMAR_AT_ONCE";

/// A process that has asked for work at least once. Dropping it kills it.
pub(crate) struct Instance {
    pub(crate) generation: Generation,
    pub(crate) capture: Capture,
    pub(crate) idle_since: Timestamp,
    pub(crate) started: Timestamp,
    /// How its process came to be.
    pub(crate) start: Start,
    worker: Worker,
    process: Arc<Process>,
    /// What runs beside the worker, and what it listens to.
    beside: Option<Box<Beside>>,
    /// Its place among those that are kept initialised.
    pub(crate) kept: Option<Place>,
    _code: Vec<Hold>,
}

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
        let ready = {
            let ready = self.init(&mut worker, &starting, deadline);
            let turn_ends = async {
                let longest = shared.host.now() + LONGEST_TURN;
                shared.host.sleep_until(longest).await;
                drop(turn);
            };
            tokio::pin!(ready);
            tokio::select! {
                biased;
                ready = &mut ready => ready,
                () = turn_ends => ready.await,
            }
        };
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

    pub(crate) fn writer(&self, function: &Function, group: Group, log_stream: &str) -> Writer {
        let (stream, name) = (log_stream.to_owned(), function.name.clone());
        self.shared.ledger.writer(group, stream, name)
    }

    pub(crate) fn capture(
        &self,
        pipes: Pipes,
        writer: Writer,
        telemetry: Option<Telemetry>,
    ) -> Capture {
        let shared = &self.shared;
        let (clock, tasks) = (shared.clock.clone(), &shared.running);
        Capture::start(pipes, writer, clock, tasks, telemetry)
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

    /// To be said before others may have the instance; [`watch`](Self::watch) is to follow, whoever has it by then.
    pub(crate) fn lay_down(&self, process: &Process) -> Option<Arc<Rest>> {
        let rest = process.rest();
        rest.lie_down().then(|| rest.clone())
    }

    pub(crate) fn watch(&self, laid_down: Option<Arc<Rest>>) {
        if let Some(rest) = laid_down {
            let (clock, stopping) = (self.shared.host.clone(), self.shared.stopping.clone());
            self.shared.running.spawn(rest.watch(clock, stopping));
        }
    }

    /// Where the function's lines go.
    pub fn log_group(&self, function: &Function) -> Group {
        let configured = function.configuration.logging.group.clone();
        Group {
            space: function.space.clone(),
            name: configured
                .unwrap_or_else(|| self.shared.dialects.of(&function.space).log_group(function)),
        }
    }
}

impl Instance {
    /// False if it has died while it was idle, or is too old.
    pub(crate) fn is_fit(&self, now: Timestamp, longest_life: Duration) -> bool {
        !self.process.has_exited() && now.since(self.started) < longest_life
    }

    pub(crate) fn too_old_at(&self, longest_life: Duration) -> Timestamp {
        self.started + longest_life
    }

    /// Ends it; what runs beside it hears of that, and has a moment.
    pub(crate) fn end(&mut self, why: End) {
        self.process.rest().end();
        let heard = self.beside.as_mut().is_some_and(|beside| beside.end(why));
        if !heard {
            self.process.kill();
        }
    }

    /// The connection of one that takes several calls at once, and how many those are.
    pub(crate) fn take_line(&mut self) -> Option<(UnixStream, u32)> {
        self.worker.take_line()
    }

    pub(crate) fn process(&self) -> &Arc<Process> {
        &self.process
    }

    /// Whether anything runs beside the worker that may go on after its answer.
    pub(crate) fn has_company(&self) -> bool {
        self.beside
            .as_ref()
            .is_some_and(|beside| beside.hub.has_any())
    }

    /// Tells those that listen.
    pub(crate) fn tell(&self, what: &Happening<'_>) {
        tell(self.beside.as_deref(), what);
    }

    /// Somebody wants it: what is held goes on.
    pub(crate) fn get_up(&self) {
        self.process.rest().get_up();
    }

    /// The most memory it has used so far, in whole MiB.
    pub(crate) fn peak_memory_mb(&self) -> Option<u32> {
        let peak = self.process.peak_memory()?;
        u32::try_from(peak.as_mib()).ok()
    }

    /// Hands work over and waits for the reply.
    pub(crate) async fn exchange(
        &mut self,
        work: &Handover<'_>,
        limits: &Limits<'_>,
    ) -> std::result::Result<Reply, Fault> {
        let Self {
            worker,
            process,
            beside,
            ..
        } = self;
        if let Some(beside) = beside {
            beside.hub.telemetry.close();
            beside.hub.call(&Called {
                request_id: work.request_id,
                deadline_ms: work.deadline_ms,
                invoked_name: work.invoked_name,
                trace: work.trace,
            });
        }
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
            broken = Beside::broken(beside.as_deref()) => return Err(Fault::Extension(broken)),
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

    /// Waits for the next request, and until what runs beside the worker is done, which makes it fit for more work.
    pub(crate) async fn asks_for_more(&mut self, limits: &Limits<'_>) -> bool {
        let Self {
            worker,
            process,
            beside,
            ..
        } = self;
        let free = async {
            let asked = worker.asks_again().await.is_ok();
            asked && Beside::settled(beside.as_deref()).await.is_ok()
        };
        tokio::select! {
            biased;
            free = free => free,
            _ = Beside::broken(beside.as_deref()) => false,
            _ = unconstrained(process.wait()) => false,
            () = unconstrained(limits.clock.sleep_until(limits.deadline)) => false,
            () = unconstrained(limits.stopping.cancelled()) => false,
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.end(End::Idle);
        if let Some(beside) = self.beside.take() {
            beside.part(self.process.clone(), self.capture.clone());
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

fn tell(beside: Option<&Beside>, what: &Happening<'_>) {
    if let Some(beside) = beside {
        beside.hub.telemetry.happened(what);
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

/// What a process that has ended had still said.
async fn said_at_the_end<T>(
    saying: impl Future<Output = std::result::Result<T, worker::Broken>>,
) -> Option<T> {
    // Its end of the connection is closed, unless its children have it; so this does not wait for a moment to come.
    tokio::time::timeout(Duration::from_millis(100), saying)
        .await
        .ok()?
        .ok()
}

/// How a process ended whose connection is gone; none if it lives on.
async fn exit_of(process: &Process, broken: &worker::Broken) -> Option<Exit> {
    tracing::debug!(%broken, "an instance's connection ended");
    tokio::time::timeout(EXIT_WAIT, process.wait()).await.ok()
}
