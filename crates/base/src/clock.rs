//! Time as a thing that is handed in, so that a test or a user can move it.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::ops::{Add, Sub};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

/// A moment, in microseconds since 1970 in UTC.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// Later than any moment that will be stored.
    pub const MAX: Self = Self(u64::MAX);

    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1_000)
    }

    pub const fn from_secs(secs: u64) -> Self {
        Self(secs * 1_000_000)
    }

    pub const fn as_micros(self) -> u64 {
        self.0
    }

    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }

    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, by: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX)),
        )
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, by: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(u64::try_from(by.as_micros()).unwrap_or(u64::MAX)),
        )
    }
}

/// What [`Clock::sleep_until`] returns.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The source of all time that has meaning: schedules, retries, leases, expiries, timestamps in answers.
pub trait Clock: Send + Sync + fmt::Debug {
    fn now(&self) -> Timestamp;

    /// Completes when this clock's `now` has reached `at`.
    fn sleep_until(&self, at: Timestamp) -> Sleep;

    fn sleep(&self, for_: Duration) -> Sleep {
        self.sleep_until(self.now() + for_)
    }

    /// The machine's own clock, which nobody moves: for what takes time and does not fall due (an attempt, a client's
    /// patience, a pause after a failure, an idle process), and for what is compared with others' clocks (signatures,
    /// sessions, certificates).
    fn host(&self) -> Arc<dyn Clock>;

    /// Completes when somebody is about to move this clock, and when it has been moved. Who looks now and then for what is
    /// due, and does not sleep until the next of it, looks then, and sleeps until it.
    fn about_to_move(&self) -> Sleep {
        Box::pin(std::future::pending())
    }

    /// Says that something is under way which time waits for while it is being moved: something that fell due and is
    /// not done, but is nowhere to be seen in this process, as a function that runs or a request to somewhere else.
    fn hold(&self) -> Hold {
        Hold::default()
    }
}

/// What keeps a clock that is being moved from going on: see [`Clock::hold`].
#[derive(Debug, Default)]
pub struct Hold(Option<Arc<AtomicUsize>>);

impl Hold {
    pub fn on(held: &Arc<AtomicUsize>) -> Self {
        held.fetch_add(1, Ordering::SeqCst);
        Self(Some(held.clone()))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(held) = &self.0 {
            held.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// The host's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the host's clock"
    )]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that sleeps on the host's clock"
    )]
    fn sleep_until(&self, at: Timestamp) -> Sleep {
        Box::pin(tokio::time::sleep(at.since(self.now())))
    }

    fn host(&self) -> Arc<dyn Clock> {
        Arc::new(*self)
    }
}

/// A clock that stands still until it is moved. Sleepers wake when it passes them.
#[derive(Clone, Debug)]
pub struct ManualClock {
    state: Arc<Mutex<ManualState>>,
    held: Arc<AtomicUsize>,
    host: Option<Arc<ManualClock>>,
}

#[derive(Debug)]
struct ManualState {
    now: Timestamp,
    sleepers: BTreeMap<Timestamp, Vec<oneshot::Sender<()>>>,
}

impl ManualClock {
    pub fn new(now: Timestamp) -> Self {
        Self {
            state: Arc::new(Mutex::new(ManualState {
                now,
                sleepers: BTreeMap::new(),
            })),
            held: Arc::default(),
            host: None,
        }
    }

    /// This one, beside a host's clock that is another.
    #[must_use]
    pub fn beside(self, host: &Self) -> Self {
        Self {
            host: Some(Arc::new(host.clone())),
            ..self
        }
    }

    /// How many things are under way that say so: see [`Clock::hold`].
    pub fn held(&self) -> usize {
        self.held.load(Ordering::SeqCst)
    }

    pub fn advance(&self, by: Duration) {
        let mut state = self.state.lock();
        let now = state.now + by;
        state.now = now;
        let later = state.sleepers.split_off(&(now + Duration::from_micros(1)));
        for sleeper in std::mem::replace(&mut state.sleepers, later)
            .into_values()
            .flatten()
        {
            // The sleeper may have been dropped: nobody waits any more.
            let _ = sleeper.send(());
        }
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.state.lock().now
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep {
        let mut state = self.state.lock();
        if at <= state.now {
            return Box::pin(std::future::ready(()));
        }
        let (wake, woken) = oneshot::channel();
        state.sleepers.entry(at).or_default().push(wake);
        Box::pin(async move {
            if woken.await.is_err() {
                // The clock is gone, so its time never comes.
                std::future::pending::<()>().await;
            }
        })
    }

    /// Itself, unless it was put [beside](Self::beside) another: most tests have one time.
    fn host(&self) -> Arc<dyn Clock> {
        match &self.host {
            Some(host) => host.clone(),
            None => Arc::new(self.clone()),
        }
    }

    fn hold(&self) -> Hold {
        Hold::on(&self.held)
    }
}

/// Measures what something cost on the host. Never decides behaviour: that is [`Clock`]'s.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that measures on the host's clock"
    )]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_wakes_exactly_the_sleepers_it_passes() {
        let clock = ManualClock::new(Timestamp::from_secs(100));
        let soon = clock.sleep(Duration::from_secs(1));
        let mut late = Polled(clock.sleep(Duration::from_secs(60)));
        clock.advance(Duration::from_secs(1));
        soon.await;
        assert!(!late.is_done());
        clock.advance(Duration::from_secs(59));
        assert!(late.is_done());
        assert_eq!(clock.now(), Timestamp::from_secs(160));
    }

    /// A sleep that can be asked without waiting.
    struct Polled(Sleep);

    impl Polled {
        fn is_done(&mut self) -> bool {
            let waker = std::task::Waker::noop();
            self.0
                .as_mut()
                .poll(&mut std::task::Context::from_waker(waker))
                .is_ready()
        }
    }
}
