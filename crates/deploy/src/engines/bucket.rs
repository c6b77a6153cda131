//! Buckets, their policies, and who is told of what changes in them.

use objects::{BucketAccess, ListVersions, NewBucket};
use triggers::{Destination, EventKind, ObjectBinding};

use super::{Failure, is_there, place, unless_missing};
use crate::Deployer;
use crate::desired::{Bucket, BucketPolicy, Notification, Rule, Told};
use crate::plan::Presence;

impl Deployer {
    pub(super) fn look_for_bucket(&self, name: &str) -> Result<Presence, Failure> {
        if !is_there(self.engines.objects.bucket(name))? {
            return Ok(Presence::Missing);
        }
        // Markers and earlier versions are what somebody may want back.
        let one = ListVersions {
            limit: 1,
            ..ListVersions::default()
        };
        let listing = self.engines.objects.list_versions(name, &one)?;
        Ok(match listing.entries.is_empty() {
            true => Presence::Present,
            false => Presence::Filled,
        })
    }

    pub(super) async fn put_bucket(&self, bucket: &Bucket, fresh: bool) -> Result<bool, Failure> {
        let new = NewBucket {
            name: bucket.name.clone(),
            space: self.space(),
            tags: bucket.tags.clone(),
            versioning: bucket.versioning,
        };
        let objects = &self.engines.objects;
        match objects.create_bucket(new).await {
            Ok(_) => {}
            Err(objects::Error::BucketExists { .. }) if fresh => return Ok(false),
            Err(objects::Error::BucketExists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let name = &bucket.name;
        if objects.bucket_tags(name)? != bucket.tags {
            objects.tag_bucket(name, bucket.tags.clone()).await?;
        }
        if objects.origin_rules(name)? != bucket.origin_rules {
            let rules = bucket.origin_rules.clone();
            objects.set_origin_rules(name, rules).await?;
        }
        if objects.versioning(name)? != bucket.versioning {
            objects.set_versioning(name, bucket.versioning).await?;
        }
        if objects.website(name)?.as_deref() != bucket.website.as_ref() {
            objects.set_website(name, bucket.website.clone()).await?;
        }
        if objects.lifecycle(name)?.as_deref() != bucket.lifecycle.as_ref() {
            let lifecycle = bucket.lifecycle.clone();
            objects.set_lifecycle(name, lifecycle).await?;
        }
        self.put_access(bucket).await?;
        Ok(true)
    }

    /// All but the policy, which is a resource of its own.
    async fn put_access(&self, bucket: &Bucket) -> Result<(), Failure> {
        let (name, objects) = (&bucket.name, &self.engines.objects);
        let access = objects.access(name)?;
        let asked = BucketAccess {
            policy: access.policy.clone(),
            barriers: Some(bucket.barriers),
            owned: true,
            bucket_key: bucket.bucket_key,
        };
        if access != asked {
            let set = objects.set_access(name, |access| {
                access.barriers = asked.barriers;
                access.owned = asked.owned;
                access.bucket_key = asked.bucket_key;
            });
            set.await?;
        }
        Ok(())
    }

    pub(super) async fn remove_bucket(&self, name: &str) -> Result<bool, Failure> {
        let removed = self.engines.objects.delete_bucket(name).await;
        if let Err(objects::Error::BucketNotEmpty { .. }) = removed {
            return Ok(false);
        }
        // Somebody else may have been faster.
        is_there(removed).map(|_| true)
    }

    /// None of a bucket that is not there.
    pub(super) fn has_bucket_policy(&self, name: &str) -> Result<bool, Failure> {
        let access = unless_missing(self.engines.objects.access(name))?;
        Ok(access.is_some_and(|access| access.policy.is_some()))
    }

    pub(super) async fn put_bucket_policy(&self, asked: &BucketPolicy) -> Result<bool, Failure> {
        let objects = &self.engines.objects;
        let set = objects.set_access(&asked.bucket, |access| {
            access.policy = Some(asked.policy.clone());
        });
        set.await?;
        Ok(true)
    }

    pub(super) async fn remove_bucket_policy(&self, name: &str) -> Result<(), Failure> {
        let objects = &self.engines.objects;
        let removed = objects.set_access(name, |access| access.policy = None);
        removed.await?;
        Ok(())
    }

    pub(super) async fn put_notification(
        &self,
        notification: &Notification,
    ) -> Result<bool, Failure> {
        let bindings = notification.rules.iter().map(|rule| self.binding(rule));
        let bindings = bindings.collect::<Result<Vec<_>, _>>()?;
        for binding in &bindings {
            self.engines.triggers.takes(&binding.target)?;
        }
        let set = self.engines.triggers.set_bucket_bindings(
            &notification.bucket,
            bindings,
            notification.on_bus,
        );
        set.await?;
        Ok(true)
    }

    fn binding(&self, rule: &Rule) -> Result<ObjectBinding, Failure> {
        let target = match &rule.told {
            Told::Function {
                function,
                qualifier,
            } => Destination::Function(self.target(function, qualifier.as_ref())),
            Told::Place { place } => place::named(place)
                .ok_or_else(|| Failure::invalid(format!("nothing can be sent to {place}")))?,
        };
        Ok(ObjectBinding {
            id: rule.id.clone(),
            target,
            kinds: rule
                .events
                .iter()
                .filter_map(|event| event_kind(event))
                .collect(),
            prefix: rule.prefix.clone().unwrap_or_default(),
            suffix: rule.suffix.clone().unwrap_or_default(),
        })
    }
}

/// The readers of templates let no other kinds pass.
pub(crate) fn event_kind(event: &str) -> Option<EventKind> {
    Some(match event {
        "s3:ObjectCreated:*" => EventKind::Created,
        "s3:ObjectCreated:Put" => EventKind::CreatedByPut,
        "s3:ObjectCreated:Post" => EventKind::CreatedByPost,
        "s3:ObjectCreated:Copy" => EventKind::CreatedByCopy,
        "s3:ObjectCreated:CompleteMultipartUpload" => EventKind::CreatedByMultipart,
        "s3:ObjectRemoved:*" => EventKind::Removed,
        "s3:ObjectRemoved:Delete" => EventKind::RemovedByDelete,
        "s3:ObjectRemoved:DeleteMarkerCreated" => EventKind::RemovedByMarker,
        "s3:LifecycleExpiration:*" => EventKind::Expiry,
        "s3:LifecycleExpiration:Delete" => EventKind::Expired,
        "s3:LifecycleExpiration:DeleteMarkerCreated" => EventKind::ExpiredByMarker,
        "s3:ObjectTagging:*" => EventKind::Tagging,
        "s3:ObjectTagging:Put" => EventKind::Tagged,
        "s3:ObjectTagging:Delete" => EventKind::Untagged,
        _ => return None,
    })
}
