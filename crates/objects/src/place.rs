//! A key of a bucket, and the versions that are there.
//!
//! The newest version is the current object, in `OBJECTS`, unless it is a marker; every other one, markers too, is in
//! `VERSIONS`. So what is read and listed without a word of versions is where it would be if there were none. Bodies
//! stay under their version's name, and only the records move.

use base::Timestamp;
use store::{Blobs, Read, Tx};

use crate::change::{ChangeKind, News, Origin, announce};
use crate::condition::Condition;
use crate::error::{Error, Result};
use crate::schema::{
    self, BODIES, Body, Bucket, Marker, NULL_VERSIONS, NullVersion, OBJECTS, Object,
    PART_CHECKSUMS, VERSIONS, Version,
};
use crate::version::{Salt, Stamp, VersionId, Versioning, next_order};

#[derive(Clone)]
pub(crate) struct Place<'a> {
    pub(crate) bucket: &'a Bucket,
    pub(crate) key: &'a str,
    /// The newest version, if it is an object.
    pub(crate) current: Option<Object>,
}

impl<'a> Place<'a> {
    pub(crate) fn find(from: &impl Read, bucket: &'a Bucket, key: &'a str) -> Result<Self> {
        let found = OBJECTS.get(from, &schema::object_key(&bucket.name, key))?;
        let mut place = Self {
            bucket,
            key,
            current: None,
        };
        place.current = found.map(|object| place.shown(object));
        Ok(place)
    }

    pub(crate) fn check(&self, condition: &Condition) -> Result<()> {
        let tag = self.current.as_ref().map(|object| &object.etag);
        condition.check(tag, || self.missing())
    }

    /// The object that is asked for.
    pub(crate) fn object(mut self, from: &impl Read, version: Option<VersionId>) -> Result<Object> {
        let Some(id) = version else {
            return match self.current.take() {
                Some(object) => Ok(object),
                None => Err(self.absent(from)?),
            };
        };
        match self.version(from, id)? {
            Some(Version::Object(object)) => Ok(*object),
            Some(Version::Marker(marker)) => Err(Error::IsMarker {
                key: self.key.to_owned(),
                version: id,
                at: marker.at,
            }),
            None => Err(Error::NoSuchVersion {
                key: self.key.to_owned(),
                version: id,
            }),
        }
    }

    /// Why there is no current object.
    fn absent(&self, from: &impl Read) -> Result<Error> {
        Ok(match self.newest(from)? {
            Some(Version::Marker(marker)) => Error::Deleted {
                key: self.key.to_owned(),
                marker: marker.stamp.id,
            },
            _ => self.missing(),
        })
    }

    fn version(&self, from: &impl Read, id: VersionId) -> Result<Option<Version>> {
        match &self.current {
            Some(object) if object.stamp.id == id => {
                Ok(Some(Version::Object(object.clone().into())))
            }
            _ => self.earlier(from, id),
        }
    }

    /// Where a version is among those of the key, or was.
    pub(crate) fn order(&self, from: &impl Read, id: VersionId) -> Result<Option<u64>> {
        match (id, &self.current) {
            (VersionId::Named(name), _) => Ok(Some(name.order())),
            (VersionId::Null, Some(object)) if object.stamp.is_null() => {
                Ok(Some(object.stamp.order))
            }
            (VersionId::Null, _) => self.null_order(from),
        }
    }

    /// Of those that are not the current object.
    fn earlier(&self, from: &impl Read, id: VersionId) -> Result<Option<Version>> {
        if !self.bucket.versioning.has_begun() {
            return Ok(None);
        }
        let order = match id {
            VersionId::Named(name) => Some(name.order()),
            VersionId::Null => self.null_order(from)?,
        };
        let Some(order) = order else {
            return Ok(None);
        };
        let found = VERSIONS.get(from, &self.version_key(order))?;
        let found = found.filter(|version| version.stamp().id == id);
        Ok(found.map(|version| self.shown_version(version)))
    }

