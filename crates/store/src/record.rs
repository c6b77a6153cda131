//! Records: values with a version marker, in tables whose keys are tuples.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::key::{Key, KeyRange};
use crate::keyspace::Keyspace;
use crate::tx::Tx;
use crate::view::Read;
use crate::{Error, Result};

/// What a buffer for the next record may stay at.
const LARGEST_BUFFER: usize = 16 << 10;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A value that is kept. Its first stored byte is the version of its shape; a changed shape gets a higher one, and
/// `migrate` reads the older ones (keep the old struct beside it, in the same `schema.rs`).
pub trait Record: Serialize + DeserializeOwned {
    const VERSION: u8 = 1;

    /// Reads a body written by an older version of this shape.
    fn migrate(version: u8, _body: &[u8]) -> Result<Self> {
        Err(Error::Damaged(format!(
            "a record has the unknown version {version}"
        )))
    }

    fn encode(&self) -> Vec<u8> {
        const PLAIN: &str = "records hold nothing that cannot be serialised";
        // Its length is known only when it is written: grown bit by bit, it would be moved as often as it was doubled.
        let mut buffer = BUFFER.take();
        buffer.clear();
        buffer.push(Self::VERSION);
        let written = postcard::to_extend(self, buffer).expect(PLAIN);
        let encoded = written.as_slice().to_vec();
        if written.capacity() <= LARGEST_BUFFER {
            BUFFER.set(written);
        }
        encoded
    }

    fn decode(stored: &[u8]) -> Result<Self> {
        match stored.split_first() {
            Some((&version, body)) if version == Self::VERSION => postcard::from_bytes(body)
                .map_err(|cause| Error::Damaged(format!("a record does not read: {cause}"))),
            Some((&version, body)) => Self::migrate(version, body),
            None => Err(Error::Damaged("a record is empty".into())),
        }
    }
}

/// One table of an engine: a prefix and the type of what is under it.
#[derive(Debug)]
pub struct Table<R> {
    keyspace: Keyspace,
    table: u8,
    record: PhantomData<fn() -> R>,
}

impl<R: Record> Table<R> {
    pub const fn new(keyspace: Keyspace, table: u8) -> Self {
        Self {
            keyspace,
            table,
            record: PhantomData,
        }
    }

    /// The beginning of every key of this table.
    pub fn key(&self) -> Key {
        Key::new(self.keyspace, self.table)
    }

    pub fn get(&self, from: &impl Read, key: &Key) -> Result<Option<R>> {
        from.get(key.as_slice())?
            .map(|stored| R::decode(&stored))
            .transpose()
    }

    /// As [`Table::get`], for records that almost every request needs and that are seldom written: they are decoded once
    /// and kept in memory until something is written in this table. A transaction has read it as by any other way.
    pub fn shared(&self, from: &impl Read, key: &Key) -> Result<Option<Arc<R>>>
    where
        R: Send + Sync + 'static,
    {
        let found = from.get_shared(key.as_slice(), |stored| Ok(Arc::new(R::decode(stored)?)))?;
        let mistaken = |_| Error::Damaged("two kinds of records are in one table".into());
        let typed = found.map(|record| record.downcast().map_err(mistaken));
        typed.transpose()
    }

    /// As [`Table::get`], for tables whose single records are read again and again: what was read lately is remembered as
    /// it is stored, up to some megabytes for all tables together. A transaction has read it as by any other way.
    pub fn recent(&self, from: &impl Read, key: &Key) -> Result<Option<R>> {
        from.get_recent(key.as_slice())?
            .map(|stored| R::decode(&stored))
            .transpose()
    }

    pub fn put(&self, tx: &mut Tx, key: Key, record: &R) {
        tx.put(key.into_vec(), record.encode());
    }

    pub fn delete(&self, tx: &mut Tx, key: Key) {
        tx.delete(key.into_vec());
    }

    /// The first `limit` records of a range, in key order, with their keys.
    pub fn scan(
        &self,
        from: &impl Read,
        range: &KeyRange,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, R)>> {
        from.scan(range, limit)?
            .into_iter()
            .map(|(key, stored)| Ok((key, R::decode(&stored)?)))
            .collect()
    }

    /// The first `limit` records whose keys begin with `prefix` and come before `end`, as [`Read::scan_front`] does.
    pub fn scan_front(
        &self,
        from: &impl Read,
        prefix: &Key,
        end: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, R)>> {
        from.scan_front(prefix, end, limit)?
            .into_iter()
            .map(|(key, stored)| Ok((key, R::decode(&stored)?)))
            .collect()
    }

    /// The last `limit` records of a range, greatest key first.
    pub fn scan_back(
        &self,
        from: &impl Read,
        range: &KeyRange,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, R)>> {
        from.scan_back(range, limit)?
            .into_iter()
            .map(|(key, stored)| Ok((key, R::decode(&stored)?)))
            .collect()
    }
}
