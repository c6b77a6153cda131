//! Feeds: the changes of a table's items, in order, for a day.
//!
//! # How a change gets there
//!
//! Whoever changes an item appends what happened to a log, in the item's own transaction. A feed has a few *partitions*,
//! each a log; a hash of the item's partition key says which one, so the changes of an item are in the order of the
//! commits that made them. An entry's place is given at commit and nothing is read for it: writers do not meet there. A
//! write that leaves an item as it was is no change.
//!
//! # Shards
//!
//! What is read is a *shard*: a partition from one *turn* of the feed to the next. All the partitions turn at once, every
//! few hours, by one entry in a log of the feed's own. Positions can be compared across the logs of a store, so the
//! turn's position says for every partition what comes before it and what after, and no writer need know that there are
//! shards. A snapshot that has a change from after the turn has the turn too, so nobody reads past the end of a shard.
//! The last turn ends the feed.
//!
//! # Forgetting
//!
//! Old changes are removed from the front of each log, and how far that went is kept beside it, so that a reader begins
//! behind what was removed and never walks over the traces of it; and so that a reader who comes too late is told.

mod forget;
mod list;
mod read;
mod shards;

use base::{Space, Timestamp};
use store::{Key as Row, Log, Record, Tx};

use crate::create::NewFeed;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::schema::{
    FEEDS, FORGOTTEN, Feed, Images, ItemChangeKind, StoredChange, Table, TableFeed, Throughput,
    Turn,
};
use crate::value::Item;
use crate::write::Cause;

pub use list::Feeds;
pub use read::{Changes, ItemChange, Reading, Since};
pub use shards::{Shard, ShardId};

/// How many partitions the feed of a table has that is paid per request.
const PARTITIONS: u32 = 4;
/// What one partition of a table is provisioned for at most.
const PARTITION_READS: u64 = 3_000;
const PARTITION_WRITES: u64 = 1_000;
const MOST_PARTITIONS: u64 = 64;

/// Begins a feed of this table, which is the caller's to store.
pub(crate) fn begin(
    tx: &mut Tx,
    space: &Space,
    table: &mut Table,
    id: u64,
    new: NewFeed,
    now: Timestamp,
) -> Result<()> {
    if table.feed.is_some_and(|feed| feed.open) {
        return Err(Error::FeedExists(table.name.clone()));
    }
    let feed = Feed {
        id,
        partitions: partitions(table.provisioned),
        space: space.clone(),
        table: table.name.clone(),
        key: table.key.clone(),
        began: free_moment(tx, space, &table.name, new.began.unwrap_or(now))?,
        images: new.images,
        ended: None,
    };
    feed.turn(tx, Some(0), now);
    FEEDS.put(tx, feed.row(), &feed);
    table.feed = Some(TableFeed {
        id,
        partitions: feed.partitions,
        open: true,
        began: feed.began,
        images: new.images,
    });
    Ok(())
}

/// Ends the feed of this table, which is the caller's to store. Says whether it had one.
pub(crate) fn end(tx: &mut Tx, space: &Space, table: &mut Table, now: Timestamp) -> Result<bool> {
    let Some(open) = table.feed.as_mut().filter(|feed| feed.open) else {
        return Ok(false);
    };
    open.open = false;
    let row = row(space, &table.name, open.began);
    if let Some(mut feed) = FEEDS.get(tx, &row)? {
        feed.ended = Some(now);
        feed.turn(tx, None, now);
        FEEDS.put(tx, row, &feed);
    }
    Ok(true)
}

/// Tells that the item at `key` was `old` and is `new`.
pub(crate) fn append(
    tx: &mut Tx,
    table: &Table,
    key: &Key,
    old: Option<&Item>,
    new: Option<&Item>,
    cause: Cause,
) {
    let Some(feed) = table.feed.filter(|feed| feed.open) else {
        return;
    };
    let kind = match (old, new) {
        (None, Some(_)) => ItemChangeKind::Inserted,
        (Some(_), None) => ItemChangeKind::Removed,
        (Some(old), Some(new)) if old != new => ItemChangeKind::Modified,
        _ => return,
    };
    let (at, expired) = match cause {
        Cause::Asked(at) => (at, false),
        Cause::Expired(at) => (at, true),
    };
    let told_old = old.filter(|_| matches!(feed.images, Images::Old | Images::Both));
    let told_new = new.filter(|_| matches!(feed.images, Images::New | Images::Both));
    let untold = told_old.is_none() && told_new.is_none();
    let change = StoredChange {
        at,
        kind,
        expired,
        key: new
            .or(old)
            .filter(|_| untold)
            .map(|item| table.key.of(item)),
        old: told_old.cloned(),
        new: told_new.cloned(),
    };
    let partition = part(key.hash(), feed.partitions);
    changes(feed.id, partition).append(tx, change.encode());
}

/// Which of so many equal parts of all hashes this one is in.
fn part(hash: u32, parts: u32) -> u32 {
    let part = (u64::from(hash) * u64::from(parts)) >> 32;
    u32::try_from(part).expect("it is less than the number of parts")
}

fn partitions(provisioned: Option<Throughput>) -> u32 {
    let Some(Throughput { read, write }) = provisioned else {
        return PARTITIONS;
    };
    let parts = (read * PARTITION_WRITES + write * PARTITION_READS)
        .div_ceil(PARTITION_READS * PARTITION_WRITES);
    u32::try_from(parts.clamp(1, MOST_PARTITIONS)).unwrap_or(1)
}

/// The first millisecond from `now` on in which no feed of the table began.
fn free_moment(tx: &Tx, space: &Space, table: &str, now: Timestamp) -> Result<Timestamp> {
    let mut began = now.as_millis();
    while FEEDS
        .get(tx, &row(space, table, Timestamp::from_millis(began)))?
        .is_some()
    {
        began += 1;
    }
    Ok(Timestamp::from_millis(began))
}

fn row(space: &Space, table: &str, began: Timestamp) -> Row {
    let tables = FEEDS.key().str(space.as_str()).str(table);
    tables.u64(began.as_millis())
}

/// The changes of one partition.
fn changes(feed: u64, partition: u32) -> Log {
    Log::new(format!("tables/{feed:016x}/{partition}"))
}

impl Feed {
    fn row(&self) -> Row {
        row(&self.space, &self.table, self.began)
    }

    fn changes(&self, partition: u32) -> Log {
        changes(self.id, partition)
    }

    /// Where the shards begin and end.
    fn turns(&self) -> Log {
        Log::new(format!("tables/{:016x}", self.id))
    }

    fn turn(&self, tx: &mut Tx, generation: Option<u32>, at: Timestamp) {
        let turn = Turn { generation, at };
        self.turns().append(tx, turn.encode());
    }

    fn forgotten(&self, partition: u32) -> Row {
        FORGOTTEN.key().u64(self.id).u32(partition)
    }
}
