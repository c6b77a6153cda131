//! Making processes: the seam to `runtimes`, and to tests that stand in for it.

use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use base::ByteSize;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use runtimes::{Connection, Runtimes, Template, Worker};

pub use runtimes::Start;

use crate::dialect::Exit;
use crate::protocol;
use crate::rest::{Freeze, Rest};

/// What is to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// A runtime's id.
    pub runtime: String,
    pub handler: String,
    /// The folder with the code, which the process may read.
    pub code: PathBuf,
    /// The folder with its layers, laid over one another.
    pub layers: Option<PathBuf>,
    pub environment: Vec<(String, String)>,
    pub memory: ByteSize,
    pub ephemeral: ByteSize,
}

/// A process that speaks the worker protocol.
pub struct Launched {
    /// How it asks for work.
    pub connection: Connection,
    pub stdout: Box<dyn AsyncRead + Send + Unpin>,
    pub stderr: Box<dyn AsyncRead + Send + Unpin>,
    pub process: Process,
    /// Where what runs beside the worker, or in it, reaches us.
    pub beside: Option<TcpListener>,
    pub extensions: Option<Extensions>,
    pub start: Start,
}

/// Programs that were started beside the worker.
pub struct Extensions {
    pub names: Vec<String>,
    pub printed: Box<dyn AsyncRead + Send + Unpin>,
    /// Who has ended, and how.
    pub ended: mpsc::Receiver<(String, i32)>,
    /// Takes the names of signals for the worker.
    pub signals: mpsc::Sender<&'static str>,
}

/// Why there is no process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotLaunched {
    /// The host could not, for this reason.
    Host(String),
    /// The code has nothing that could be started, in words for its owner.
    Entrypoint(String),
}

impl From<runtimes::Error> for NotLaunched {
    fn from(error: runtimes::Error) -> Self {
        match error {
            runtimes::Error::Entrypoint(why) => Self::Entrypoint(why),
            other => Self::Host(other.to_string()),
        }
    }
}

/// A hold on a process. Dropping it kills the process.
pub struct Process {
    exit: watch::Receiver<Option<Exit>>,
    kill: CancellationToken,
    settled: CancellationToken,
    gauge: Option<Gauge>,
    last_peak: Arc<OnceLock<ByteSize>>,
    rest: Arc<Rest>,
}

/// Tells the most memory that a process has used so far.
type Gauge = Box<dyn Fn() -> Option<ByteSize> + Send + Sync>;

/// The other side of a [`Process`], for whoever looks after it.
pub struct Keeper {
    /// To become `Some` when the process has ended.
    pub exit: watch::Sender<Option<Exit>>,
    /// Cancelled when the process is to be killed.
    pub kill: CancellationToken,
    /// Cancelled when the process has started and is to have its usual share from now on.
    pub settled: CancellationToken,
    /// To be set before `exit` is: the most memory that it ever used, for whoever asks afterwards.
    pub last_peak: Arc<OnceLock<ByteSize>>,
}

impl Process {
    pub fn new() -> (Self, Keeper) {
        let (ended, exit) = watch::channel(None);
        let (kill, settled) = (CancellationToken::new(), CancellationToken::new());
        let last_peak = Arc::new(OnceLock::new());
        let keeper = Keeper {
            exit: ended,
            kill: kill.clone(),
            settled: settled.clone(),
            last_peak: last_peak.clone(),
        };
        let process = Self {
            exit,
            kill,
            settled,
            gauge: None,
            last_peak,
            rest: Arc::new(Rest::new(None)),
        };
        (process, keeper)
    }

    /// One that can be held between calls.
    #[must_use]
    pub fn with_freezer(self, freezer: Option<impl Freeze + 'static>) -> Self {
        let freezer = freezer.map(|freezer| Box::new(freezer) as Box<dyn Freeze>);
        let mut process = self;
        process.rest = Arc::new(Rest::new(freezer));
        process
    }

    /// One whose memory can be told while it lives.
    #[must_use]
    pub fn with_gauge(self, gauge: impl Fn() -> Option<ByteSize> + Send + Sync + 'static) -> Self {
        let mut process = self;
        process.gauge = Some(Box::new(gauge));
        process
    }

    pub(crate) fn rest(&self) -> &Arc<Rest> {
        &self.rest
    }

    pub(crate) fn has_exited(&self) -> bool {
        self.exit.borrow().is_some()
    }

    /// Waits for the end. A process that nobody looks after any more counts as killed.
    pub(crate) async fn wait(&self) -> Exit {
        let mut exit = self.exit.clone();
        let ended = exit.wait_for(Option::is_some).await;
        ended
            .ok()
            .and_then(|exit| exit.clone())
            .unwrap_or(Exit::Signal(9))
    }

