//! How far the clock was moved, in the store: beside what happened then, and so never behind it.

use serde::{Deserialize, Serialize};
use store::{Keyspace, Record, Store, Table, Tx};

use crate::{Pace, Result};

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Kept(Pace);

impl Record for Kept {}

const KEPT: Table<Kept> = Table::new(Keyspace::Clock, 0);

pub(crate) fn read(store: &Store) -> Result<Pace> {
    let kept = KEPT.get(&store.read()?, &KEPT.key())?;
    Ok(kept.map_or(Pace::Running { ahead_micros: 0 }, |kept| kept.0))
}

pub(crate) fn put(tx: &mut Tx, pace: Pace) {
    KEPT.put(tx, KEPT.key(), &Kept(pace));
}
