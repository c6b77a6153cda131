//! Groups: making, listing, changing and deleting them.

use std::time::Duration;

use base::{Space, Timestamp};
use store::Read;

use crate::lines::{drop_oldest, read_key};
use crate::schema::{GROUPS, Group, GroupRecord, SETTINGS, STREAMS, Settings};
use crate::{Ledger, Result};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// For how many days lines can be kept.
pub const KEPT_DAYS: [u32; 22] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupFacts {
    pub group: Group,
    pub created: Timestamp,
}

impl Settings {
    /// From when on lines are kept.
    pub fn since(&self, now: Timestamp) -> Option<Timestamp> {
        let kept = (DAY * self.days?).as_micros();
        let kept = u64::try_from(kept).unwrap_or(u64::MAX);
        Some(Timestamp::from_micros(now.as_micros().saturating_sub(kept)))
    }
}

impl Ledger {
    /// Makes a group before it has lines; says whether it was not there yet.
    pub async fn create_group(
        &self,
        group: &Group,
        now: Timestamp,
        settings: &Settings,
    ) -> Result<bool> {
        self.store()
            .write(|tx| {
                if GROUPS.get(tx, &group.key())?.is_some() {
                    return Ok(false);
                }
                let record = GroupRecord {
                    created: now,
                    bytes: 0,
                };
                GROUPS.put(tx, group.key(), &record);
                SETTINGS.put(tx, group.settings(), settings);
                Ok(true)
            })
            .await
    }

    /// What is known of a group, if it is there.
    pub fn group(&self, group: &Group) -> Result<Option<GroupFacts>> {
        let found = GROUPS.get(&self.store().read()?, &group.key())?;
        Ok(found.map(|record| GroupFacts {
            group: group.clone(),
            created: record.created,
        }))
    }

    pub fn settings(&self, group: &Group) -> Result<Settings> {
        settings(&self.store().read()?, group)
    }

    /// About how many bytes its lines take.
    pub fn size(&self, group: &Group) -> Result<u64> {
        if let Some(bytes) = self.tallies.size_of_group(group) {
            return Ok(bytes);
        }
        let found = GROUPS.get(&self.store().read()?, &group.key())?;
        Ok(found.map_or(0, |record| record.bytes))
    }

    /// Changes what is set of a group; says whether it is there.
    pub async fn set_group(&self, group: &Group, change: impl Fn(&mut Settings)) -> Result<bool> {
        self.store()
            .write(|tx| {
                if GROUPS.get(tx, &group.key())?.is_none() {
                    return Ok(false);
                }
                let mut settings = settings(tx, group)?;
                change(&mut settings);
                SETTINGS.put(tx, group.settings(), &settings);
                Ok(true)
            })
            .await
    }

    /// The groups of a space in order of their names.
    pub fn groups(&self, space: &Space) -> Result<Vec<GroupFacts>> {
        let range = GROUPS.key().str(space.as_str()).range();
        self.groups_in(&range)
    }

    pub(crate) fn every_group(&self) -> Result<Vec<GroupFacts>> {
        self.groups_in(&GROUPS.key().range())
    }

    fn groups_in(&self, range: &store::KeyRange) -> Result<Vec<GroupFacts>> {
        let found = GROUPS.scan(&self.store().read()?, range, usize::MAX)?;
        found
            .into_iter()
            .map(|(key, record)| {
                Ok(GroupFacts {
                    group: read_key(&key)?,
                    created: record.created,
                })
            })
            .collect()
    }

    /// Forgets a group with its streams and lines; says whether it was there.
    pub async fn delete_group(&self, group: &Group) -> Result<bool> {
        let there = self
            .store()
            .write(|tx| {
                let there = GROUPS.get(tx, &group.key())?.is_some();
                GROUPS.delete(tx, group.key());
                SETTINGS.delete(tx, group.settings());
                for (key, _) in STREAMS.scan(tx, &group.streams().range(), usize::MAX)? {
                    tx.delete(key);
                }
                Ok::<_, crate::Error>(there)
            })
            .await?;
        self.tallies.forget_group(group);
        while self
            .store()
            .write_buffered(|tx| drop_oldest(tx, &group.log(), u64::MAX, |_| Ok(true)))
            .await?
            > 0
        {}
        Ok(there)
    }
}

fn settings(from: &impl Read, group: &Group) -> Result<Settings> {
    Ok(SETTINGS.get(from, &group.settings())?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use base::Random;
    use store::Store;

    use super::*;
    use crate::{Limits, Line};

    fn group() -> Group {
        Group {
            space: Space::new("here"),
            name: "g".into(),
        }
    }

    fn line(day: u64, text: &str) -> Line {
        Line {
            at: Timestamp::from_secs(day * 24 * 3600),
            text: text.into(),
        }
    }

    fn texts(ledger: &Ledger) -> Vec<String> {
        let mut texts = Vec::new();
        let each = |logged: crate::Logged| texts.push(logged.line.text);
        ledger.each_line(&group(), each).unwrap();
        texts
    }

    #[tokio::test]
    async fn a_group_that_was_made_is_there_once_and_goes_with_all_that_is_in_it() {
        let ledger = Ledger::new(Store::ephemeral(Random::seeded(1)), Limits::default());
        let (group, now) = (group(), Timestamp::from_secs(1));
        let settings = Settings {
            days: Some(3),
            ..Settings::default()
        };
        assert!(!ledger.set_group(&group, |_| {}).await.unwrap());
        assert!(ledger.create_group(&group, now, &settings).await.unwrap());
        assert!(!ledger.create_group(&group, now, &settings).await.unwrap());
        assert_eq!(ledger.settings(&group).unwrap(), settings);
        ledger.create_stream(&group, "s", now).await.unwrap();
        let lines = vec![line(1, "a")];
        ledger.append(&group, "s", "f", lines).await.unwrap();
        assert!(ledger.size(&group).unwrap() > 0);
        assert!(ledger.delete_group(&group).await.unwrap());
        assert!(!ledger.delete_group(&group).await.unwrap());
        assert!(
            ledger
                .create_group(&group, now, &Settings::default())
                .await
                .unwrap()
        );
        assert_eq!(ledger.settings(&group).unwrap().days, None);
        assert!(ledger.streams(&group, None).unwrap().is_empty());
        assert!(texts(&ledger).is_empty());
    }

    #[tokio::test]
    async fn lines_are_forgotten_from_the_oldest_on_when_they_are_too_old() {
        let ledger = Ledger::new(Store::ephemeral(Random::seeded(1)), Limits::default());
        let group = group();
        for day in 0..600 {
            let lines = vec![line(day, &day.to_string())];
            ledger.append(&group, "s", "f", lines).await.unwrap();
        }
        let settings = Settings {
            days: Some(7),
            ..Settings::default()
        };
        let since = settings.since(Timestamp::from_secs(597 * 24 * 3600));
        ledger.forget_before(&group, since.unwrap()).await.unwrap();
        let kept: Vec<String> = (590..600).map(|day| day.to_string()).collect();
        assert_eq!(texts(&ledger), kept);
    }

    #[test]
    fn a_name_is_of_letters_digits_and_a_few_signs() {
        for good in ["a", "/own/f-1", "a.b_c-d#1", &"x".repeat(512)] {
            assert!(Group::is_name(good), "{good}");
        }
        for bad in ["", "a b", "ä", "a:b", "a\0", &"x".repeat(513)] {
            assert!(!Group::is_name(bad), "{bad}");
        }
    }
}
