use std::collections::BTreeMap;
use std::sync::Arc;

use base::Space;

use crate::Tables;
use crate::describe::find;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::schema::{ITEMS, Table};
use crate::value::Item;

impl Tables {
    /// The item with this key. Always as it is now.
    pub fn get(&self, space: &Space, table: &str, key: &Item) -> Result<Option<Item>> {
        let view = self.store.read()?;
        let table = find(&view, space, table)?;
        let key = Key::exactly(&table, key)?;
        Ok(ITEMS
            .recent(&view, &key.row(&table))?
            .map(|stored| stored.0))
    }

    /// The items with these keys of these tables, all as they were at one moment, for as long as `more` says so. Which
    /// of the keys are none of their table's is told as of a transaction.
    pub fn get_many<'a>(
        &self,
        space: &Space,
        keys: impl IntoIterator<Item = (&'a str, &'a Item)>,
        mut more: impl FnMut(Option<&Item>) -> bool,
    ) -> Result<Vec<Option<Item>>> {
        let view = self.store.read()?;
        let mut tables: BTreeMap<&str, Arc<Table>> = BTreeMap::new();
        let mut rows = Vec::new();
        let mut reasons = Vec::new();
        // All keys are looked at before any item is.
        for (name, key) in keys {
            if !tables.contains_key(name) {
                tables.insert(name, find(&view, space, name)?);
            }
            let table = &tables[name];
            match Key::exactly(table, key) {
                Ok(key) => {
                    rows.push(key.row(table));
                    reasons.push(None);
                }
                Err(error @ Error::NotAKey) => reasons.push(Some(error)),
                Err(error) => return Err(error),
            }
        }
        if reasons.iter().any(Option::is_some) {
            return Err(Error::Cancelled(reasons));
        }
        let mut sorted: Vec<&[u8]> = rows.iter().map(store::Key::as_slice).collect();
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Error::RepeatedItem);
        }
        let mut items = Vec::with_capacity(rows.len());
        for row in &rows {
            let item = ITEMS.recent(&view, row)?.map(|stored| stored.0);
            let go_on = more(item.as_ref());
            items.push(item);
            if !go_on {
                break;
            }
        }
        Ok(items)
    }
}
