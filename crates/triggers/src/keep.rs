//! A worker for each mapping.
//!
//! A mapping's state in the store says what its worker does: deliver, rest, or come to the end of a change. It looks
//! again whenever a bell rings, and after a restart; nothing that it needs to know is anywhere else. Before a change is
//! made good, what is under way for the mapping as it was comes to its end.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use base::{Space, Timestamp};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;
use store::KeyReader;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::delivery::Rules;
use crate::pattern::{Language, Pattern};
use crate::queue::Consuming;
use crate::schema::{
    DELIVERIES, LastResult, MAPPINGS, Mapping, MappingSource, MappingState, RESULTS, deliveries_of,
    mapping_key, result_key,
};
use crate::shard::Delivering;
use crate::{Dialect, Error, Invoker, Result, Triggers};

/// How long to wait after a failure before trying again.
const PAUSE: Duration = Duration::from_secs(1);
/// How often a queue that is gone is looked for.
const ABSENT: Duration = Duration::from_secs(60);
/// How long the records of a stream are kept.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// What one invocation can be handed.
const LARGEST_PAYLOAD: usize = 6 << 20;

type Name = (Space, String);

impl Triggers {
    /// Keeps a worker for each mapping until `stop`. One of these runs for each store.
    pub async fn run_mappings(
        &self,
        dialect: Arc<dyn Dialect>,
        invoker: Invoker,
        stop: CancellationToken,
    ) {
        let mut bell = self.mappings.subscribe();
        let mut workers = JoinSet::new();
        let mut names: HashMap<tokio::task::Id, Name> = HashMap::new();
        loop {
            bell.borrow_and_update();
            let kept: HashSet<&Name> = names.values().collect();
            let mut missing = self.mapping_names().unwrap_or_else(|error| {
                tracing::error!(%error, "mappings could not be read");
                Vec::new()
            });
            missing.retain(|name| !kept.contains(name));
            for name in missing {
                let keeper = Keeper {
                    triggers: self.clone(),
                    dialect: dialect.clone(),
                    invoker: invoker.clone(),
                    bell: self.mappings.subscribe(),
                    name: name.clone(),
                };
                let worker = workers.spawn(keeper.run(stop.clone()));
                names.insert(worker.id(), name);
            }
            tokio::select! {
                () = stop.cancelled() => break,
                _ = bell.changed() => {}
                Some(ended) = workers.join_next_with_id() => match ended {
                    Ok((id, ())) => drop(names.remove(&id)),
                    Err(cause) => {
                        let name = names.remove(&cause.id());
                        tracing::error!(%cause, ?name, "a mapping's worker failed; beginning again");
                        self.clock.host().sleep(PAUSE).await;
                    }
                },
            }
        }
        while workers.join_next().await.is_some() {}
    }

    fn mapping_names(&self) -> Result<Vec<Name>> {
        let all = MAPPINGS.scan(&self.store.read()?, &MAPPINGS.key().range(), usize::MAX)?;
        Ok(all
            .into_iter()
            .map(|(_, mapping)| (mapping.space, mapping.id))
            .collect())
    }
}

struct Keeper {
    triggers: Triggers,
    dialect: Arc<dyn Dialect>,
    invoker: Invoker,
    bell: watch::Receiver<u64>,
    name: Name,
}

