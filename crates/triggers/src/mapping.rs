//! Mappings: making, reading, changing and deleting them. What they do is in `keep`.

use std::collections::BTreeMap;

use base::Space;
use store::{Read, Tx};
use tables::Shard;

use crate::delivery::Progress;
use crate::pattern::{Language, Pattern};
use crate::schema::{
    DELIVERIES, LastResult, MAPPINGS, Mapping, MappingId, MappingSettings, MappingSource,
    MappingState, PAIRS, RESULTS, Starting, StoredDelivery, deliveries_of, mapping_key, pair_key,
    result_key,
};
use crate::target::Target;
use crate::{Error, Result, Triggers};

#[derive(Clone, Debug)]
pub struct NewMapping {
    pub space: Space,
    pub source: MappingSource,
    pub target: Target,
    pub settings: MappingSettings,
    pub starting: Starting,
    pub enabled: bool,
    pub tags: BTreeMap<String, String>,
}

/// What of a mapping can be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingChange {
    pub target: Target,
    pub settings: MappingSettings,
    pub enabled: bool,
}

impl Triggers {
    pub async fn create_mapping(&self, new: NewMapping) -> Result<Mapping> {
        self.check(&new.settings)?;
        self.check_target(&new.target)?;
        self.check_source(&new.space, &new.source, &new.target)?;
        let deliveries = match &new.source {
            MappingSource::Table { table, began } => {
                let feed = self.tables.feed(&new.space, table, *began)?;
                self.starts(&feed, new.starting)?
            }
            MappingSource::Queue { .. } => Vec::new(),
        };
        let mapping = Mapping {
            id: self.random.uuid().to_string(),
            space: new.space,
            source: new.source,
            target: new.target,
            settings: new.settings,
            starting: new.starting,
            enabled: new.enabled,
            state: MappingState::Creating,
            modified: self.clock.now(),
            tags: new.tags,
            revision: 0,
        };
        self.store
            .write(|tx| {
                pair(tx, &mapping)?;
                MAPPINGS.put(tx, mapping_key(&mapping.space, &mapping.id), &mapping);
                for (partition, delivery) in &deliveries {
                    let key = deliveries_of(&mapping.space, &mapping.id).u32(*partition);
                    DELIVERIES.put(tx, key, delivery);
                }
                Ok::<_, Error>(())
            })
            .await?;
        self.ring();
        Ok(mapping)
    }

    /// From where on each partition is delivered.
    fn starts(&self, feed: &tables::Feed, from: Starting) -> Result<Vec<(u32, StoredDelivery)>> {
        let mut starts: BTreeMap<u32, Shard> = BTreeMap::new();
        for shard in self.tables.shards(feed)? {
            let first = starts.entry(shard.id.partition).or_insert(shard);
            if from == Starting::Newest {
                *first = shard;
            }
        }
        let start = |(partition, shard): (u32, Shard)| {
            let after = match from {
                Starting::Oldest => shard.start,
                Starting::Newest => self.tables.newest_change(feed, shard.id)?,
            };
            let delivery = StoredDelivery {
                generation: shard.id.generation,
                progress: Progress::from(after.number()),
            };
            Ok((partition, delivery))
        };
        starts.into_iter().map(start).collect()
    }

    fn check(&self, settings: &MappingSettings) -> Result<()> {
        for filter in &settings.filters {
            Pattern::parse(filter, Language::Filters)?;
        }
        match &settings.on_failure {
            Some(place) => self.takes(place),
            None => Ok(()),
        }
    }

    /// A queue must let the function have a message for as long as it may work.
    fn check_source(&self, space: &Space, source: &MappingSource, target: &Target) -> Result<()> {
        let MappingSource::Queue { queue } = source else {
            return Ok(());
        };
        let queue = self.queues.get(&queues::Address::new(space, queue))?;
        let qualifier = target.qualifier.as_deref();
        let function = self
            .functions
            .resolve(&target.space, &target.function, qualifier)?;
        let visibility_s = u64::from(queue.settings.visibility_s);
        let timeout_s = function.configuration.timeout.as_secs();
        if visibility_s < timeout_s {
            return Err(Error::VisibilityTooShort {
                visibility_s,
                timeout_s,
            });
        }
        Ok(())
    }

    fn check_target(&self, target: &Target) -> Result<()> {
        let Target {
            space,
            function,
            qualifier,
        } = target;
        let found = self
            .functions
            .resolve(space, function, qualifier.as_deref());
        Ok(found.map(drop)?)
    }

    pub fn mapping(&self, space: &Space, id: &str) -> Result<Mapping> {
        find(&self.store.read()?, space, id)
    }

    /// What came of the last batch; none before the first.
    pub fn mapping_result(&self, mapping: &Mapping) -> Result<Option<LastResult>> {
        let key = result_key(&mapping.space, &mapping.id);
        Ok(RESULTS.get(&self.store.read()?, &key)?)
    }

    /// All mappings of a space, in the order of their ids.
    pub fn mappings(&self, space: &Space) -> Result<Vec<Mapping>> {
        let range = MAPPINGS.key().str(space.as_str()).range();
        let found = MAPPINGS.scan(&self.store.read()?, &range, usize::MAX)?;
        Ok(found.into_iter().map(|(_, mapping)| mapping).collect())
    }

