//! Delivering the messages of a queue to a function.
//!
//! One loop for each mapping: it receives, makes batches, runs the function for as many at once as `ramp` says, and
//! settles what was done. A message that is not settled is seen again when the queue's own time for it is over, and ends
//! among the dead letters by the queue's own rule; nothing about messages is kept here. A mapping that has nothing to do
//! waits at the queue's bell.

mod gathering;
mod ramp;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use functions::Invoke;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;
use queues::{Address, Receipt, Receive, Received};
use tokio_util::sync::CancellationToken;

use crate::dialect::FailedMessages;
use crate::pattern::Pattern;
use crate::schema::{LastResult, Mapping};
use crate::target::Target;
use crate::{Dialect, Invoker, Result, Triggers};

use gathering::{Gathering, Rules, Waiting};
use ramp::Ramp;

/// What one invocation can be handed.
const LARGEST_PAYLOAD: usize = 6 << 20;
/// How many messages are received at once.
const AT_ONCE: usize = 1_000;
/// How long messages that the function could not take are kept from being received, at first and at most. Doubled each
/// time.
const REFUSED: Duration = Duration::from_secs(1);
const LONGEST_REFUSED: Duration = Duration::from_secs(60);
/// Nobody waits for a message for ever, but for as long as anybody cares.
const LONG: Duration = Duration::from_secs(365 * 24 * 3600);

/// A mapping that delivers messages.
pub(crate) struct Consuming {
    pub(crate) triggers: Triggers,
    pub(crate) dialect: Arc<dyn Dialect>,
    pub(crate) invoker: Invoker,
    pub(crate) mapping: Mapping,
    pub(crate) queue: Address,
    /// One of them must match; none if all messages are wanted.
    pub(crate) filters: Vec<Pattern>,
    /// As it is stored.
    pub(crate) result: Mutex<Option<LastResult>>,
}

type Receiving<'a> = Pin<Box<dyn Future<Output = queues::Result<Vec<Received>>> + Send + 'a>>;

/// How a batch ended.
#[derive(Debug)]
enum Ended {
    Taken,
    /// The function could not take these messages now.
    Refused(Vec<Receipt>),
}

impl Consuming {
    /// Until `drain`, and then until what is under way is done; or until the queue is gone.
    pub(crate) async fn run(&self, drain: &CancellationToken) -> Result<()> {
        let clock = self.triggers.clock.clone();
        let mut gathering = Gathering::new(self.rules()?);
        let mut ramp = Ramp::new(self.mapping.settings.lanes);
        let mut running = FuturesUnordered::new();
        let mut receiving: Option<Receiving<'_>> = None;
        let mut refused_until: Option<Timestamp> = None;
        let mut pause = REFUSED;
        while !drain.is_cancelled() {
            let now = clock.now();
            let limit = ramp.limit(now, running.len());
            let open = refused_until.is_none_or(|until| until <= now);
            while open
                && running.len() < limit
                && let Some(batch) = gathering.take(now)
            {
                let (batch, round) = self.part(batch);
                running.extend(
                    [batch, round]
                        .into_iter()
                        .filter(|some| !some.is_empty())
                        .map(|some| self.deliver(some)),
                );
            }
            let full = running.len() >= limit;
            if receiving.is_none() && open && !full && gathering.room() > 0 {
                receiving = Some(self.receive(gathering.room().min(AT_ONCE)));
            }
            let mut next = gathering.deadline().filter(|_| open && !full);
            if full && gathering.has_some() {
                // There is more than can be done: soon more may be done at once.
                next = ramp.next(now);
            }
            let wake = next
                .into_iter()
                .chain(refused_until.filter(|_| !open))
                .min();
            tokio::select! {
                () = drain.cancelled() => {}
                Some(ended) = running.next() => match ended? {
                    Ended::Taken => pause = REFUSED,
                    Ended::Refused(receipts) => {
                        ramp.refused();
                        self.give_back(&receipts, pause).await?;
                        refused_until = Some(clock.now() + pause);
                        pause = (pause * 2).min(LONGEST_REFUSED);
                    }
                },
                received = wait(receiving.as_mut()) => {
                    receiving = None;
                    self.sort(received?, &mut gathering).await?;
                }
                () = sleep(clock.as_ref(), wake) => {}
            }
        }
        drop(receiving);
        self.give_back(&gathering.rest(), Duration::ZERO).await?;
        while let Some(ended) = running.next().await {
            ended?;
        }
        Ok(())
    }

    fn rules(&self) -> Result<Rules> {
        let settings = &self.mapping.settings;
        let around = self.dialect.messages(&[]).len();
        Ok(Rules {
            batch: usize::try_from(settings.batch.max(1)).unwrap_or(1),
            wait: settings.wait,
            payload: LARGEST_PAYLOAD.saturating_sub(around),
            by_group: self.triggers.queues.get(&self.queue)?.ordered,
        })
    }

