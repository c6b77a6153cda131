//! What need not be done while somebody waits: a thread that makes ahead, takes apart what instances leave, and retires
//! what is not used.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use base::Stopwatch;

use crate::cgroup::Cgroup;
use crate::held::Held;
use crate::keeper::Keeper;
use crate::stock::{Kind, Stock};
use crate::{Error, Result};

/// Of chores. What finds no place is done at once by whoever wants it, or by the next start.
const MOST: usize = 256;
const ROUND: Duration = Duration::from_secs(30);
/// Making ahead takes what the start that it follows needs too: the processors.
const AFTER_A_START: Duration = Duration::from_millis(3);

enum Chore {
    Refill(Kind),
    Leave(Left),
    Stop,
}

/// What is left of an instance.
pub(crate) struct Left {
    pub(crate) held: Option<Held>,
    pub(crate) mounts: Option<OwnedFd>,
    pub(crate) group: Option<Cgroup>,
    pub(crate) keeper: Option<Arc<Keeper>>,
}

impl Drop for Left {
    fn drop(&mut self) {
        if let Some(held) = &self.held {
            // It was killed if it had not ended. A group goes only when nothing is in it any more.
            held.wait();
        }
        drop(self.mounts.take());
        drop(self.group.take());
        drop(self.keeper.take());
    }
}

#[derive(Debug)]
pub(crate) struct Chores {
    chores: SyncSender<Chore>,
    thread: Option<JoinHandle<()>>,
}

/// Where instances leave what is left of them.
#[derive(Clone, Debug)]
pub(crate) struct Remains(SyncSender<Chore>);

impl Remains {
    pub(crate) fn leave(&self, left: Left) {
        // What comes back is dropped here.
        let _ = self.0.try_send(Chore::Leave(left));
    }
}

impl Chores {
    pub(crate) fn start(stock: Arc<Stock>) -> Result<Self> {
        let (chores, wanted) = sync_channel(MOST);
        let thread = std::thread::Builder::new()
            .name("sandbox chores".into())
            .spawn(move || run(&stock, &wanted))
            .map_err(|cause| Error::io("start a thread", cause))?;
        Ok(Self {
            chores,
            thread: Some(thread),
        })
    }

    pub(crate) fn remains(&self) -> Remains {
        Remains(self.chores.clone())
    }

    /// Makes more of a kind ahead.
    pub(crate) fn refill(&self, kind: Kind) {
        if let Err(TrySendError::Disconnected(_)) = self.chores.try_send(Chore::Refill(kind)) {
            tracing::warn!("nothing is made ahead any more");
        }
    }
}

impl Drop for Chores {
    fn drop(&mut self) {
        // Only if the thread has panicked, which has been told.
        let _ = self.chores.send(Chore::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(stock: &Stock, wanted: &Receiver<Chore>) {
    let mut round = Stopwatch::start();
    // Those that are to be refilled, once it is quiet.
    let mut kinds: Vec<Kind> = Vec::new();
    loop {
        let longest = match kinds.is_empty() {
            true => ROUND.saturating_sub(round.elapsed()),
            false => AFTER_A_START,
        };
        match wanted.recv_timeout(longest) {
            Ok(Chore::Refill(kind)) => {
                kinds.retain(|other| other != &kind);
                kinds.push(kind);
            }
            Ok(Chore::Leave(mut left)) => {
                let group = left.group.take();
                // Nothing is in it any more when what else is left has gone.
                drop(left);
                stock.take_back(group);
            }
            Ok(Chore::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                for kind in kinds.drain(..) {
                    if let Err(cause) = stock.refill(&kind) {
                        tracing::warn!(%cause, "nothing could be made ahead");
                    }
                }
            }
        }
        if round.elapsed() >= ROUND {
            stock.retire();
            round = Stopwatch::start();
        }
    }
}
