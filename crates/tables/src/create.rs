use std::collections::BTreeMap;

use base::{Space, Timestamp};
use store::Tx;

use crate::capacity::Ready;
use crate::error::{Error, Result};
use crate::feed;
use crate::schema::{
    Built, Images, Index, IndexKey, KeySchema, Most, Projected, Recovery, Settings, State, TABLES,
    TAGS, Table, Tags, Throughput,
};
use crate::{Description, Tables, Transfer, aside, settings, transfer};

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
    /// By the index's name; the table's own under none.
    pub most: BTreeMap<Option<String>, Most>,
    /// What it and its global indexes are to be ready for at once, by the same.
    pub ready: BTreeMap<Option<String>, Ready>,
    /// The days for which it is to be recoverable.
    pub recovery: Option<u32>,
    pub feed: Option<NewFeed>,
    /// What a face keeps with it, by words of its own.
    pub kept: BTreeMap<String, String>,
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
            most: BTreeMap::new(),
            ready: BTreeMap::new(),
            recovery: None,
            kept: BTreeMap::new(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewIndex {
    pub name: String,
    pub key: IndexKey,
    /// Its partition key is the table's.
    pub local: bool,
    pub projected: Projected,
    pub provisioned: Option<Throughput>,
}

impl Tables {
    /// Makes an empty table. It can be used at once.
    pub async fn create(&self, space: &Space, new: NewTable) -> Result<Description> {
        let new = self.made(new)?;
        let table = self.store.write(|tx| new.put(tx, space)).await?;
        Ok(new.describe(table))
    }

    /// Makes a table that a transfer is to fill, and keeps that. Tells the transfer that its token stands for, if that
    /// was begun before, and makes nothing then.
    pub async fn create_filled(
        &self,
        space: &Space,
        new: NewTable,
        mut transfer: Transfer,
    ) -> Result<Transfer> {
        let new = self.made(new)?;
        transfer.table_id = new.table.id;
        self.fill(space, new, &transfer, None).await
    }

    /// Makes a table and keeps that it is to be filled with what a copy of that id has.
    pub async fn create_from(
        &self,
        space: &Space,
        new: NewTable,
        transfer: &Transfer,
        copy: &str,
    ) -> Result<Transfer> {
        let new = self.made(new)?;
        self.fill(space, new, transfer, Some(copy)).await
    }

    async fn fill(
        &self,
        space: &Space,
        mut new: Made,
        transfer: &Transfer,
        copy: Option<&str>,
    ) -> Result<Transfer> {
        new.settings.filled_by = Some(transfer.id.clone());
        let now = self.clock.now();
        let begun = self.store.write(|tx| {
            let mut transfer = transfer.clone();
            transfer.table.clone_from(&new.table.name);
            if let Some(copy) = copy {
                transfer.table_id = aside::whole(tx, space, copy)?.table_id;
            }
            let begun = transfer::begin(tx, space, &transfer, now)?;
            // What has ended has left a table, and that is in the way.
            let is_over = begun.state != State::Running;
            let row = Table::row(space, &new.table.name);
            if begun.id == transfer.id || (is_over && TABLES.get(tx, &row)?.is_some()) {
                new.put(tx, space)?;
            }
            Ok::<_, Error>(begun)
        });
        let begun = begun.await?;
        self.transfers.notify_one();
        Ok(begun)
    }

    fn made(&self, new: NewTable) -> Result<Made> {
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
        let mut settings = Settings {
            recovery: new.recovery.map(|days| Recovery { since: now, days }),
            ..Settings::default()
        };
        settings.set_most(&new.most);
        for (name, ready) in &new.ready {
            let provisioned = table.provisioned_of(name.as_deref())?;
            settings.make_ready(name.as_deref(), provisioned, *ready)?;
        }
        for (word, text) in &new.kept {
            settings.keep(word, Some(text), now);
        }
        Ok(Made {
            table,
            tags: Tags(new.tags),
            settings,
            feed: new.feed,
            feed_id: self.random.u64(),
        })
    }
}

/// Everything that a new table is.
struct Made {
    table: Table,
    tags: Tags,
    settings: Settings,
    feed: Option<NewFeed>,
    feed_id: u64,
}

impl Made {
    /// Tells the table as it was put.
    fn put(&self, tx: &mut Tx, space: &Space) -> Result<Table> {
        let row = Table::row(space, &self.table.name);
        if TABLES.get(tx, &row)?.is_some() {
            return Err(Error::TableExists(self.table.name.clone()));
        }
        let mut table = self.table.clone();
        if let Some(feed) = self.feed {
            let now = table.created;
            feed::begin(tx, space, &mut table, self.feed_id, feed, now)?;
        }
        TABLES.put(tx, row, &table);
        put_tags(tx, &table, &self.tags);
        settings::put(tx, &table, &self.settings);
        Ok(table)
    }

    fn describe(self, table: Table) -> Description {
        let at = table.created;
        let mut description = Description::empty(table, at);
        description.settings = self.settings;
        description
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
