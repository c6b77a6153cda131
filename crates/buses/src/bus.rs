//! Buses: making, reading, changing and deleting them.

use std::collections::BTreeMap;

use base::Space;
use store::{Read, Tx};

use crate::schema::{BUSES, Bus, bus_key};
use crate::{Buses, DEFAULT, Error, Result};

/// What of a bus can be set. None leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct BusChange {
    pub description: Option<Option<String>>,
    pub dead_letters: Option<Option<String>>,
}

impl Buses {
    pub async fn create(
        &self,
        space: &Space,
        name: &str,
        change: BusChange,
        tags: BTreeMap<String, String>,
    ) -> Result<Bus> {
        self.store
            .write(|tx| {
                if self.find(tx, space, name)?.is_some() {
                    return Err(Error::BusExists(name.to_owned()));
                }
                let mut bus = self.fresh(space, name);
                bus.tags = tags.clone();
                apply(&mut bus, &change);
                BUSES.put(tx, bus_key(space, name), &bus);
                Ok(bus)
            })
            .await
    }

    pub fn bus(&self, space: &Space, name: &str) -> Result<Bus> {
        self.must_find(&self.store.read()?, space, name)
    }

    /// In the order of their names, among which is the default one's.
    pub fn list(&self, space: &Space) -> Result<Vec<Bus>> {
        let range = BUSES.key().str(space.as_str()).range();
        let found = BUSES.scan(&self.store.read()?, &range, usize::MAX)?;
        let mut buses: Vec<Bus> = found.into_iter().map(|(_, bus)| bus).collect();
        if !buses.iter().any(|bus| bus.name == DEFAULT) {
            buses.push(self.fresh(space, DEFAULT));
            buses.sort_by(|a, b| a.name.cmp(&b.name));
        }
        Ok(buses)
    }

    pub async fn update(&self, space: &Space, name: &str, change: BusChange) -> Result<Bus> {
        self.change(space, name, |bus| {
            apply(bus, &change);
            Ok(())
        })
        .await
    }

    /// Whether something still depends on it is for the caller to know. Says whether it was there.
    pub fn delete(&self, tx: &mut Tx, space: &Space, name: &str) -> Result<bool> {
        if name == DEFAULT {
            return Err(Error::DefaultBus);
        }
        let there = self.find(tx, space, name)?.is_some();
        BUSES.delete(tx, bus_key(space, name));
        Ok(there)
    }

    pub(crate) async fn change(
        &self,
        space: &Space,
        name: &str,
        mut change: impl FnMut(&mut Bus) -> Result<()>,
    ) -> Result<Bus> {
        self.store
            .write(|tx| {
                let mut bus = self.must_find(tx, space, name)?;
                change(&mut bus)?;
                bus.modified = self.clock.now();
                BUSES.put(tx, bus_key(space, name), &bus);
                Ok(bus)
            })
            .await
    }

    /// Whether there is such a bus, without a look at the default one.
    pub(crate) fn check(&self, from: &impl Read, space: &Space, name: &str) -> Result<()> {
        if name == DEFAULT {
            return Ok(());
        }
        self.must_find(from, space, name).map(drop)
    }

    pub(crate) fn must_find(&self, from: &impl Read, space: &Space, name: &str) -> Result<Bus> {
        let found = self.find(from, space, name)?;
        found.ok_or_else(|| Error::NoSuchBus(name.to_owned()))
    }

    fn find(&self, from: &impl Read, space: &Space, name: &str) -> Result<Option<Bus>> {
        let stored = BUSES.get(from, &bus_key(space, name))?;
        let default = (name == DEFAULT).then(|| self.fresh(space, name));
        Ok(stored.or(default))
    }

    fn fresh(&self, space: &Space, name: &str) -> Bus {
        let now = self.clock.now();
        Bus {
            space: space.clone(),
            name: name.to_owned(),
            description: None,
            dead_letters: None,
            created: now,
            modified: now,
            policy: Vec::new(),
            tags: BTreeMap::new(),
        }
    }
}

fn apply(bus: &mut Bus, change: &BusChange) {
    if let Some(description) = &change.description {
        bus.description.clone_from(description);
    }
    if let Some(dead_letters) = &change.dead_letters {
        bus.dead_letters.clone_from(dead_letters);
    }
}
