//! Several writes at once: all of them, or none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base::{Space, Timestamp};
use store::Tx;

use crate::Tables;
use crate::describe::find;
use crate::error::{Error, Result};
use crate::index;
use crate::key::Key;
use crate::schema::{TOKEN_SPAN_S, TOKENS, Table, Token};
use crate::write::{Action, Write, Written, apply, check_size, refuse_empty_keys};

/// What one transaction brings, or reads, together, by [`item_size`](crate::item_size).
pub const MAX_TRANSACTION: usize = 4 << 20;

/// What a caller calls a transaction, so that sending it again does not do it again.
#[derive(Clone, Debug)]
pub struct Once {
    pub token: String,
    /// Of what is asked: the same token cannot stand for something else.
    pub digest: Vec<u8>,
}

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq)]
pub enum Transacted {
    Done(Vec<Written>),
    /// It had been done before.
    Before,
}

impl Tables {
    /// Does all of these writes, in one moment, or none of them. They are all about different items. That an item is too
    /// large to be put or a key is empty is told as of that write alone.
    pub async fn transact(
        &self,
        space: &Space,
        once: Option<&Once>,
        writes: &[Write],
    ) -> Result<Transacted> {
        for write in writes {
            check_size(write)?;
        }
        let size = writes.iter().map(Write::payload).sum();
        if size > MAX_TRANSACTION {
            return Err(Error::TransactionTooLarge { size });
        }
        let now = self.clock.now();
        let span = now.as_secs() / TOKEN_SPAN_S;
        let row = |span: u64, token: &str| {
            let key = TOKENS.key().u64(span);
            key.str(space.as_str()).str(token)
        };
        self.store
            .write(|tx| {
                if let Some(Once { token, digest }) = once {
                    for span in [span, span.saturating_sub(1)] {
                        if let Some(known) = TOKENS.get(tx, &row(span, token))?
                            && known.at.as_secs() + TOKEN_SPAN_S > now.as_secs()
                        {
                            return match known.digest == *digest {
                                true => Ok(Transacted::Before),
                                false => Err(Error::AnotherTransaction),
                            };
                        }
                    }
                    let token = row(span, token);
                    let digest = digest.clone();
                    TOKENS.put(tx, token, &Token { at: now, digest });
                }
                let written = all(tx, space, writes, now, true)?;
                Ok(Transacted::Done(written))
            })
            .await
    }

    /// Does all of these writes, which have no conditions, with one durable commit.
    pub async fn write_many(&self, space: &Space, writes: &[Write]) -> Result<Vec<Written>> {
        for write in writes {
            check_size(write)?;
        }
        let now = self.clock.now();
        self.store
            .write(|tx| {
                all(tx, space, writes, now, false).map_err(|error| match error {
                    Error::Cancelled(reasons) => {
                        let first = reasons.into_iter().flatten().next();
                        first.unwrap_or(Error::RepeatedItem)
                    }
                    error => error,
                })
            })
            .await
    }
}

/// As a transaction, empty keys are looked for before anything else. Then the first write that is wrong whatever is there
/// is told alone: conditions are not looked at.
fn all(
    tx: &mut Tx,
    space: &Space,
    writes: &[Write],
    now: Timestamp,
    as_transaction: bool,
) -> Result<Vec<Written>> {
    let mut tables: BTreeMap<&str, Arc<Table>> = BTreeMap::new();
    for write in writes {
        if !tables.contains_key(write.table.as_str()) {
            tables.insert(&write.table, find(tx, space, &write.table)?);
        }
    }
    let table = |write: &Write| &*tables[write.table.as_str()];
    let keys: Vec<Result<Key>> = writes.iter().map(|write| write.key(table(write))).collect();
    if as_transaction {
        for (write, key) in writes.iter().zip(&keys) {
            refuse_empty_keys(table(write), write, key)?;
        }
    }
    let mut rows = BTreeSet::new();
    for (write, key) in writes.iter().zip(&keys) {
        let table = table(write);
        // A key that is wrong is told in its place below.
        if let Ok(key) = key
            && !rows.insert((table.prefix(), key))
        {
            return Err(Error::RepeatedItem);
        }
    }
    if as_transaction {
        let wrong =
            |(write, key): (&Write, &Result<Key>)| wrong_in_itself(table(write), write, key);
        let mut found = writes.iter().zip(&keys).map(wrong).enumerate();
        if let Some((at, Some(error))) = found.find(|(_, error)| error.is_some()) {
            let mut reasons = vec![None; writes.len()];
            reasons[at] = Some(error);
            return Err(Error::Cancelled(reasons));
        }
    }
    let mut written = Vec::with_capacity(writes.len());
    let mut reasons = Vec::with_capacity(writes.len());
    for (write, key) in writes.iter().zip(&keys) {
        let done = match key {
            Ok(key) => apply(tx, table(write), key, write, now),
            Err(error) => Err(error.clone()),
        };
        match done {
            Ok(done) => {
                written.push(done);
                reasons.push(None);
            }
            Err(error @ Error::Store(_)) => return Err(error),
            Err(error) => reasons.push(Some(error)),
        }
    }
    if reasons.iter().any(Option::is_some) {
        return Err(Error::Cancelled(reasons));
    }
    Ok(written)
}

fn wrong_in_itself(table: &Table, write: &Write, key: &Result<Key>) -> Option<Error> {
    match (key, &write.action) {
        (Err(error), _) => Some(error.clone()),
        (Ok(_), Action::Put(item)) => index::check(table, &item.0).err(),
        (Ok(_), _) => None,
    }
}
