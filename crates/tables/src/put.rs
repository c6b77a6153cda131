use base::Space;

use crate::Tables;
use crate::describe::find;
use crate::error::Result;
use crate::key::Key;
use crate::value::Item;
use crate::write::{replace, sized};

impl Tables {
    /// Stores an item in the place of the one with its key. Returns that.
    pub async fn put(&self, space: &Space, table: &str, item: Item) -> Result<Option<Item>> {
        let new = sized(item)?;
        self.store
            .write(|tx| {
                let table = find(tx, space, table)?;
                let key = Key::of(&table, &new.0)?;
                replace(tx, &table, &key, Some(&new))
            })
            .await
    }
}
