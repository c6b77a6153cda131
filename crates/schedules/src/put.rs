//! Making, changing and deleting schedules.

use base::{Space, Timestamp};
use jiff::tz::TimeZone;
use store::{Record, Tx};

use crate::Schedules;
use crate::due::plan;
use crate::error::{Error, Result};
use crate::expression::Expression;
use crate::group::{check_open, check_there};
use crate::schema::{SCHEDULES, Schedule, Settings, Whose, next, schedule_key};
use crate::timetable::{Timetable, before};

impl Schedules {
    /// Makes a schedule. A second time with the same token and settings changes nothing.
    pub async fn create(
        &self,
        space: &Space,
        group: &str,
        name: &str,
        settings: &Settings,
        token: Option<&str>,
    ) -> Result<()> {
        self.ensure_default(space).await?;
        self.store
            .write(|tx| self.create_in(tx, space, group, name, settings, token))
            .await
    }

    fn create_in(
        &self,
        tx: &mut Tx,
        space: &Space,
        group: &str,
        name: &str,
        settings: &Settings,
        token: Option<&str>,
    ) -> Result<()> {
        check_open(tx, space, group)?;
        let key = schedule_key(space, group, name);
        if let Some(there) = SCHEDULES.get(tx, &key)? {
            let again = token.is_some() && there.token.as_deref() == token;
            return match again && there.settings == *settings {
                true => Ok(()),
                false => Err(Error::ScheduleExists(name.to_owned())),
            };
        }
        let now = self.clock.now();
        let schedule = Schedule {
            settings: settings.clone(),
            created: now,
            modified: now,
            anchor: settings.start.unwrap_or(now),
            unique: self.random.u64(),
            token: token.map(str::to_owned),
        };
        // It may be due at this very moment: a rate that says nothing of its start begins now.
        plan(tx, &whose(space, group, name), &schedule, before(now))?;
        SCHEDULES.put(tx, key, &schedule);
        Ok(())
    }

    /// Replaces everything that its owner says about a schedule. As long as that means the same times, what is due stays
    /// due.
    pub async fn update(
        &self,
        space: &Space,
        group: &str,
        name: &str,
        settings: &Settings,
    ) -> Result<()> {
        self.store
            .write(|tx| {
                check_open(tx, space, group)?;
                let mut schedule = find(tx, space, group, name)?;
                let now = self.clock.now();
                let same = schedule.settings.has_times_of(settings);
                let counts_on = schedule.settings.expression == settings.expression
                    && schedule.settings.start == settings.start;
                schedule.settings = settings.clone();
                schedule.modified = now;
                if !counts_on {
                    schedule.anchor = settings.start.unwrap_or(now);
                }
                if !same {
                    let after = if counts_on { now } else { before(now) };
                    plan(tx, &whose(space, group, name), &schedule, after)?;
                }
                SCHEDULES.put(tx, schedule_key(space, group, name), &schedule);
                Ok(())
            })
            .await
    }

    pub async fn delete(&self, space: &Space, group: &str, name: &str) -> Result<()> {
        self.store
            .write(|tx| {
                check_there(tx, space, group)?;
                find(tx, space, group, name)?;
                remove(tx, space, group, name)
            })
            .await
    }

    pub fn get(&self, space: &Space, group: &str, name: &str) -> Result<Schedule> {
        let view = self.store.read()?;
        check_there(&view, space, group)?;
        find(&view, space, group, name)
    }
}

pub(crate) fn find(
    from: &impl store::Read,
    space: &Space,
    group: &str,
    name: &str,
) -> Result<Schedule> {
    let found = SCHEDULES.get(from, &schedule_key(space, group, name))?;
    found.ok_or_else(|| Error::NoSuchSchedule(name.to_owned()))
}

pub(crate) fn remove(tx: &mut Tx, space: &Space, group: &str, name: &str) -> Result<()> {
    next().cancel(tx, &whose(space, group, name).encode())?;
    SCHEDULES.delete(tx, schedule_key(space, group, name));
    Ok(())
}

pub(crate) fn whose(space: &Space, group: &str, name: &str) -> Whose {
    Whose::Schedule {
        space: space.clone(),
        group: group.to_owned(),
        name: name.to_owned(),
    }
}

impl Settings {
    /// Reads the times out of them.
    pub fn timetable(&self, anchor: Timestamp) -> Result<Timetable> {
        Ok(Timetable {
            expression: Expression::read(&self.expression)?,
            zone: TimeZone::get(&self.zone).map_err(|_| Error::NoSuchZone(self.zone.clone()))?,
            anchor,
            start: self.start,
            end: self.end,
        })
    }
}
