//! Receiving: at once, or as soon as there is something.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;

use crate::desk::Desk;
use crate::error::{Error, Result};
use crate::message::Received;
use crate::schema::{Address, HELD, log};
use crate::{MAX_IN_FLIGHT, Queues};

/// For how long a receive of an ordered queue that is repeated gets what the first one got.
const ATTEMPT: Duration = Duration::from_secs(5 * 60);
/// How many receives are remembered for each queue.
const MOST_ATTEMPTS: usize = 1_000;
/// How often one receive looks again when what it found was not for it.
const MOST_LOOKS: usize = 64;

/// How to receive. What is not said is as the queue's settings say.
#[derive(Clone, Debug, Default)]
pub struct Receive {
    pub most: usize,
    /// For how long nobody else sees the messages.
    pub visibility: Option<Duration>,
    /// How long to wait if there is nothing, by the host's clock: it is whoever asks that waits.
    pub wait: Option<Duration>,
    /// What tells repetitions of this receive, in an ordered queue.
    pub attempt: Option<String>,
}

/// What receives got lately that may be repeated.
#[derive(Default)]
pub(crate) struct Attempts {
    got: HashMap<String, (Timestamp, Vec<Received>)>,
    oldest: VecDeque<(Timestamp, String)>,
}

impl Queues {
    /// Takes some messages off everybody else's view. Empty if there are none, after waiting for one.
    pub async fn receive(&self, from: &Address, how: Receive) -> Result<Vec<Received>> {
        let desk = self.desk(from)?;
        let queue = desk.open()?;
        let attempt = how.attempt.as_deref().filter(|_| queue.ordered);
        if let Some(attempt) = attempt
            && let Some(got) = self.repeated(&desk, attempt)?
        {
            return Ok(got);
        }
        let settings = &queue.settings;
        let visibility = how
            .visibility
            .unwrap_or(Duration::from_secs(settings.visibility_s.into()));
        let wait = how
            .wait
            .unwrap_or(Duration::from_secs(settings.wait_s.into()));
        let mut got = self.take(&desk, how.most, visibility).await?;
        if got.is_empty() && !wait.is_zero() {
            got = self.wait(&desk, how.most, visibility, wait).await?;
        }
        if let Some(attempt) = attempt {
            let mut attempts = desk.attempts.lock();
            attempts.remember(attempt, &got, self.now());
        }
        Ok(got)
    }

    /// What there is now.
    async fn take(
        &self,
        desk: &Arc<Desk>,
        most: usize,
        visibility: Duration,
    ) -> Result<Vec<Received>> {
        for _ in 0..MOST_LOOKS {
            let now = self.now();
            let room = MAX_IN_FLIGHT.saturating_sub(desk.in_flight(self.store(), now)?);
            if room == 0 {
                return Err(Error::TooManyInFlight(desk.address.clone()));
            }
            let claim = desk.claim(self.store(), most.min(room), now, now + visibility)?;
            if claim.picks.is_empty() {
                break;
            }
            let got = self.hold(claim, now).await?;
            if !got.is_empty() {
                return Ok(got);
            }
        }
        Ok(Vec::new())
    }

    async fn wait(
        &self,
        desk: &Arc<Desk>,
        most: usize,
        visibility: Duration,
        wait: Duration,
    ) -> Result<Vec<Received>> {
        let mut over = self.shared.clock.host().sleep(wait);
        let _turn = tokio::select! {
            turn = desk.turn.acquire() => turn,
            () = &mut over => return Ok(Vec::new()),
        };
        let mut bell = self.store().log_bell(&desk.queue().log());
        loop {
            bell.borrow_and_update();
            let got = self.take(desk, most, visibility).await?;
            if !got.is_empty() {
                return Ok(got);
            }
            let next = desk.next(self.store(), self.now())?;
            let next = self
                .shared
                .clock
                .sleep_until(next.unwrap_or(Timestamp::MAX));
            tokio::select! {
                // The sender lives in the store, which we hold.
                _ = bell.changed() => {}
                () = desk.stirred.notified() => {}
                () = next => {}
                () = &mut over => return Ok(Vec::new()),
            }
        }
    }

    /// What this attempt got before, if all of it is still as it was.
    fn repeated(&self, desk: &Desk, attempt: &str) -> Result<Option<Vec<Received>>> {
        let now = self.now();
        let Some(got) = desk.attempts.lock().get(attempt, now) else {
            return Ok(None);
        };
        let queue = desk.queue();
        let view = self.store().read()?;
        for received in &got {
            let held = HELD.get(&view, &queue.held(received.receipt.place))?;
            if !held.is_some_and(|held| held.token == received.receipt.token && held.until > now) {
                return Ok(None);
            }
        }
        Ok(Some(got))
    }

    /// Rings when something is sent to the queue.
    pub fn bell(&self, of: &Address) -> Result<tokio::sync::watch::Receiver<u64>> {
        let number = self.desk(of)?.open()?.number;
        Ok(self.store().log_bell(&log(number)))
    }
}

impl Attempts {
    fn get(&mut self, attempt: &str, now: Timestamp) -> Option<Vec<Received>> {
        let (until, got) = self.got.get(attempt)?;
        (*until > now && !got.is_empty()).then(|| got.clone())
    }

    fn remember(&mut self, attempt: &str, got: &[Received], now: Timestamp) {
        if got.is_empty() {
            return;
        }
        while self.oldest.len() >= MOST_ATTEMPTS
            || self.oldest.front().is_some_and(|(until, _)| *until <= now)
        {
            if let Some((_, oldest)) = self.oldest.pop_front() {
                self.got.remove(&oldest);
            }
        }
        let until = now + ATTEMPT;
        self.oldest.push_back((until, attempt.to_owned()));
        self.got.insert(attempt.to_owned(), (until, got.to_vec()));
    }
}
