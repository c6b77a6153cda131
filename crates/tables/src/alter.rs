use std::collections::BTreeMap;

use base::{Space, Timestamp};

use crate::build;
use crate::capacity::Ready;
use crate::create::{NewFeed, NewIndex};
use crate::describe::copy;
use crate::error::{Error, Result};
use crate::feed;
use crate::schema::{Built, DROPPED, Dropped, INDEXED, Most, Settings, TABLES, Table, Throughput};
use crate::{Description, Tables, settings};

/// What is to be different about a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alteration {
    /// Provisions it otherwise; the inner none for paying per request.
    pub provisioned: Option<Option<Throughput>>,
    pub protected: Option<bool>,
    pub indexes: Vec<IndexAlteration>,
    /// Begins a feed, or with none ends the one that there is.
    pub feed: Option<Option<NewFeed>>,
    /// By the index's name; the table's own under none. One that says nothing takes it back.
    pub most: BTreeMap<Option<String>, Most>,
    /// What is to be ready for more, by the same.
    pub ready: BTreeMap<Option<String>, Ready>,
    /// What a face keeps with it, by words of its own; none to keep nothing under that any more.
    pub kept: BTreeMap<String, Option<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexAlteration {
    /// It can be read when it has been made from the table's items, which is done in the background.
    Create(NewIndex),
    Drop(String),
    Provision(String, Throughput),
}

impl Tables {
    pub async fn alter(
        &self,
        space: &Space,
        name: &str,
        alteration: &Alteration,
    ) -> Result<Description> {
        let row = Table::row(space, name);
        let now = self.clock.now();
        let feed_id = self.random.u64();
        self.store
            .write(|tx| {
                let mut table = copy(tx, space, name)?;
                let known = settings::of(tx, &table)?;
                let mut settings = known.clone();
                let building = table.is_building();
                if let Some(provisioned) = alteration.provisioned {
                    provision(&mut table, &mut settings, provisioned, now);
                }
                if let Some(protected) = alteration.protected {
                    table.protected = protected;
                }
                match alteration.feed {
                    Some(Some(feed)) => {
                        feed::begin(tx, space, &mut table, feed_id, feed, now)?;
                    }
                    Some(None) if !feed::end(tx, space, &mut table, now)? => {
                        return Err(Error::NoFeed(table.name));
                    }
                    Some(None) | None => {}
                }
                settings.set_most(&alteration.most);
                if table.provisioned.is_some() {
                    settings.most.clear();
                }
                for (word, text) in &alteration.kept {
                    settings.keep(word, text.as_deref(), now);
                }
                for change in &alteration.indexes {
                    match change {
                        IndexAlteration::Create(_) if building => {
                            return Err(Error::Building(table.name));
                        }
                        IndexAlteration::Create(index) => {
                            table.add(index.clone(), Built::UpTo(Vec::new()))?;
                            build::begin(tx, &table, space);
                        }
                        IndexAlteration::Drop(index) => {
                            let number = table.index_mut(index)?.number;
                            table.indexes.retain(|index| index.number != number);
                            settings.forget(index);
                            let dropped = DROPPED.key().u64(table.prefix());
                            let dropped = dropped.u8(INDEXED).u32(number);
                            DROPPED.put(tx, dropped, &Dropped { at: now });
                        }
                        IndexAlteration::Provision(name, provisioned) => {
                            let index = table.index_mut(name)?;
                            let new = Some(*provisioned);
                            settings.provision(Some(name), index.provisioned, new, now);
                            index.provisioned = new;
                        }
                    }
                }
                for (index, ready) in &alteration.ready {
                    let index = index.as_deref();
                    let provisioned = table.provisioned_of(index)?;
                    settings.make_ready(index, provisioned, *ready)?;
                }
                if settings != known {
                    settings::put(tx, &table, &settings);
                }
                TABLES.put(tx, row.clone(), &table);
                Ok(())
            })
            .await?;
        self.dropped.notify_one();
        self.building.notify_one();
        self.describe(space, name)
    }
}

/// Provisions a table otherwise; with none, it and its indexes are paid per request.
fn provision(
    table: &mut Table,
    settings: &mut Settings,
    provisioned: Option<Throughput>,
    now: Timestamp,
) {
    settings.provision(None, table.provisioned, provisioned, now);
    if provisioned.is_some() != table.provisioned.is_some() {
        settings.per_request = provisioned.is_some().then_some(table.paid_since);
        table.paid_since = now;
    }
    table.provisioned = provisioned;
    if provisioned.is_none() {
        for index in table.indexes.iter_mut().filter(|index| !index.local) {
            settings.provision(Some(&index.name), index.provisioned, None, now);
            index.provisioned = None;
        }
    }
}

impl Table {
    /// With what the table (none) or an index of it is provisioned.
    pub(crate) fn provisioned_of(&self, index: Option<&str>) -> Result<Option<Throughput>> {
        let Some(name) = index else {
            return Ok(self.provisioned);
        };
        let index = self.index(name);
        let index = index.ok_or_else(|| Error::NoSuchIndex(name.to_owned()))?;
        Ok(index.provisioned)
    }

    fn index_mut(&mut self, name: &str) -> Result<&mut crate::Index> {
        self.indexes
            .iter_mut()
            .find(|index| index.name == name)
            .ok_or_else(|| Error::NoSuchIndex(name.to_owned()))
    }
}
