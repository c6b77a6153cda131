//! Doing what the rules say, bucket by bucket.
//!
//! A bucket with rules has a timer. When it is due the bucket is walked once, from one end of what the rules are for to the
//! other, and the timer set to when the next of it ends, or could if it came now. So a bucket of which nothing ends for a
//! month is not looked at for a month, and none is looked at twice between two midnights. Nothing is written for an object
//! that does not end.

use std::time::Duration;

use base::Timestamp;
use store::{Lease, Tx};
use tokio_util::sync::CancellationToken;

use super::{Lifecycle, midnight};
use crate::change::{ChangeKind, News, Origin, announce};
use crate::error::{Error, Result};
use crate::multipart::ListUploads;
use crate::place::Place;
use crate::schema::{self, Bucket, LIFECYCLES, VERSIONS, Version};
use crate::version::{Salt, VersionId};
use crate::versions::{ListVersions, VersionEntry, VersionKind};
use crate::{Objects, bucket, multipart};

/// After a crash a bucket is walked again at the next start; nobody else is to take it meanwhile.
const LEASE: Duration = Duration::from_secs(60 * 60);
/// Entries read at once.
const PAGE: usize = 1_000;
/// Ends in one transaction.
const AT_ONCE: usize = 128;

/// Something that has ended.
struct Ended {
    key: String,
    what: What,
}

enum What {
    Current,
    Earlier(VersionId),
    LoneMarker(VersionId),
}

impl Objects {
    /// Ends what is due, as it becomes so, until told to stop. One of these runs for each store.
    pub async fn run_lifecycles(&self, stop: CancellationToken) {
        let timers = schema::sweeps();
        let mut bells = [self.store.timer_bell(&timers)];
        if let Err(error) = timers.release(&self.store, self.clock.now()).await {
            tracing::warn!(%error, "buckets that were being looked after wait for their turn");
        }
        let some = || async {
            let swept = self.sweep_one().await;
            swept.inspect_err(|error| {
                tracing::error!(%error, "what ends in buckets was not removed; trying again");
            })
        };
        store::attend(&mut bells, &*self.clock, stop.cancelled(), some).await;
    }

    /// Says when there is something to do, if there is nothing now.
    pub async fn sweep_one(&self) -> Result<Option<Timestamp>> {
        let _under_way = self.clock.hold();
        let now = self.clock.now();
        let timers = schema::sweeps();
        let leases = timers.lease(&self.store, now, LEASE, 1).await?;
        let Some(lease) = leases.first() else {
            let next = timers.next(&self.store.read()?)?;
            return Ok(Some(next.unwrap_or(Timestamp::MAX)));
        };
        let swept = self.sweep(&String::from_utf8_lossy(&lease.id), now).await;
        let next = match &swept {
            Ok(next) => *next,
            // Behind whatever else is due.
            Err(_) => Some(now),
        };
        self.settle(lease, next).await?;
        swept.map(|_| None)
    }

    async fn settle(&self, lease: &Lease, next: Option<Timestamp>) -> Result<()> {
        self.store
            .write_buffered(|tx| {
                match next {
                    Some(next) => schema::sweeps().postpone(tx, lease, next, Vec::new())?,
                    None => schema::sweeps().finish(tx, lease)?,
                };
                Ok(())
            })
            .await
    }

    /// Ends what has ended at `now`. Says when to look again.
    async fn sweep(&self, name: &str, now: Timestamp) -> Result<Option<Timestamp>> {
        let (bucket, lifecycle) = {
            let view = self.store.read()?;
            let lifecycle = LIFECYCLES.get(&view, &schema::lifecycle_key(name))?;
            match (bucket::require(&view, name), lifecycle) {
                (Err(Error::NoSuchBucket(_)), _) | (_, None) => return Ok(None),
                (bucket, Some(lifecycle)) => (bucket?, lifecycle),
            }
        };
        let versioned = bucket.versioning.has_begun();
        let mut next = lifecycle.end_of_whatever_comes(now, versioned);
        for prefix in prefixes(&lifecycle, |rule| {
            rule.expiry.is_some() || rule.earlier.is_some()
        }) {
            next = earlier(
                next,
                self.sweep_versions(&bucket, &lifecycle, prefix, now)
                    .await?,
            );
        }
        for prefix in prefixes(&lifecycle, |rule| rule.abort_days.is_some()) {
            next = earlier(
                next,
                self.sweep_uploads(&bucket, &lifecycle, prefix, now).await?,
            );
        }
        // What was kept for a short while goes at the next midnight, as all does.
        Ok(next.map(|next| next.max(midnight(now, 0))))
    }

