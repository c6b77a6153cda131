//! Listing, page by page.

use base::Space;
use store::KeyReader;

use crate::Schedules;
use crate::error::Result;
use crate::group::{DEFAULT, find_group};
use crate::schema::{GROUPS, Group, SCHEDULES, Schedule, group_key, schedule_key};

/// Records that are looked at together.
const AT_ONCE: usize = 128;

/// Which are listed.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub group: Option<String>,
    pub prefix: Option<String>,
    pub enabled: Option<bool>,
    /// The last one of the page before: its group, and its name.
    pub after: Option<(String, String)>,
    pub limit: usize,
}

/// A page. There may be more after its last one if it is full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub group: String,
    pub name: String,
    pub schedule: Schedule,
}

impl Schedules {
    /// In the order of groups, and of names in them. A group that is asked for must be there.
    pub fn list(&self, space: &Space, wanted: &Wanted) -> Result<Vec<Listed>> {
        let view = self.store.read()?;
        // That of what is in no other comes to be when somebody asks for it.
        if let Some(group) = wanted.group.as_ref().filter(|group| *group != DEFAULT) {
            find_group(&view, space, group)?;
        }
        let all = SCHEDULES.key().str(space.as_str());
        let all = match &wanted.group {
            Some(group) => all.str(group),
            None => all,
        };
        let mut range = all.range();
        if let Some((group, name)) = &wanted.after {
            range = range.after(schedule_key(space, group, name).as_slice());
        }
        let mut page = Vec::new();
        loop {
            let some = SCHEDULES.scan(&view, &range, AT_ONCE)?;
            let is_all = some.len() < AT_ONCE;
            if let Some((last, _)) = some.last() {
                range = range.after(last);
            }
            for (key, schedule) in some {
                let Some((_, group, name)) = three_names(&key) else {
                    continue;
                };
                let fits = wanted
                    .prefix
                    .as_ref()
                    .is_none_or(|prefix| name.starts_with(prefix))
                    && wanted
                        .enabled
                        .is_none_or(|enabled| schedule.settings.enabled == enabled);
                if fits {
                    page.push(Listed {
                        group,
                        name,
                        schedule,
                    });
                }
                if page.len() == wanted.limit {
                    return Ok(page);
                }
            }
            if is_all {
                return Ok(page);
            }
        }
    }

    /// Groups by name, those after `after`.
    pub async fn groups(
        &self,
        space: &Space,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Group)>> {
        self.ensure_default(space).await?;
        let view = self.store.read()?;
        let mut range = GROUPS.key().str(space.as_str()).range();
        if let Some(after) = after {
            range = range.after(group_key(space, after).as_slice());
        }
        let all = GROUPS.scan(&view, &range, usize::MAX)?;
        let named = all
            .into_iter()
            .filter_map(|(key, group)| Some((two_names(&key)?.1, group)));
        Ok(named
            .filter(|(name, _)| name.starts_with(prefix))
            .take(limit)
            .collect())
    }
}

pub(crate) fn two_names(key: &[u8]) -> Option<(String, String)> {
    let mut reader = KeyReader::new(key)?;
    Some((reader.str()?, reader.str()?))
}

pub(crate) fn three_names(key: &[u8]) -> Option<(String, String, String)> {
    let mut reader = KeyReader::new(key)?;
    Some((reader.str()?, reader.str()?, reader.str()?))
}
