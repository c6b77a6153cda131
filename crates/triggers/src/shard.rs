//! Doing what a delivery decides: reading a shard, running the function, telling who wants to know of what is discarded,
//! and keeping how far it came.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use functions::Invoke;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;
use store::Position;
use tables::{Feed, ItemChange, Reading, Shard, ShardId, Since, Value};
use tokio_util::sync::CancellationToken;

use crate::delivery::{
    Action, Batch, Delivery, Discarded, Event, Incoming, Outcome, Progress, Rules, Sequence,
};
use crate::dialect::{Failure, Ran};
use crate::pattern::Pattern;
use crate::schema::{
    DELIVERIES, LastResult, Mapping, RESULTS, StoredDelivery, deliveries_of, result_key,
};
use crate::target::Destination;
use crate::{Dialect, Invoker, Result, Triggers};

/// What is read at once, at most and in bytes.
const READ: usize = 1_000;
const READ_BYTES: usize = 1 << 20;
/// How long to wait until a destination that refused is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// A mapping that delivers.
pub(crate) struct Delivering {
    pub(crate) triggers: Triggers,
    pub(crate) dialect: Arc<dyn Dialect>,
    pub(crate) invoker: Invoker,
    pub(crate) mapping: Mapping,
    pub(crate) feed: Feed,
    pub(crate) rules: Rules,
    /// One of them must match; none if all records are wanted.
    pub(crate) filters: Vec<Pattern>,
    /// As it is stored.
    pub(crate) result: Mutex<Option<LastResult>>,
}

/// Something that a delivery waits for.
type Doing<'a> = Pin<Box<dyn Future<Output = Result<Done>> + Send + 'a>>;

struct Done {
    event: Event,
    /// The invocation that ended, with its lane.
    ran: Option<(usize, Ran)>,
}

impl From<Event> for Done {
    fn from(event: Event) -> Self {
        Self { event, ran: None }
    }
}

impl Delivering {
    /// Delivers one partition's shards, one after the other, until nothing comes any more or `drain`.
    pub(crate) async fn partition(&self, partition: u32, drain: &CancellationToken) -> Result<()> {
        loop {
            let Some((shard, progress)) = self.place(partition)? else {
                return Ok(());
            };
            if !self.shard(shard, progress, drain).await? {
                return Ok(());
            }
            if !self.next_shard(shard.id).await? {
                return Ok(());
            }
        }
    }

    /// Which shard is to be delivered, and how far it was.
    fn place(&self, partition: u32) -> Result<Option<(Shard, Progress)>> {
        let view = self.triggers.store.read()?;
        let Some(stored) = DELIVERIES.get(&view, &self.key(partition))? else {
            return Ok(None);
        };
        let shard = self.shard_from(partition, stored.generation)?;
        Ok(shard.map(|shard| {
            let progress = if shard.id.generation == stored.generation {
                stored.progress
            } else {
                // What was not delivered of the one before is no longer kept.
                Progress::from(shard.start.number())
            };
            (shard, progress)
        }))
    }

    /// The first shard of this generation or a later one.
    fn shard_from(&self, partition: u32, generation: u32) -> Result<Option<Shard>> {
        let shards = match self.triggers.tables.shards(&self.feed) {
            Err(tables::Error::NoSuchFeed(_)) => return Ok(None),
            shards => shards?,
        };
        let mut shards = shards.into_iter();
        Ok(shards
            .find(|shard| shard.id.partition == partition && shard.id.generation >= generation))
    }

    /// Goes on to the shard that follows; says whether there is one.
    async fn next_shard(&self, done: ShardId) -> Result<bool> {
        let next = self.shard_from(done.partition, done.generation + 1)?;
        let Some(next) = next else {
            return Ok(false);
        };
        self.save(next.id, Progress::from(next.start.number()))
            .await?;
        Ok(true)
    }

    /// Delivers a shard. Says whether all of it was, which it is not after `drain`.
    async fn shard(
        &self,
        shard: Shard,
        progress: Progress,
        drain: &CancellationToken,
    ) -> Result<bool> {
        let clock = &self.triggers.clock;
        let mut delivery = Delivery::resume(self.rules(&shard), progress);
        let mut doing: FuturesUnordered<Doing<'_>> = FuturesUnordered::new();
        let mut ran: HashMap<usize, Ran> = HashMap::new();
        let mut event = Event::Woken;
        let mut stopped = false;
        loop {
            for action in delivery.on(event, clock.now()) {
                match action {
                    Action::Save(progress) => self.save(shard.id, progress).await?,
                    Action::Read { after } => doing.push(Box::pin(self.read(shard, after))),
                    Action::Invoke { lane, batch } => {
                        doing.push(Box::pin(self.invoke(shard, lane, batch)));
                    }
                    Action::Discard { lane, discarded } => {
                        let last = ran.get(&lane).cloned();
                        doing.push(Box::pin(self.discard(shard, lane, discarded, last)));
                    }
                }
            }
            if delivery.is_over() || stopped && delivery.is_quiet() {
                return Ok(delivery.is_over());
            }
            event = tokio::select! {
                () = drain.cancelled(), if !stopped => {
                    stopped = true;
                    Event::Stop
                }
                Some(done) = doing.next() => {
                    let done = done?;
                    ran.extend(done.ran);
                    done.event
                }
                () = wake(clock.as_ref(), delivery.wake()) => Event::Woken,
            };
        }
    }

