//! What is in the store.

mod metadata;
mod v1;
mod v2;

use std::collections::BTreeMap;

use base::{Space, Timestamp};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use store::{Blob, Key, Keyspace, Record, Table, Timers};

use crate::access::BucketAccess;
use crate::checksum::{Algorithm, Checksum};
use crate::etag::ETag;
use crate::lifecycle::Lifecycle;
use crate::origins::OriginRule;
use crate::version::{Stamp, VersionId, Versioning};
use crate::website::Website;

pub use metadata::Metadata;

/// By name: names are global.
pub(crate) const BUCKETS: Table<Bucket> = Table::new(Keyspace::Objects, 0);
/// By bucket and key, the newest version where it is an object. What listing walks, so it holds no bodies.
pub(crate) const OBJECTS: Table<Object> = Table::new(Keyspace::Objects, 1);
/// By bucket and key, and then the version's name if it has one: wherever the version's record is.
pub(crate) const BODIES: Table<Body> = Table::new(Keyspace::Objects, 2);
/// By bucket, key and upload id. Ids begin with the time, so a key's uploads are in the order of their beginning.
pub(crate) const UPLOADS: Table<Upload> = Table::new(Keyspace::Objects, 3);
/// By upload id and part number.
pub(crate) const PARTS: Table<Part> = Table::new(Keyspace::Objects, 4);
/// As the bodies, of an object that was stored in parts: what their senders wanted vouched for.
pub(crate) const PART_CHECKSUMS: Table<PartChecksums> = Table::new(Keyspace::Objects, 5);
/// By bucket, beside it. There is none where there are no tags: almost every request reads the bucket, and few these.
pub(crate) const BUCKET_TAGS: Table<BucketTags> = Table::new(Keyspace::Objects, 6);
/// By bucket, beside it. There is none where no rules were set.
pub(crate) const ORIGIN_RULES: Table<OriginRules> = Table::new(Keyspace::Objects, 7);
/// By bucket, key and place, the newest first: all versions but the current object.
pub(crate) const VERSIONS: Table<Version> = Table::new(Keyspace::Objects, 8);
/// By bucket and key: where among those the null version is, if it is.
pub(crate) const NULL_VERSIONS: Table<NullVersion> = Table::new(Keyspace::Objects, 9);
/// By bucket, beside it. There is none where the bucket is no website.
pub(crate) const WEBSITES: Table<Website> = Table::new(Keyspace::Objects, 10);
/// By bucket, beside it. There is none where nothing was said.
pub(crate) const ACCESS: Table<BucketAccess> = Table::new(Keyspace::Objects, 11);
/// By bucket, beside it. There is none where nothing changes with time.
pub(crate) const LIFECYCLES: Table<Lifecycle> = Table::new(Keyspace::Objects, 12);

/// When a bucket with a lifecycle is looked at next, by its name.
pub(crate) fn sweeps() -> Timers {
    Timers::new("objects/lifecycles")
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    pub name: String,
    pub space: Space,
    pub created: Timestamp,
    /// Under which name its changes go to the change log, if they do.
    pub watched: Option<WatchId>,
    pub versioning: Versioning,
}

/// What a bucket's changes are logged under while somebody watches it in one way. Never used again, so what a change is
/// to cause is known from the change, whatever has become of the bucket when it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WatchId(pub(crate) [u8; 16]);

impl WatchId {
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    pub size: u64,
    pub etag: ETag,
    pub modified: Timestamp,
    pub checksum: Option<Checksum>,
    pub metadata: Metadata,
    /// The upload in parts that made it, so that completing that upload again is answered as it was.
    pub upload: Option<String>,
    /// Unlike the metadata, they may change while the object stays.
    pub tags: BTreeMap<String, String>,
    /// The body is in the store and names no blobs.
    pub(crate) inline: bool,
    pub(crate) stamp: Stamp,
    /// Whether its bucket has, or had, versions.
    #[serde(skip)]
    pub(crate) versioned: bool,
}

impl Object {
    /// Which version it is, where there may be several.
    pub fn version(&self) -> Option<VersionId> {
        self.versioned.then_some(self.stamp.id)
    }
}

/// One of a key's versions. A new shape of objects is one of these too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Version {
    Object(Box<Object>),
    Marker(Marker),
}

impl Version {
    pub(crate) fn stamp(&self) -> Stamp {
        match self {
            Self::Object(object) => object.stamp,
            Self::Marker(marker) => marker.stamp,
        }
    }
}

