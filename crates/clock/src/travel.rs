//! Moving the clock, from one moment at which somebody wakes to the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base::{Clock, Timestamp};
use tokio::runtime::Handle;

use crate::hands::Pace;
use crate::quiet;
use crate::{Error, Result, Shown, Timekeeper, kept};

/// For how long, unless told otherwise, what falls due at one moment may take.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The first moment of the year 10,000, which no calendar in here tells.
const END: Timestamp = Timestamp::from_secs(253_402_300_800);

/// What moving came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Journey {
    pub shown: Shown,
    /// At how many moments somebody woke.
    pub stops: u64,
}

/// Tells the thread that moves the clock that nobody waits for it any more.
struct Abandon(Arc<AtomicBool>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Timekeeper {
    /// Moves it by `by`; returns when everything that fell due until then is done. It goes on as it did before.
    ///
    /// What is due at one moment may take `patience`. If it takes longer, or the caller loses interest, the clock stays
    /// where it is by then.
    pub async fn advance(&self, by: Duration, patience: Duration) -> Result<Journey> {
        let moving = self.moving.clone().try_lock_owned();
        let moving = moving.map_err(|_| Error::Moving)?;
        let stands = matches!(self.hands.pace(), Pace::Standing(_));
        self.go(moving, self.now() + by, stands, patience).await
    }

    /// Moves it to `at`, where it stands still; returns when everything that fell due until then is done.
    pub async fn set(&self, at: Timestamp, patience: Duration) -> Result<Journey> {
        let moving = self.moving.clone().try_lock_owned();
        let moving = moving.map_err(|_| Error::Moving)?;
        let now = self.now();
        if at < now {
            return Err(Error::Backwards { now });
        }
        self.go(moving, at, true, patience).await
    }

    async fn go(
        &self,
        moving: tokio::sync::OwnedMutexGuard<()>,
        to: Timestamp,
        stands: bool,
        patience: Duration,
    ) -> Result<Journey> {
        if to >= END {
            return Err(Error::TooFar);
        }
        let abandoned = Arc::new(AtomicBool::new(false));
        let _abandon = Abandon(abandoned.clone());
        let this = self.clone();
        let going = tokio::task::spawn_blocking(move || {
            let _moving = moving;
            this.travel(to, stands, patience, &abandoned)
        });
        let stops = going.await.map_err(|cause| {
            store::Error::Damaged(format!("the clock was not moved: {cause}"))
        })??;
        Ok(Journey {
            shown: self.show(),
            stops,
        })
    }

    /// On a thread of its own, so that all of the runtime's can be seen to rest.
    fn travel(
        &self,
        to: Timestamp,
        stands: bool,
        patience: Duration,
        abandoned: &AtomicBool,
    ) -> Result<u64> {
        let before = self.hands.pace();
        self.hands.turn(Pace::Standing(self.now()));
        let travelled = self.pass(to, stands, patience, abandoned);
        let now = self.hands.now();
        let pace = match (&travelled, before) {
            (Ok(_), _) if stands => Pace::Standing(now),
            (Err(_), Pace::Standing(_)) => Pace::Standing(now),
            _ => Pace::running(now, self.hands.host().now()),
        };
        // Also when it could not be written down: a clock that stood for ever would be worse.
        let kept = Handle::current().block_on(self.keep(pace));
        if kept.is_err() {
            self.hands.turn(pace);
        }
        let stops = travelled?;
        kept.map(|_| stops)
    }

    fn pass(
        &self,
        to: Timestamp,
        stands: bool,
        patience: Duration,
        abandoned: &AtomicBool,
    ) -> Result<u64> {
        let mut stops = 0;
        self.settle(patience)?;
        while !abandoned.load(Ordering::Relaxed) {
            self.hands.announce();
            self.settle(patience)?;
            let next = self.hands.next(to);
            self.stop_at(next.unwrap_or(to), stands)?;
            self.settle(patience)?;
            if next.is_none() {
                // For what was not worth a stop and is late by now.
                self.hands.announce();
                self.settle(patience)?;
                break;
            }
            stops += 1;
        }
        Ok(stops)
    }

    /// Goes to a moment that is not in the past. The move is in the store before anybody wakes, and so before whatever he
    /// writes: a crash takes back neither without the other.
    fn stop_at(&self, at: Timestamp, stands: bool) -> Result<()> {
        let at = at.max(self.hands.now());
        let pace = match stands {
            true => Pace::Standing(at),
            false => Pace::running(at, self.hands.host().now()),
        };
        let kept = self.store.write_buffered(|tx| {
            kept::put(tx, pace);
            Ok::<_, store::Error>(())
        });
        Handle::current().block_on(kept)?;
        self.hands.step(at);
        Ok(())
    }

    fn settle(&self, patience: Duration) -> Result<()> {
        let metrics = Handle::current().metrics();
        quiet::settle(&metrics, || self.under_way(), patience).map_err(|under_way| {
            Error::Unsettled {
                at: self.hands.now(),
                under_way,
            }
        })
    }
}
