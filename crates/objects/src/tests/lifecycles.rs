//! What ends by rules, with the clock moved.

use super::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn expiring(prefix: &str, days: u32) -> LifecycleRule {
    LifecycleRule {
        id: prefix.into(),
        enabled: true,
        scope: Scope {
            prefix: Some(prefix.into()),
            ..Scope::default()
        },
        expiry: Some(Expiry::Days(days)),
        ..LifecycleRule::default()
    }
}

async fn ruled(rules: Vec<LifecycleRule>, versioning: Versioning) -> World {
    let world = world();
    let mut bucket = new_bucket("photos");
    bucket.versioning = versioning;
    world.objects.create_bucket(bucket).await.unwrap();
    let lifecycle = Some(Lifecycle { rules });
    let set = world.objects.set_lifecycle("photos", lifecycle);
    set.await.unwrap();
    let watch = world.objects.new_watch();
    world
        .store
        .write(|tx| world.objects.watch(tx, "photos", Some(watch)))
        .await
        .unwrap();
    world
}

impl World {
    /// Moves the clock, and does at each moment what is due then, as the server does.
    async fn pass(&self, for_: Duration) {
        let until = self.clock.now() + for_;
        loop {
            let next = self.objects.sweep_one().await.unwrap();
            match next {
                None => {}
                Some(next) if next <= until => self.clock.advance(next.since(self.clock.now())),
                Some(_) => break,
            }
        }
        self.clock.advance(until.since(self.clock.now()));
    }

    async fn stored(&self, put: Put) -> Object {
        let mut receiver = self.objects.receive(&[Algorithm::Crc32]);
        receiver.write(Bytes::from_static(b"x")).await.unwrap();
        self.objects.put(put, receiver.end()).await.unwrap()
    }

    /// The keys of all versions, each with what it is.
    fn left(&self) -> Vec<(String, &'static str)> {
        let list = ListVersions {
            limit: 100,
            ..ListVersions::default()
        };
        let listing = self.objects.list_versions("photos", &list).unwrap();
        let told = |entry: VersionEntry| match (entry.kind, entry.latest) {
            (VersionKind::Object(_), true) => (entry.key, "current"),
            (VersionKind::Object(_), false) => (entry.key, "earlier"),
            (VersionKind::Marker(_), true) => (entry.key, "marked"),
            (VersionKind::Marker(_), false) => (entry.key, "marker"),
        };
        listing.entries.into_iter().map(told).collect()
    }

    fn ends(&self) -> Vec<(ChangeKind, String)> {
        let view = self.store.read().unwrap();
        let changes = self.objects.changes(&view, Position::START, 100).unwrap();
        let told = changes
            .into_iter()
            .filter_map(|logged| match logged.happened.unwrap() {
                Happened::Changed(change) => Some((change.kind, change.key)),
                Happened::Unwatched(_) => None,
            });
        let by_rules = [ChangeKind::Expired, ChangeKind::ExpiryMarked];
        told.filter(|(kind, _)| by_rules.contains(kind)).collect()
    }
}

fn named(left: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
    left.iter()
        .map(|(key, what)| ((*key).to_owned(), *what))
        .collect()
}

#[tokio::test]
async fn objects_end_at_the_midnight_after_their_days() {
    let mut tagged = expiring("", 1);
    tagged.scope.tags.insert("temporary".into(), "yes".into());
    let off = LifecycleRule {
        enabled: false,
        ..expiring("keep/", 1)
    };
    let world = ruled(vec![expiring("old/", 3), tagged, off], Versioning::Never).await;
    for key in ["keep/a", "old/a", "other"] {
        world.stored(put_of(key)).await;
    }
    let mut put = put_of("tagged");
    put.tags.insert("temporary".into(), "yes".into());
    world.stored(put).await;
    world.pass(DAY).await;
    assert_eq!(world.left().len(), 4);
    world.pass(DAY).await;
    assert_eq!(
        world.left(),
        named(&[
            ("keep/a", "current"),
            ("old/a", "current"),
            ("other", "current")
        ])
    );
    world.pass(DAY).await;
    // Made anew before its time, it begins anew.
    world.stored(put_of("old/b")).await;
    world.pass(DAY).await;
    assert_eq!(
        world.left(),
        named(&[
            ("keep/a", "current"),
            ("old/b", "current"),
            ("other", "current")
        ])
    );
    assert_eq!(
        world.ends(),
        [
            (ChangeKind::Expired, "tagged".into()),
            (ChangeKind::Expired, "old/a".into())
        ]
    );
    let set = world.objects.set_lifecycle("photos", None);
    set.await.unwrap();
    world.pass(30 * DAY).await;
    assert_eq!(world.left().len(), 3);
}

#[tokio::test]
async fn a_bucket_is_looked_at_again_when_something_can_end() {
    let world = ruled(vec![expiring("", 30)], Versioning::Never).await;
    world.stored(put_of("a")).await;
    let mut looks = Vec::new();
    while world.clock.now() < Timestamp::from_secs(0) + 40 * DAY {
        match world.objects.sweep_one().await.unwrap() {
            None => looks.push(world.clock.now().as_secs() / DAY.as_secs()),
            Some(next) => world.clock.advance(next.since(world.clock.now())),
        }
    }
    assert_eq!(looks, [1, 31]);
    assert_eq!(world.left(), []);
}

