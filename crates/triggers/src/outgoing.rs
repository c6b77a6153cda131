//! What leaves a transaction to be done outside of it: requests to others' servers, objects to be put into buckets, and
//! operations of the cloud's own services to be called.
//!
//! Each is a job in the store from the moment of the sender's commit. A worker leases it, tries, and either ends it or
//! postpones it to its next attempt; one that was in vain is written to its dead-letter place in the transaction that
//! ends it. A crash means that an attempt whose outcome was not kept is made again.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use base::{ByteSize, Timestamp};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use store::{Keyspace, Lease, Record, Table, Timers, Tx};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::{Asking, FetchError, Said};

use crate::bus::{Turn, Turns};
use crate::call::{Call, Declined, Operations};
use crate::target::{Destination, Message, Named, Refusal};
use crate::{Dialect, Result, Triggers};

/// Longer than any attempt.
const LEASE: Duration = Duration::from_secs(10 * 60);
/// Jobs that are worked on at once.
const SLOTS: usize = 64;
/// What is read of an answer.
const LARGEST_ANSWER: ByteSize = ByteSize::kib(64);

/// By id.
const JOBS: Table<Outgoing> = Table::new(Keyspace::Triggers, 20);

fn due() -> Timers {
    Timers::new("triggers/outgoing")
}

fn key(id: &str) -> store::Key {
    JOBS.key().str(id)
}

/// Something that is to be done outside of the transaction that asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// Unique; another under the same one takes its place.
    pub id: String,
    pub owner: Owner,
    pub work: Work,
    pub retries: Retries,
    /// Where it goes when all was in vain.
    pub dead: Option<DeadLetter>,
}

impl Record for Outgoing {}

/// On whose behalf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Owner {
    /// A rule of a bus.
    Rule,
    /// A subscription of a topic.
    Subscription,
    /// What is told of how an invocation ended.
    Invocation,
    Schedule,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    Post(Post),
    Put {
        bucket: String,
        key: String,
        body: Bytes,
    },
    Log(LogLine),
    Call(Call),
}

/// Something to be told in a group of log lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    pub group: Named,
    pub stream: String,
    pub at: Timestamp,
    pub text: String,
}

/// A request to another's server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    pub method: String,
    /// With `through`, what the address' stars stand for comes from `fill`, and this is empty.
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub query: Vec<(String, String)>,
    pub body: Bytes,
    /// The address that is posted to, which says how the caller shows who he is. It is looked up for each attempt.
    pub through: Option<Named>,
    /// What the stars in the address' URL stand for.
    pub fill: Vec<String>,
    /// How long an answer is waited for.
    pub patience: Duration,
    pub judge: Judge,
}

/// What an answer's status means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judge {
    /// From and to, inclusive: it is done.
    pub good: Vec<(u16, u16)>,
    /// It may be better next time. Whatever is in neither is in vain.
    pub again: Vec<(u16, u16)>,
}

/// How often and how long something is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retries {
    /// After the first attempt.
    pub most: u32,
    /// Since it was asked for.
    pub age: Option<Duration>,
    pub waits: Waits,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Waits {
    /// Twice as long each time.
    Doubling { first: Duration, longest: Duration },
    /// One after the other; the last one again when they run out.
    Listed(Vec<Duration>),
}

/// Where something goes that could not be delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    pub to: Destination,
    /// What is sent there; the dialect adds attributes about what went wrong.
    pub message: Message,
}

/// Something that was not delivered, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    pub why: Trouble,
    /// Retries that were made.
    pub retries: u32,
    pub ended: Ended,
}

/// What went wrong at the last attempt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    #[error("{0}")]
    Unreachable(String),
    #[error("there was no answer in time")]
    TimedOut,
    #[error("the answer's status was {0}")]
    Status(u16),
    /// An operation that was called did not do it; its code is that of its face.
    #[error("{message}")]
    Declined { code: String, message: String },
    /// What would show who is asking was not to be had.
    #[error("{0}")]
    Unauthorized(String),
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Why there is no further attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It would not help.
    InVain,
    TooOften,
    TooOld,
}

/// How far a job came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    asked: Timestamp,
    /// Attempts that failed.
    failures: u32,
    /// Whether it waited for its turn already, where only so many a second are let through.
    has_turn: bool,
}

impl Record for Progress {}

/// What comes of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Next {
    Done,
    Again(Timestamp, Progress),
    GiveUp(Undelivered),
}

