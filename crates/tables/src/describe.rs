use std::collections::BTreeMap;
use std::sync::Arc;

use base::Space;
use store::Read;

use crate::error::{Error, Result};
use crate::schema::{Count, Index, SHARDS, Settings, TABLES, TALLIES, Table};
use crate::{Tables, settings};

/// A table and how much is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    pub table: Table,
    pub count: Count,
    indexes: BTreeMap<u32, Count>,
    pub settings: Settings,
}

impl Tables {
    pub fn describe(&self, space: &Space, name: &str) -> Result<Description> {
        let view = self.store.read()?;
        let table = copy(&view, space, name)?;
        counted(&view, table)
    }

    /// A table without what is in it: one look-up, where counting is one for each tally.
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

pub(crate) fn counted(from: &impl Read, table: Table) -> Result<Description> {
    let range = TALLIES.key().u64(table.prefix()).range();
    let mut description = Description::empty(table);
    description.settings = settings::of(from, &description.table)?;
    for (_, tally) in TALLIES.scan(from, &range, SHARDS as usize)? {
        description.count.add(tally.count);
        for (number, count) in tally.indexes {
            description.indexes.entry(number).or_default().add(count);
        }
    }
    Ok(description)
}

impl Description {
    pub(crate) fn empty(table: Table) -> Self {
        Self {
            table,
            count: Count::default(),
            indexes: BTreeMap::new(),
            settings: Settings::default(),
        }
    }

    /// How much is in one of the table's indexes.
    pub fn index(&self, index: &Index) -> Count {
        self.indexes.get(&index.number).copied().unwrap_or_default()
    }
}

impl Count {
    fn add(&mut self, other: Self) {
        self.items += other.items;
        self.bytes += other.bytes;
    }
}
