use std::collections::BTreeMap;
use std::sync::Arc;

use base::{Space, Timestamp};
use store::{Read, View};

use crate::error::{Error, Result};
use crate::schema::{
    COUNTS, Count, INDEXED, Index, PRIMARY, SHARDS, Settings, TABLES, TALLIES, Table,
};
use crate::{Tables, settings};

/// Of items and of their bytes.
type Sums = [i64; 2];

/// A table and how much is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    pub table: Table,
    pub count: Count,
    indexes: BTreeMap<u32, Count>,
    pub settings: Settings,
    /// When it was like this.
    pub at: Timestamp,
}

impl Tables {
    pub fn describe(&self, space: &Space, name: &str) -> Result<Description> {
        let view = self.store.read()?;
        let table = copy(&view, space, name)?;
        counted(&view, table, self.clock.now())
    }

    /// A table without what is in it: one look-up.
    pub fn table(&self, space: &Space, name: &str) -> Result<Arc<Table>> {
        find(&self.store.read()?, space, name)
    }
}

/// The table, which others read at the same time.
pub(crate) fn find(from: &impl Read, space: &Space, name: &str) -> Result<Arc<Table>> {
    let found = TABLES.shared(from, &Table::row(space, name))?;
    found.ok_or_else(|| Error::NoSuchTable(name.to_owned()))
}

/// The table, to be changed or given away.
pub(crate) fn copy(from: &impl Read, space: &Space, name: &str) -> Result<Table> {
    find(from, space, name).map(Arc::unwrap_or_clone)
}

pub(crate) fn counted(from: &View, table: Table, at: Timestamp) -> Result<Description> {
    let mut description = Description::empty(table, at);
    description.settings = settings::of(from, &description.table)?;
    let key = COUNTS.key().u64(description.table.prefix());
    let (mut whole, mut parts) = tallied(from, &description.table)?;
    add(&mut whole, COUNTS.get(from, &key.clone().u8(PRIMARY))?);
    for index in &description.table.indexes {
        let part = parts.entry(index.number).or_default();
        let counted = COUNTS.get(from, &key.clone().u8(INDEXED).u32(index.number))?;
        add(part, counted);
    }
    description.count = count(whole);
    description.indexes = parts
        .into_iter()
        .map(|(n, part)| (n, count(part)))
        .collect();
    Ok(description)
}

/// What tables that are older than sums have counted otherwise, of the table and of its indexes.
fn tallied(from: &View, table: &Table) -> Result<(Sums, BTreeMap<u32, Sums>)> {
    let sums = |count: Count| [count.items.cast_signed(), count.bytes.cast_signed()];
    let (mut whole, mut parts) = ([0; 2], BTreeMap::new());
    let range = TALLIES.key().u64(table.prefix()).range();
    for (_, tally) in TALLIES.scan(from, &range, SHARDS)? {
        add(&mut whole, sums(tally.count));
        for (number, count) in tally.indexes {
            add(parts.entry(number).or_default(), sums(count));
        }
    }
    Ok((whole, parts))
}

fn add(to: &mut Sums, by: Sums) {
    *to = [to[0] + by[0], to[1] + by[1]];
}

fn count([items, bytes]: Sums) -> Count {
    let whole = |sum: i64| u64::try_from(sum).unwrap_or_default();
    Count {
        items: whole(items),
        bytes: whole(bytes),
    }
}

impl Description {
    pub(crate) fn empty(table: Table, at: Timestamp) -> Self {
        Self {
            table,
            count: Count::default(),
            indexes: BTreeMap::new(),
            settings: Settings::default(),
            at,
        }
    }

    /// How much is in one of the table's indexes.
    pub fn index(&self, index: &Index) -> Count {
        self.indexes.get(&index.number).copied().unwrap_or_default()
    }
}
