//! Tables and their indexes.

use base::Space;
use tables::{Alteration, IndexAlteration, IndexKey, KeySchema, NewIndex, NewTable, Projected};

use super::Failure;
use crate::Deployer;
use crate::desired::{Index, KeyAttribute, KeyType, Projection, Table, Throughput};
use crate::feeds;

impl Deployer {
    pub(super) async fn put_table(&self, table: &Table, fresh: bool) -> Result<bool, Failure> {
        let (space, tables) = (self.space(), &self.engines.tables);
        let new = new_table(table);
        match tables.create(&space, new.clone()).await {
            Ok(_) => {}
            Err(tables::Error::TableExists(_)) if fresh => return Ok(false),
            Err(tables::Error::TableExists(_)) => self.change_table(&space, &new).await?,
            Err(error) => return Err(error.into()),
        }
        let expiry = table.expiry.as_deref();
        tables.set_expiry(&space, &table.name, expiry).await?;
        let recovery = tables.settings(&space, &table.name)?.recovery;
        if recovery.map(|known| known.days) != table.recovery {
            let set = tables.set_recovery(&space, &table.name, table.recovery);
            set.await?;
        }
        Ok(true)
    }

    async fn change_table(&self, space: &Space, new: &NewTable) -> Result<(), Failure> {
        let tables = &self.engines.tables;
        let current = tables.table(space, &new.name)?;
        // The plan has compared with what the stack last made; somebody may have made the table anew since.
        if current.key != new.key {
            return Err(Failure::conflict("it exists already, with another key"));
        }
        let first = Alteration {
            provisioned: (current.provisioned != new.provisioned).then_some(new.provisioned),
            protected: (current.protected != new.protected).then_some(new.protected),
            indexes: current
                .indexes
                .iter()
                .filter(|index| !index.local && !new.indexes.iter().any(|new| same(index, new)))
                .map(|index| IndexAlteration::Drop(index.name.clone()))
                .collect(),
            ..Alteration::default()
        };
        if first != Alteration::default() {
            tables.alter(space, &new.name, &first).await?;
        }
        self.change_indexes(space, &current, new).await?;
        self.change_feed(space, &current, new).await?;
        if tables.tags(space, &new.name)? != new.tags {
            let set = tables.set_tags(space, &new.name, |tags| tags.clone_from(&new.tags));
            set.await?;
        }
        Ok(())
    }

    /// Makes what is not there yet, once what is not wanted any more is gone.
    async fn change_indexes(
        &self,
        space: &Space,
        current: &tables::Table,
        new: &NewTable,
    ) -> Result<(), Failure> {
        let tables = &self.engines.tables;
        for index in &new.indexes {
            let there = current.indexes.iter().find(|there| same(there, index));
            let change = match (there, index.provisioned) {
                (None, _) => IndexAlteration::Create(index.clone()),
                (Some(there), Some(provisioned)) if there.provisioned != Some(provisioned) => {
                    IndexAlteration::Provision(index.name.clone(), provisioned)
                }
                (Some(_), _) => continue,
            };
            // One is made after the other, and the deployment ends when all can be read.
            while tables.build().await? {}
            let change = Alteration {
                indexes: vec![change],
                ..Alteration::default()
            };
            tables.alter(space, &new.name, &change).await?;
        }
        while tables.build().await? {}
        Ok(())
    }
}

/// Whether an index is what is asked for, however it is provisioned.
fn same(there: &tables::Index, asked: &NewIndex) -> bool {
    there.name == asked.name && there.key == asked.key && there.projected == asked.projected
}

fn new_table(table: &Table) -> NewTable {
    let indexes = table.indexes.iter().map(|index| NewIndex {
        name: index.name.clone(),
        key: index_key(index),
        local: index.local,
        projected: match &index.projection {
            Projection::All => Projected::All,
            Projection::Keys => Projected::Keys,
            Projection::Only(names) => Projected::Only(names.clone()),
        },
        provisioned: index.provisioned.map(throughput),
    });
    let key = key(&table.partition_key, table.sort_key.as_ref());
    NewTable {
        provisioned: table.provisioned.map(throughput),
        protected: table.protected,
        indexes: indexes.collect(),
        tags: table.tags.clone(),
        feed: table.feed.map(feeds::new_feed),
        ..NewTable::new(&table.name, key)
    }
}

fn key(partition: &KeyAttribute, sort: Option<&KeyAttribute>) -> KeySchema {
    KeySchema {
        partition: attribute(partition),
        sort: sort.map(attribute),
    }
}

fn index_key(index: &Index) -> IndexKey {
    let mut key = IndexKey::from(key(&index.partition_key, index.sort_key.as_ref()));
    key.partition
        .extend(index.more_partition_keys.iter().map(attribute));
    key.sort.extend(index.more_sort_keys.iter().map(attribute));
    key
}

fn attribute(attribute: &KeyAttribute) -> tables::KeyAttribute {
    tables::KeyAttribute {
        name: attribute.name.clone(),
        r#type: match attribute.r#type {
            KeyType::String => tables::KeyType::String,
            KeyType::Number => tables::KeyType::Number,
            KeyType::Binary => tables::KeyType::Binary,
        },
    }
}

fn throughput(units: Throughput) -> tables::Throughput {
    tables::Throughput {
        read: units.read,
        write: units.write,
    }
}
