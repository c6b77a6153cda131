//! Making processes: the seam to `runtimes`, and to tests that stand in for it.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use base::ByteSize;
use tokio::io::AsyncRead;
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use runtimes::{Runtimes, Worker};

use crate::dialect::Exit;

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
    /// Our end of the connection on which it asks for work.
    pub stream: UnixStream,
    pub stdout: Box<dyn AsyncRead + Send + Unpin>,
    pub stderr: Box<dyn AsyncRead + Send + Unpin>,
    pub process: Process,
}

/// A hold on a process. Dropping it kills the process.
pub struct Process {
    exit: watch::Receiver<Option<Exit>>,
    kill: CancellationToken,
    peak: mpsc::Sender<PeakAsked>,
}

/// Somebody wants to know the most memory that a process has used.
pub type PeakAsked = oneshot::Sender<Option<ByteSize>>;

/// The other side of a [`Process`], for whoever looks after it.
pub struct Keeper {
    /// To become `Some` when the process has ended.
    pub exit: watch::Sender<Option<Exit>>,
    /// Cancelled when the process is to be killed.
    pub kill: CancellationToken,
    pub peak: mpsc::Receiver<PeakAsked>,
}

impl Process {
    pub fn new() -> (Self, Keeper) {
        let (ended, exit) = watch::channel(None);
        let (peak, asked) = mpsc::channel(1);
        let kill = CancellationToken::new();
        let keeper = Keeper {
            exit: ended,
            kill: kill.clone(),
            peak: asked,
        };
        (Self { exit, kill, peak }, keeper)
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

    pub(crate) async fn peak_memory(&self) -> Option<ByteSize> {
        let (answer, answered) = oneshot::channel();
        self.peak.send(answer).await.ok()?;
        answered.await.ok()?
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

type Launching = Pin<Box<dyn Future<Output = Result<Launched, String>> + Send>>;

/// Whatever makes processes.
#[derive(Clone)]
pub struct Launcher(Arc<dyn Fn(Launch, TaskTracker) -> Launching + Send + Sync>);

impl Launcher {
    /// `launch` says in words why it failed. What looks after the process is to be one of the given tasks.
    pub fn new<F>(launch: impl Fn(Launch, TaskTracker) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Launched, String>> + Send + 'static,
    {
        Self(Arc::new(move |what, tasks| Box::pin(launch(what, tasks))))
    }

    /// Makes real ones.
    pub fn of(runtimes: Runtimes) -> Self {
        Self::new(move |what, tasks| launch(runtimes.clone(), what, tasks))
    }

    pub(crate) async fn launch(
        &self,
        what: Launch,
        tasks: &TaskTracker,
    ) -> Result<Launched, String> {
        (self.0)(what, tasks.clone()).await
    }
}

impl fmt::Debug for Launcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Launcher")
    }
}

async fn launch(runtimes: Runtimes, what: Launch, tasks: TaskTracker) -> Result<Launched, String> {
    let launch = runtimes::Launch {
        runtime: what.runtime,
        code: what.code,
        layers: what.layers,
        environment: what.environment,
        memory: what.memory,
        ephemeral: what.ephemeral,
    };
    let worker = runtimes.launch(launch).await;
    let Worker { mut child, stream } = worker.map_err(|error| error.to_string())?;
    let (Some(stdout), Some(stderr)) = (child.take_stdout(), child.take_stderr()) else {
        return Err("its output could not be read".into());
    };
    let (process, keeper) = Process::new();
    tasks.spawn(keep(child, keeper));
    Ok(Launched {
        stream,
        stdout: Box::new(stdout),
        stderr: Box::new(stderr),
        process,
    })
}

/// Looks after a process until its end.
async fn keep(mut child: sandbox::Child, mut keeper: Keeper) {
    let mut killed = false;
    loop {
        tokio::select! {
            exit = child.wait() => {
                keeper.exit.send_replace(Some(how(exit)));
                return;
            }
            () = keeper.kill.cancelled(), if !killed => {
                child.kill();
                killed = true;
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
