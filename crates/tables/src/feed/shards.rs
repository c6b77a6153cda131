use base::Timestamp;
use store::{Position, Read, Record};

use crate::Tables;
use crate::error::{Error, Result};
use crate::schema::{FEEDS, Feed, Turn};

/// More turns than are ever kept.
const MOST_TURNS: usize = 1_024;

/// A partition of a feed, from one turn to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId {
    pub generation: u32,
    pub partition: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    pub id: ShardId,
    /// The shard that it goes on from, which may be forgotten.
    pub parent: Option<ShardId>,
    pub began: Timestamp,
    /// All its changes come after this.
    pub start: Position,
    /// None of its changes comes after this. None: it is still written to.
    pub end: Option<Position>,
}

/// The shards of one generation, but for the partition.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) generation: u32,
    pub(super) began: Timestamp,
    pub(super) start: Position,
    pub(super) end: Option<(Position, Timestamp)>,
}

impl Tables {
    /// The shards of a feed, each after its parent.
    pub fn shards(&self, feed: &Feed) -> Result<Vec<Shard>> {
        let view = self.store.read()?;
        if FEEDS.get(&view, &feed.row())?.is_none() {
            return Err(Error::NoSuchFeed(feed.table.clone()));
        }
        let spans = feed.spans(&view)?;
        let shards = spans
            .iter()
            .flat_map(|span| (0..feed.partitions).map(|partition| span.shard(partition)));
        Ok(shards.collect())
    }
}

impl Feed {
    pub(super) fn spans(&self, from: &impl Read) -> Result<Vec<Span>> {
        let turns = self
            .turns()
            .read_back(from, None, MOST_TURNS)?
            .into_iter()
            .rev()
            .map(|entry| Ok((entry.position, Turn::decode(&entry.body)?)))
            .collect::<Result<Vec<_>>>()?;
        let spans = turns.iter().enumerate().filter_map(|(at, (start, turn))| {
            Some(Span {
                generation: turn.generation?,
                began: turn.at,
                start: *start,
                end: turns.get(at + 1).map(|(end, turn)| (*end, turn.at)),
            })
        });
        Ok(spans.collect())
    }

    pub(super) fn shard(&self, from: &impl Read, id: ShardId) -> Result<Shard> {
        if id.partition >= self.partitions {
            return Err(Error::NoSuchShard);
        }
        let spans = self.spans(from)?;
        let span = spans.iter().find(|span| span.generation == id.generation);
        span.map(|span| span.shard(id.partition))
            .ok_or(Error::NoSuchShard)
    }
}

impl Span {
    fn shard(&self, partition: u32) -> Shard {
        let id = |generation| ShardId {
            generation,
            partition,
        };
        Shard {
            id: id(self.generation),
            parent: self.generation.checked_sub(1).map(id),
            began: self.began,
            start: self.start,
            end: self.end.map(|(end, _)| end),
        }
    }
}
