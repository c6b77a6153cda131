//! Groups of schedules. One is there from the beginning.

use std::collections::BTreeMap;

use base::Space;
use store::{Read, Tx};

use crate::error::{Error, Result};
use crate::put::remove;
use crate::schema::{GROUPS, Group, SCHEDULES, group_key};
use crate::{Schedules, list};

/// The group of what is in no other.
pub const DEFAULT: &str = "default";
/// Schedules deleted in one transaction.
const BATCH: usize = 128;

impl Schedules {
    /// Makes a group. A second time with the same token and tags changes nothing.
    pub async fn create_group(
        &self,
        space: &Space,
        name: &str,
        tags: &BTreeMap<String, String>,
        token: Option<&str>,
    ) -> Result<()> {
        self.ensure_default(space).await?;
        self.store
            .write(|tx| {
                if let Some(there) = GROUPS.get(tx, &group_key(space, name))? {
                    let again = token.is_some() && there.token.as_deref() == token;
                    return match again && there.tags == *tags {
                        true => Ok(()),
                        false => Err(Error::GroupExists(name.to_owned())),
                    };
                }
                let group = self.new_group(tags.clone(), token);
                GROUPS.put(tx, group_key(space, name), &group);
                Ok(())
            })
            .await
    }

    pub async fn group(&self, space: &Space, name: &str) -> Result<Group> {
        self.ensure_default(space).await?;
        find_group(&self.store.read()?, space, name)
    }

    pub fn has_group(&self, space: &Space, name: &str) -> Result<bool> {
        let found = GROUPS.get(&self.store.read()?, &group_key(space, name))?;
        Ok(found.is_some())
    }

    /// Changes a group's tags: removes some, then sets others.
    pub async fn tag_group(
        &self,
        space: &Space,
        name: &str,
        remove: &[String],
        set: &BTreeMap<String, String>,
    ) -> Result<()> {
        self.ensure_default(space).await?;
        self.store
            .write(|tx| {
                let mut group = find_group(tx, space, name)?;
                group.tags.retain(|key, _| !remove.contains(key));
                group.tags.extend(set.clone());
                GROUPS.put(tx, group_key(space, name), &group);
                Ok(())
            })
            .await
    }

    /// Deletes a group and everything in it. If this is broken off, [`Schedules::finish_groups`] goes on with it.
    pub async fn delete_group(&self, space: &Space, name: &str) -> Result<()> {
        if name == DEFAULT {
            return Err(Error::GroupStays(name.to_owned()));
        }
        self.close(space, name).await?;
        self.empty(space, name).await
    }

    /// Nothing more gets into it.
    async fn close(&self, space: &Space, name: &str) -> Result<()> {
        self.store
            .write(|tx| {
                let mut group = find_group(tx, space, name)?;
                group.ends = true;
                group.modified = self.clock.now();
                GROUPS.put(tx, group_key(space, name), &group);
                Ok::<_, Error>(())
            })
            .await
    }

    /// Goes on with the deletions of groups that were broken off.
    pub async fn finish_groups(&self) -> Result<()> {
        let all = GROUPS.key().range();
        let groups = GROUPS.scan(&self.store.read()?, &all, usize::MAX)?;
        for (key, _) in groups.into_iter().filter(|(_, group)| group.ends) {
            if let Some((space, name)) = list::two_names(&key) {
                self.empty(&Space::new(&space), &name).await?;
            }
        }
        Ok(())
    }

    async fn empty(&self, space: &Space, name: &str) -> Result<()> {
        loop {
            let left = self
                .store
                .write(|tx| self.empty_some(tx, space, name))
                .await?;
            if !left {
                return Ok(());
            }
        }
    }

    /// Says whether there may be more.
    fn empty_some(&self, tx: &mut Tx, space: &Space, name: &str) -> Result<bool> {
        let all = SCHEDULES.key().str(space.as_str()).str(name).range();
        let some = tx.scan(&all, BATCH)?;
        for (key, _) in &some {
            if let Some((_, _, schedule)) = list::three_names(key) {
                remove(tx, space, name, &schedule)?;
            }
        }
        let left = some.len() == BATCH;
        if !left {
            GROUPS.delete(tx, group_key(space, name));
        }
        Ok(left)
    }

    /// The default group comes to be when somebody first asks.
    pub(crate) async fn ensure_default(&self, space: &Space) -> Result<()> {
        let key = group_key(space, DEFAULT);
        if GROUPS.get(&self.store.read()?, &key)?.is_some() {
            return Ok(());
        }
        self.store
            .write(|tx| {
                if GROUPS.get(tx, &key)?.is_none() {
                    GROUPS.put(tx, key.clone(), &self.new_group(BTreeMap::new(), None));
                }
                Ok(())
            })
            .await
    }

    fn new_group(&self, tags: BTreeMap<String, String>, token: Option<&str>) -> Group {
        let now = self.clock.now();
        Group {
            created: now,
            modified: now,
            ends: false,
            tags,
            token: token.map(str::to_owned),
        }
    }
}

pub(crate) fn find_group(from: &impl Read, space: &Space, name: &str) -> Result<Group> {
    let found = GROUPS.get(from, &group_key(space, name))?;
    found.ok_or_else(|| Error::NoSuchGroup(name.to_owned()))
}

/// Refuses a group that is not there.
pub(crate) fn check_there(from: &impl Read, space: &Space, name: &str) -> Result<()> {
    match find_group(from, space, name) {
        Err(Error::NoSuchGroup(_)) if name == DEFAULT => Ok(()),
        found => found.map(drop),
    }
}

/// Refuses a group that is not there, or not for long.
pub(crate) fn check_open(from: &impl Read, space: &Space, name: &str) -> Result<()> {
    match find_group(from, space, name) {
        Ok(group) if group.ends => Err(Error::GroupEnds(name.to_owned())),
        Err(Error::NoSuchGroup(_)) if name == DEFAULT => Ok(()),
        found => found.map(drop),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use base::{ManualClock, Random, Timestamp};
    use store::{Faults, Simulation};

    use super::*;

    #[tokio::test]
    async fn a_deletion_that_was_broken_off_is_gone_on_with() {
        let simulation = Simulation::new(Random::seeded(1), Faults::none());
        let open = || {
            let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1)));
            Schedules::new(simulation.open(), clock, Random::seeded(2))
        };
        let (space, schedules) = (Space::new("1/here"), open());
        let tags = BTreeMap::new();
        schedules
            .create_group(&space, "g", &tags, None)
            .await
            .unwrap();
        schedules.close(&space, "g").await.unwrap();
        drop(schedules);
        simulation.crash();
        let schedules = open();
        assert!(schedules.group(&space, "g").await.unwrap().ends);
        schedules.finish_groups().await.unwrap();
        let gone = schedules.group(&space, "g").await;
        assert!(matches!(gone, Err(Error::NoSuchGroup(_))));
    }
}
