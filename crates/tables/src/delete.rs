use base::Space;

use crate::error::Result;
use crate::value::Item;
use crate::{Tables, Write};

impl Tables {
    /// Removes the item with this key, if there is one. Returns it.
    pub async fn delete(&self, space: &Space, table: &str, key: &Item) -> Result<Option<Item>> {
        let written = self
            .write(space, &Write::delete(table, key.clone()))
            .await?;
        Ok(written.old)
    }
}
