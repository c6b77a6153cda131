//! What is done to feeds as time goes by: their shards turn, old changes are forgotten, and at last the feeds are.
//!
//! Buffered: what a crash brings back is done again.

use std::time::Duration;

use base::Timestamp;
use store::{Position, Read, Record};
use tokio_util::sync::CancellationToken;

use crate::Tables;
use crate::error::{Error, Result};
use crate::schema::{FEEDS, FORGOTTEN, Feed, Forgotten, StoredChange};

/// How long a change can be read at least.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a shard is written to.
const TURNS: Duration = Duration::from_secs(4 * 60 * 60);
const EVERY: Duration = Duration::from_secs(60);
/// Feeds looked at together.
const FEEDS_AT_ONCE: usize = 256;
/// Changes forgotten in one transaction. They are read for it, and each may be as large as two items.
const BATCH: usize = 32;

impl Tables {
    /// Does what is due to feeds, until told to stop.
    pub async fn run_feeds(&self, stop: CancellationToken) {
        let mut next = None;
        while !stop.is_cancelled() {
            if let Err(cause) = self.tend_feeds().await {
                tracing::warn!(%cause, "feeds were not turned or trimmed");
            }
            let due = next.map_or_else(
                || Box::pin(std::future::pending()) as base::Sleep,
                |next| self.clock.sleep_until(next),
            );
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.clock.host().sleep(EVERY) => next = None,
                () = self.clock.about_to_move() => next = self.feeds_due(),
                () = due => next = None,
            }
        }
    }

    /// When there is something to do again, for whoever moves the clock and will not wait until somebody looks.
    pub(crate) fn feeds_due(&self) -> Option<Timestamp> {
        let now = self.clock.now();
        let next = self.store.read().map_err(Error::from).and_then(|view| {
            let feeds = FEEDS.scan(&view, &FEEDS.key().range(), FEEDS_AT_ONCE)?;
            let due = feeds.iter().map(|(_, feed)| feed.next_due(&view, now));
            due.collect::<Result<Vec<_>>>()
        });
        let next = next.inspect_err(|cause| tracing::warn!(%cause, "no next turn was found"));
        next.ok()?.into_iter().flatten().min()
    }

    /// Does what is due to all feeds.
    pub async fn tend_feeds(&self) -> Result<()> {
        let mut range = FEEDS.key().range();
        loop {
            let feeds = FEEDS.scan(&self.store.read()?, &range, FEEDS_AT_ONCE)?;
            let Some((last, _)) = feeds.last() else {
                return Ok(());
            };
            range = range.after(last);
            for (_, feed) in feeds {
                self.tend(&feed).await?;
            }
        }
    }

    async fn tend(&self, feed: &Feed) -> Result<()> {
        let now = self.clock.now();
        let over = feed.ended.is_some_and(|ended| is_old(ended, now));
        let first = feed.spans(&self.store.read()?)?.first().copied();
        let start = first.map_or(Position::START, |span| span.start);
        let mut oldest = Vec::new();
        for partition in 0..feed.partitions {
            let young = (!over).then_some(now);
            oldest.extend(self.forget_changes(feed, partition, start, young).await?);
        }
        if over {
            return self.forget_feed(feed).await;
        }
        self.forget_shards(feed, now, oldest.into_iter().min())
            .await?;
        self.turn(feed, now).await
    }

    /// Forgets what of a partition, which begins at `start`, is too old `now`; without that, all of it. Tells where the
    /// rest begins, if there is any.
    async fn forget_changes(
        &self,
        feed: &Feed,
        partition: u32,
        start: Position,
        now: Option<Timestamp>,
    ) -> Result<Option<Position>> {
        let log = feed.changes(partition);
        let row = feed.forgotten(partition);
        let mut ask = 1;
        loop {
            let view = self.store.read()?;
            let forgotten = FORGOTTEN.get(&view, &row)?;
            let after = forgotten.map_or(start, |forgotten| forgotten.0);
            let entries = log.read(&view, after, ask)?;
            let mut old = Vec::new();
            let mut rest = None;
            for entry in &entries {
                let at = StoredChange::decode(&entry.body)?.at;
                if now.is_some_and(|now| !is_old(at, now)) {
                    rest = Some(entry.position);
                    break;
                }
                old.push(entry.position);
            }
            let Some(last) = old.last().copied() else {
                return Ok(rest);
            };
            self.store
                .write_buffered(|tx| {
                    log.forget(tx, old.iter().copied());
                    FORGOTTEN.put(tx, row.clone(), &Forgotten(last));
                    Ok::<_, Error>(())
                })
                .await?;
            if rest.is_some() {
                return Ok(rest);
            }
            ask = BATCH;
        }
    }

    /// Forgets the shards that ended too long ago, of which nothing is left. `oldest` is the first change that is.
    async fn forget_shards(
        &self,
        feed: &Feed,
        now: Timestamp,
        oldest: Option<Position>,
    ) -> Result<()> {
        let spans = feed.spans(&self.store.read()?)?;
        let gone = spans.iter().filter(|span| {
            span.end.is_some_and(|(end, at)| {
                is_old(at, now) && oldest.is_none_or(|oldest| oldest > end)
            })
        });
        let gone: Vec<Position> = gone.map(|span| span.start).collect();
        if gone.is_empty() {
            return Ok(());
        }
        self.store
            .write_buffered(|tx| {
                feed.turns().forget(tx, gone.iter().copied());
                Ok::<_, Error>(())
            })
            .await
    }

    /// Begins new shards, if those that are written to have been for long enough.
    async fn turn(&self, feed: &Feed, now: Timestamp) -> Result<()> {
        let due = |generation: u32, began: Timestamp| {
            (now.since(began) >= TURNS).then(|| generation.saturating_add(1))
        };
        let newest = feed.spans(&self.store.read()?)?.pop();
        if newest.is_none_or(|span| due(span.generation, span.began).is_none()) {
            return Ok(());
        }
        self.store
            .write_buffered(|tx| {
                let open = FEEDS.get(tx, &feed.row())?;
                if open.is_none_or(|open| open.ended.is_some()) {
                    return Ok(());
                }
                if let Some(span) = feed.spans(tx)?.pop()
                    && let Some(next) = due(span.generation, span.began)
                {
                    feed.turn(tx, Some(next), now);
                }
                Ok::<_, Error>(())
            })
            .await
    }

    /// Forgets a feed of which no change is left.
    async fn forget_feed(&self, feed: &Feed) -> Result<()> {
        let turns = feed.turns();
        self.store
            .write_buffered(|tx| {
                turns.trim(tx, Position::END, usize::MAX)?;
                for partition in 0..feed.partitions {
                    FORGOTTEN.delete(tx, feed.forgotten(partition));
                }
                FEEDS.delete(tx, feed.row());
                Ok::<_, Error>(())
            })
            .await
    }
}