    /// Where the null version is if it is not the current object.
    fn null_order(&self, from: &impl Read) -> Result<Option<u64>> {
        let row = NULL_VERSIONS.get(from, &self.null_key())?;
        Ok(row.map(|null| null.order))
    }

    /// The newest version, if it is not the current object.
    pub(crate) fn newest(&self, from: &impl Read) -> Result<Option<Version>> {
        if self.current.is_some() || !self.bucket.versioning.has_begun() {
            return Ok(None);
        }
        let range = schema::versions_of(&self.bucket.name, self.key).range();
        let first = VERSIONS.scan(from, &range, 1)?.into_iter().next();
        Ok(first.map(|(_, version)| version))
    }

    /// Puts an object here whose extents are already counted, and says which version it has become.
    pub(crate) fn take(
        &self,
        tx: &mut Tx,
        object: Object,
        body: &Body,
        salt: Salt,
    ) -> Result<Object> {
        let stamp = self.make_room(tx, object.modified, salt)?;
        let object = self.shown(Object { stamp, ..object });
        OBJECTS.put(tx, self.object_key(), &object);
        BODIES.put(tx, self.body_key(stamp.id), body);
        Ok(object)
    }

    /// Makes a marker the newest version.
    pub(crate) fn mark(&self, tx: &mut Tx, at: Timestamp, salt: Salt) -> Result<VersionId> {
        let stamp = self.make_room(tx, at, salt)?;
        OBJECTS.delete(tx, self.object_key());
        self.shelve(tx, &Version::Marker(Marker { stamp, at }));
        Ok(stamp.id)
    }

    /// Lets go of what a new version takes the place of, and keeps what else is there.
    fn make_room(&self, tx: &mut Tx, now: Timestamp, salt: Salt) -> Result<Stamp> {
        if self.bucket.versioning == Versioning::Never {
            self.drop_current(tx)?;
            return Ok(Stamp::FIRST);
        }
        let newest = match &self.current {
            Some(object) => Some(object.stamp.order),
            None => self.newest(tx)?.map(|version| version.stamp().order),
        };
        let order = next_order(newest, now);
        if self.bucket.versioning == Versioning::Enabled {
            self.shelve_current(tx);
            return Ok(Stamp::named(order, salt));
        }
        match &self.current {
            Some(object) if object.stamp.is_null() => self.drop_current(tx)?,
            _ => {
                self.shelve_current(tx);
                self.drop_earlier(tx, VersionId::Null)?;
            }
        }
        Ok(Stamp::null(order))
    }

    fn shelve_current(&self, tx: &mut Tx) {
        if let Some(object) = &self.current {
            self.shelve(tx, &Version::Object(object.clone().into()));
        }
    }

    fn shelve(&self, tx: &mut Tx, version: &Version) {
        let stamp = version.stamp();
        VERSIONS.put(tx, self.version_key(stamp.order), version);
        if stamp.is_null() {
            let order = stamp.order;
            NULL_VERSIONS.put(tx, self.null_key(), &NullVersion { order });
        }
    }

    fn unshelve(&self, tx: &mut Tx, stamp: Stamp) {
        VERSIONS.delete(tx, self.version_key(stamp.order));
        if stamp.is_null() {
            NULL_VERSIONS.delete(tx, self.null_key());
        }
    }

    /// Removes a version for good. What it was, if it was there.
    pub(crate) fn remove(&self, tx: &mut Tx, id: VersionId) -> Result<Option<Version>> {
        if let Some(object) = &self.current
            && object.stamp.id == id
        {
            self.drop_current(tx)?;
            self.succeed(tx, object.stamp.order)?;
            return Ok(Some(Version::Object(object.clone().into())));
        }
        let newest = self.newest(tx)?.map(|version| version.stamp());
        let removed = self.drop_earlier(tx, id)?;
        match &removed {
            Some(version) if newest == Some(version.stamp()) => {
                self.succeed(tx, version.stamp().order)?;
            }
            _ => {}
        }
        Ok(removed)
    }