#[tokio::test]
async fn a_bucket_that_begins_to_keep_versions_is_looked_at_the_next_midnight() {
    let rule = LifecycleRule {
        earlier: Some(EarlierExpiry {
            days: 1,
            kept: None,
        }),
        ..expiring("", 30)
    };
    let world = ruled(vec![rule], Versioning::Never).await;
    world.stored(put_of("a")).await;
    world.pass(5 * DAY).await;
    let versions = Versioning::Enabled;
    let set = world.objects.set_versioning("photos", versions);
    set.await.unwrap();
    world.stored(put_of("a")).await;
    world.pass(2 * DAY).await;
    assert_eq!(world.left(), named(&[("a", "current")]));
}

#[tokio::test]
async fn from_a_date_on_everything_ends_at_the_next_midnight() {
    let date = Timestamp::from_secs(0) + 5 * DAY;
    let rule = LifecycleRule {
        expiry: Some(Expiry::On(date)),
        ..expiring("", 1)
    };
    let world = ruled(vec![rule], Versioning::Never).await;
    world.stored(put_of("a")).await;
    world.pass(4 * DAY).await;
    assert_eq!(world.left().len(), 1);
    world.pass(DAY).await;
    assert_eq!(world.left().len(), 0);
    world.stored(put_of("b")).await;
    world.pass(DAY).await;
    assert_eq!(world.left().len(), 0);
}

#[tokio::test]
async fn where_versions_are_kept_each_kind_of_them_has_its_rule() {
    let rules = vec![
        LifecycleRule {
            earlier: Some(EarlierExpiry {
                days: 1,
                kept: Some(1),
            }),
            ..expiring("a", 2)
        },
        LifecycleRule {
            expiry: Some(Expiry::LoneMarkers),
            earlier: Some(EarlierExpiry {
                days: 1,
                kept: None,
            }),
            ..expiring("b", 1)
        },
    ];
    let world = ruled(rules, Versioning::Enabled).await;
    for key in ["a", "a", "a", "b", "c"] {
        world.stored(put_of(key)).await;
    }
    let deletion = Deletion {
        key: "b".into(),
        ..Deletion::default()
    };
    let deleted = world.objects.delete("photos", deletion, Origin::default());
    deleted.await.unwrap();
    world.pass(2 * DAY).await;
    assert_eq!(
        world.left(),
        named(&[
            ("a", "current"),
            ("a", "earlier"),
            ("b", "marked"),
            ("c", "current")
        ])
    );
    // The third day ends the object and the marker that is alone; what was the object is now the earlier one to keep.
    world.pass(DAY).await;
    assert_eq!(
        world.left(),
        named(&[
            ("a", "marked"),
            ("a", "earlier"),
            ("a", "earlier"),
            ("c", "current")
        ])
    );
    world.pass(3 * DAY).await;
    assert_eq!(
        world.left(),
        named(&[("a", "marked"), ("a", "earlier"), ("c", "current")])
    );
    let kinds: Vec<ChangeKind> = world.ends().into_iter().map(|(kind, _)| kind).collect();
    use ChangeKind::{Expired, ExpiryMarked};
    assert_eq!(kinds, [Expired, Expired, ExpiryMarked, Expired, Expired]);
}

#[tokio::test]
async fn uploads_that_nobody_completes_are_given_up() {
    let rule = LifecycleRule {
        expiry: None,
        abort_days: Some(2),
        ..expiring("up", 1)
    };
    let world = ruled(vec![rule], Versioning::Never).await;
    for key in ["other", "upload"] {
        let begin = Begin {
            bucket: "photos".into(),
            key: key.into(),
            metadata: Metadata::default(),
            tags: BTreeMap::new(),
            algorithm: Algorithm::Crc32,
            composite: false,
            declared: false,
            principal: String::new(),
        };
        world.objects.begin_upload(begin).await.unwrap();
    }
    let list = ListUploads {
        limit: 10,
        ..ListUploads::default()
    };
    let count = || world.objects.list_uploads("photos", &list).unwrap().uploads;
    world.pass(2 * DAY).await;
    assert_eq!(count().len(), 2);
    world.pass(DAY).await;
    assert_eq!(count().len(), 1);
    assert_eq!(count()[0].key, "other");
}

#[tokio::test]
async fn a_bucket_of_the_same_name_has_no_rules_of_the_one_before() {
    let world = ruled(vec![expiring("", 1)], Versioning::Never).await;
    world.objects.delete_bucket("photos").await.unwrap();
    world
        .objects
        .create_bucket(new_bucket("photos"))
        .await
        .unwrap();
    world.stored(put_of("a")).await;
    world.pass(10 * DAY).await;
    assert_eq!(world.left().len(), 1);
    assert_eq!(world.objects.lifecycle("photos").unwrap(), None);
}