impl Keeper {
    /// Until the mapping is gone.
    async fn run(mut self, stop: CancellationToken) {
        let work = async {
            loop {
                match self.step().await {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(error) => {
                        let (_, mapping) = &self.name;
                        tracing::error!(%error, mapping, "a mapping's work was broken off; trying again");
                        self.triggers.clock.host().sleep(PAUSE).await;
                    }
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = work => {}
        }
    }

    /// Does what the mapping's state asks for; says whether there is a mapping still.
    async fn step(&mut self) -> Result<bool> {
        self.bell.borrow_and_update();
        let Some(mapping) = self.mapping()? else {
            return Ok(false);
        };
        match mapping.state {
            MappingState::Enabled => self.deliver(&mapping).await?,
            MappingState::Disabled => self.changed(&mapping).await?,
            MappingState::Deleting => self.triggers.forget_mapping(&mapping).await?,
            MappingState::Creating
            | MappingState::Enabling
            | MappingState::Updating
            | MappingState::Disabling => self.triggers.settle_mapping(&mapping).await?,
        }
        Ok(true)
    }

    fn mapping(&self) -> Result<Option<Mapping>> {
        let (space, id) = &self.name;
        let view = self.triggers.store.read()?;
        Ok(MAPPINGS.get(&view, &mapping_key(space, id))?)
    }

    /// Waits until the mapping is another.
    async fn changed(&mut self, mapping: &Mapping) -> Result<()> {
        loop {
            let now = self.mapping()?;
            if now.is_none_or(|now| now.revision != mapping.revision) {
                return Ok(());
            }
            // The sender lives in `self.triggers`.
            let _ = self.bell.changed().await;
        }
    }

    /// Delivers until the mapping is another and what was under way is done.
    async fn deliver(&mut self, mapping: &Mapping) -> Result<()> {
        let (table, began) = match &mapping.source {
            MappingSource::Table { table, began } => (table, *began),
            MappingSource::Queue { queue } => return self.consume(mapping, queue).await,
        };
        let delivering = match self.begin(mapping, table, began) {
            Ok(delivering) => delivering,
            Err(Error::Tables(tables::Error::NoSuchFeed(_))) => {
                self.triggers
                    .note_result(mapping, LastResult::NoSource)
                    .await?;
                return self.changed(mapping).await;
            }
            Err(error) => return Err(error),
        };
        let drain = CancellationToken::new();
        let mut partitions: FuturesUnordered<_> = self
            .partitions(mapping)?
            .into_iter()
            .map(|partition| delivering.partition(partition, &drain))
            .collect();
        let mut broken = Ok(());
        let mut changed = std::pin::pin!(self.changed(mapping));
        loop {
            tokio::select! {
                changed = &mut changed, if !drain.is_cancelled() => {
                    drain.cancel();
                    broken = broken.and(changed);
                }
                Some(ended) = partitions.next() => if let Err(error) = ended {
                    drain.cancel();
                    broken = broken.and(Err(error));
                },
                else => return broken,
            }
        }
    }

    /// As [`Keeper::deliver`], of a queue.
    async fn consume(&mut self, mapping: &Mapping, queue: &str) -> Result<()> {
        let consuming = Consuming {
            triggers: self.triggers.clone(),
            dialect: self.dialect.clone(),
            invoker: self.invoker.clone(),
            mapping: mapping.clone(),
            queue: queues::Address::new(&mapping.space, queue),
            filters: filters(mapping)?,
            result: Mutex::new(self.result(mapping)?),
        };
        let drain = CancellationToken::new();
        let consumed = {
            let mut consumed = std::pin::pin!(consuming.run(&drain));
            let mut changed = std::pin::pin!(self.changed(mapping));
            tokio::select! {
                changed = &mut changed => {
                    drain.cancel();
                    let consumed = consumed.await;
                    changed.and(consumed)
                }
                consumed = &mut consumed => consumed,
            }
        };
        match consumed {
            Err(Error::Queues(queues::Error::NoSuchQueue(_))) => {
                let gone = LastResult::NoSource;
                self.triggers.note_result(mapping, gone).await?;
                // It may be made again, and nothing tells of that.
                let again = self.triggers.clock.sleep(ABSENT);
                tokio::select! {
                    changed = self.changed(mapping) => changed,
                    () = again => Ok(()),
                }
            }
            consumed => consumed,
        }
    }

    fn result(&self, mapping: &Mapping) -> Result<Option<LastResult>> {
        let key = result_key(&mapping.space, &mapping.id);
        Ok(RESULTS.get(&self.triggers.store.read()?, &key)?)
    }

    fn begin(&self, mapping: &Mapping, table: &str, began: Timestamp) -> Result<Delivering> {
        let feed = self.triggers.tables.feed(&mapping.space, table, began)?;
        Ok(Delivering {
            triggers: self.triggers.clone(),
            dialect: self.dialect.clone(),
            invoker: self.invoker.clone(),
            rules: rules(mapping),
            filters: filters(mapping)?,
            mapping: mapping.clone(),
            feed,
            result: Mutex::new(self.result(mapping)?),
        })
    }

    fn partitions(&self, mapping: &Mapping) -> Result<Vec<u32>> {
        let of = deliveries_of(&mapping.space, &mapping.id);
        let stored = DELIVERIES.scan(&self.triggers.store.read()?, &of.range(), usize::MAX)?;
        let number = |(key, _): (Vec<u8>, _)| {
            let mut key = KeyReader::new(&key)?;
            key.str()?;
            key.str()?;
            key.u32()
        };
        Ok(stored.into_iter().filter_map(number).collect())
    }
}

fn filters(mapping: &Mapping) -> Result<Vec<Pattern>> {
    let filters = mapping.settings.filters.iter();
    let filters = filters.map(|filter| Pattern::parse(filter, Language::Filters));
    Ok(filters.collect::<std::result::Result<_, _>>()?)
}

fn rules(mapping: &Mapping) -> Rules {
    let settings = &mapping.settings;
    let count = |number: u32| usize::try_from(number.max(1)).unwrap_or(usize::MAX);
    Rules {
        batch: count(settings.batch),
        wait: settings.wait,
        payload: LARGEST_PAYLOAD,
        lanes: count(settings.lanes),
        retries: settings.retries,
        age: settings.age.map_or(KEPT, |age| age.min(KEPT)),
        bisect: settings.bisect,
        partial: settings.partial,
        tumbling: settings.tumbling,
    }
}
