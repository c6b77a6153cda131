//! Mappings from streams and queues to functions.
//!
//! The engine gives them ids; a stack knows one by what it is from and to, of which there is one at most.

use std::time::Duration;

use base::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use triggers::{
    Destination, Error, MappingChange, MappingSettings, MappingSource, NewMapping, Starting, Target,
};

use super::{Failure, place};
use crate::Deployer;
use crate::desired::{Mapping, Starting as Asked};

/// How long a mapping may take to come to the end of a change before another one, in steps.
const PATIENCE: usize = 600;
const STEP: Duration = Duration::from_millis(50);

impl Deployer {
    pub(super) async fn put_mapping(&self, mapping: &Mapping) -> Result<bool, Failure> {
        let (source, target) = self.ends(&mapping.name)?;
        let known = self.mapping_between(&source, &target)?;
        let settings = settings(mapping);
        let Some(known) = known else {
            let new = NewMapping {
                space: self.space(),
                source,
                target,
                settings,
                starting: match mapping.starting {
                    Asked::Oldest => Starting::Oldest,
                    Asked::Newest => Starting::Newest,
                },
                enabled: mapping.enabled,
                tags: mapping.tags.clone(),
            };
            self.engines.triggers.create_mapping(new).await?;
            return Ok(true);
        };
        let wanted = MappingChange {
            target,
            settings,
            enabled: mapping.enabled,
        };
        let current = MappingChange {
            target: known.target.clone(),
            settings: known.settings.clone(),
            enabled: known.enabled,
        };
        if current != wanted {
            self.change_mapping(&known.id, &wanted).await?;
        }
        let tags = mapping.tags.clone();
        let (space, triggers) = (self.space(), &self.engines.triggers);
        let set = triggers.set_mapping_tags(&space, &known.id, |set| set.clone_from(&tags));
        set.await?;
        Ok(true)
    }

    pub(super) async fn remove_mapping(&self, name: &str) -> Result<(), Failure> {
        let Some(known) = self.mapping_named(name)? else {
            return Ok(());
        };
        let triggers = &self.engines.triggers;
        for _ in 0..PATIENCE {
            let deleted = triggers.delete_mapping(&self.space(), &known.id).await;
            if self.unless_busy(deleted).await?.is_some() {
                return Ok(());
            }
        }
        Err(Error::MappingBusy(known.id).into())
    }

    async fn change_mapping(&self, id: &str, wanted: &MappingChange) -> Result<(), Failure> {
        let triggers = &self.engines.triggers;
        for _ in 0..PATIENCE {
            let change = |change: &mut MappingChange| change.clone_from(wanted);
            let updated = triggers.update_mapping(&self.space(), id, change).await;
            if self.unless_busy(updated).await?.is_some() {
                return Ok(());
            }
        }
        Err(Error::MappingBusy(id.to_owned()).into())
    }

    pub(super) fn mapping_named(&self, name: &str) -> Result<Option<triggers::Mapping>, Failure> {
        let (source, target) = self.ends(name)?;
        self.mapping_between(&source, &target)
    }

    fn mapping_between(
        &self,
        source: &MappingSource,
        target: &Target,
    ) -> Result<Option<triggers::Mapping>, Failure> {
        let triggers = &self.engines.triggers;
        Ok(triggers.mapping_between(&self.space(), source, target)?)
    }

    /// None, after a while, for a mapping in a change: it is in one for a moment after each, and for longer if something
    /// is under way for it.
    async fn unless_busy<T>(&self, done: Result<T, Error>) -> Result<Option<T>, Failure> {
        match done {
            Err(Error::MappingBusy(_)) => {
                self.clock.host().sleep(STEP).await;
                Ok(None)
            }
            done => Ok(Some(done?)),
        }
    }

    /// What the mapping of this name is from and to.
    fn ends(&self, name: &str) -> Result<(MappingSource, Target), Failure> {
        let invalid = || Failure::invalid(format!("{name} names no stream or queue and function"));
        let (stream, called) = name.split_once(" to ").ok_or_else(invalid)?;
        let (function, qualifier) = match called.split_once(':') {
            Some((function, qualifier)) => (function, Some(qualifier.to_owned())),
            None => (called, None),
        };
        let source = match (stream.split_once("/stream/"), stream.strip_prefix("queue/")) {
            (Some((table, label)), _) => MappingSource::Table {
                table: table.to_owned(),
                began: began(label).ok_or_else(invalid)?,
            },
            (None, Some(queue)) => MappingSource::Queue {
                queue: queue.to_owned(),
            },
            (None, None) => return Err(invalid()),
        };
        let target = Target {
            space: self.space(),
            function: function.to_owned(),
            qualifier,
        };
        Ok((source, target))
    }
}

/// The moment that a stream's label is.
fn began(label: &str) -> Option<Timestamp> {
    let at: DateTime = label.parse().ok()?;
    let at = at.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Some(Timestamp::from_millis(
        u64::try_from(at.as_millisecond()).ok()?,
    ))
}

fn settings(mapping: &Mapping) -> MappingSettings {
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    MappingSettings {
        batch: mapping.batch,
        wait: seconds(mapping.wait_s),
        lanes: mapping.lanes,
        retries: mapping.retries,
        age: mapping.age_s.map(seconds),
        bisect: mapping.bisect,
        partial: mapping.partial,
        tumbling: mapping.tumbling_s.map(seconds),
        filters: mapping.filters.clone(),
        on_failure: mapping.failures_to.as_deref().map(|named| {
            place::named(named).unwrap_or_else(|| Destination::Bucket(named.to_owned()))
        }),
    }
}
