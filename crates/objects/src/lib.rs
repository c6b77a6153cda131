//! Objects: bodies of any length under a bucket and a key, with what was said about them when they were stored.
//!
//! A small body lives in the store beside its record, so that storing it is one transaction; a larger one is a list of
//! *extents*, bodies of [`store::Blobs`], so that completing an upload of many parts only joins lists and copying an
//! object that came in one piece only counts names. Storing has two steps: a [`Receiver`] takes the bytes, hashing them as they come, and
//! [`Objects::put`] names what was received. Whatever ends in between leaves nothing behind.
//!
//! A bucket may keep what is replaced or deleted, as earlier *versions* of its key (`place`).
//!
//! A bucket that is *watched* appends every change to one log, in the change's own transaction.
//!
//! Must never know: wire protocols, which names a cloud allows, who may do what, or what is done with a change.

mod access;
mod bucket;
mod change;
mod checksum;
mod condition;
mod copy;
mod delete;
mod error;
mod etag;
mod get;
mod lifecycle;
mod list;
mod multipart;
mod origins;
mod place;
mod put;
mod reap;
mod receive;
mod schema;
mod tag;
mod version;
mod versions;
mod website;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;

use base::{Clock, Random, Timestamp};
use store::Store;
use tokio::sync::Notify;

pub use access::{Barriers, BucketAccess};
pub use bucket::NewBucket;
pub use change::{Change, ChangeKind, Happened, Logged, Origin};
pub use checksum::{Algorithm, Checksum, Coverage, Digests};
pub use condition::{Condition, Tags};
pub use copy::Copy;
pub use delete::{Deleted, Deletion, Removal};
pub use error::{Error, Result};
pub use etag::ETag;
pub use get::{Found, ObjectPart, Reader};
pub use lifecycle::{EarlierExpiry, Expiry, Lifecycle, LifecycleRule, Scope};
pub use list::{Entry, List, Listing};
pub use multipart::{
    Begin, Complete, CompletedPart, ListParts, ListUploads, PartInfo, PartListing, UploadInfo,
    UploadListing, UploadPart,
};
pub use origins::{FromOrigin, OriginRule};
pub use put::Put;
pub use receive::{Received, Receiver};
pub use schema::{Bucket, Metadata, Object, WatchId};
pub use version::{NotAVersion, VersionId, VersionName, Versioning};
pub use versions::{ListVersions, VersionEntry, VersionKind, VersionListing};
pub use website::{NewKey, Pages, Redirect, Rule, Scheme, Website};

/// A handle on the objects. Clones share it.
#[derive(Clone)]
pub struct Objects {
    store: Store,
    clock: Arc<dyn Clock>,
    random: Random,
    /// Rung when a transaction may have dropped a body's last name.
    dropped: Arc<Notify>,
}

impl Objects {
    pub fn new(store: Store, clock: Arc<dyn Clock>, random: Random) -> Self {
        Self {
            store,
            clock,
            random,
            dropped: Arc::new(Notify::new()),
        }
    }

    /// What objects' times are to be compared with.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// Runs to its end even if the caller stops waiting. A client that hangs up must not leave a finished body that no
/// record names, nor a committed change that nobody was woken for.
async fn uninterrupted<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    match tokio::spawn(work).await {
        Ok(done) => done,
        Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
        Err(_) => Err(Error::Stopped),
    }
}

impl std::fmt::Debug for Objects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Objects")
    }
}
