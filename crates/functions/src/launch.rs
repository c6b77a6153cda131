//! Making processes: the seam to `runtimes`, and to tests that stand in for it.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use base::ByteSize;
use tokio::io::AsyncRead;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use runtimes::{Connection, Runtimes, Template, Worker};

pub use runtimes::Start;

use crate::dialect::Exit;
use crate::protocol;

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
    pub start: Start,
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
    peak: mpsc::Sender<PeakAsked>,
    last_peak: Arc<OnceLock<ByteSize>>,
}

/// Somebody wants to know the most memory that a process has used.
pub type PeakAsked = oneshot::Sender<Option<ByteSize>>;

/// The other side of a [`Process`], for whoever looks after it.
pub struct Keeper {
    /// To become `Some` when the process has ended.
    pub exit: watch::Sender<Option<Exit>>,
    /// Cancelled when the process is to be killed.
    pub kill: CancellationToken,
    /// Cancelled when the process has started and is to have its usual share from now on.
    pub settled: CancellationToken,
    pub peak: mpsc::Receiver<PeakAsked>,
    /// To be set before `exit` is: the most memory that it ever used, for whoever asks afterwards.
    pub last_peak: Arc<OnceLock<ByteSize>>,
}

impl Process {
    pub fn new() -> (Self, Keeper) {
        let (ended, exit) = watch::channel(None);
        let (peak, asked) = mpsc::channel(1);
        let (kill, settled) = (CancellationToken::new(), CancellationToken::new());
        let last_peak = Arc::new(OnceLock::new());
        let keeper = Keeper {
            exit: ended,
            kill: kill.clone(),
            settled: settled.clone(),
            peak: asked,
            last_peak: last_peak.clone(),
        };
        let process = Self {
            exit,
            kill,
            settled,
            peak,
            last_peak,
        };
        (process, keeper)
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
        self.kill.cancel();
    }

    /// It has started.
    pub(crate) fn settle(&self) {
        self.settled.cancel();
    }

    pub(crate) async fn peak_memory(&self) -> Option<ByteSize> {
        let (answer, answered) = oneshot::channel();
        if self.peak.send(answer).await.is_ok()
            && let Ok(peak) = answered.await
        {
            return peak;
        }
        self.last_peak.get().copied()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

type Launching = Pin<Box<dyn Future<Output = Result<Launched, NotLaunched>> + Send>>;

/// Whatever makes processes.
#[derive(Clone)]
pub struct Launcher {
    launch: Arc<dyn Fn(Launch, TaskTracker) -> Launching + Send + Sync>,
    /// What makes templates, if anything does.
    runtimes: Option<Runtimes>,
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
        start,
    } = worker;
    let (Some(stdout), Some(stderr)) = (child.take_stdout(), child.take_stderr()) else {
        return Err(NotLaunched::Host("its output could not be read".into()));
    };
    let (process, keeper) = Process::new();
    tasks.spawn(keep(child, keeper));
    Ok(Launched {
        connection,
        stdout: Box::new(stdout),
        stderr: Box::new(stderr),
        process,
        start,
    })
}

/// Looks after a process until its end.
async fn keep(mut child: sandbox::Child, mut keeper: Keeper) {
    let (mut killed, mut settled) = (false, false);
    loop {
        tokio::select! {
            exit = child.wait() => {
                if let Some(peak) = child.peak_memory() {
                    // Nobody else sets it.
                    let _ = keeper.last_peak.set(peak);
                }
                keeper.exit.send_replace(Some(how(exit)));
                return;
            }
            () = keeper.kill.cancelled(), if !killed => {
                child.kill();
                killed = true;
            }
            () = keeper.settled.cancelled(), if !settled => {
                child.settle();
                settled = true;
            }
            Some(asked) = keeper.peak.recv() => {
                // Whoever asked may have stopped waiting.
                let _ = asked.send(child.peak_memory());
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
