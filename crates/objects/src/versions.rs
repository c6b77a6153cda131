//! Listing the versions of a bucket's keys: in the order of the keys, of each the newest first.

use std::collections::VecDeque;

use base::Timestamp;
use store::{Key, KeyRange, Pair, Read, Record};

use crate::error::Result;
use crate::list::{LARGE_BATCH, SMALL_BATCH, common_prefix, key_of};
use crate::place::Place;
use crate::schema::{self, Bucket, Object, Version};
use crate::version::VersionId;
use crate::{Objects, bucket};

#[derive(Clone, Debug, Default)]
pub struct ListVersions {
    pub prefix: String,
    pub delimiter: Option<String>,
    /// Only what comes after this key, or after everything under this common prefix; with a version, what comes after
    /// that version of the key.
    pub after: Option<(String, Option<VersionId>)>,
    /// Versions and common prefixes together.
    pub limit: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionEntry {
    pub key: String,
    pub version: VersionId,
    /// Whether it is the key's newest.
    pub latest: bool,
    pub kind: VersionKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionKind {
    Object(Box<Object>),
    /// Says that the key was deleted, and when.
    Marker(Timestamp),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionListing {
    pub entries: Vec<VersionEntry>,
    pub prefixes: Vec<String>,
    /// The last version of this page, or the last common prefix, if there is more.
    pub next: Option<(String, Option<VersionId>)>,
}

impl Objects {
    pub fn list_versions(&self, bucket: &str, list: &ListVersions) -> Result<VersionListing> {
        let view = self.store.read()?;
        let bucket = bucket::require(&view, bucket)?;
        let mut walk = Walk::new(&view, &bucket, list)?;
        while walk.step(&view)? {}
        Ok(walk.listing)
    }
}

/// Two tables, walked side by side: of each key the current object comes first.
struct Walk<'a> {
    list: &'a ListVersions,
    objects: Side,
    versions: Side,
    listing: VersionListing,
    last: Option<(String, Option<VersionId>)>,
    /// A key whose newest version was met, here or on an earlier page.
    met: Option<String>,
}

impl<'a> Walk<'a> {
    fn new(from: &impl Read, bucket: &Bucket, list: &'a ListVersions) -> Result<Self> {
        let mut walk = Self {
            list,
            objects: Side::new(schema::objects_of(&bucket.name), list),
            versions: Side::new(schema::versions_in(&bucket.name), list),
            listing: VersionListing::default(),
            last: None,
            met: None,
        };
        match &list.after {
            None => {}
            Some((key, Some(id))) => walk.resume(from, bucket, key, *id)?,
            Some((key, None)) => match list.common_prefix(key) {
                Some(folded) => walk.skip(|table| table.str_prefix(folded).end),
                None => walk.skip(|table| table.str(key).range().end),
            },
        }
        Ok(walk)
    }

    /// Goes on behind a version. Where that one and all newer ones are gone since, what is left is what is behind it.
    fn resume(
        &mut self,
        from: &impl Read,
        bucket: &Bucket,
        key: &str,
        id: VersionId,
    ) -> Result<()> {
        let place = Place::find(from, bucket, key)?;
        let newest = match &place.current {
            Some(object) => Some(object.stamp.order),
            None => place.newest(from)?.map(|version| version.stamp().order),
        };
        self.skip(|table| table.str(key).into_vec());
        if let Some(order) = place.order(from, id)?
            && newest >= Some(order)
        {
            self.objects
                .skip(&self.objects.table.clone().str(key).range().end);
            let behind = schema::version_key(&bucket.name, key, order).u8(0);
            self.versions.skip(behind.as_slice());
            self.met = Some(key.to_owned());
        }
        Ok(())
    }

    fn skip(&mut self, to: impl Fn(Key) -> Vec<u8>) {
        for side in [&mut self.objects, &mut self.versions] {
            side.skip(&to(side.table.clone()));
        }
    }

    /// Takes up what comes next; whether there may be more.
    fn step(&mut self, from: &impl Read) -> Result<bool> {
        let object = self.objects.peek(from)?;
        let version = self.versions.peek(from)?;
        let is_object = match (object, version) {
            (None, None) => return Ok(false),
            (Some(object), Some(version)) => object < version,
            (object, _) => object.is_some(),
        };
        if self.listing.entries.len() + self.listing.prefixes.len() == self.list.limit {
            self.listing.next = self.last.take();
            return Ok(false);
        }
        let side = if is_object {
            &mut self.objects
        } else {
            &mut self.versions
        };
        let Some((stored_key, stored)) = side.ahead.pop_front() else {
            return Ok(false);
        };
        let key = key_of(&stored_key)?;
        if let Some(folded) = self.list.common_prefix(&key) {
            self.fold(folded);
            return Ok(true);
        }
        let version = if is_object {
            Version::Object(Box::new(Object::decode(&stored)?))
        } else {
            Version::decode(&stored)?
        };
        self.tell(key, version);
        Ok(true)
    }

    fn tell(&mut self, key: String, version: Version) {
        let id = version.stamp().id;
        let latest = self.met.as_ref() != Some(&key);
        if latest {
            self.met = Some(key.clone());
        }
        self.last = Some((key.clone(), Some(id)));
        self.listing.entries.push(VersionEntry {
            key,
            version: id,
            latest,
            kind: match version {
                Version::Object(object) => VersionKind::Object(object),
                Version::Marker(marker) => VersionKind::Marker(marker.at),
            },
        });
    }

    /// Takes up a common prefix and goes on behind everything that it stands for.
    fn fold(&mut self, folded: &str) {
        self.skip(|table| table.str_prefix(folded).end);
        self.last = Some((folded.to_owned(), None));
        self.listing.prefixes.push(folded.to_owned());
    }
}

impl ListVersions {
    fn common_prefix<'a>(&self, key: &'a str) -> Option<&'a str> {
        common_prefix(key, &self.prefix, self.delimiter.as_deref())
    }
}

/// One of the tables, and what was read of it ahead.
struct Side {
    table: Key,
    rest: KeyRange,
    ahead: VecDeque<Pair>,
    smallest: usize,
    batch: usize,
}

impl Side {
    fn new(table: Key, list: &ListVersions) -> Self {
        let smallest = if list.delimiter.is_some() {
            SMALL_BATCH
        } else {
            LARGE_BATCH.min(list.limit.saturating_add(1))
        };
        Self {
            rest: table.str_prefix(&list.prefix),
            table,
            ahead: VecDeque::new(),
            smallest,
            batch: smallest,
        }
    }

    /// The next key, without the number of its table.
    fn peek(&mut self, from: &impl Read) -> Result<Option<&[u8]>> {
        if self.ahead.is_empty() && !self.rest.is_empty() {
            let pairs = from.scan(&self.rest, self.batch)?;
            match pairs.last() {
                Some((last, _)) if pairs.len() == self.batch => {
                    self.rest = self.rest.clone().after(last);
                }
                _ => self.rest.start.clone_from(&self.rest.end),
            }
            self.batch = (self.batch * 4).min(LARGE_BATCH);
            self.ahead = pairs.into();
        }
        Ok(self.ahead.front().map(|(key, _)| &key[2..]))
    }

    /// Goes on at `to`, or where it was if that is behind it.
    fn skip(&mut self, to: &[u8]) {
        let behind = self.ahead.partition_point(|(key, _)| key.as_slice() < to);
        self.ahead.drain(..behind);
        if self.ahead.is_empty() {
            self.rest = self.rest.clone().from(to);
            self.batch = self.smallest;
        }
    }
}
