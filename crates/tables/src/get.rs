use base::Space;

use crate::Tables;
use crate::describe::find;
use crate::error::Result;
use crate::key::Key;
use crate::schema::ITEMS;
use crate::value::Item;

impl Tables {
    /// The item with this key. Always as it is now.
    pub fn get(&self, space: &Space, table: &str, key: &Item) -> Result<Option<Item>> {
        let view = self.store.read()?;
        let table = find(&view, space, table)?;
        let key = Key::exactly(&table, key)?;
        Ok(ITEMS.get(&view, &key.row(&table))?.map(|stored| stored.0))
    }
}
