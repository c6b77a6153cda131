use base::Timestamp;
use serde::{Deserialize, Serialize};
use store::{Position, Record, View};

use super::shards::{Shard, ShardId};
use crate::Tables;
use crate::error::{Error, Result};
use crate::schema::{FEEDS, FORGOTTEN, Feed, ItemChangeKind, StoredChange};
use crate::size::item_size;
use crate::value::Item;

/// Changes asked of the store at once, at first and at most.
const FIRST_ASK: usize = 16;
const MAX_ASK: usize = 1_000;

/// From where in a shard to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// The oldest change that is kept.
    Oldest,
    /// The change at this position and those after it.
    At(Position),
    After(Position),
}

/// What to read of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    pub shard: ShardId,
    pub since: Since,
    pub limit: usize,
    /// Of changes, by [`ItemChange::bytes`]. One is read in any case, however large it is.
    pub bytes: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Changes {
    pub changes: Vec<ItemChange>,
    /// After which to go on; none when the shard is closed and this was all of it.
    pub next: Option<Position>,
}

/// What happened to an item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemChange {
    pub position: Position,
    pub at: Timestamp,
    pub kind: ItemChangeKind,
    pub key: Item,
    /// As far as the feed tells them.
    pub old: Option<Item>,
    pub new: Option<Item>,
    /// Of the key and of the images.
    pub bytes: usize,
    /// Nobody asked for it: the item's time had come.
    pub expired: bool,
}

impl Tables {
    /// Some changes of a shard, in order. Those of a commit that is not yet synced are among them: who acts on them
    /// outside of this store waits for [`Tables::sync`] first, for a crash may still undo them.
    pub fn changes(&self, feed: &Feed, reading: &Reading) -> Result<Changes> {
        let view = self.store.read()?;
        let shard = existing(&view, feed, reading.shard)?;
        let after = begin(&view, feed, &shard, reading.since)?;
        read(&view, feed, &shard, after, reading)
    }

    /// After which position only changes come that are still to happen.
    pub fn newest_change(&self, feed: &Feed, shard: ShardId) -> Result<Position> {
        let view = self.store.read()?;
        let shard = existing(&view, feed, shard)?;
        if let Some(end) = shard.end {
            return Ok(end);
        }
        let oldest = oldest(&view, feed, &shard)?;
        let newest = feed
            .changes(shard.id.partition)
            .newest_after(&view, oldest)?;
        Ok(newest.unwrap_or(oldest))
    }

    /// Waits until all that has been told is durable.
    pub async fn sync(&self) -> Result<()> {
        Ok(self.store.sync().await?)
    }

    /// Waits until something comes after this position of a shard: a change, or its end.
    pub async fn changed(&self, feed: &Feed, shard: ShardId, after: Position) -> Result<()> {
        let (start, oldest) = {
            let view = self.store.read()?;
            let shard = existing(&view, feed, shard)?;
            (shard.start, oldest(&view, feed, &shard)?)
        };
        let (changes, turns) = (feed.changes(shard.partition), feed.turns());
        tokio::select! {
            changed = self.store.appended(&changes, after.max(oldest)) => changed?,
            turned = self.store.appended(&turns, start) => turned?,
        }
        Ok(())
    }
}

fn existing(view: &View, feed: &Feed, shard: ShardId) -> Result<Shard> {
    if FEEDS.get(view, &feed.row())?.is_none() {
        return Err(Error::NoSuchFeed(feed.table.clone()));
    }
    feed.shard(view, shard)
}

/// After which position the shard's kept changes come.
fn oldest(view: &View, feed: &Feed, shard: &Shard) -> Result<Position> {
    let forgotten = FORGOTTEN.get(view, &feed.forgotten(shard.id.partition))?;
    let oldest = forgotten.map_or(shard.start, |forgotten| forgotten.0.max(shard.start));
    // What was forgotten of later shards of the partition is none of this one's.
    Ok(shard.end.map_or(oldest, |end| oldest.min(end)))
}

fn begin(view: &View, feed: &Feed, shard: &Shard, since: Since) -> Result<Position> {
    let oldest = oldest(view, feed, shard)?;
    let after = match since {
        Since::Oldest => oldest,
        Since::At(position) => position.before(),
        Since::After(position) => position,
    };
    // Before the shard's start there is nothing of it, and so nothing of it that was forgotten.
    let after = after.max(shard.start);
    if after < oldest {
        return Err(Error::Forgotten);
    }
    Ok(after)
}

fn read(
    view: &View,
    feed: &Feed,
    shard: &Shard,
    after: Position,
    reading: &Reading,
) -> Result<Changes> {
    let log = feed.changes(shard.id.partition);
    let mut changes = Vec::new();
    let (mut bytes, mut after) = (0, after);
    while changes.len() < reading.limit {
        let ask = ask(changes.len(), bytes, reading);
        let entries = log.read(view, after, ask)?;
        let all = entries.len() < ask;
        for entry in entries {
            if shard.end.is_some_and(|end| entry.position > end) {
                return Ok(Changes {
                    changes,
                    next: None,
                });
            }
            let change = change(feed, entry.position, StoredChange::decode(&entry.body)?);
            if !changes.is_empty() && bytes + change.bytes > reading.bytes {
                let next = Some(after);
                return Ok(Changes { changes, next });
            }
            bytes += change.bytes;
            after = change.position;
            changes.push(change);
        }
        if all {
            let next = shard.end.is_none().then_some(after);
            return Ok(Changes { changes, next });
        }
    }
    let next = Some(after);
    Ok(Changes { changes, next })
}

/// As many as fit, by what those read so far were like.
fn ask(read: usize, bytes: usize, reading: &Reading) -> usize {
    let likely = match bytes.checked_div(read) {
        None => FIRST_ASK,
        Some(each) => reading.bytes.saturating_sub(bytes) / each.max(1) + 1,
    };
    likely.min(MAX_ASK).min(reading.limit - read)
}

fn change(feed: &Feed, position: Position, stored: StoredChange) -> ItemChange {
    let StoredChange { key, old, new, .. } = stored;
    let key = key
        .or_else(|| Some(feed.key.of(new.as_ref().or(old.as_ref())?)))
        .unwrap_or_default();
    let images: usize = old.iter().chain(&new).map(item_size).sum();
    ItemChange {
        position,
        at: stored.at,
        kind: stored.kind,
        bytes: item_size(&key) + images,
        key,
        old,
        new,
        expired: stored.expired,
    }
}