    /// Lets the version after `order`, which was the newest, have its place.
    fn succeed(&self, tx: &mut Tx, order: u64) -> Result<()> {
        let next = if self.bucket.versioning.has_begun() {
            let versions = schema::versions_of(&self.bucket.name, self.key).range();
            let rest = versions.after(self.version_key(order).as_slice());
            VERSIONS.scan(tx, &rest, 1)?.into_iter().next()
        } else {
            None
        };
        match next {
            Some((_, Version::Object(object))) => {
                self.unshelve(tx, object.stamp);
                OBJECTS.put(tx, self.object_key(), &object);
            }
            _ => OBJECTS.delete(tx, self.object_key()),
        }
        Ok(())
    }

    fn drop_earlier(&self, tx: &mut Tx, id: VersionId) -> Result<Option<Version>> {
        let found = self.earlier(tx, id)?;
        if let Some(version) = &found {
            self.unshelve(tx, version.stamp());
            if let Version::Object(object) = version {
                self.drop_body(tx, object)?;
            }
        }
        Ok(found)
    }

    fn drop_current(&self, tx: &mut Tx) -> Result<()> {
        match &self.current {
            Some(object) => self.drop_body(tx, object),
            None => Ok(()),
        }
    }

    fn drop_body(&self, tx: &mut Tx, object: &Object) -> Result<()> {
        let key = self.body_key(object.stamp.id);
        if object.etag.parts.is_some() {
            PART_CHECKSUMS.delete(tx, self.part_checksums_key(object.stamp.id));
        }
        if !object.inline
            && let Some(Body::Extents(blobs)) = BODIES.get(tx, &key)?
        {
            for blob in &blobs {
                Blobs::drop_name(tx, blob.id)?;
            }
        }
        BODIES.delete(tx, key);
        Ok(())
    }

    /// Writes what has changed of a version's record back to where it is.
    pub(crate) fn amend(&self, tx: &mut Tx, object: &Object) {
        let is_current = |current: &Object| current.stamp == object.stamp;
        if self.current.as_ref().is_some_and(is_current) {
            OBJECTS.put(tx, self.object_key(), object);
        } else {
            self.shelve(tx, &Version::Object(object.clone().into()));
        }
    }

    pub(crate) fn announce_stored(
        &self,
        tx: &mut Tx,
        kind: ChangeKind,
        object: &Object,
        origin: &Origin,
    ) {
        let news = News {
            kind,
            key: self.key,
            version: object.version(),
            size: object.size,
            etag: object.etag.to_string(),
            at: object.modified,
            origin,
        };
        announce(tx, self.bucket, news);
    }

    pub(crate) fn missing(&self) -> Error {
        Error::NoSuchKey {
            bucket: self.bucket.name.clone(),
            key: self.key.to_owned(),
        }
    }

    fn shown(&self, object: Object) -> Object {
        Object {
            versioned: self.bucket.versioning.has_begun(),
            ..object
        }
    }

    fn shown_version(&self, version: Version) -> Version {
        match version {
            Version::Object(object) => Version::Object(self.shown(*object).into()),
            marker @ Version::Marker(_) => marker,
        }
    }

    fn object_key(&self) -> store::Key {
        schema::object_key(&self.bucket.name, self.key)
    }

    fn version_key(&self, order: u64) -> store::Key {
        schema::version_key(&self.bucket.name, self.key, order)
    }

    fn null_key(&self) -> store::Key {
        schema::null_version_key(&self.bucket.name, self.key)
    }

    fn body_key(&self, id: VersionId) -> store::Key {
        schema::body_key(&self.bucket.name, self.key, id)
    }

    pub(crate) fn part_checksums_key(&self, id: VersionId) -> store::Key {
        schema::part_checksums_key(&self.bucket.name, self.key, id)
    }
}