/// Says that the key was deleted, in the place of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marker {
    pub(crate) stamp: Stamp,
    pub(crate) at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NullVersion {
    pub(crate) order: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Body {
    Inline(Bytes),
    /// One after the other. An upload in parts has one for each part.
    Extents(Vec<Blob>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Upload {
    pub(crate) begun: Timestamp,
    pub(crate) metadata: Metadata,
    pub(crate) algorithm: Algorithm,
    /// The object's checksum is to be made of the parts' ones, not over the whole.
    pub(crate) composite: bool,
    /// Who began it.
    pub(crate) principal: String,
    /// Whether the algorithm was asked for, rather than chosen for want of one.
    pub(crate) declared: bool,
    /// Of the object that comes of it.
    pub(crate) tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) blob: Blob,
    pub(crate) md5: [u8; 16],
    pub(crate) modified: Timestamp,
    pub(crate) checksums: Vec<Checksum>,
}

/// One for each extent. There is none where nobody asked for an algorithm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartChecksums(pub(crate) Vec<Checksum>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BucketTags(pub(crate) BTreeMap<String, String>);

/// The first that admits a request counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OriginRules(pub(crate) Vec<OriginRule>);

impl Record for Version {}
impl Record for NullVersion {}
impl Record for Body {}
impl Record for Part {}
impl Record for PartChecksums {}
impl Record for BucketTags {}
impl Record for OriginRules {}
impl Record for Website {}
impl Record for BucketAccess {}
impl Record for Lifecycle {}

impl Record for Bucket {
    const VERSION: u8 = 2;

    fn migrate(version: u8, body: &[u8]) -> store::Result<Self> {
        v2::read_bucket(version, body)
    }
}

impl Record for Object {
    const VERSION: u8 = 3;

    fn migrate(version: u8, body: &[u8]) -> store::Result<Self> {
        match version {
            1 => v1::read(version, body),
            _ => v2::read(version, body),
        }
    }
}

impl Record for Upload {
    const VERSION: u8 = 2;

    fn migrate(version: u8, body: &[u8]) -> store::Result<Self> {
        v1::read_upload(version, body)
    }
}

pub(crate) fn bucket_key(bucket: &str) -> Key {
    BUCKETS.key().str(bucket)
}

pub(crate) fn bucket_tags_key(bucket: &str) -> Key {
    BUCKET_TAGS.key().str(bucket)
}

pub(crate) fn origin_rules_key(bucket: &str) -> Key {
    ORIGIN_RULES.key().str(bucket)
}

pub(crate) fn website_key(bucket: &str) -> Key {
    WEBSITES.key().str(bucket)
}

pub(crate) fn access_key(bucket: &str) -> Key {
    ACCESS.key().str(bucket)
}

pub(crate) fn lifecycle_key(bucket: &str) -> Key {
    LIFECYCLES.key().str(bucket)
}

pub(crate) fn objects_of(bucket: &str) -> Key {
    OBJECTS.key().str(bucket)
}

pub(crate) fn object_key(bucket: &str, key: &str) -> Key {
    objects_of(bucket).str(key)
}

pub(crate) fn body_key(bucket: &str, key: &str, version: VersionId) -> Key {
    named(BODIES.key().str(bucket).str(key), version)
}

pub(crate) fn part_checksums_key(bucket: &str, key: &str, version: VersionId) -> Key {
    named(PART_CHECKSUMS.key().str(bucket).str(key), version)
}

fn named(key: Key, version: VersionId) -> Key {
    match version {
        VersionId::Null => key,
        VersionId::Named(name) => key.raw(name.as_bytes()),
    }
}

pub(crate) fn versions_in(bucket: &str) -> Key {
    VERSIONS.key().str(bucket)
}

pub(crate) fn versions_of(bucket: &str, key: &str) -> Key {
    versions_in(bucket).str(key)
}

pub(crate) fn version_key(bucket: &str, key: &str, order: u64) -> Key {
    versions_of(bucket, key).u64(!order)
}

pub(crate) fn null_version_key(bucket: &str, key: &str) -> Key {
    NULL_VERSIONS.key().str(bucket).str(key)
}

pub(crate) fn uploads_of(bucket: &str) -> Key {
    UPLOADS.key().str(bucket)
}

pub(crate) fn upload_key(bucket: &str, key: &str, id: &str) -> Key {
    uploads_of(bucket).str(key).str(id)
}

pub(crate) fn parts_of(upload: &str) -> Key {
    PARTS.key().str(upload)
}
