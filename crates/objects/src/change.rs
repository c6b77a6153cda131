//! What happened to the objects of a watched bucket, for whoever follows the log.

mod v2;

use std::net::IpAddr;

use base::{Space, Timestamp};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use store::{Log, Position, Read, Record, Tx};

use crate::error::Result;
use crate::schema::{Bucket, WatchId};
use crate::version::VersionId;
use crate::{Objects, bucket, schema};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChangeKind {
    /// Stored in one piece.
    Put,
    /// Stored by a form that a browser sent.
    Post,
    Copied,
    /// Stored in parts.
    Completed,
    Deleted,
    /// The object is as it was, but for its tags.
    Tagged,
    Untagged,
    /// A marker says that it was deleted, and what there was is an earlier version.
    Marked,
    /// By its bucket's rules.
    Expired,
    /// As [`Self::Marked`], by its bucket's rules.
    ExpiryMarked,
}

/// Who asked for a change, and how to find it again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    pub request_id: String,
    pub principal: String,
    pub source_ip: Option<IpAddr>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub kind: ChangeKind,
    pub space: Space,
    pub bucket: String,
    /// What the bucket was watched under.
    pub watch: WatchId,
    pub key: String,
    /// Which version it is of, where there may be several.
    pub version: Option<VersionId>,
    /// Zero for a deletion.
    pub size: u64,
    /// Empty for a deletion.
    pub etag: String,
    pub at: Timestamp,
    pub origin: Origin,
    /// Hexadecimal, of one length, and greater for the later of two changes. It is the change's place in the log, so
    /// it is only there when the change was read from it.
    #[serde(skip)]
    pub sequencer: String,
}

/// One entry of the log.
#[derive(Clone, Debug)]
pub struct Logged {
    pub position: Position,
    /// As it is stored.
    pub body: Bytes,
    /// A body may be damaged, or written by a newer version.
    pub happened: store::Result<Happened>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Happened {
    Changed(Box<Change>),
    /// No changes under this name follow.
    Unwatched(WatchId),
}

impl Record for Happened {
    /// The first was a change alone, which did not say what it was watched under.
    const VERSION: u8 = 3;

    fn migrate(version: u8, body: &[u8]) -> store::Result<Self> {
        v2::read(version, body)
    }
}

fn log() -> Log {
    Log::new("objects")
}

impl Objects {
    /// Where the changes of all watched buckets are, in the order of their commits.
    pub fn log(&self) -> Log {
        log()
    }

    /// Up to `limit` entries after `cursor`.
    pub fn changes(&self, from: &impl Read, cursor: Position, limit: usize) -> Result<Vec<Logged>> {
        let entries = log().read(from, cursor, limit)?;
        Ok(entries.into_iter().map(logged).collect())
    }

    /// A name that no bucket was watched under.
    pub fn new_watch(&self) -> WatchId {
        WatchId(self.random.bytes())
    }

    /// Under which name the changes of `bucket` go to the log, from this transaction on; without one they don't.
    pub fn watch(&self, tx: &mut Tx, bucket: &str, watch: Option<WatchId>) -> Result<()> {
        let mut record = bucket::require(tx, bucket)?;
        if record.watched != watch {
            unwatched(tx, &record);
            record.watched = watch;
            schema::BUCKETS.put(tx, schema::bucket_key(bucket), &record);
        }
        Ok(())
    }

    /// Under which name the changes of `bucket` go to the log, if they do.
    pub fn watched(&self, from: &impl Read, bucket: &str) -> Result<Option<WatchId>> {
        Ok(bucket::require(from, bucket)?.watched)
    }
}

fn logged(entry: store::Entry) -> Logged {
    let mut happened = Happened::decode(&entry.body);
    if let Ok(Happened::Changed(change)) = &mut happened {
        change.sequencer = entry.position.to_string();
    }
    Logged {
        position: entry.position,
        body: entry.body,
        happened,
    }
}

/// Says to whoever follows that the bucket's changes come to an end here, or go on under another name.
pub(crate) fn unwatched(tx: &mut Tx, bucket: &Bucket) {
    if let Some(watch) = bucket.watched {
        log().append(tx, Happened::Unwatched(watch).encode());
    }
}

/// What is to be said of one change.
pub(crate) struct News<'a> {
    pub(crate) kind: ChangeKind,
    pub(crate) key: &'a str,
    pub(crate) version: Option<VersionId>,
    pub(crate) size: u64,
    pub(crate) etag: String,
    pub(crate) at: Timestamp,
    pub(crate) origin: &'a Origin,
}

pub(crate) fn announce(tx: &mut Tx, bucket: &Bucket, news: News<'_>) {
    let Some(watch) = bucket.watched else {
        return;
    };
    let change = Change {
        kind: news.kind,
        space: bucket.space.clone(),
        bucket: bucket.name.clone(),
        watch,
        key: news.key.to_owned(),
        version: news.version,
        size: news.size,
        etag: news.etag,
        at: news.at,
        origin: news.origin.clone(),
        sequencer: String::new(),
    };
    log().append(tx, Happened::Changed(Box::new(change)).encode());
}
