//! Archives: making, reading, changing and deleting them, and keeping events in them.

use std::time::Duration;

use base::{Space, Timestamp};
use store::{KeyReader, Read, Record, Tx};

use crate::schema::{
    ARCHIVED, ARCHIVES, Archive, Event, HOLDINGS, Holdings, Wiring, archive_key, archived,
    expiries, holdings_key,
};
use crate::{Buses, Error, Result};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What of an archive can be changed. None leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct ArchiveChange {
    pub description: Option<Option<String>>,
    pub pattern: Option<Option<String>>,
    pub days: Option<Option<u32>>,
}

impl Buses {
    /// Keeps the events of a bus from here on.
    pub async fn create_archive(
        &self,
        space: &Space,
        name: &str,
        bus: &str,
        change: ArchiveChange,
    ) -> Result<Archive> {
        let number = self.random.u64();
        self.store
            .write(|tx| {
                self.check(tx, space, bus)?;
                if ARCHIVES.get(tx, &archive_key(space, name))?.is_some() {
                    return Err(Error::ArchiveExists(name.to_owned()));
                }
                let mut archive = Archive {
                    space: space.clone(),
                    name: name.to_owned(),
                    number,
                    bus: bus.to_owned(),
                    description: None,
                    pattern: None,
                    days: None,
                    created: self.clock.now(),
                };
                apply(&mut archive, &change);
                self.keep_archive(tx, &archive);
                Ok(archive)
            })
            .await
    }

    pub fn archive(&self, space: &Space, name: &str) -> Result<Archive> {
        find(&self.store.read()?, space, name)
    }

    /// In the order of their names.
    pub fn archives(&self, space: &Space) -> Result<Vec<Archive>> {
        let range = ARCHIVES.key().str(space.as_str()).range();
        let found = ARCHIVES.scan(&self.store.read()?, &range, usize::MAX)?;
        Ok(found.into_iter().map(|(_, archive)| archive).collect())
    }

    /// Those of every space.
    pub fn every_archive(&self, from: &impl Read) -> Result<Vec<Archive>> {
        let found = ARCHIVES.scan(from, &ARCHIVES.key().range(), usize::MAX)?;
        Ok(found.into_iter().map(|(_, archive)| archive).collect())
    }

    /// As the reader sees it, if it is there.
    pub fn archive_in(
        &self,
        from: &impl Read,
        space: &Space,
        name: &str,
    ) -> Result<Option<Archive>> {
        Ok(ARCHIVES.get(from, &archive_key(space, name))?)
    }

    pub fn holdings(&self, archive: &Archive) -> Result<Holdings> {
        let found = HOLDINGS.get(&self.store.read()?, &holdings_key(archive.number))?;
        Ok(found.unwrap_or_default())
    }

    pub async fn update_archive(
        &self,
        space: &Space,
        name: &str,
        change: ArchiveChange,
    ) -> Result<Archive> {
        self.store
            .write(|tx| {
                let mut archive = find(tx, space, name)?;
                apply(&mut archive, &change);
                self.keep_archive(tx, &archive);
                self.look_soon(tx, &archive)?;
                Ok(archive)
            })
            .await
    }

    /// What it holds is taken away afterwards, by the upkeep.
    pub async fn delete_archive(&self, space: &Space, name: &str) -> Result<()> {
        self.store
            .write(|tx| {
                let archive = find(tx, space, name)?;
                ARCHIVES.delete(tx, archive_key(space, name));
                self.wired(tx, space, &archive.bus, Wiring::Archive(name.to_owned()));
                self.look_soon(tx, &archive)
            })
            .await
    }

    /// Keeps an event in an archive, with the caller's transaction.
    pub fn keep(&self, tx: &mut Tx, archive: &Archive, event: &Event) -> Result<()> {
        let key = holdings_key(archive.number);
        let mut holdings = HOLDINGS.get(tx, &key)?.unwrap_or_default();
        holdings.events += 1;
        holdings.ever += 1;
        holdings.bytes += size(event);
        HOLDINGS.put(tx, key, &holdings);
        let place = archived(archive.number).u64(event.at.as_micros());
        ARCHIVED.put(tx, place.u64(holdings.ever), event);
        if let Some(days) = archive.days {
            let id = archive.number.to_be_bytes();
            let at = event.at + DAY * days;
            let known = expiries().when(tx, &id)?;
            if known.is_none_or(|known| at < known) {
                expiries().set(tx, &id, at, expiry(archive))?;
            }
        }
        Ok(())
    }

    fn keep_archive(&self, tx: &mut Tx, archive: &Archive) {
        let Archive {
            space, name, bus, ..
        } = archive;
        ARCHIVES.put(tx, archive_key(space, name), archive);
        self.wired(tx, space, bus, Wiring::Archive(name.clone()));
    }

    /// Has the upkeep look at the archive.
    fn look_soon(&self, tx: &mut Tx, archive: &Archive) -> Result<()> {
        let id = archive.number.to_be_bytes();
        Ok(expiries().set(tx, &id, self.clock.now(), expiry(archive))?)
    }
}

/// By what the upkeep finds the archive.
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Expiry {
    pub(crate) space: Space,
    pub(crate) name: String,
    pub(crate) number: u64,
}

impl Record for Expiry {}

fn expiry(archive: &Archive) -> Vec<u8> {
    Expiry {
        space: archive.space.clone(),
        name: archive.name.clone(),
        number: archive.number,
    }
    .encode()
}

/// The time in the key of an archived event.
pub(crate) fn time_in(key: &[u8]) -> Option<Timestamp> {
    let mut reader = KeyReader::new(key)?;
    reader.u64()?;
    reader.u64().map(Timestamp::from_micros)
}

/// How long an archive keeps what it holds.
pub(crate) fn kept(archive: &Archive) -> Option<Duration> {
    archive.days.map(|days| DAY * days)
}

pub(crate) fn size(event: &Event) -> u64 {
    let resources: usize = event.resources.iter().map(String::len).sum();
    (event.detail.len() + event.source.len() + event.kind.len() + resources) as u64
}

pub(crate) fn find(from: &impl Read, space: &Space, name: &str) -> Result<Archive> {
    let found = ARCHIVES.get(from, &archive_key(space, name))?;
    found.ok_or_else(|| Error::NoSuchArchive(name.to_owned()))
}

fn apply(archive: &mut Archive, change: &ArchiveChange) {
    if let Some(description) = &change.description {
        archive.description.clone_from(description);
    }
    if let Some(pattern) = &change.pattern {
        archive.pattern.clone_from(pattern);
    }
    if let Some(days) = change.days {
        archive.days = days;
    }
}
