use base::{Space, Timestamp};

use super::row;
use crate::Tables;
use crate::error::{Error, Result};
use crate::schema::{FEEDS, Feed};

/// Some of the feeds that there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feeds {
    pub feeds: Vec<Feed>,
    /// Whether there are more after the last one.
    pub more: bool,
}

impl Tables {
    /// The feeds of all tables, or of one, in the order of the tables' names and then of time; those that ended and are
    /// not forgotten, too. `after` is a table and when its feed began.
    pub fn feeds(
        &self,
        space: &Space,
        table: Option<&str>,
        after: Option<(&str, Timestamp)>,
        limit: usize,
    ) -> Result<Feeds> {
        let all = FEEDS.key().str(space.as_str());
        let mut range = match table {
            Some(table) => all.str(table).range(),
            None => all.range(),
        };
        if let Some((table, began)) = after {
            range = range.after(row(space, table, began).as_slice());
        }
        let found = FEEDS.scan(&self.store.read()?, &range, limit.saturating_add(1))?;
        let more = found.len() > limit;
        let feeds = found
            .into_iter()
            .take(limit)
            .map(|(_, feed)| feed)
            .collect();
        Ok(Feeds { feeds, more })
    }

    /// The feed of the table that began in this millisecond.
    pub fn feed(&self, space: &Space, table: &str, began: Timestamp) -> Result<Feed> {
        FEEDS
            .get(&self.store.read()?, &row(space, table, began))?
            .ok_or_else(|| Error::NoSuchFeed(table.to_owned()))
    }
}
