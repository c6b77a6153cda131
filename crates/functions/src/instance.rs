//! One process that serves one invocation at a time.
//!
//! Whatever ends a wait for the worker is `unconstrained`: a worker that floods us with requests uses up our task's
//! budget, and a deadline that is subject to it would look as if it never came.

mod start;

use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Timestamp};
use ledger::{Group, Writer};
use tokio::net::UnixStream;
use tokio::task::unconstrained;
use tokio_util::sync::CancellationToken;

pub(crate) use start::{InitFailure, Started, Why};

use crate::Functions;
use crate::capture::{Capture, Pipes};
use crate::code::Hold;
use crate::dialect::{Exit, Fault, Happening};
use crate::extension::{Beside, Called, End, Telemetry};
use crate::launch::{Process, Start};
use crate::provision::Place;
use crate::rest::Rest;
use crate::schema::{Function, Generation};
use crate::worker::{self, Handover, Reply, Worker};

/// How long we wait to learn how a process ended whose connection is gone.
const EXIT_WAIT: Duration = Duration::from_millis(500);

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

/// Until when, and what else ends it.
pub(crate) struct Limits<'a> {
    pub(crate) clock: &'a dyn Clock,
    pub(crate) deadline: Timestamp,
    /// The function's own limit, to be told.
    pub(crate) timeout: Duration,
    pub(crate) stopping: &'a CancellationToken,
}

impl Functions {
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

fn tell(beside: Option<&Beside>, what: &Happening<'_>) {
    if let Some(beside) = beside {
        beside.hub.telemetry.happened(what);
    }
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
