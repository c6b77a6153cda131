use base::Space;

use crate::Tables;
use crate::describe::find;
use crate::error::Result;
use crate::key::Key;
use crate::value::Item;
use crate::write::replace;

impl Tables {
    /// Removes the item with this key, if there is one. Returns it.
    pub async fn delete(&self, space: &Space, table: &str, key: &Item) -> Result<Option<Item>> {
        self.store
            .write(|tx| {
                let table = find(tx, space, table)?;
                let key = Key::exactly(&table, key)?;
                replace(tx, &table, &key, None)
            })
            .await
    }
}