impl Feed {
    /// When it turns, or has something to forget.
    ///
    /// Nobody stops the clock for shards to which nothing was written: a few years would take minutes. They turn when it
    /// stops anyway, and that is where it is moved to at the latest.
    fn next_due(&self, from: &impl Read, now: Timestamp) -> Result<Option<Timestamp>> {
        if let Some(ended) = self.ended {
            return Ok(Some(ended + KEPT));
        }
        let spans = self.spans(from)?;
        let start = spans.first().map_or(Position::START, |span| span.start);
        let mut due = Vec::new();
        if let Some(newest) = spans.last() {
            let turns = newest.began + TURNS;
            if turns <= now || self.is_written_after(from, newest.start)? {
                due.push(turns);
            }
        }
        for partition in 0..self.partitions {
            let forgotten = FORGOTTEN.get(from, &self.forgotten(partition))?;
            let after = forgotten.map_or(start, |forgotten| forgotten.0);
            for entry in self.changes(partition).read(from, after, 1)? {
                let old = StoredChange::decode(&entry.body)?.at + KEPT;
                // Together with those of the same minute.
                let minutes = old.as_secs().div_ceil(EVERY.as_secs());
                due.push(Timestamp::from_secs(minutes * EVERY.as_secs()));
            }
        }
        Ok(due.into_iter().min())
    }

    fn is_written_after(&self, from: &impl Read, start: Position) -> Result<bool> {
        for partition in 0..self.partitions {
            if !self.changes(partition).read(from, start, 1)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn is_old(at: Timestamp, now: Timestamp) -> bool {
    now.since(at) >= KEPT
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use base::{Clock, ManualClock, Random, Space};
    use store::Store;

    use super::*;
    use crate::{
        Images, Item, KeyAttribute, KeySchema, KeyType, NewTable, Reading, Since, Throughput, Value,
    };

    /// A pass is of several transactions, and readers come between them, also after a crash.
    #[tokio::test]
    async fn a_reader_of_an_old_shard_does_not_mind_that_the_next_one_is_forgotten_first() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000)));
        let store = Store::ephemeral(Random::seeded(1));
        let tables = Tables::new(store.clone(), clock.clone(), Random::seeded(2));
        let space = Space::new("here");
        let partition = KeyAttribute {
            name: "p".into(),
            r#type: KeyType::String,
        };
        let key = KeySchema {
            partition,
            sort: None,
        };
        let table = NewTable {
            provisioned: Some(Throughput { read: 1, write: 1 }),
            feed: Some(Images::Neither.into()),
            ..NewTable::new("t", key)
        };
        tables.create(&space, table).await.unwrap();
        let feed = tables.feeds(&space, None, None, 1).unwrap().feeds.remove(0);
        clock.advance(TURNS);
        tables.tend_feeds().await.unwrap();
        let item = Item::from([("p".to_owned(), Value::String("a".into()))]);
        tables.put(&space, "t", item).await.unwrap();
        let old = tables.shards(&feed).unwrap()[0];
        clock.advance(KEPT);
        let now = Some(clock.now());
        tables
            .forget_changes(&feed, 0, old.start, now)
            .await
            .unwrap();
        for since in [Since::Oldest, Since::After(old.end.unwrap())] {
            let reading = Reading {
                shard: old.id,
                since,
                limit: 9,
                bytes: 9,
            };
            let read = tables.changes(&feed, &reading).unwrap();
            assert_eq!((read.changes.len(), read.next), (0, None));
        }
    }
}
