use std::collections::BTreeMap;

use base::{Space, Timestamp};
use store::Tx;

use crate::error::{Error, Result};
use crate::feed;
use crate::schema::{
    Built, Images, Index, KeySchema, Projected, TABLES, TAGS, Table, Tags, Throughput,
};
use crate::{Description, Tables};

/// A table to be. The face has seen to it that the key attributes of the table and of each index have different names,
/// and one type wherever they are named.
#[derive(Clone, Debug)]
pub struct NewTable {
    pub name: String,
    pub key: KeySchema,
    pub provisioned: Option<Throughput>,
    pub protected: bool,
    pub indexes: Vec<NewIndex>,
    pub tags: BTreeMap<String, String>,
    pub feed: Option<NewFeed>,
}

/// A feed to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewFeed {
    pub images: Images,
    /// When it will be said to have begun, for whoever must name it before it is there; to the millisecond, and later
    /// than any feed that the table had. None: now.
    pub began: Option<Timestamp>,
}

impl From<Images> for NewFeed {
    fn from(images: Images) -> Self {
        Self {
            images,
            began: None,
        }
    }
}

impl NewTable {
    /// A table with nothing but its key, paid per request.
    pub fn new(name: impl Into<String>, key: KeySchema) -> Self {
        Self {
            name: name.into(),
            key,
            provisioned: None,
            protected: false,
            indexes: Vec::new(),
            tags: BTreeMap::new(),
            feed: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewIndex {
    pub name: String,
    pub key: KeySchema,
    /// Its partition key is the table's.
    pub local: bool,
    pub projected: Projected,
    pub provisioned: Option<Throughput>,
}

impl Tables {
    /// Makes an empty table. It can be used at once.
    pub async fn create(&self, space: &Space, new: NewTable) -> Result<Description> {
        let now = self.clock.now();
        let mut table = Table {
            id: self.random.uuid(),
            name: new.name,
            key: new.key,
            provisioned: new.provisioned,
            created: now,
            paid_since: now,
            protected: new.protected,
            indexes: Vec::new(),
            next_index: 1,
            expiry: None,
            feed: None,
        };
        for index in new.indexes {
            table.add(index, Built::Whole)?;
        }
        let row = Table::row(space, &table.name);
        let tags = Tags(new.tags);
        let feed_id = self.random.u64();
        self.store
            .write(|tx| {
                if TABLES.get(tx, &row)?.is_some() {
                    return Err(Error::TableExists(table.name.clone()));
                }
                let mut table = table.clone();
                if let Some(feed) = new.feed {
                    feed::begin(tx, space, &mut table, feed_id, feed, now)?;
                }
                TABLES.put(tx, row.clone(), &table);
                put_tags(tx, &table, &tags);
                Ok(table)
            })
            .await
            .map(Description::empty)
    }
}

pub(crate) fn put_tags(tx: &mut Tx, table: &Table, tags: &Tags) {
    let row = TAGS.key().u64(table.prefix());
    if tags.0.is_empty() {
        TAGS.delete(tx, row);
    } else {
        TAGS.put(tx, row, tags);
    }
}

impl Table {
    pub(crate) fn add(&mut self, index: NewIndex, built: Built) -> Result<()> {
        if self.index(&index.name).is_some() {
            return Err(Error::IndexExists(index.name));
        }
        self.indexes.push(Index {
            number: self.next_index,
            name: index.name,
            key: index.key,
            local: index.local,
            projected: index.projected,
            provisioned: index.provisioned,
            built,
        });
        self.next_index += 1;
        Ok(())
    }
}