/// What an attempt came to.
enum Attempt {
    Done,
    /// It is not its turn before then.
    NotBefore(Timestamp),
    Failed {
        why: Trouble,
        /// Whether it may be better next time.
        again: bool,
    },
}

type Asked = Pin<Box<dyn Future<Output = std::result::Result<Said, FetchError>> + Send>>;

/// Asks others' servers.
#[derive(Clone)]
pub struct Web(Arc<dyn Fn(Asking, Duration) -> Asked + Send + Sync>);

impl Web {
    pub fn new<F>(ask: impl Fn(Asking, Duration) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = std::result::Result<Said, FetchError>> + Send + 'static,
    {
        Self(Arc::new(move |asking, patience| {
            Box::pin(ask(asking, patience))
        }))
    }

    /// The real one.
    pub fn wide() -> Self {
        Self::new(
            |asking, patience| async move { wire::ask(&asking, LARGEST_ANSWER, patience).await },
        )
    }

    pub(crate) fn ask(&self, asking: Asking, patience: Duration) -> Asked {
        (self.0)(asking, patience)
    }
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Web")
    }
}

/// Who works on the jobs.
struct Worker {
    triggers: Triggers,
    dialect: Arc<dyn Dialect>,
    web: Web,
    operations: Operations,
    working: store::Working,
    turns: Turns,
}

impl Triggers {
    /// Asks for `outgoing` to be done, with the transaction.
    pub fn post(&self, tx: &mut Tx, outgoing: &Outgoing) -> Result<()> {
        let now = self.clock.now();
        JOBS.put(tx, key(&outgoing.id), outgoing);
        let progress = Progress {
            asked: now,
            failures: 0,
            has_turn: false,
        };
        due().set(tx, outgoing.id.as_bytes(), now, progress.encode())?;
        Ok(())
    }

    /// Gives up a job that was asked for, without a word to anybody; says whether there was one.
    pub fn recall(&self, tx: &mut Tx, id: &str) -> Result<bool> {
        JOBS.delete(tx, key(id));
        Ok(due().cancel(tx, id.as_bytes())?)
    }

    /// Jobs that wait or run, counting no further than `limit`.
    pub fn outgoing(&self, limit: usize) -> Result<usize> {
        Ok(due().count(&self.store.read()?, limit)?)
    }

    /// Does what was asked for, as it comes due, until `stop`. One of these runs for each store.
    pub async fn run_outgoing(
        &self,
        dialect: Arc<dyn Dialect>,
        web: Web,
        operations: Operations,
        stop: CancellationToken,
    ) -> Result<()> {
        // This process has the store to itself, so whoever leased what is leased is dead.
        due().release(&self.store, self.clock.now()).await?;
        let worker = Arc::new(Worker {
            triggers: self.clone(),
            dialect,
            web,
            operations,
            working: store::Working::default(),
            turns: Turns::default(),
        });
        let slots = Arc::new(Semaphore::new(SLOTS));
        let tasks = TaskTracker::new();
        let mut bells = [self.store.timer_bell(&due())];
        let some = || async {
            let begun = worker.begin(&slots, &tasks, &stop);
            let begun = stop.run_until_cancelled(begun).await;
            let begun = begun.unwrap_or(Ok(Some(Timestamp::MAX)));
            begun.inspect_err(|error| {
                tracing::warn!(%error, "what is to be sent out could not be read; trying again");
            })
        };
        store::attend(&mut bells, &*self.clock, stop.cancelled(), some).await;
        tasks.close();
        tasks.wait().await;
        Ok(())
    }
}

