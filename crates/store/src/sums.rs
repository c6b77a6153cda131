//! Sums: numbers to which transactions add without reading them.
//!
//! A counter that each writer reads and writes again is where all writers meet. Here a transaction says what it adds, and
//! the back end, which alone knows what came before, adds it when it commits: so no two of them meet, and of commits that
//! are written together each sum is written once.
//!
//! What was added is as durable as the rest of its commit. A sum is read from a [`View`] and never within a transaction,
//! which could not tell whether it still stands.

use bytes::Bytes;

use crate::key::{Key, KeyRange};
use crate::keyspace::Keyspace;
use crate::tx::Tx;
use crate::view::{Read, View};
use crate::{Error, Result};

const VERSION: u8 = 1;

/// A table whose rows are `N` sums each. A row is there as long as one of them is not nought.
#[derive(Debug)]
pub struct Sums<const N: usize> {
    keyspace: Keyspace,
    table: u8,
}

impl<const N: usize> Sums<N> {
    pub const fn new(keyspace: Keyspace, table: u8) -> Self {
        Self { keyspace, table }
    }

    /// The beginning of every key of this table.
    pub fn key(&self) -> Key {
        Key::new(self.keyspace, self.table)
    }

    /// To be removed with [`Tx::delete`], when nobody adds to it any more.
    pub fn add(&self, tx: &mut Tx, key: Key, by: [i64; N]) {
        tx.add(key.into_vec(), &by);
    }

    pub fn get(&self, view: &View, key: &Key) -> Result<[i64; N]> {
        match view.get(key.as_slice())? {
            Some(stored) => row(&stored),
            None => Ok([0; N]),
        }
    }

    /// The first `limit` rows of a range that are not all noughts, in key order, with their keys.
    pub fn scan(
        &self,
        view: &View,
        range: &KeyRange,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, [i64; N])>> {
        let rows = view.scan(range, limit)?.into_iter();
        rows.map(|(key, stored)| Ok((key, row(&stored)?))).collect()
    }
}

fn row<const N: usize>(stored: &[u8]) -> Result<[i64; N]> {
    let sums = decode(stored)?;
    sums.try_into().map_err(|_| damaged())
}

/// The sums of one row and what was added to them.
pub(crate) fn add(sums: &mut Vec<i64>, by: &[i64]) {
    if sums.len() < by.len() {
        sums.resize(by.len(), 0);
    }
    for (sum, by) in sums.iter_mut().zip(by) {
        *sum = sum.saturating_add(*by);
    }
}

/// None if there is nothing to store.
pub(crate) fn encode(sums: &[i64]) -> Option<Bytes> {
    if sums.iter().all(|sum| *sum == 0) {
        return None;
    }
    let mut encoded = Vec::with_capacity(1 + 8 * sums.len());
    encoded.push(VERSION);
    for sum in sums {
        encoded.extend_from_slice(&sum.to_be_bytes());
    }
    Some(encoded.into())
}

pub(crate) fn decode(stored: &[u8]) -> Result<Vec<i64>> {
    let Some((&VERSION, body)) = stored.split_first() else {
        return Err(damaged());
    };
    let (sums, []) = body.as_chunks() else {
        return Err(damaged());
    };
    Ok(sums.iter().map(|sum| i64::from_be_bytes(*sum)).collect())
}

fn damaged() -> Error {
    Error::Damaged("a row of sums does not read".into())
}