    async fn sweep_versions(
        &self,
        bucket: &Bucket,
        lifecycle: &Lifecycle,
        prefix: &str,
        now: Timestamp,
    ) -> Result<Option<Timestamp>> {
        let mut walk = Walk::new(lifecycle, now);
        let mut list = ListVersions {
            prefix: prefix.to_owned(),
            limit: PAGE,
            ..ListVersions::default()
        };
        loop {
            let page = self.list_versions(&bucket.name, &list)?;
            page.entries.into_iter().for_each(|entry| walk.see(entry));
            list.after = page.next;
            if list.after.is_none() {
                walk.close();
            }
            for some in walk.ended.chunks(AT_ONCE) {
                self.end(bucket, lifecycle, some, now).await?;
            }
            walk.ended.clear();
            if list.after.is_none() {
                return Ok(walk.next);
            }
            tokio::task::yield_now().await;
        }
    }

    async fn end(
        &self,
        bucket: &Bucket,
        lifecycle: &Lifecycle,
        ended: &[Ended],
        now: Timestamp,
    ) -> Result<()> {
        let salts: Vec<Salt> = ended.iter().map(|_| self.random.bytes()).collect();
        let origin = Origin {
            request_id: format!("{:016X}", self.random.u64()),
            ..Origin::default()
        };
        self.store
            .write_buffered(|tx| {
                // It may have been made anew meanwhile, or keep versions now.
                let bucket = match bucket::require(tx, &bucket.name) {
                    Ok(found) if found.created == bucket.created => found,
                    Ok(_) | Err(Error::NoSuchBucket(_)) => return Ok(()),
                    Err(error) => return Err(error),
                };
                for (one, salt) in ended.iter().zip(&salts) {
                    one.end(tx, &bucket, lifecycle, (now, *salt), &origin)?;
                }
                Ok(())
            })
            .await?;
        self.dropped.notify_one();
        Ok(())
    }

    async fn sweep_uploads(
        &self,
        bucket: &Bucket,
        lifecycle: &Lifecycle,
        prefix: &str,
        now: Timestamp,
    ) -> Result<Option<Timestamp>> {
        let mut next = None;
        let mut list = ListUploads {
            prefix: prefix.to_owned(),
            limit: PAGE,
            ..ListUploads::default()
        };
        loop {
            let page = self.list_uploads(&bucket.name, &list)?;
            for upload in page.uploads {
                match lifecycle.end_of_upload(&upload.key, upload.begun) {
                    Some((end, _)) if end <= now => self.give_up(&bucket.name, &upload).await?,
                    kept => next = earlier(next, kept.map(|(end, _)| end)),
                }
            }
            list.after = page.next;
            if list.after.is_none() {
                return Ok(next);
            }
        }
    }

