//! Invocations whose callers do not wait. They are in the store from the moment that their cause is, and each is
//! delivered at least once: a job is leased while it runs and removed together with the record of how it ended.

use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use ledger::{Invocation, Ledger, Settlement};
use store::{Lease, Read, Record, Tx};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::call::{Call, Ran};
use crate::schema::{Function, JOBS, Job, JobRecord, Progress, backlog, job_key};
use crate::settled::{self, Settled};
use crate::{Error, Functions, Result, Throttle};

/// Longer than any attempt can take: the longest function, and starting it twice.
const LEASE: Duration = Duration::from_secs(20 * 60);
/// How many jobs are leased in one transaction.
const AT_ONCE: usize = 64;
/// Before the first retry of a function that failed; twice that before the second.
const RETRY_WAIT: Duration = Duration::from_secs(60);
/// Before the first retry of a job that did not get to run; doubled each time.
const REFUSED_WAIT: Duration = Duration::from_secs(1);
const LONGEST_REFUSED_WAIT: Duration = Duration::from_secs(300);

/// What is to happen to a job after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Settle(Settlement),
    Again(Timestamp, Progress),
}

/// What an attempt came to, as far as the job is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    Succeeded,
    /// The function ran and failed.
    Failed,
    /// It did not get to run.
    Refused,
    /// Nor ever will while it has nothing reserved.
    SwitchedOff,
    /// The chain of calls that it is part of goes round and round.
    Looping,
}

/// An attempt that is over.
struct Tried {
    attempt: Attempt,
    invocation: Invocation,
    /// What came of it if the function ran.
    ran: Option<Ran>,
}

impl Functions {
    /// Puts a job into the backlog in the caller's transaction. It runs as soon as that is committed.
    pub fn enqueue(&self, tx: &mut Tx, job: &Job) -> Result<()> {
        let now = self.shared.clock.now();
        let record = JobRecord {
            job: job.clone(),
            enqueued: now,
        };
        JOBS.put(tx, job_key(&job.request_id), &record);
        let progress = Progress::default().encode();
        backlog().set(tx, job.request_id.as_bytes(), now, progress)?;
        Ok(())
    }

    /// As [`Functions::enqueue`], in a transaction of its own; durable on return.
    pub async fn enqueue_alone(&self, job: &Job) -> Result<()> {
        self.shared.store.write(|tx| self.enqueue(tx, job)).await
    }

    /// Whether a job waits or runs.
    pub fn has_job(&self, from: &impl Read, request_id: &str) -> Result<bool> {
        Ok(JOBS.get(from, &job_key(request_id))?.is_some())
    }

    /// How many jobs wait or run, counting no further than `limit`.
    pub fn backlog_length(&self, limit: usize) -> Result<usize> {
        Ok(backlog().count(&self.shared.store.read()?, limit)?)
    }

    /// A worker: runs what is in the backlog, as it comes due.
    pub async fn run_backlog(&self, stop: CancellationToken) -> Result<()> {
        let (store, clock) = (&self.shared.store, &self.shared.clock);
        // This process has the store to itself, so whoever leased what is leased is dead.
        backlog().release(store, clock.now()).await?;
        let slots = Arc::new(Semaphore::new(self.shared.config.backlog));
        let mut bells = [store.timer_bell(&backlog())];
        let some = || async {
            let begun = stop.run_until_cancelled(self.run_due(&slots)).await;
            let begun = begun.unwrap_or(Ok(Some(Timestamp::MAX)));
            begun.inspect_err(|cause| tracing::warn!(%cause, "the backlog could not be read"))
        };
        store::attend(&mut bells, clock.as_ref(), stop.cancelled(), some).await;
        Ok(())
    }

