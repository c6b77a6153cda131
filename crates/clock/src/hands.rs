//! Where the clock is, and who sleeps until when.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use base::{Clock, Sleep, Timestamp};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// How the clock goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pace {
    /// With the machine's, so much ahead of it; behind it after having stood.
    Running {
        ahead_micros: i64,
    },
    Standing(Timestamp),
}

impl Pace {
    /// That of a clock that shows `now` while the machine's shows `host`, and runs.
    pub(crate) fn running(now: Timestamp, host: Timestamp) -> Self {
        let signed = |at: Timestamp| i64::try_from(at.as_micros()).unwrap_or(i64::MAX);
        Self::Running {
            ahead_micros: signed(now) - signed(host),
        }
    }

    /// What it shows while the machine's shows `host`.
    pub(crate) fn at(self, host: Timestamp) -> Timestamp {
        match self {
            Self::Standing(at) => at,
            Self::Running { ahead_micros } => {
                Timestamp::from_micros(host.as_micros().saturating_add_signed(ahead_micros))
            }
        }
    }
}

/// Sleepers by when they wake, and a number.
type Sleepers = BTreeMap<(Timestamp, u64), Waker>;

pub(crate) struct Hands {
    host: Arc<dyn Clock>,
    /// Where it stands, in microseconds; zero while it runs. Apart from `ahead`, so that telling the time takes no lock.
    stands: AtomicU64,
    ahead: AtomicI64,
    /// Counts the changes of pace. A sleeper's timer on the machine's clock is good for one of them.
    turns: AtomicU64,
    sleepers: Mutex<Sleepers>,
    next_sleeper: AtomicU64,
    announcement: Arc<Notify>,
}

impl Hands {
    pub(crate) fn new(host: Arc<dyn Clock>, pace: Pace) -> Self {
        let hands = Self {
            host,
            stands: AtomicU64::new(0),
            ahead: AtomicI64::new(0),
            turns: AtomicU64::new(0),
            sleepers: Mutex::default(),
            next_sleeper: AtomicU64::new(0),
            announcement: Arc::default(),
        };
        hands.turn(pace);
        hands
    }

    pub(crate) fn host(&self) -> &Arc<dyn Clock> {
        &self.host
    }

    pub(crate) fn now(&self) -> Timestamp {
        match self.stands.load(Ordering::Acquire) {
            0 => self.pace().at(self.host.now()),
            stands => Timestamp::from_micros(stands),
        }
    }

    pub(crate) fn pace(&self) -> Pace {
        match self.stands.load(Ordering::Acquire) {
            0 => Pace::Running {
                ahead_micros: self.ahead.load(Ordering::Acquire),
            },
            stands => Pace::Standing(Timestamp::from_micros(stands)),
        }
    }

    /// Changes the pace. All sleepers look at it again.
    pub(crate) fn turn(&self, pace: Pace) {
        match pace {
            Pace::Standing(at) => self.stands.store(at.as_micros().max(1), Ordering::Release),
            Pace::Running { ahead_micros } => {
                self.ahead.store(ahead_micros, Ordering::Release);
                self.stands.store(0, Ordering::Release);
            }
        }
        self.turns.fetch_add(1, Ordering::AcqRel);
        let all = std::mem::take(&mut *self.sleepers.lock());
        all.into_values().for_each(Waker::wake);
    }

    /// Moves a clock that stands to `at`, and wakes whom that concerns.
    pub(crate) fn step(&self, at: Timestamp) {
        self.stands.store(at.as_micros(), Ordering::Release);
        let mut sleepers = self.sleepers.lock();
        let later = sleepers.split_off(&(at, u64::MAX));
        let due = std::mem::replace(&mut *sleepers, later);
        drop(sleepers);
        due.into_values().for_each(Waker::wake);
    }

    /// When the next sleeper wakes, if that is not after `latest`.
    pub(crate) fn next(&self, latest: Timestamp) -> Option<Timestamp> {
        let sleepers = self.sleepers.lock();
        let ((at, _), _) = sleepers.first_key_value()?;
        (*at <= latest).then_some(*at)
    }

    pub(crate) fn announce(&self) {
        self.announcement.notify_waiters();
    }

    pub(crate) fn announced(&self) -> Sleep {
        let announcement = self.announcement.clone();
        Box::pin(async move { announcement.notified().await })
    }

    /// What the machine's clock shows when this one shows `at`, unless it stands.
    fn host_at(&self, at: Timestamp) -> Option<Timestamp> {
        match self.pace() {
            Pace::Standing(_) => None,
            Pace::Running { ahead_micros } => Some(Timestamp::from_micros(
                at.as_micros().saturating_add_signed(-ahead_micros),
            )),
        }
    }
}

/// Somebody who sleeps. While the clock runs, a timer of the machine's wakes him; whoever moves the clock does it too.
pub(crate) struct Sleeping {
    hands: Arc<Hands>,
    at: Timestamp,
    number: u64,
    timer: Option<(u64, Sleep)>,
}

impl Sleeping {
    pub(crate) fn new(hands: Arc<Hands>, at: Timestamp) -> Self {
        Self {
            number: hands.next_sleeper.fetch_add(1, Ordering::Relaxed),
            hands,
            at,
            timer: None,
        }
    }

    fn lie_down(&self, waker: &Waker) {
        let key = (self.at, self.number);
        self.hands.sleepers.lock().insert(key, waker.clone());
    }

    fn get_up(&self) {
        self.hands.sleepers.lock().remove(&(self.at, self.number));
    }
}

impl Future for Sleeping {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        loop {
            let turn = this.hands.turns.load(Ordering::Acquire);
            // Before looking at the time: who moves it wakes whom he finds here.
            this.lie_down(context.waker());
            if this.hands.now() >= this.at {
                this.get_up();
                return Poll::Ready(());
            }
            let Some(host_at) = this.hands.host_at(this.at) else {
                return Poll::Pending;
            };
            if this.timer.as_ref().is_none_or(|(of, _)| *of != turn) {
                this.timer = Some((turn, this.hands.host.sleep_until(host_at)));
            }
            let (_, timer) = this.timer.as_mut().expect("it was just set");
            if timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            this.timer = None;
        }
    }
}

impl Drop for Sleeping {
    fn drop(&mut self) {
        self.get_up();
    }
}