    pub(crate) fn kill(&self) {
        self.rest.end();
        self.kill.cancel();
    }

    /// It has started.
    pub(crate) fn settle(&self) {
        self.settled.cancel();
    }

    pub(crate) fn peak_memory(&self) -> Option<ByteSize> {
        let last = self.last_peak.get().copied();
        last.or_else(|| self.gauge.as_ref()?())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Makes ready what a package needs beside itself: its folder and its runtime.
type Preparing =
    Arc<dyn Fn(PathBuf, String) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

type Launching = Pin<Box<dyn Future<Output = Result<Launched, NotLaunched>> + Send>>;

/// Whatever makes processes.
#[derive(Clone)]
pub struct Launcher {
    launch: Arc<dyn Fn(Launch, TaskTracker) -> Launching + Send + Sync>,
    /// What makes templates, if anything does.
    runtimes: Option<Runtimes>,
    prepare: Option<Preparing>,
}

impl Launcher {
    /// What looks after the process is to be one of the given tasks.
    pub fn new<F>(launch: impl Fn(Launch, TaskTracker) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Launched, NotLaunched>> + Send + 'static,
    {
        Self {
            launch: Arc::new(move |what, tasks| Box::pin(launch(what, tasks))),
            runtimes: None,
            prepare: None,
        }
    }

    /// Makes real ones.
    pub fn of(runtimes: Runtimes) -> Self {
        let templates = Some(runtimes.clone());
        Self {
            runtimes: templates,
            ..Self::new(move |what, tasks| launch(runtimes.clone(), what, tasks))
        }
    }

    /// Before a package is started, `prepare` is done with it; again and again, so it must know what it has done.
    #[must_use]
    pub fn prepared_by<F>(
        mut self,
        prepare: impl Fn(PathBuf, String) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.prepare = Some(Arc::new(move |code, runtime| {
            Box::pin(prepare(code, runtime))
        }));
        self
    }

    pub(crate) async fn prepare(&self, code: &Path, runtime: &str) {
        if let Some(prepare) = &self.prepare {
            prepare(code.to_owned(), runtime.to_owned()).await;
        }
    }

    /// Whether it can make templates.
    pub(crate) fn forks(&self) -> bool {
        self.runtimes.is_some()
    }

    /// Starts it as a template; if it cannot, says why.
    pub(crate) async fn template(&self, what: Launch) -> Result<runtimes::Prepared, String> {
        let Some(runtimes) = &self.runtimes else {
            return Err("nothing makes templates".into());
        };
        let prepared = runtimes.template(&plan(what)).await;
        let prepared = prepared.map_err(|cause| cause.to_string())?;
        prepared.ok_or_else(|| "its runtime cannot be forked".into())
    }

    /// Makes an instance of a template.
    pub(crate) async fn fork(
        &self,
        template: &Template,
        what: &Launch,
        tasks: &TaskTracker,
    ) -> Result<Launched, NotLaunched> {
        let worker = template.fork(&plan(what.clone())).await?;
        launched(worker, tasks)
    }

    /// The version of the host's program that a runtime's id runs on, if it is the host's.
    pub(crate) async fn runs_on(&self, runtime: &str) -> Option<String> {
        self.runtimes.as_ref()?.runs_on(runtime).await
    }

    /// What is to be said about a runtime's id that runs on another version than it names.
    pub(crate) async fn runs_instead(&self, runtime: &str) -> Option<String> {
        self.runtimes.as_ref()?.instead(runtime).await
    }

    /// Ends the placeholders that have not been used since this was last called.
    pub(crate) fn retire_unused(&self) {
        if let Some(runtimes) = &self.runtimes {
            runtimes.retire_unused();
        }
    }

    /// The placeholders that there are, or why there are none.
    pub(crate) fn placeholders(&self) -> Vec<runtimes::Kept> {
        let runtimes = self.runtimes.as_ref();
        runtimes.map(Runtimes::placeholders).unwrap_or_default()
    }

    pub(crate) async fn launch(
        &self,
        what: Launch,
        tasks: &TaskTracker,
    ) -> Result<Launched, NotLaunched> {
        (self.launch)(what, tasks.clone()).await
    }
}

impl fmt::Debug for Launcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Launcher")
    }
}

async fn launch(
    runtimes: Runtimes,
    what: Launch,
    tasks: TaskTracker,
) -> Result<Launched, NotLaunched> {
    let runtime = what.runtime.clone();
    let worker = runtimes.launch(plan(what)).await?;
    // Whoever comes next is to find something at hand.
    tasks.spawn(runtimes.look_ahead(runtime));
    launched(worker, &tasks)
}

fn plan(what: Launch) -> runtimes::Launch {
    runtimes::Launch {
        runtime: what.runtime,
        code: what.code,
        layers: what.layers,
        environment: what.environment,
        memory: what.memory,
        ephemeral: what.ephemeral,
        variables: protocol::VARIABLES,
    }
}

fn launched(worker: Worker, tasks: &TaskTracker) -> Result<Launched, NotLaunched> {
    let Worker {
        mut child,
        connection,
        beside,
        extensions,
        start,
    } = worker;
    let (Some(stdout), Some(stderr)) = (child.take_stdout(), child.take_stderr()) else {
        return Err(NotLaunched::Host("its output could not be read".into()));
    };
    let (process, keeper) = Process::new();
    let gauge = child.gauge();
    let process = process
        .with_freezer(child.freezer())
        .with_gauge(move || gauge.as_ref()?.peak());
    let (ended, of_the_worker) = mpsc::channel(1);
    tasks.spawn(keep(child, keeper, process.rest().clone(), of_the_worker));
    let extensions = extensions.map(|started| {
        let (of_the_others, heard) = mpsc::channel(16);
        let (signals, asked) = mpsc::channel(2);
        tasks.spawn(converse(started.words, ended, of_the_others, asked));
        Extensions {
            names: started.names,
            printed: Box::new(started.printed),
            ended: heard,
            signals,
        }
    });
    Ok(Launched {
        connection,
        stdout: Box::new(stdout),
        stderr: Box::new(stderr),
        process,
        beside,
        extensions,
        start,
    })
}

/// Speaks with the shell that starts extensions, until it ends.
async fn converse(
    words: tokio::net::UnixStream,
    of_the_worker: mpsc::Sender<Exit>,
    of_the_others: mpsc::Sender<(String, i32)>,
    mut signals: mpsc::Receiver<&'static str>,
) {
    let (said, mut ours) = words.into_split();
    // What is inside may have got hold of the other end: it says no more than this.
    let mut said = tokio::io::BufReader::new(said.take(LONGEST_CONVERSATION)).lines();
    loop {
        tokio::select! {
            line = said.next_line() => {
                let Ok(Some(line)) = line else {
                    return;
                };
                let Some((name, Ok(code))) = line.rsplit_once(' ').map(|(name, code)| (name, code.parse())) else {
                    continue;
                };
                // Whoever would hear of it may be gone.
                if name == runtimes::FUNCTION {
                    let _ = of_the_worker.send(as_shells_say(code)).await;
                } else {
                    let _ = of_the_others.send((name.to_owned(), code)).await;
                }
            }
            Some(signal) = signals.recv() => {
                let _ = ours.write_all(format!("{signal}\n").as_bytes()).await;
            }
        }
    }
}

const LONGEST_CONVERSATION: u64 = 64 << 10;

/// A shell says of a program that a signal ended that it has ended with the signal's number and 128. Programs may end
/// so by themselves; only with the signals that usually end programs is it taken for one.
fn as_shells_say(code: i32) -> Exit {
    match code - 128 {
        signal @ (4 | 6 | 7 | 8 | 9 | 11 | 15 | 31) => Exit::Signal(signal),
        _ => Exit::Code(code),
    }
}

/// Looks after a process until its end.
async fn keep(
    mut child: sandbox::Child,
    keeper: Keeper,
    rest: Arc<Rest>,
    mut worker: mpsc::Receiver<Exit>,
) {
    let (mut killed, mut settled) = (false, false);
    loop {
        tokio::select! {
            exit = child.wait() => {
                // Its number may be somebody else's from here on.
                rest.end();
                if let Some(peak) = child.peak_memory() {
                    // Nobody else sets it.
                    let _ = keeper.last_peak.set(peak);
                }
                keeper.exit.send_if_modified(|said| {
                    let first = said.is_none();
                    said.get_or_insert(how(exit));
                    first
                });
                return;
            }
            // The shell that started it lives on for as long as others do.
            Some(exit) = worker.recv() => {
                if let Some(peak) = child.peak_memory() {
                    let _ = keeper.last_peak.set(peak);
                }
                keeper.exit.send_replace(Some(exit));
            }
            () = keeper.kill.cancelled(), if !killed => {
                child.kill();
                killed = true;
            }
            () = keeper.settled.cancelled(), if !settled => {
                child.settle();
                settled = true;
            }
        }
    }
}

fn how(exit: sandbox::Exit) -> Exit {
    match exit {
        sandbox::Exit::Code(code) => Exit::Code(code),
        sandbox::Exit::Signal(signal) => Exit::Signal(signal),
        sandbox::Exit::OutOfMemory => Exit::OutOfMemory,
        sandbox::Exit::NotConfined(why) => Exit::NotStarted(why),
    }
}