    /// Begins what is due; says when something will be, if nothing is.
    async fn run_due(&self, slots: &Arc<Semaphore>) -> Result<Option<Timestamp>> {
        let first = slots.clone().acquire_owned().await;
        let first = first.expect("the semaphore is never closed");
        let limit = AT_ONCE.min(slots.available_permits() + 1);
        let now = self.shared.clock.now();
        let leases = backlog()
            .lease(&self.shared.store, now, LEASE, limit)
            .await?;
        if leases.is_empty() {
            let next = backlog().next(&self.shared.store.read()?)?;
            return Ok(Some(next.unwrap_or(Timestamp::MAX)));
        }
        let mut first = Some(first);
        for mut lease in leases {
            if !self.shared.working.begin(&lease) {
                continue;
            }
            let slot = match first.take() {
                Some(slot) => slot,
                // Only this worker takes slots, so those that were free still are.
                None => slots
                    .clone()
                    .acquire_owned()
                    .await
                    .expect("the semaphore is never closed"),
            };
            let functions = self.clone();
            self.shared.running.spawn(async move {
                loop {
                    if let Err(cause) = functions.work_on(&mut lease).await {
                        // Its lease runs out, or is released at the next start, and it is tried again.
                        tracing::warn!(%cause, "a waiting invocation could not be dealt with");
                    }
                    match functions.shared.working.end(&lease) {
                        // It was postponed and came due before we were here.
                        Some(next) => lease = next,
                        None => break,
                    }
                }
                drop(slot);
            });
        }
        Ok(None)
    }

    /// Moves `lease` on to the one that followed it, if one did.
    async fn work_on(&self, lease: &mut Lease) -> Result<()> {
        let _hold = self.shared.clock.hold();
        let id = String::from_utf8_lossy(&lease.id).into_owned();
        let Some(record) = JOBS.get(&self.shared.store.read()?, &job_key(&id))? else {
            return self.forget(lease).await;
        };
        let progress = Progress::decode(&lease.body)?;
        let job = &record.job;
        let qualifier = job.qualifier.as_deref();
        let function = match self.resolve_call(&job.space, &job.function, qualifier) {
            Ok(function) => function,
            Err(Error::NoSuchFunction(_) | Error::NoSuchQualifier { .. }) => {
                tracing::warn!(
                    function = job.function,
                    id,
                    "an invocation's function is gone"
                );
                return self.forget(lease).await;
            }
            Err(error) => return Err(error),
        };
        let Tried {
            attempt,
            mut invocation,
            ran,
        } = self.attempt(&function, job, lease, progress).await?;
        let now = self.shared.clock.now();
        let next = decide(&function, record.enqueued, progress, attempt, now);
        let mut told = None;
        match next {
            Next::Settle(settlement) => {
                invocation.settlement = Some(settlement);
                let runs = settled::runs(progress.failures, attempt);
                told = self.to_tell(&function, job, settlement, runs, ran.as_ref());
            }
            Next::Again(due, _) => invocation.next_attempt = Some(due),
        }
        while !self
            .settle(lease, &id, next, &invocation, told.as_ref())
            .await?
        {
            match self.shared.working.renewed(lease) {
                Some(renewed) => *lease = renewed,
                None => break,
            }
        }
        Ok(self.shared.ledger.recorded(&invocation).await?)
    }

