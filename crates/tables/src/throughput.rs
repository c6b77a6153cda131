use base::Space;

use crate::describe::find;
use crate::error::Result;
use crate::schema::{TABLES, Table, Throughput};
use crate::{Error, Tables};

impl Tables {
    /// Provisions a table otherwise; `None` for paying per request.
    pub async fn set_throughput(
        &self,
        space: &Space,
        name: &str,
        provisioned: Option<Throughput>,
    ) -> Result<()> {
        let row = Table::row(space, name);
        self.store
            .write(|tx| {
                let table = find(tx, space, name)?;
                let table = Table {
                    provisioned,
                    ..table
                };
                TABLES.put(tx, row.clone(), &table);
                Ok::<_, Error>(())
            })
            .await
    }
}
