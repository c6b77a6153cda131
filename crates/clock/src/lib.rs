//! The server's clock: the machine's, until somebody moves it.
//!
//! A user moves time to see what it brings: the third retry, the first of the month. So moving it is not adding to a
//! number. [`Timekeeper::advance`] goes from one moment at which somebody wakes to the next, lets everything that this
//! causes be done, and only then goes on: what falls due after a minute and causes something a minute later has done both
//! before two minutes are over, whether they take two minutes or a millisecond.
//!
//! Time only goes forward. What the store holds has happened, and a clock before it would have it happen again.
//!
//! Must never know: what anybody waits for.

mod error;
mod hands;
mod kept;
mod quiet;
mod travel;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base::{Clock, Hold, Sleep, Timestamp};
use store::Store;

pub use error::{Error, Result};
pub use hands::Pace;
pub use travel::{Journey, PATIENCE};

use hands::Hands;

/// A handle on the clock. Clones share it.
#[derive(Clone)]
pub struct Timekeeper {
    hands: Arc<Hands>,
    store: Store,
    held: Arc<AtomicUsize>,
    moving: Arc<tokio::sync::Mutex<()>>,
}

/// What the clock shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    pub now: Timestamp,
    pub host: Timestamp,
    pub pace: Pace,
}

impl Timekeeper {
    /// Goes on where the store says that it was.
    pub fn open(store: &Store, host: Arc<dyn Clock>) -> Result<Self> {
        let pace = kept::read(store)?;
        Ok(Self {
            hands: Arc::new(Hands::new(host, pace)),
            store: store.clone(),
            held: Arc::default(),
            moving: Arc::default(),
        })
    }

    pub fn show(&self) -> Shown {
        let host = self.hands.host().now();
        let pace = self.hands.pace();
        Shown {
            now: pace.at(host),
            host,
            pace,
        }
    }

    /// Stands still from now on.
    pub async fn pause(&self) -> Result<Shown> {
        let _moving = self.moving.try_lock().map_err(|_| Error::Moving)?;
        self.keep(Pace::Standing(self.now())).await
    }

    /// Runs on from where it stands.
    pub async fn resume(&self) -> Result<Shown> {
        let _moving = self.moving.try_lock().map_err(|_| Error::Moving)?;
        self.keep(Pace::running(self.now(), self.hands.host().now()))
            .await
    }

    async fn keep(&self, pace: Pace) -> Result<Shown> {
        self.store
            .write(|tx| {
                kept::put(tx, pace);
                Ok::<_, store::Error>(())
            })
            .await?;
        self.hands.turn(pace);
        Ok(self.show())
    }

    /// What time waits for.
    fn under_way(&self) -> usize {
        self.held.load(Ordering::SeqCst) + self.store.unfinished()
    }
}

impl Clock for Timekeeper {
    fn now(&self) -> Timestamp {
        self.hands.now()
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep {
        Box::pin(hands::Sleeping::new(self.hands.clone(), at))
    }

    fn host(&self) -> Arc<dyn Clock> {
        self.hands.host().clone()
    }

    fn about_to_move(&self) -> Sleep {
        self.hands.announced()
    }

    fn hold(&self) -> Hold {
        Hold::on(&self.held)
    }
}

impl std::fmt::Debug for Timekeeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Timekeeper").field(&self.show()).finish()
    }
}

impl Shown {
    /// How far it is before the machine's clock, and else behind it.
    pub fn ahead(&self) -> std::result::Result<Duration, Duration> {
        if self.now >= self.host {
            Ok(self.now.since(self.host))
        } else {
            Err(self.host.since(self.now))
        }
    }
}
