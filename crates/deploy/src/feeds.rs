//! The feeds of tables: what they are called before they are there, and beginning and ending them.

use std::collections::BTreeMap;

use base::{Space, Timestamp};
use tables::{Alteration, NewFeed, NewTable};

use crate::Deployer;
use crate::desired::{Feed, Images};
use crate::engines::Failure;
use crate::error::Result;

/// When the feeds of tables began, or will have begun: their names are made of it, and other resources are told their
/// names before they are there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Feeds {
    pub now: Timestamp,
    /// The last one of each table.
    pub known: BTreeMap<String, KnownFeed>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownFeed {
    /// None when it is over.
    pub images: Option<Images>,
    pub began: Timestamp,
}

impl Feeds {
    /// When the feed with these images begins that a table is to have. One that is there already stays.
    pub(crate) fn began(&self, table: &str, images: Images) -> Timestamp {
        let now = Timestamp::from_millis(self.now.as_millis());
        match self.known.get(table) {
            None => now,
            Some(known) if known.images == Some(images) => known.began,
            Some(known) => now.max(Timestamp::from_millis(known.began.as_millis() + 1)),
        }
    }
}

/// What a feed is called after its table's name.
pub(crate) fn feed_label(began: Timestamp) -> String {
    let millis = i64::try_from(began.as_millis()).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    format!("{:.3}", at.to_zoned(jiff::tz::TimeZone::UTC).datetime())
}

impl Deployer {
    /// What is known of the tables' feeds.
    pub(crate) fn feeds(&self) -> Result<Feeds> {
        let known = self.known_feeds();
        known.map_err(|failure| failure.of_step("look for", "stream", "of any table"))
    }

    fn known_feeds(&self) -> Result<Feeds, Failure> {
        const PAGE: usize = 1_000;
        let mut known = BTreeMap::new();
        let mut after: Option<(String, Timestamp)> = None;
        loop {
            let from = after
                .as_ref()
                .map(|(table, began)| (table.as_str(), *began));
            let page = self.engines.tables.feeds(&self.space(), None, from, PAGE)?;
            let last = page.feeds.last();
            after = last.map(|feed| (feed.table.clone(), feed.began));
            for feed in page.feeds {
                let open = feed.ended.is_none();
                let one = KnownFeed {
                    images: open.then(|| told(feed.images)),
                    began: feed.began,
                };
                // Those of one table come in the order of time.
                known.insert(feed.table, one);
            }
            if !page.more {
                return Ok(Feeds {
                    now: self.clock.now(),
                    known,
                });
            }
        }
    }

    /// A feed that tells something else is another feed.
    pub(crate) async fn change_feed(
        &self,
        space: &Space,
        current: &tables::Table,
        new: &NewTable,
    ) -> Result<(), Failure> {
        let open = current.feed.filter(|feed| feed.open);
        if open.map(|feed| feed.images) == new.feed.map(|feed| feed.images) {
            return Ok(());
        }
        let alter = async |feed: Option<NewFeed>| {
            let alteration = Alteration {
                feed: Some(feed),
                ..Alteration::default()
            };
            self.engines
                .tables
                .alter(space, &new.name, &alteration)
                .await
        };
        if open.is_some() {
            alter(None).await?;
        }
        if new.feed.is_some() {
            alter(new.feed).await?;
        }
        Ok(())
    }
}

pub(crate) fn new_feed(feed: Feed) -> NewFeed {
    NewFeed {
        images: images(feed.images),
        began: Some(feed.began),
    }
}

fn images(images: Images) -> tables::Images {
    match images {
        Images::Neither => tables::Images::Neither,
        Images::New => tables::Images::New,
        Images::Old => tables::Images::Old,
        Images::Both => tables::Images::Both,
    }
}

fn told(images: tables::Images) -> Images {
    match images {
        tables::Images::Neither => Images::Neither,
        tables::Images::New => Images::New,
        tables::Images::Old => Images::Old,
        tables::Images::Both => Images::Both,
    }
}
