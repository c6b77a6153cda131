//! Listing a bucket: in the order of the keys' bytes, folding what a delimiter closes into common prefixes.

use store::{KeyRange, KeyReader, Read, Record};

use crate::error::Result;
use crate::schema::{self, Object};
use crate::{Objects, bucket};

#[derive(Clone, Debug, Default)]
pub struct List {
    pub prefix: String,
    pub delimiter: Option<String>,
    /// Only what comes after this key, or after everything under this common prefix.
    pub after: Option<String>,
    /// Entries and common prefixes together.
    pub limit: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub key: String,
    pub object: Object,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    pub entries: Vec<Entry>,
    pub prefixes: Vec<String>,
    /// Where the next page begins, if there is one: the last key or common prefix of this page.
    pub next: Option<String>,
}

/// What is asked of the store at once. After a common prefix the walk begins anew behind it, so what was read ahead is
/// lost; the batch grows again while no prefix is met.
pub(crate) const SMALL_BATCH: usize = 16;
pub(crate) const LARGE_BATCH: usize = 1_000;

impl Objects {
    pub fn list(&self, bucket: &str, list: &List) -> Result<Listing> {
        let view = self.store.read()?;
        bucket::require(&view, bucket)?;
        let mut walk = Walk::new(bucket, list);
        while walk.step(&view)? {}
        Ok(walk.listing)
    }
}

/// How far a bucket was walked.
struct Walk<'a> {
    list: &'a List,
    bucket: &'a str,
    rest: KeyRange,
    batch: usize,
    listing: Listing,
    last: Option<String>,
}

impl<'a> Walk<'a> {
    fn new(bucket: &'a str, list: &'a List) -> Self {
        let table = schema::objects_of(bucket);
        let mut rest = table.str_prefix(&list.prefix);
        if let Some(after) = &list.after {
            rest = match list.common_prefix(after) {
                Some(folded) => rest.from(&table.str_prefix(folded).end),
                None => rest.after(schema::object_key(bucket, after).as_slice()),
            };
        }
        Self {
            list,
            bucket,
            rest,
            batch: if list.delimiter.is_some() {
                SMALL_BATCH
            } else {
                LARGE_BATCH
            },
            listing: Listing::default(),
            last: None,
        }
    }

    fn count(&self) -> usize {
        self.listing.entries.len() + self.listing.prefixes.len()
    }

    /// Walks one batch; whether there may be more.
    fn step(&mut self, from: &impl Read) -> Result<bool> {
        let ask = self.batch.min(self.list.limit - self.count() + 1);
        self.batch = (self.batch * 4).min(LARGE_BATCH);
        let pairs = from.scan(&self.rest, ask)?;
        let more = pairs.len() == ask;
        for (stored_key, stored) in pairs {
            if self.count() == self.list.limit {
                self.listing.next = self.last.take();
                return Ok(false);
            }
            let key = key_of(&stored_key)?;
            if let Some(folded) = self.list.common_prefix(&key) {
                self.fold(folded);
                return Ok(true);
            }
            self.rest = self.rest.clone().after(&stored_key);
            self.last = Some(key.clone());
            let object = Object::decode(&stored)?;
            self.listing.entries.push(Entry { key, object });
        }
        Ok(more)
    }

    /// Takes up a common prefix and goes on behind everything that it stands for.
    fn fold(&mut self, folded: &str) {
        let behind = schema::objects_of(self.bucket).str_prefix(folded).end;
        self.rest = self.rest.clone().from(&behind);
        self.batch = SMALL_BATCH;
        self.last = Some(folded.to_owned());
        self.listing.prefixes.push(folded.to_owned());
    }
}

impl List {
    fn common_prefix<'a>(&self, key: &'a str) -> Option<&'a str> {
        common_prefix(key, &self.prefix, self.delimiter.as_deref())
    }
}

/// The part of `key` up to the first delimiter after the prefix.
pub(crate) fn common_prefix<'a>(
    key: &'a str,
    prefix: &str,
    delimiter: Option<&str>,
) -> Option<&'a str> {
    let delimiter = delimiter.filter(|text| !text.is_empty())?;
    let at = key.strip_prefix(prefix)?.find(delimiter)?;
    Some(&key[..prefix.len() + at + delimiter.len()])
}

/// The second part of a stored key: after the bucket.
pub(crate) fn key_of(stored: &[u8]) -> Result<String> {
    let read = || {
        let mut reader = KeyReader::new(stored)?;
        reader.str()?;
        reader.str()
    };
    read().ok_or_else(|| store::Error::Damaged("an object's key does not read".into()).into())
}
