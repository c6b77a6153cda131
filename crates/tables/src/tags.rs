use std::collections::BTreeMap;

use base::Space;

use crate::Tables;
use crate::create::put_tags;
use crate::describe::find;
use crate::error::{Error, Result};
use crate::schema::TAGS;

impl Tables {
    pub fn tags(&self, space: &Space, name: &str) -> Result<BTreeMap<String, String>> {
        let view = self.store.read()?;
        let table = find(&view, space, name)?;
        let tags = TAGS.get(&view, &TAGS.key().u64(table.prefix()))?;
        Ok(tags.unwrap_or_default().0)
    }

    /// Changes a table's tags. `edit` may run several times.
    pub async fn set_tags(
        &self,
        space: &Space,
        name: &str,
        mut edit: impl FnMut(&mut BTreeMap<String, String>),
    ) -> Result<()> {
        self.store
            .write(|tx| {
                let table = find(tx, space, name)?;
                let row = TAGS.key().u64(table.prefix());
                let mut tags = TAGS.get(tx, &row)?.unwrap_or_default();
                edit(&mut tags.0);
                put_tags(tx, &table, &tags);
                Ok::<_, Error>(())
            })
            .await
    }
}