    /// The mapping from a source to a function.
    pub fn mapping_between(
        &self,
        space: &Space,
        source: &MappingSource,
        target: &Target,
    ) -> Result<Option<Mapping>> {
        let view = self.store.read()?;
        let Some(MappingId(id)) = PAIRS.get(&view, &pair_key(space, source, target))? else {
            return Ok(None);
        };
        Ok(MAPPINGS.get(&view, &mapping_key(space, &id))?)
    }

    /// Changes a mapping that is in no change already. `change` may run several times.
    pub async fn update_mapping(
        &self,
        space: &Space,
        id: &str,
        change: impl Fn(&mut MappingChange),
    ) -> Result<Mapping> {
        let edited = |mapping: &Mapping| {
            let mut edited = MappingChange {
                target: mapping.target.clone(),
                settings: mapping.settings.clone(),
                enabled: mapping.enabled,
            };
            change(&mut edited);
            edited
        };
        let current = self.mapping(space, id)?;
        let wanted = edited(&current);
        self.check(&wanted.settings)?;
        self.check_target(&wanted.target)?;
        self.check_source(space, &current.source, &wanted.target)?;
        let now = self.clock.now();
        let updated = self
            .store
            .write(|tx| {
                let mut mapping = find(tx, space, id)?;
                settled(&mapping)?;
                let change = edited(&mapping);
                mapping.state = match (mapping.enabled, change.enabled) {
                    (true, false) => MappingState::Disabling,
                    (false, true) => MappingState::Enabling,
                    _ => MappingState::Updating,
                };
                if mapping.target != change.target {
                    PAIRS.delete(tx, pair_key(space, &mapping.source, &mapping.target));
                    mapping.target = change.target;
                    pair(tx, &mapping)?;
                }
                mapping.settings = change.settings;
                mapping.enabled = change.enabled;
                changed(tx, &mut mapping, now);
                Ok::<_, Error>(mapping)
            })
            .await?;
        self.ring();
        Ok(updated)
    }

    /// Begins to delete it: it is gone when what is under way is done.
    pub async fn delete_mapping(&self, space: &Space, id: &str) -> Result<Mapping> {
        let now = self.clock.now();
        let deleted = self
            .store
            .write(|tx| {
                let mut mapping = find(tx, space, id)?;
                settled(&mapping)?;
                mapping.state = MappingState::Deleting;
                // Another one may take its place at once.
                PAIRS.delete(tx, pair_key(space, &mapping.source, &mapping.target));
                changed(tx, &mut mapping, now);
                Ok::<_, Error>(mapping)
            })
            .await?;
        self.ring();
        Ok(deleted)
    }

    pub async fn set_mapping_tags(
        &self,
        space: &Space,
        id: &str,
        edit: impl Fn(&mut BTreeMap<String, String>),
    ) -> Result<()> {
        self.store
            .write(|tx| {
                let mut mapping = find(tx, space, id)?;
                edit(&mut mapping.tags);
                MAPPINGS.put(tx, mapping_key(space, id), &mapping);
                Ok(())
            })
            .await
    }

    /// Ends what a mapping was about to become. Says nothing if it has changed once more.
    pub(crate) async fn settle_mapping(&self, mapping: &Mapping) -> Result<()> {
        let now = self.clock.now();
        self.store
            .write(|tx| {
                let mut current = find(tx, &mapping.space, &mapping.id)?;
                if current.revision == mapping.revision {
                    current.state = if current.enabled {
                        MappingState::Enabled
                    } else {
                        MappingState::Disabled
                    };
                    changed(tx, &mut current, now);
                }
                Ok(())
            })
            .await
    }

    /// Removes all that is kept of it.
    pub(crate) async fn forget_mapping(&self, mapping: &Mapping) -> Result<()> {
        let Mapping { space, id, .. } = mapping;
        self.store
            .write(|tx| {
                MAPPINGS.delete(tx, mapping_key(space, id));
                RESULTS.delete(tx, result_key(space, id));
                for (key, _) in tx.scan(&deliveries_of(space, id).range(), usize::MAX)? {
                    tx.delete(key);
                }
                Ok(())
            })
            .await
    }

    fn ring(&self) {
        self.mappings.send_modify(|count| *count += 1);
    }
}

fn find(from: &impl Read, space: &Space, id: &str) -> Result<Mapping> {
    MAPPINGS
        .get(from, &mapping_key(space, id))?
        .ok_or_else(|| Error::NoSuchMapping(id.to_owned()))
}

/// Refuses to change what is being changed.
fn settled(mapping: &Mapping) -> Result<()> {
    match mapping.state {
        MappingState::Enabled | MappingState::Disabled => Ok(()),
        _ => Err(Error::MappingBusy(mapping.id.clone())),
    }
}

/// Takes the mapping's source and function for it.
fn pair(tx: &mut Tx, mapping: &Mapping) -> Result<()> {
    let key = pair_key(&mapping.space, &mapping.source, &mapping.target);
    if let Some(MappingId(id)) = PAIRS.get(tx, &key)? {
        let function = mapping.target.function.clone();
        return Err(Error::MappingExists { id, function });
    }
    PAIRS.put(tx, key, &MappingId(mapping.id.clone()));
    Ok(())
}

fn changed(tx: &mut Tx, mapping: &mut Mapping, now: base::Timestamp) {
    mapping.revision += 1;
    mapping.modified = now;
    MAPPINGS.put(tx, mapping_key(&mapping.space, &mapping.id), mapping);
}
