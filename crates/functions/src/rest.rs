//! Rest: between calls, an instance's processes do not run on. What a function has left behind when it answered goes on
//! when the next call comes, as in the real service.
//!
//! Holding processes and letting them go costs tens of microseconds, so it is done off the path of a call, and not at
//! all to an instance that is wanted again at once: only one that nobody has wanted for a moment is held.

use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// For how long nobody wants an instance before it is held.
const MOMENT: Duration = Duration::from_millis(1);
/// The same for one that was wanted again and again: to look at it costs as much as a good part of a call.
const LONGEST_MOMENT: Duration = Duration::from_millis(8);

/// What holds processes, and lets them go on.
pub trait Freeze: Send + Sync {
    fn freeze(&self);
    fn thaw(&self);
}

impl Freeze for sandbox::Freezer {
    fn freeze(&self) {
        self.freeze();
    }

    fn thaw(&self) {
        self.thaw();
    }
}

/// One instance's rest.
pub(crate) struct Rest {
    freezer: Option<Box<dyn Freeze>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    idle: bool,
    held: bool,
    /// How often it has lain down.
    times: u64,
    /// Somebody waits for the moment to pass.
    watched: bool,
    over: bool,
}

impl Rest {
    pub(crate) fn new(freezer: Option<Box<dyn Freeze>>) -> Self {
        Self {
            freezer,
            state: Mutex::default(),
        }
    }

    /// Nobody wants it now. True if somebody has to [`watch`](Self::watch) from here on.
    pub(crate) fn lie_down(&self) -> bool {
        let mut state = self.state.lock();
        state.idle = true;
        state.times += 1;
        let unwatched = self.freezer.is_some() && !state.watched && !state.over;
        state.watched |= unwatched;
        unwatched
    }

    /// Somebody wants it.
    pub(crate) fn get_up(&self) {
        let mut state = self.state.lock();
        state.idle = false;
        self.let_go(&mut state);
    }

    /// It is about to be killed: nobody holds it any more.
    pub(crate) fn end(&self) {
        let mut state = self.state.lock();
        state.over = true;
        self.let_go(&mut state);
    }

    fn let_go(&self, state: &mut State) {
        if std::mem::take(&mut state.held)
            && let Some(freezer) = &self.freezer
        {
            freezer.thaw();
        }
    }

    /// Holds it once nobody has wanted it for a moment; ends then, or when somebody has it for longer.
    pub(crate) async fn watch(self: Arc<Self>, clock: Arc<dyn Clock>, stopping: CancellationToken) {
        let (mut seen, mut moment) = (self.state.lock().times, MOMENT);
        loop {
            tokio::select! {
                () = clock.sleep(moment) => {}
                () = stopping.cancelled() => return,
            }
            let mut state = self.state.lock();
            if state.times != seen && !state.over {
                seen = state.times;
                moment = (moment * 2).min(LONGEST_MOMENT);
                continue;
            }
            state.watched = false;
            if state.idle
                && !state.over
                && let Some(freezer) = &self.freezer
            {
                freezer.freeze();
                state.held = true;
            }
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use base::{ManualClock, Timestamp};

    use super::*;

    #[derive(Clone, Default)]
    struct Held(Arc<AtomicBool>);

    impl Held {
        fn is(&self) -> bool {
            self.0.load(Ordering::SeqCst)
        }
    }

    impl Freeze for Held {
        fn freeze(&self) {
            assert!(!self.0.swap(true, Ordering::SeqCst), "held twice");
        }

        fn thaw(&self) {
            assert!(self.0.swap(false, Ordering::SeqCst), "let go twice");
        }
    }

    struct Bed {
        rest: Arc<Rest>,
        held: Held,
        clock: ManualClock,
    }

    impl Bed {
        fn new() -> Self {
            let held = Held::default();
            Self {
                rest: Arc::new(Rest::new(Some(Box::new(held.clone())))),
                held,
                clock: ManualClock::new(Timestamp::from_secs(1)),
            }
        }

        fn lie_down(&self) {
            if self.rest.lie_down() {
                let clock = Arc::new(self.clock.clone());
                let watching = self.rest.clone().watch(clock, CancellationToken::new());
                tokio::spawn(watching);
            }
        }

        async fn pass(&self, time: Duration) {
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            self.clock.advance(time);
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
        }
    }

    #[tokio::test]
    async fn who_is_not_wanted_for_a_moment_is_held_until_wanted() {
        let bed = Bed::new();
        bed.lie_down();
        assert!(!bed.held.is());
        bed.pass(MOMENT).await;
        assert!(bed.held.is());
        bed.rest.get_up();
        assert!(!bed.held.is());
        bed.pass(MOMENT * 10).await;
        assert!(!bed.held.is());
        bed.lie_down();
        bed.pass(MOMENT).await;
        assert!(bed.held.is());
    }

    #[tokio::test]
    async fn who_is_wanted_again_and_again_is_never_held() {
        let bed = Bed::new();
        for _ in 0..10 {
            bed.lie_down();
            bed.pass(MOMENT / 2).await;
            bed.rest.get_up();
            assert!(!bed.held.is());
            bed.pass(MOMENT / 4).await;
        }
        bed.lie_down();
        bed.pass(LONGEST_MOMENT).await;
        bed.pass(LONGEST_MOMENT).await;
        assert!(bed.held.is());
    }

    #[tokio::test]
    async fn who_is_wanted_for_long_is_watched_again_from_when_it_lies_down() {
        let bed = Bed::new();
        bed.lie_down();
        bed.pass(MOMENT / 2).await;
        bed.rest.get_up();
        bed.pass(LONGEST_MOMENT * 4).await;
        assert!(!bed.rest.state.lock().watched);
        bed.lie_down();
        bed.pass(MOMENT).await;
        assert!(bed.held.is());
    }

    #[tokio::test]
    async fn who_is_wanted_often_is_looked_at_seldom_and_held_in_the_end() {
        let bed = Bed::new();
        for _ in 0..200 {
            bed.lie_down();
            bed.pass(MOMENT / 10).await;
            bed.rest.get_up();
            bed.pass(MOMENT / 10).await;
        }
        bed.lie_down();
        bed.pass(MOMENT * 4).await;
        assert!(!bed.held.is());
        // The look that finds it used, and the one that finds it unused.
        bed.pass(LONGEST_MOMENT).await;
        bed.pass(LONGEST_MOMENT).await;
        assert!(bed.held.is());
    }

    #[tokio::test]
    async fn who_is_to_be_killed_is_let_go_and_not_held_again() {
        let bed = Bed::new();
        bed.lie_down();
        bed.pass(MOMENT).await;
        bed.rest.end();
        assert!(!bed.held.is());
        bed.lie_down();
        bed.pass(MOMENT * 2).await;
        assert!(!bed.held.is());
    }
}