    /// Each in its own transaction: it may have thousands of parts.
    async fn give_up(&self, bucket: &str, upload: &multipart::UploadInfo) -> Result<()> {
        match self.abort_upload(bucket, &upload.key, &upload.id).await {
            Ok(()) | Err(Error::NoSuchUpload(_) | Error::NoSuchBucket(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

/// What to walk for the rules that are `wanted`: no key is under two of them.
fn prefixes(lifecycle: &Lifecycle, wanted: impl Fn(&super::LifecycleRule) -> bool) -> Vec<&str> {
    let rules = lifecycle.enabled().filter(|rule| wanted(rule));
    let mut prefixes: Vec<&str> = rules.map(|rule| rule.scope.prefix()).collect();
    prefixes.sort_unstable();
    prefixes.dedup_by(|later, before| later.starts_with(*before));
    prefixes
}

/// Versions as they come: those of a key one after the other, the newest first.
struct Walk<'a> {
    lifecycle: &'a Lifecycle,
    now: Timestamp,
    ended: Vec<Ended>,
    /// When the first of what is left ends.
    next: Option<Timestamp>,
    /// The version before: whose it was, when it was made, and how many earlier ones of its key there were until it.
    before: Option<(String, Timestamp, u32)>,
    /// The newest version of a key, a marker, while nothing else of the key was seen.
    lone: Option<(String, VersionId, Timestamp)>,
}

impl<'a> Walk<'a> {
    fn new(lifecycle: &'a Lifecycle, now: Timestamp) -> Self {
        Self {
            lifecycle,
            now,
            ended: Vec::new(),
            next: None,
            before: None,
            lone: None,
        }
    }

    fn see(&mut self, entry: VersionEntry) {
        let VersionEntry {
            key,
            version,
            latest,
            kind,
        } = entry;
        if self.lone.as_ref().is_some_and(|(lone, ..)| *lone != key) {
            self.close();
        }
        self.lone = None;
        let (object, made) = match &kind {
            VersionKind::Object(object) => (Some(&**object), object.modified),
            VersionKind::Marker(at) => (None, *at),
        };
        if latest {
            match object {
                Some(object) => {
                    let end = self.lifecycle.end(&key, object).map(|(end, _)| end);
                    self.settle(&key, What::Current, end);
                }
                None => self.lone = Some((key.clone(), version, made)),
            }
            self.before = Some((key, made, 0));
            return;
        }
        let (since, newer) = match self.before.take() {
            Some((before, since, newer)) if before == key => (since, newer),
            // It was not seen because it went while the walk was here.
            _ => (self.now, 0),
        };
        let end = self.lifecycle.end_of_earlier(&key, object, (since, newer));
        self.settle(&key, What::Earlier(version), end);
        self.before = Some((key, made, newer + 1));
    }

    /// Nothing more comes of the key that was seen last.
    fn close(&mut self) {
        if let Some((key, version, at)) = self.lone.take() {
            let end = self.lifecycle.end_of_marker(&key, at);
            self.settle(&key, What::LoneMarker(version), end);
        }
    }

    fn settle(&mut self, key: &str, what: What, end: Option<Timestamp>) {
        match end {
            Some(end) if end <= self.now => self.ended.push(Ended {
                key: key.to_owned(),
                what,
            }),
            end => self.next = earlier(self.next, end),
        }
    }
}

impl Ended {
    /// If it still is what it was.
    fn end(
        &self,
        tx: &mut Tx,
        bucket: &Bucket,
        lifecycle: &Lifecycle,
        (now, salt): (Timestamp, Salt),
        origin: &Origin,
    ) -> Result<()> {
        let place = Place::find(tx, bucket, &self.key)?;
        let (kind, version) = match self.what {
            What::Current => {
                let current = place.current.as_ref();
                let end = current.and_then(|object| lifecycle.end(&self.key, object));
                if end.is_none_or(|(end, _)| end > now) {
                    return Ok(());
                }
                if bucket.versioning.has_begun() {
                    let marker = place.mark(tx, now, salt)?;
                    (ChangeKind::ExpiryMarked, Some(marker))
                } else {
                    place.remove(tx, VersionId::Null)?;
                    (ChangeKind::Expired, None)
                }
            }
            What::Earlier(id) => {
                let is_current = place.current.as_ref().is_some_and(|one| one.stamp.id == id);
                if is_current || place.remove(tx, id)?.is_none() {
                    return Ok(());
                }
                (ChangeKind::Expired, Some(id))
            }
            What::LoneMarker(id) => {
                if !is_lone(tx, bucket, &place, id)? {
                    return Ok(());
                }
                place.remove(tx, id)?;
                (ChangeKind::Expired, Some(id))
            }
        };
        let news = News {
            kind,
            key: &self.key,
            version,
            size: 0,
            etag: String::new(),
            at: now,
            origin,
        };
        announce(tx, bucket, news);
        Ok(())
    }
}

fn is_lone(tx: &Tx, bucket: &Bucket, place: &Place<'_>, id: VersionId) -> Result<bool> {
    let range = schema::versions_of(&bucket.name, place.key).range();
    let found = VERSIONS.scan(tx, &range, 2)?;
    let is_marker = matches!(&*found, [(_, Version::Marker(marker))] if marker.stamp.id == id);
    Ok(place.current.is_none() && is_marker)
}
