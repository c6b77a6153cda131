use base::Space;
use store::Read;

use crate::Tables;
use crate::error::{Error, Result};
use crate::schema::{SHARDS, TABLES, TALLIES, Table};

/// A table and how much is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    pub table: Table,
    pub items: u64,
    pub bytes: u64,
}

impl Tables {
    pub fn describe(&self, space: &Space, name: &str) -> Result<Description> {
        let view = self.store.read()?;
        let table = find(&view, space, name)?;
        counted(&view, table)
    }

    /// A table without what is in it: one look-up, where counting is one for each tally.
    pub fn table(&self, space: &Space, name: &str) -> Result<Table> {
        find(&self.store.read()?, space, name)
    }
}

pub(crate) fn find(from: &impl Read, space: &Space, name: &str) -> Result<Table> {
    TABLES
        .get(from, &Table::row(space, name))?
        .ok_or_else(|| Error::NoSuchTable(name.to_owned()))
}

pub(crate) fn counted(from: &impl Read, table: Table) -> Result<Description> {
    let range = TALLIES.key().u64(table.prefix()).range();
    let mut description = Description::empty(table);
    for (_, tally) in TALLIES.scan(from, &range, SHARDS as usize)? {
        description.items += tally.items;
        description.bytes += tally.bytes;
    }
    Ok(description)
}

impl Description {
    pub(crate) fn empty(table: Table) -> Self {
        Self {
            table,
            items: 0,
            bytes: 0,
        }
    }
}
