//! Schedules and their groups.

use std::time::Duration;

use schedules::{DEFAULT, Settings};

use super::{Failure, parted_by_bar};
use crate::Deployer;
use crate::desired::{Schedule, ScheduleGroup};

impl Deployer {
    /// An error of the kind `Missing` if it is not there.
    pub(super) fn look_for_schedule(&self, name: &str) -> Result<(), Failure> {
        let (group, name) = parted_by_bar(name, DEFAULT);
        self.engines.schedules.get(&self.space(), group, name)?;
        Ok(())
    }

    pub(super) async fn put_schedule(
        &self,
        wanted: &Schedule,
        fresh: bool,
    ) -> Result<bool, Failure> {
        let (space, schedules) = (self.space(), &self.engines.schedules);
        let (group, name) = (wanted.group.as_str(), wanted.schedule.as_str());
        let settings = settings(wanted);
        let created = schedules.create(&space, group, name, &settings, None);
        match created.await {
            Ok(()) => Ok(true),
            Err(schedules::Error::ScheduleExists(_)) if fresh => Ok(false),
            Err(schedules::Error::ScheduleExists(_)) => {
                schedules.update(&space, group, name, &settings).await?;
                Ok(true)
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn remove_schedule(&self, name: &str) -> Result<(), Failure> {
        let (group, name) = parted_by_bar(name, DEFAULT);
        let space = self.space();
        let deleted = self.engines.schedules.delete(&space, group, name);
        Ok(deleted.await?)
    }

    pub(super) async fn put_schedule_group(
        &self,
        wanted: &ScheduleGroup,
        fresh: bool,
    ) -> Result<bool, Failure> {
        let (space, schedules) = (self.space(), &self.engines.schedules);
        let (name, tags) = (wanted.name.as_str(), &wanted.tags);
        match schedules.create_group(&space, name, tags, None).await {
            Ok(()) => return Ok(true),
            Err(schedules::Error::GroupExists(_)) if fresh => return Ok(false),
            Err(schedules::Error::GroupExists(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let known = schedules.group(&space, name).await?.tags.into_keys();
        let gone: Vec<String> = known.filter(|tag| !tags.contains_key(tag)).collect();
        schedules.tag_group(&space, name, &gone, tags).await?;
        Ok(true)
    }
}

fn settings(wanted: &Schedule) -> Settings {
    let window = wanted.window_min.map(u64::from);
    Settings {
        expression: wanted.expression.clone(),
        zone: wanted.zone.clone(),
        start: wanted.start,
        end: wanted.end,
        window: window.map(|minutes| Duration::from_secs(60 * minutes)),
        enabled: wanted.enabled,
        // Templates do not know of it.
        ends: false,
        description: wanted.description.clone(),
        order: wanted.order.clone().into(),
        retries: wanted.retries,
    }
}
