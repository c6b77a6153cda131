//! What happened to the objects of a watched bucket, for whoever follows the log.

use std::net::IpAddr;

use base::{Space, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Log, Position, Read, Record, Tx};

use crate::error::{Error, Result};
use crate::schema::Bucket;
use crate::{Objects, schema};

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
    pub key: String,
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

impl Record for Change {}

fn log() -> Log {
    Log::new("objects")
}

impl Objects {
    /// Where the changes of all watched buckets are, in the order of their commits.
    pub fn log(&self) -> Log {
        log()
    }

    /// Up to `limit` changes after `cursor`.
    pub fn changes(
        &self,
        from: &impl Read,
        cursor: Position,
        limit: usize,
    ) -> Result<Vec<(Position, Change)>> {
        let mut changes = Vec::new();
        for entry in log().read(from, cursor, limit)? {
            let mut change = Change::decode(&entry.body)?;
            change.sequencer = entry.position.to_string();
            changes.push((entry.position, change));
        }
        Ok(changes)
    }

    /// Whether the changes of `bucket` go to the log, from this transaction on.
    pub fn watch(&self, tx: &mut Tx, bucket: &str, watched: bool) -> Result<()> {
        let key = schema::bucket_key(bucket);
        let mut record = schema::BUCKETS
            .get(tx, &key)?
            .ok_or_else(|| Error::NoSuchBucket(bucket.to_owned()))?;
        if record.watched != watched {
            record.watched = watched;
            schema::BUCKETS.put(tx, key, &record);
        }
        Ok(())
    }
}

/// What is to be said of one change.
pub(crate) struct News<'a> {
    pub(crate) kind: ChangeKind,
    pub(crate) key: &'a str,
    pub(crate) size: u64,
    pub(crate) etag: String,
    pub(crate) at: Timestamp,
    pub(crate) origin: &'a Origin,
}

pub(crate) fn announce(tx: &mut Tx, bucket: &Bucket, news: News<'_>) {
    if !bucket.watched {
        return;
    }
    let change = Change {
        kind: news.kind,
        space: bucket.space.clone(),
        bucket: bucket.name.clone(),
        key: news.key.to_owned(),
        size: news.size,
        etag: news.etag,
        at: news.at,
        origin: news.origin.clone(),
        sequencer: String::new(),
    };
    log().append(tx, change.encode());
}
