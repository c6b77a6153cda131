use base::Space;

use crate::error::Result;
use crate::value::Item;
use crate::{Tables, Write};

impl Tables {
    /// Stores an item in the place of the one with its key. Returns that.
    pub async fn put(&self, space: &Space, table: &str, item: Item) -> Result<Option<Item>> {
        let written = self.write(space, &Write::put(table, item)).await?;
        Ok(written.old)
    }
}
