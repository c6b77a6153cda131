//! What one instance has beside its worker, from its start to its end.

use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::{Broken, End, ForWorker, Hub, attend};
use crate::capture::Capture;
use crate::launch::{Extensions, Process};

/// How long those that hear of the end have for it: the published limit.
const FAREWELL: Duration = Duration::from_secs(2);
const TERMINATE: &str = "TERM";
const KILL: &str = "KILL";

/// An instance's hold on it. Dropping it ends every conversation.
pub(crate) struct Beside {
    pub(crate) hub: Arc<Hub>,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
    signals: Option<mpsc::Sender<&'static str>>,
    /// It was told of the end.
    ends: bool,
}

impl Beside {
    pub(crate) fn start(
        hub: Arc<Hub>,
        listener: TcpListener,
        worker: Option<ForWorker>,
        extensions: Option<Extensions>,
        clock: Arc<dyn Clock>,
        tasks: TaskTracker,
    ) -> Self {
        tasks.spawn(attend(listener, hub.clone(), worker));
        let signals = extensions.map(|started| {
            let (hub, mut ended) = (hub.clone(), started.ended);
            tasks.spawn(async move {
                while let Some((name, code)) = ended.recv().await {
                    hub.ended(&name, code);
                }
            });
            started.signals
        });
        Self {
            hub,
            clock,
            tasks,
            signals,
            ends: false,
        }
    }

    pub(crate) async fn broken(beside: Option<&Self>) -> Broken {
        match beside {
            Some(beside) => beside.hub.broken().await,
            None => std::future::pending().await,
        }
    }

    pub(crate) async fn settled(beside: Option<&Self>) -> Result<(), Broken> {
        match beside {
            Some(beside) => beside.hub.settled().await,
            None => Ok(()),
        }
    }

    /// Begins the end; false if nobody hears of it. The worker itself is ended at once if it has failed.
    pub(crate) fn end(&mut self, why: End) -> bool {
        let heard = self.ends || self.hub.end(why, self.clock.now() + FAREWELL);
        if heard
            && !std::mem::replace(&mut self.ends, true)
            && let Some(signals) = &self.signals
        {
            let signal = match why {
                End::Idle => TERMINATE,
                End::TimedOut | End::Failed => KILL,
            };
            // It takes two, and this is the only one.
            let _ = signals.try_send(signal);
        }
        heard
    }

    /// Lets those that hear of the end come to theirs, and ends the process then.
    pub(crate) fn part(self, process: Arc<Process>, capture: Capture) {
        let tasks = self.tasks.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = self.hub.all_gone() => {}
                () = self.clock.sleep(FAREWELL) => {}
                _ = process.wait(), if self.signals.is_none() => {}
            }
            process.kill();
            // Until here somebody listens to what they print.
            drop(capture);
        });
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.hub.closed.cancel();
    }
}
