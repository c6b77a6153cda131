//! What else ends a connection that says nothing.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::sync::futures::Notified;
use tokio::time::{Instant, Sleep};

use crate::serve::Stopping;

/// The wait for a request. Its timer is set anew only when it rings, and not with every request: most come long before.
pub(super) struct Idle {
    most: Duration,
    since: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Idle {
    pub(super) fn new(most: Duration) -> Self {
        Self {
            most,
            since: Instant::now(),
            timer: None,
        }
    }

    pub(super) fn begin(&mut self) {
        self.since = Instant::now();
    }

    pub(super) fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        let until = self.since + self.most;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        while timer.as_mut().poll(context).is_ready() {
            if Instant::now() >= until {
                return true;
            }
            timer.as_mut().reset(until);
        }
        false
    }
}

/// That the server is to stop, as one connection hears of it.
pub(super) struct Stop<'a> {
    stopping: &'a Stopping,
    told: Pin<Box<Notified<'a>>>,
    /// Who is woken: asked for once, as it is the same one every time.
    woken: Option<Waker>,
}

impl<'a> Stop<'a> {
    pub(super) fn new(stopping: &'a Stopping) -> Self {
        Self {
            stopping,
            told: Box::pin(stopping.bell.notified()),
            woken: None,
        }
    }

    pub(super) fn is_known(&self) -> bool {
        self.stopping.is_told()
    }

    pub(super) fn is_told(&mut self, context: &mut Context<'_>) -> bool {
        let waker = context.waker();
        let is_same = |woken: &Waker| woken.will_wake(waker);
        if !self.woken.as_ref().is_some_and(is_same) {
            if self.told.as_mut().poll(context).is_ready() {
                return true;
            }
            self.woken = Some(waker.clone());
        }
        self.is_known()
    }
}