    fn receive(&self, most: usize) -> Receiving<'_> {
        let how = Receive {
            most,
            wait: Some(LONG),
            ..Receive::default()
        };
        Box::pin(self.triggers.queues.receive(&self.queue, how))
    }

    /// Gathers what is wanted, and removes what is not.
    async fn sort(&self, received: Vec<Received>, gathering: &mut Gathering) -> Result<()> {
        let now = self.triggers.clock.now();
        let mut unwanted = Vec::new();
        for received in received {
            let body = self.dialect.message(&self.queue, &received);
            if self.wants(&body) {
                gathering.add(Waiting { received, body }, now);
            } else {
                unwanted.push(received.receipt);
            }
        }
        self.settle(&unwanted).await
    }

    /// Bodies that are JSON are looked into.
    fn wants(&self, record: &Bytes) -> bool {
        if self.filters.is_empty() {
            return true;
        }
        let mut record: serde_json::Value = serde_json::from_slice(record).unwrap_or_default();
        if let Some(text) = record["body"].as_str()
            && let Ok(body) = serde_json::from_str::<serde_json::Value>(text)
        {
            record["body"] = body;
        }
        self.filters.iter().any(|filter| filter.matches(&record))
    }

    /// Sets apart what goes round in a chain of calls. It is refused by itself, so that the rest is not refused with it;
    /// where order is kept, what comes after it waits for it.
    fn part(&self, batch: Vec<Waiting>) -> (Vec<Waiting>, Vec<Waiting>) {
        let is_traced = |one: &Waiting| one.received.message.trace.is_some();
        if !batch.iter().any(is_traced) {
            return (batch, Vec::new());
        }
        let Target {
            space,
            function,
            qualifier,
        } = &self.mapping.target;
        let functions = &self.triggers.functions;
        let Ok(function) = functions.resolve(space, function, qualifier.as_deref()) else {
            // That it is gone is found out when it is called.
            return (batch, Vec::new());
        };
        let goes_round = |one: &Waiting| {
            let trace = one.received.message.trace.as_deref();
            trace.is_some_and(|trace| functions.goes_round(&function, trace))
        };
        let ordered = batch.iter().any(|one| one.received.message.group.is_some());
        let mut round = false;
        let goes_on = |one: &Waiting| {
            round = goes_round(one) || ordered && round;
            !round
        };
        batch.into_iter().partition(goes_on)
    }

    /// A batch has one trace, that of its first message.
    async fn deliver(&self, batch: Vec<Waiting>) -> Result<Ended> {
        let _hold = self.triggers.clock.hold();
        let bodies: Vec<Bytes> = batch.iter().map(|one| one.body.clone()).collect();
        let receipts: Vec<Receipt> = batch.iter().map(|one| one.received.receipt).collect();
        let target = &self.mapping.target;
        let trace = batch
            .first()
            .and_then(|one| one.received.message.trace.clone());
        let asked = Invoke {
            space: target.space.clone(),
            function: target.function.clone(),
            qualifier: target.qualifier.clone(),
            event: functions::Event::Raw(self.dialect.messages(&bodies)),
            request_id: self.triggers.functions.new_request_id(),
            trigger: "queue".to_owned(),
            client_context: None,
            trace,
        };
        let (result, ended) = match self.invoker.invoke(asked).await {
            Ok(ended) => match ended.result {
                Ok(payload) => {
                    self.settle(&self.done(&batch, &payload)).await?;
                    (LastResult::Ok, Ended::Taken)
                }
                // They are seen again in their time.
                Err(_) => (LastResult::FunctionFailed, Ended::Taken),
            },
            Err(functions::Error::Stopping) => return Err(functions::Error::Stopping.into()),
            // As after a failure, so that they end among the dead letters.
            Err(error @ functions::Error::Looping) => {
                tracing::warn!(%error, mapping = self.mapping.id, function = target.function, "a batch was refused");
                (LastResult::FunctionFailed, Ended::Taken)
            }
            Err(error) => {
                tracing::warn!(%error, mapping = self.mapping.id, "a batch was not taken; its messages go back");
                let result = match error {
                    functions::Error::NoSuchFunction(_)
                    | functions::Error::NoSuchQualifier { .. } => LastResult::NoFunction,
                    functions::Error::Throttled(_) => LastResult::FunctionThrottled,
                    _ => LastResult::NotStarted,
                };
                (result, Ended::Refused(receipts))
            }
        };
        self.note(result).await?;
        Ok(ended)
    }

    /// Which messages of the batch are done, by what the function answered.
    fn done(&self, batch: &[Waiting], payload: &[u8]) -> Vec<Receipt> {
        let all = || batch.iter().map(|one| one.received.receipt).collect();
        if !self.mapping.settings.partial {
            return all();
        }
        let id = |one: &Waiting| one.received.message.id.to_string();
        match self.dialect.failed_messages(payload) {
            FailedMessages::None => all(),
            FailedMessages::These(failed)
                if failed
                    .iter()
                    .all(|failed| batch.iter().any(|one| id(one) == *failed)) =>
            {
                let done = batch.iter().filter(|one| !failed.contains(&id(one)));
                done.map(|one| one.received.receipt).collect()
            }
            // One that is not of the batch makes nonsense of the rest, too.
            FailedMessages::These(_) | FailedMessages::Unclear => Vec::new(),
        }
    }

    async fn settle(&self, done: &[Receipt]) -> Result<()> {
        if done.is_empty() {
            return Ok(());
        }
        match self.triggers.queues.settle(&self.queue, done).await {
            // What came too late is seen once more.
            Ok(_) | Err(queues::Error::NoSuchQueue(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn give_back(&self, receipts: &[Receipt], after: Duration) -> Result<()> {
        match self
            .triggers
            .queues
            .give_back(&self.queue, receipts, after)
            .await
        {
            Ok(()) | Err(queues::Error::NoSuchQueue(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn note(&self, result: LastResult) -> Result<()> {
        if self.result.lock().replace(result) == Some(result) {
            return Ok(());
        }
        self.triggers.note_result(&self.mapping, result).await
    }
}

async fn wait(receiving: Option<&mut Receiving<'_>>) -> queues::Result<Vec<Received>> {
    match receiving {
        Some(receiving) => receiving.await,
        None => std::future::pending().await,
    }
}

async fn sleep(clock: &dyn base::Clock, until: Option<Timestamp>) {
    match until {
        Some(until) => clock.sleep_until(until).await,
        None => std::future::pending().await,
    }
}