    /// The mapping's, less what is around the records.
    fn rules(&self, shard: &Shard) -> Rules {
        let window = self.rules.tumbling.map(|_| crate::Window {
            start: Timestamp::from_micros(0),
            end: Timestamp::from_micros(0),
            state: None,
            is_final: false,
            ended_early: false,
        });
        let around = self.dialect.batch(&self.feed, shard, &[], window.as_ref());
        Rules {
            payload: self.rules.payload.saturating_sub(around.len()),
            ..self.rules.clone()
        }
    }

    async fn read(&self, shard: Shard, after: Sequence) -> Result<Done> {
        let tables = &self.triggers.tables;
        let position = Position::from_number(after).unwrap_or(Position::START);
        let mut since = Since::After(position);
        loop {
            let reading = Reading {
                shard: shard.id,
                since,
                limit: READ,
                bytes: READ_BYTES,
            };
            match tables.changes(&self.feed, &reading) {
                Ok(read) if read.changes.is_empty() && read.next.is_some() => {
                    match tables.changed(&self.feed, shard.id, position).await {
                        Err(error) if is_gone(&error) => return Ok(nothing_more(after)),
                        changed => changed?,
                    }
                }
                Ok(read) => {
                    // A crash must not undo what the function has seen.
                    self.triggers.store.sync().await?;
                    let ended = read.next.is_none();
                    return self.wanted(&read.changes, after, ended);
                }
                Err(tables::Error::Forgotten) => {
                    tracing::warn!(
                        mapping = self.mapping.id,
                        "changes were no longer kept when they were to be delivered"
                    );
                    since = Since::Oldest;
                }
                Err(error) if is_gone(&error) => return Ok(nothing_more(after)),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Those of the changes that match the filters, as the function sees them.
    fn wanted(&self, changes: &[ItemChange], after: Sequence, ended: bool) -> Result<Done> {
        let upto = changes.last().map_or(after, |last| last.position.number());
        let mut records = Vec::with_capacity(changes.len());
        for change in changes {
            let body = self.dialect.record(&self.feed, change);
            if self.wants(&body) {
                records.push(Incoming {
                    sequence: change.position.number(),
                    key: self.order(change),
                    at: change.at,
                    body,
                });
            }
        }
        let event = Event::Read {
            records,
            upto,
            ended,
        };
        Ok(event.into())
    }

    fn wants(&self, body: &Bytes) -> bool {
        if self.filters.is_empty() {
            return true;
        }
        let record = serde_json::from_slice(body).unwrap_or_default();
        self.filters.iter().any(|filter| filter.matches(&record))
    }

    /// A hash of the partition key. It is stored by what it does: another one would deal records to other lanes.
    fn order(&self, change: &ItemChange) -> u64 {
        match change.key.get(&self.feed.key.partition.name) {
            Some(Value::String(text)) => hash(text.as_bytes()),
            Some(Value::Binary(bytes)) => hash(bytes),
            Some(Value::Number(number)) => hash(&number.to_sortable()),
            _ => 0,
        }
    }

    async fn invoke(&self, shard: Shard, lane: usize, batch: Batch) -> Result<Done> {
        let bodies: Vec<Bytes> = batch
            .records
            .into_iter()
            .map(|record| record.body)
            .collect();
        let window = batch.window.as_ref();
        let payload = self.dialect.batch(&self.feed, &shard, &bodies, window);
        let target = &self.mapping.target;
        let asked = Invoke {
            space: target.space.clone(),
            function: target.function.clone(),
            qualifier: target.qualifier.clone(),
            event: functions::Event::Raw(payload),
            request_id: self.triggers.functions.new_request_id(),
            trigger: "stream".to_owned(),
            client_context: None,
            trace: None,
        };
        let (outcome, result, ran) = match self.invoker.invoke(asked).await {
            Ok(ended) => {
                let ran = Ran {
                    request_id: ended.request_id,
                    version: ended.version,
                    failed: ended.result.is_err(),
                };
                match ended.result {
                    Ok(payload) => {
                        let answer = self.dialect.answer(&payload);
                        (Outcome::Answered(answer), LastResult::Ok, Some(ran))
                    }
                    Err(_) => (Outcome::Failed, LastResult::FunctionFailed, Some(ran)),
                }
            }
            Err(functions::Error::Stopping) => return Err(functions::Error::Stopping.into()),
            Err(error) => {
                tracing::warn!(%error, mapping = self.mapping.id, "a batch was not taken; waiting");
                let result = match error {
                    functions::Error::NoSuchFunction(_)
                    | functions::Error::NoSuchQualifier { .. } => LastResult::NoFunction,
                    functions::Error::Throttled(_) => LastResult::FunctionThrottled,
                    _ => LastResult::NotStarted,
                };
                (Outcome::Refused, result, None)
            }
        };
        self.note(result).await?;
        Ok(Done {
            event: Event::Invoked { lane, outcome },
            ran: ran.map(|ran| (lane, ran)),
        })
    }

    async fn discard(
        &self,
        shard: Shard,
        lane: usize,
        discarded: Discarded,
        last: Option<Ran>,
    ) -> Result<Done> {
        let Discarded {
            why,
            records,
            invocations,
        } = discarded;
        tracing::warn!(
            mapping = self.mapping.id,
            ?why,
            records = records.len(),
            "records were discarded"
        );
        let destination = self.mapping.settings.on_failure.as_ref();
        if let (Some(destination), Some(first), Some(end)) =
            (destination, records.first(), records.last())
        {
            let bodies: Vec<Bytes> = records.iter().map(|record| record.body.clone()).collect();
            let payload = self.dialect.batch(&self.feed, &shard, &bodies, None);
            let last = last.filter(|_| invocations > 0);
            let new = self.triggers.functions.new_request_id();
            let failure = Failure {
                mapping: &self.mapping.id,
                target: &self.mapping.target,
                feed: &self.feed,
                shard: &shard,
                why,
                invocations,
                request_id: last.as_ref().map_or(&new, |last| &last.request_id),
                last: last.as_ref(),
                at: self.triggers.clock.now(),
                count: records.len(),
                first: (first.sequence, first.at),
                end: (end.sequence, end.at),
                payload: &payload,
            };
            self.tell(destination, &failure).await;
        }
        Ok(Event::Discarded { lane }.into())
    }

    /// A destination that is gone is told nothing, as by the real service; one that cannot be reached is waited for.
    async fn tell(&self, destination: &Destination, failure: &Failure<'_>) {
        let Destination::Bucket(bucket) = destination else {
            // No mapping is made with another.
            return;
        };
        let unique = self.triggers.random.uuid().to_string();
        let key = self.dialect.failure_key(failure, &unique);
        let body = self.dialect.failure(failure);
        loop {
            match self.triggers.put_object(bucket, &key, body.clone()).await {
                Ok(()) => return,
                Err(error @ objects::Error::Store(_)) => {
                    tracing::error!(%error, bucket, "what was discarded could not be told; trying again");
                    self.triggers.clock.sleep(PAUSE).await;
                }
                Err(error) => {
                    let mapping = &self.mapping.id;
                    tracing::error!(%error, bucket, mapping, "what was discarded could not be told");
                    return;
                }
            }
        }
    }

    fn key(&self, partition: u32) -> store::Key {
        deliveries_of(&self.mapping.space, &self.mapping.id).u32(partition)
    }

    /// Losing this in a crash means that records are delivered once more.
    async fn save(&self, shard: ShardId, progress: Progress) -> Result<()> {
        let stored = StoredDelivery {
            generation: shard.generation,
            progress,
        };
        self.triggers
            .store
            .write_buffered(|tx| {
                DELIVERIES.put(tx, self.key(shard.partition), &stored);
                Ok(())
            })
            .await
    }

    async fn note(&self, result: LastResult) -> Result<()> {
        if self.result.lock().replace(result) == Some(result) {
            return Ok(());
        }
        self.triggers.note_result(&self.mapping, result).await
    }
}

impl Triggers {
    pub(crate) async fn note_result(&self, mapping: &Mapping, result: LastResult) -> Result<()> {
        self.store
            .write_buffered(|tx| {
                RESULTS.put(tx, result_key(&mapping.space, &mapping.id), &result);
                Ok(())
            })
            .await
    }
}

fn is_gone(error: &tables::Error) -> bool {
    matches!(
        error,
        tables::Error::NoSuchFeed(_) | tables::Error::NoSuchShard
    )
}

/// The shard, or its whole feed, is no longer kept.
fn nothing_more(after: Sequence) -> Done {
    let event = Event::Read {
        records: Vec::new(),
        upto: after,
        ended: true,
    };
    event.into()
}

async fn wake(clock: &dyn base::Clock, at: Option<Timestamp>) {
    match at {
        Some(at) => clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
