use std::collections::BTreeMap;

use base::Space;
use store::{Read, Tx};

use crate::Tables;
use crate::describe::find;
use crate::error::{Error, Result};
use crate::schema::{Recovery, SETTINGS, Settings, Table};

impl Tables {
    pub fn settings(&self, space: &Space, name: &str) -> Result<Settings> {
        let view = self.store.read()?;
        let table = find(&view, space, name)?;
        of(&view, &table)
    }

    /// Wants a table to be recoverable for this many days, or no longer.
    pub async fn set_recovery(
        &self,
        space: &Space,
        name: &str,
        days: Option<u32>,
    ) -> Result<Settings> {
        let now = self.clock.now();
        let recovery = |known: Option<Recovery>| {
            days.map(|days| Recovery {
                since: known.map_or(now, |known| known.since),
                days,
            })
        };
        self.store
            .write(|tx| {
                let table = find(tx, space, name)?;
                let mut settings = of(tx, &table)?;
                settings.recovery = recovery(settings.recovery);
                put(tx, &table, &settings);
                Ok::<_, Error>(settings)
            })
            .await
    }
}

pub(crate) fn of(from: &impl Read, table: &Table) -> Result<Settings> {
    let row = SETTINGS.key().u64(table.prefix());
    Ok(SETTINGS.get(from, &row)?.unwrap_or_default())
}

pub(crate) fn put(tx: &mut Tx, table: &Table, settings: &Settings) {
    let row = SETTINGS.key().u64(table.prefix());
    if *settings == Settings::default() {
        SETTINGS.delete(tx, row);
    } else {
        SETTINGS.put(tx, row, settings);
    }
}

impl Settings {
    /// What a table (none) or an index of it, by name, may use at most.
    pub fn most(&self, index: Option<&str>) -> Option<crate::Most> {
        self.most.get(index.unwrap_or_default()).copied()
    }

    pub(crate) fn set_most(&mut self, most: &BTreeMap<Option<String>, crate::Most>) {
        for (index, most) in most {
            let name = index.clone().unwrap_or_default();
            match (most.read, most.write) {
                (None, None) => self.most.remove(&name),
                _ => self.most.insert(name, *most),
            };
        }
    }
}