impl Worker {
    /// Begins what is due; says when something will be, if nothing is.
    async fn begin(
        self: &Arc<Self>,
        slots: &Arc<Semaphore>,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<Option<Timestamp>> {
        let slot = slots.clone().acquire_owned().await;
        let slot = slot.expect("the semaphore is never closed");
        let store = &self.triggers.store;
        let now = self.triggers.clock.now();
        let Some(mut lease) = due().lease(store, now, LEASE, 1).await?.pop() else {
            let next = due().next(&store.read()?)?;
            return Ok(Some(next.unwrap_or(Timestamp::MAX)));
        };
        if !self.working.begin(&lease) {
            return Ok(None);
        }
        let (worker, stop) = (self.clone(), stop.clone());
        tasks.spawn(async move {
            loop {
                let worked = tokio::select! {
                    () = stop.cancelled() => return,
                    worked = worker.work_on(&mut lease) => worked,
                };
                if let Err(error) = worked {
                    tracing::warn!(%error, "something that is to be sent out could not be dealt with");
                }
                match worker.working.end(&lease) {
                    Some(next) => lease = next,
                    None => break,
                }
            }
            drop(slot);
        });
        Ok(None)
    }

    async fn work_on(&self, lease: &mut Lease) -> Result<()> {
        let id = String::from_utf8_lossy(&lease.id).into_owned();
        let store = &self.triggers.store;
        let job = JOBS.get(&store.read()?, &key(&id))?;
        let next = match &job {
            // It was recalled.
            None => Next::Done,
            Some(job) => {
                let progress = Progress::decode(&lease.body)?;
                let attempt = self.attempt(&job.work, progress).await?;
                decide(&job.retries, progress, attempt, self.triggers.clock.now())
            }
        };
        while !self.settle(lease, job.as_ref(), &next).await? {
            match self.working.renewed(lease) {
                Some(renewed) => *lease = renewed,
                None => break,
            }
        }
        Ok(())
    }

    async fn attempt(&self, work: &Work, progress: Progress) -> Result<Attempt> {
        // Others' servers live in the host's time.
        let _hold = self.triggers.clock.hold();
        match work {
            Work::Post(post) => self.ask(post, progress).await,
            Work::Put { bucket, key, body } => self.put(bucket, key, body).await,
            Work::Log(line) => self.log(line).await,
            Work::Call(call) => Ok(self.call(call).await),
        }
    }

    async fn call(&self, call: &Call) -> Attempt {
        match self.operations.call(call.clone()).await {
            Ok(()) => Attempt::Done,
            Err(Declined {
                code,
                message,
                again,
            }) => Attempt::Failed {
                why: Trouble::Declined { code, message },
                again,
            },
        }
    }

    async fn log(&self, line: &LogLine) -> Result<Attempt> {
        let group = ledger::Group {
            space: line.group.space.clone(),
            name: line.group.name.clone(),
        };
        let told = ledger::Line {
            at: line.at,
            text: line.text.clone(),
        };
        let ledger = self.triggers.functions.ledger();
        // Nobody prints it but the group itself.
        let printed = ledger.append(&group, &line.stream, &line.group.name, vec![told]);
        printed.await.map_err(functions::Error::from)?;
        Ok(Attempt::Done)
    }

    async fn ask(&self, post: &Post, progress: Progress) -> Result<Attempt> {
        let Some(to) = &post.through else {
            return Ok(self.ask_at_once(post).await);
        };
        let turns = &self.turns;
        let turn = turns.take(&self.triggers, &self.web, post, to, progress.has_turn);
        match turn.await? {
            Turn::NotBefore(at) => Ok(Attempt::NotBefore(at)),
            Turn::Trouble { why, again } => Ok(Attempt::Failed { why, again }),
            Turn::Now(post, connection) => {
                let attempt = self.ask_at_once(&post).await;
                if let Attempt::Failed {
                    why: Trouble::Status(401 | 407),
                    ..
                } = attempt
                {
                    turns.refused(&connection);
                }
                Ok(attempt)
            }
        }
    }

    async fn ask_at_once(&self, post: &Post) -> Attempt {
        let Some(asking) = asking(post) else {
            let why = Refusal::Invalid(format!("{} is no request", post.url)).into();
            return Attempt::Failed { why, again: false };
        };
        match self.web.ask(asking, post.patience).await {
            Ok(said) => judged(&post.judge, said.status),
            Err(error) => failed(error),
        }
    }

    async fn put(&self, bucket: &str, key: &str, body: &Bytes) -> Result<Attempt> {
        match self.triggers.put_object(bucket, key, body.clone()).await {
            Ok(()) => Ok(Attempt::Done),
            Err(error @ objects::Error::Store(_)) => Err(error.into()),
            Err(error) => Ok(Attempt::Failed {
                why: Refusal::Missing(error.to_string()).into(),
                again: false,
            }),
        }
    }

    /// Says whether the lease was still held; if not, nothing is changed.
    async fn settle(&self, lease: &Lease, job: Option<&Outgoing>, next: &Next) -> Result<bool> {
        let id = String::from_utf8_lossy(&lease.id);
        if let (Next::GiveUp(undelivered), Some(job)) = (next, job) {
            tracing::warn!(%id, owner = ?job.owner, why = %undelivered.why, retries = undelivered.retries, "something could not be delivered");
        }
        let store = &self.triggers.store;
        store
            .write_buffered(|tx| {
                let held = match next {
                    Next::Again(at, progress) => {
                        due().postpone(tx, lease, *at, progress.encode())?
                    }
                    Next::Done | Next::GiveUp(_) => due().finish(tx, lease)?,
                };
                if !held || matches!(next, Next::Again(..)) {
                    return Ok(held);
                }
                JOBS.delete(tx, key(&id));
                if let (Next::GiveUp(undelivered), Some(job)) = (next, job)
                    && let Some(dead) = &job.dead
                {
                    self.triggers
                        .bury(tx, self.dialect.as_ref(), job.owner, dead, undelivered)?;
                }
                Ok(held)
            })
            .await
    }
}

impl Triggers {
    /// Sends what could not be delivered to its last place. If that refuses too, nobody is left to be told.
    pub fn bury(
        &self,
        tx: &mut Tx,
        dialect: &dyn Dialect,
        owner: Owner,
        dead: &DeadLetter,
        undelivered: &Undelivered,
    ) -> Result<()> {
        let mut message = dead.message.clone();
        message
            .attributes
            .extend(dialect.undelivered(owner, undelivered));
        if let Err(refusal) = self.send(tx, &dead.to, &message)? {
            tracing::warn!(place = ?dead.to, %refusal, "what could not be delivered could not be kept");
        }
        Ok(())
    }
}

/// None if it cannot be a request.
fn asking(post: &Post) -> Option<Asking> {
    let mut headers = http::HeaderMap::new();
    for (name, value) in &post.headers {
        let name: http::HeaderName = name.parse().ok()?;
        headers.insert(name, value.parse().ok()?);
    }
    Some(Asking {
        method: post.method.parse().ok()?,
        url: with_query(&post.url, &post.query),
        headers,
        body: post.body.clone(),
    })
}

pub(crate) fn with_query(url: &str, query: &[(String, String)]) -> String {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    let mut url = url.to_owned();
    for (name, value) in query {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.extend(utf8_percent_encode(name, NON_ALPHANUMERIC));
        url.push('=');
        url.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
    }
    url
}

fn judged(judge: &Judge, status: u16) -> Attempt {
    let within = |ranges: &[(u16, u16)]| {
        let mut ranges = ranges.iter();
        ranges.any(|(from, to)| (*from..=*to).contains(&status))
    };
    if within(&judge.good) {
        return Attempt::Done;
    }
    Attempt::Failed {
        why: Trouble::Status(status),
        again: within(&judge.again),
    }
}

fn failed(error: FetchError) -> Attempt {
    let (why, again) = match error {
        FetchError::Address => (
            Refusal::Invalid("this is no address of a web server".into()).into(),
            false,
        ),
        FetchError::TimedOut => (Trouble::TimedOut, true),
        error => (Trouble::Unreachable(error.to_string()), true),
    };
    Attempt::Failed { why, again }
}

fn decide(retries: &Retries, progress: Progress, attempt: Attempt, now: Timestamp) -> Next {
    let (why, again) = match attempt {
        Attempt::Done => return Next::Done,
        Attempt::NotBefore(at) => {
            let has_turn = true;
            return Next::Again(
                at,
                Progress {
                    has_turn,
                    ..progress
                },
            );
        }
        Attempt::Failed { why, again } => (why, again),
    };
    let failures = progress.failures + 1;
    let at = now + wait(&retries.waits, failures);
    let ended = if !again {
        Ended::InVain
    } else if failures > retries.most {
        Ended::TooOften
    } else if retries
        .age
        .is_some_and(|age| at.since(progress.asked) > age)
    {
        Ended::TooOld
    } else {
        let progress = Progress {
            failures,
            has_turn: false,
            ..progress
        };
        return Next::Again(at, progress);
    };
    Next::GiveUp(Undelivered {
        why,
        retries: progress.failures,
        ended,
    })
}

/// Before the attempt that follows on so many failures.
fn wait(waits: &Waits, failures: u32) -> Duration {
    match waits {
        Waits::Doubling { first, longest } => {
            let doubled = 1_u32 << (failures - 1).min(20);
            first.saturating_mul(doubled).min(*longest)
        }
        Waits::Listed(waits) => {
            let at = (failures - 1) as usize;
            let wait = waits.get(at).or(waits.last());
            wait.copied().unwrap_or_default()
        }
    }
}