    async fn attempt(
        &self,
        function: &Function,
        job: &Job,
        lease: &Lease,
        progress: Progress,
    ) -> Result<Tried> {
        let now = self.shared.clock.now();
        let dialect = self.shared.dialects.of(&function.space);
        let followed = dialect.follow(job.trace.as_deref(), function);
        let trace = followed.as_ref().ok().and_then(Option::as_deref);
        let call = Call {
            function,
            qualifier: job.qualifier.as_deref(),
            request_id: &job.request_id,
            event: &job.event,
            trigger: &job.trigger,
            client_context: job.client_context.as_deref(),
            trace,
            attempt: progress.failures + progress.refusals + 1,
            queued: now.since(lease.due),
            streaming: None,
            answer: None,
            with_log: false,
        };
        let refused = |attempt, outcome| {
            let mut invocation = self.record_of_refusal(&call, now, String::new());
            invocation.outcome = outcome;
            Ok(Tried {
                attempt,
                invocation,
                ran: None,
            })
        };
        if followed.is_err() {
            tracing::warn!(function = function.name, "a chain of calls was cut");
            let why = Error::Looping.to_string();
            return refused(Attempt::Looping, ledger::Outcome::Unavailable(why));
        }
        match self.run(&call).await {
            Ok(ran) => {
                let attempt = match ran.outcome.result {
                    Ok(_) => Attempt::Succeeded,
                    Err(_) if self.shared.stopping.is_cancelled() => return Err(Error::Stopping),
                    Err(_) => Attempt::Failed,
                };
                Ok(Tried {
                    attempt,
                    invocation: ran.invocation.clone(),
                    ran: Some(ran),
                })
            }
            Err(Error::Throttled(throttle)) => {
                let off =
                    throttle == Throttle::Reserved && function.reserved_concurrency == Some(0);
                let attempt = if off {
                    Attempt::SwitchedOff
                } else {
                    Attempt::Refused
                };
                refused(attempt, ledger::Outcome::Throttled(throttle.to_string()))
            }
            Err(Error::Stopping) => Err(Error::Stopping),
            Err(error) => {
                let outcome = ledger::Outcome::Unavailable(error.to_string());
                refused(Attempt::Refused, outcome)
            }
        }
    }

    /// Writes down how an attempt ended together with what becomes of the job. Buffered: if a crash takes it back, the
    /// job is simply run again. Says whether the lease was still held; if not, only the record is written.
    async fn settle(
        &self,
        lease: &Lease,
        id: &str,
        next: Next,
        invocation: &Invocation,
        told: Option<&Settled>,
    ) -> Result<bool> {
        self.shared
            .store
            .write_buffered(|tx| {
                let held = match next {
                    Next::Settle(_) => backlog().finish(tx, lease)?,
                    Next::Again(due, progress) => {
                        backlog().postpone(tx, lease, due, progress.encode())?
                    }
                };
                if held && matches!(next, Next::Settle(_)) {
                    JOBS.delete(tx, job_key(id));
                    if let Some(told) = told {
                        settled::log().append(tx, told.encode());
                    }
                }
                Ledger::record(tx, invocation);
                Ok(held)
            })
            .await
    }

    async fn forget(&self, lease: &Lease) -> Result<()> {
        self.shared
            .store
            .write_buffered(|tx| {
                if backlog().finish(tx, lease)? {
                    let id = std::str::from_utf8(&lease.id).unwrap_or_default();
                    JOBS.delete(tx, job_key(id));
                }
                Ok(())
            })
            .await
    }
}

fn decide(
    function: &Function,
    enqueued: Timestamp,
    progress: Progress,
    attempt: Attempt,
    now: Timestamp,
) -> Next {
    let settings = &function.asynchronous;
    let (wait, progress) = match attempt {
        Attempt::Succeeded => return Next::Settle(Settlement::Success),
        Attempt::Looping => return Next::Settle(Settlement::Looping),
        Attempt::SwitchedOff => return Next::Settle(Settlement::ZeroReservedConcurrency),
        Attempt::Failed if progress.failures >= settings.retries() => {
            return Next::Settle(Settlement::RetriesExhausted);
        }
        Attempt::Failed => {
            let failures = progress.failures + 1;
            (
                RETRY_WAIT * failures,
                Progress {
                    failures,
                    ..progress
                },
            )
        }
        Attempt::Refused => {
            let doubled = 1_u32 << progress.refusals.min(16);
            let refusals = progress.refusals + 1;
            let wait = (REFUSED_WAIT * doubled).min(LONGEST_REFUSED_WAIT);
            (
                wait,
                Progress {
                    refusals,
                    ..progress
                },
            )
        }
    };
    // What counts is when it is due, not when we get to it: a server that was stopped meanwhile drops nothing.
    let due = now + wait;
    if due.since(enqueued) > settings.max_age() {
        Next::Settle(Settlement::EventAgeExceeded)
    } else {
        Next::Again(due, progress)
    }
}
