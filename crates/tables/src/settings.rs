use std::collections::BTreeMap;

use base::{Space, Timestamp};
use store::{Read, Tx};

use crate::Tables;
use crate::describe::find;
use crate::error::{Error, Result};
use crate::schema::{Kept, Recovery, SETTINGS, Settings, Table};

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

    /// Keeps something of a face's with a table, or with no text nothing any more. Tells what was kept before and what is
    /// now; or what is kept and is not what was expected, and then nothing is done.
    pub async fn keep(
        &self,
        space: &Space,
        name: &str,
        (word, text): (&str, Option<&str>),
        is_expected: impl Fn(Option<&Kept>) -> bool,
    ) -> Result<std::result::Result<Keeping, Option<Kept>>> {
        let now = self.clock.now();
        self.store
            .write(|tx| {
                let table = find(tx, space, name)?;
                let mut settings = of(tx, &table)?;
                let before = settings.kept.get(word).cloned();
                if !is_expected(before.as_ref()) {
                    return Ok(Err(before));
                }
                settings.keep(word, text, now);
                put(tx, &table, &settings);
                let after = settings.kept.remove(word);
                Ok::<_, Error>(Ok(Keeping { before, after }))
            })
            .await
    }
}

/// What was kept under a word, and what is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keeping {
    pub before: Option<Kept>,
    pub after: Option<Kept>,
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

    /// What a face keeps under a word of its own.
    pub fn kept(&self, word: &str) -> Option<&str> {
        self.kept.get(word).map(|kept| kept.text.as_str())
    }

    pub(crate) fn keep(&mut self, word: &str, text: Option<&str>, now: Timestamp) {
        match text {
            None => self.kept.remove(word),
            Some(text) if self.kept(word) == Some(text) => None,
            Some(text) => {
                let (text, since) = (text.to_owned(), now);
                self.kept.insert(word.to_owned(), Kept { text, since })
            }
        };
    }

    /// Forgets an index that is dropped.
    pub(crate) fn forget(&mut self, index: &str) {
        self.most.remove(index);
        self.provisionings.remove(index);
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
