use base::Space;

use crate::error::{Error, Result};
use crate::schema::{KeySchema, TABLES, Table, Throughput};
use crate::{Description, Tables};

/// A table to be. The face has seen to it that the two key attributes have different names.
#[derive(Clone, Debug)]
pub struct NewTable {
    pub name: String,
    pub key: KeySchema,
    pub provisioned: Option<Throughput>,
}

impl Tables {
    /// Makes an empty table. It can be used at once.
    pub async fn create(&self, space: &Space, new: NewTable) -> Result<Description> {
        let table = Table {
            id: self.random.uuid(),
            name: new.name,
            key: new.key,
            provisioned: new.provisioned,
            created: self.clock.now(),
        };
        let row = Table::row(space, &table.name);
        self.store
            .write(|tx| {
                if TABLES.get(tx, &row)?.is_some() {
                    return Err(Error::TableExists(table.name.clone()));
                }
                TABLES.put(tx, row.clone(), &table);
                Ok(())
            })
            .await?;
        Ok(Description::empty(table))
    }
}
