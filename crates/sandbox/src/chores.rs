//! What need not be done while somebody waits: a thread that makes ahead, removes control groups and retires what is not
//! used.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::stock::{Kind, Stock};
use crate::{Error, Result};

/// Of chores. What finds no place is not done: the next start asks again.
const MOST: usize = 64;
const ROUND: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct Chores {
    refill: Option<SyncSender<Kind>>,
    thread: Option<JoinHandle<()>>,
}

impl Chores {
    pub(crate) fn start(stock: Arc<Stock>) -> Result<Self> {
        let (refill, wanted) = sync_channel(MOST);
        let thread = std::thread::Builder::new()
            .name("sandbox chores".into())
            .spawn(move || run(&stock, &wanted))
            .map_err(|cause| Error::io("start a thread", cause))?;
        Ok(Self {
            refill: Some(refill),
            thread: Some(thread),
        })
    }

    /// Makes more of a kind ahead.
    pub(crate) fn refill(&self, kind: Kind) {
        if let Some(refill) = &self.refill
            && let Err(TrySendError::Disconnected(_)) = refill.try_send(kind)
        {
            tracing::warn!("nothing is made ahead any more");
        }
    }
}

impl Drop for Chores {
    fn drop(&mut self) {
        self.refill = None;
        if let Some(thread) = self.thread.take() {
            // Only if it has panicked, which has been told.
            let _ = thread.join();
        }
    }
}

fn run(stock: &Stock, wanted: &Receiver<Kind>) {
    loop {
        match wanted.recv_timeout(ROUND) {
            Ok(kind) => {
                if let Err(cause) = stock.refill(&kind) {
                    tracing::warn!(%cause, "nothing could be made ahead");
                }
            }
            Err(RecvTimeoutError::Timeout) => stock.retire(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
