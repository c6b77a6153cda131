//! Versions: what a bucket keeps of what was replaced or deleted.

use super::*;

mod model;

impl World {
    async fn set(&self, versioning: Versioning) {
        let set = self.objects.set_versioning("photos", versioning);
        set.await.unwrap();
    }

    async fn versioned() -> Self {
        let world = Self::with_bucket().await;
        world.set(Versioning::Enabled).await;
        world
    }

    async fn put_version(&self, key: &str, body: &[u8]) -> VersionId {
        self.put(key, body).await.version().unwrap()
    }

    async fn mark(&self, key: &str) -> VersionId {
        self.remove(key, None).await.unwrap()
    }

    /// What the deletion says of a marker.
    async fn remove(&self, key: &str, version: Option<VersionId>) -> Option<VersionId> {
        let deletion = deletion_of(key, version);
        let deleted = self.objects.delete("photos", deletion, Origin::default());
        let removal = deleted.await.unwrap();
        removal.version.filter(|_| removal.marker)
    }

    async fn body_of(&self, key: &str, version: Option<VersionId>) -> Result<Vec<u8>> {
        let found = self.objects.get("photos", key, version).await?;
        Ok(read(found.body, 0..found.object.size).await)
    }

    fn all_versions(&self) -> Vec<VersionEntry> {
        let list = ListVersions {
            limit: 1_000,
            ..ListVersions::default()
        };
        self.objects.list_versions("photos", &list).unwrap().entries
    }
}

#[tokio::test]
async fn what_is_replaced_stays_as_an_earlier_version() {
    let world = World::with_bucket().await;
    let before = world.put("a", b"before").await;
    assert_eq!(before.version(), None, "there are no versions yet");
    world.set(Versioning::Enabled).await;
    let first = world.put_version("a", &large(1)).await;
    let second = world.put_version("a", b"small").await;
    assert_ne!(first, second);
    for (version, body) in [
        (None, b"small".to_vec()),
        (Some(second), b"small".to_vec()),
        (Some(first), large(1)),
        (Some(VersionId::Null), b"before".to_vec()),
    ] {
        assert_eq!(world.body_of("a", version).await.unwrap(), body);
    }
    let told: Vec<_> = world
        .all_versions()
        .into_iter()
        .map(|entry| (entry.version, entry.latest))
        .collect();
    assert_eq!(
        told,
        [(second, true), (first, false), (VersionId::Null, false)]
    );
    let current = world.objects.head("photos", "a", None).unwrap();
    assert_eq!(current.version(), Some(second));
    assert_eq!(world.reap().await, 0);
}

#[tokio::test]
async fn a_marker_hides_what_there_was_until_it_goes() {
    let world = World::versioned().await;
    let version = world.put_version("a", &large(1)).await;
    let marker = world.mark("a").await;
    let hidden = world.objects.head("photos", "a", None);
    assert!(matches!(hidden, Err(Error::Deleted { marker: said, .. }) if said == marker));
    let itself = world.objects.head("photos", "a", Some(marker));
    assert!(matches!(itself, Err(Error::IsMarker { .. })));
    let list = List {
        limit: 10,
        ..List::default()
    };
    assert!(
        world
            .objects
            .list("photos", &list)
            .unwrap()
            .entries
            .is_empty()
    );
    assert_eq!(world.body_of("a", Some(version)).await.unwrap(), large(1));

    let mut put = put_of("a");
    put.condition.if_none_match = Some(Tags::Any);
    let received = world.received(b"anew").await;
    let anew = world.objects.put(put, received).await.unwrap();
    let gone = world.remove("a", anew.version()).await;
    assert_eq!(gone, None, "it was an object");
    assert_eq!(world.remove("a", Some(marker)).await, Some(marker));
    assert_eq!(world.body("a").await, large(1));
    assert_eq!(world.remove("a", Some(marker)).await, None, "it is gone");
    world.remove("a", Some(version)).await;
    assert_eq!(world.reap().await, 1);
    let none = world.objects.head("photos", "a", None);
    assert!(matches!(none, Err(Error::NoSuchKey { .. })));
    let none = world.objects.head("photos", "a", Some(version));
    assert!(matches!(none, Err(Error::NoSuchVersion { .. })));
}

#[tokio::test]
async fn a_key_has_one_null_version_and_its_body_goes_when_it_is_replaced() {
    let world = World::with_bucket().await;
    world.put("a", &large(1)).await;
    world.set(Versioning::Enabled).await;
    let named = world.put_version("a", &large(2)).await;
    world.set(Versioning::Suspended).await;
    assert_eq!(world.put_version("a", &large(3)).await, VersionId::Null);
    assert_eq!(world.reap().await, 1, "the null version that was earlier");
    assert_eq!(world.put_version("a", b"small").await, VersionId::Null);
    assert_eq!(world.reap().await, 1, "the null version that was current");
    assert_eq!(world.mark("a").await, VersionId::Null);
    let told: Vec<_> = world
        .all_versions()
        .into_iter()
        .map(|entry| (entry.version, entry.kind))
        .collect();
    assert!(matches!(
        told[..],
        [
            (VersionId::Null, VersionKind::Marker(_)),
            (second, VersionKind::Object(_))
        ] if second == named
    ));
    world.put("a", &large(4)).await;
    assert_eq!(world.all_versions().len(), 2, "the marker was null too");
    world.set(Versioning::Enabled).await;
    world.put("a", b"x").await;
    world.remove("a", Some(VersionId::Null)).await;
    assert_eq!(world.reap().await, 1);
    assert_eq!(world.all_versions().len(), 2);
}

#[tokio::test]
async fn a_bucket_with_versions_is_not_empty() {
    let world = World::versioned().await;
    let version = world.put_version("a", b"x").await;
    let marker = world.mark("a").await;
    let full = world.objects.delete_bucket("photos").await;
    assert!(matches!(full, Err(Error::BucketNotEmpty { .. })));
    world.remove("a", Some(version)).await;
    let full = world.objects.delete_bucket("photos").await;
    assert!(matches!(full, Err(Error::BucketNotEmpty { .. })));
    world.remove("a", Some(marker)).await;
    world.objects.delete_bucket("photos").await.unwrap();
}

#[tokio::test]
async fn a_condition_is_of_the_current_object() {
    let world = World::versioned().await;
    let first = world.put("a", b"first").await;
    let second = world.put("a", b"second").await;
    let only_if = |object: &Object| Deletion {
        condition: Condition {
            if_match: Some(Tags::List(vec![object.etag.to_string()])),
            if_none_match: None,
        },
        ..deletion_of("a", first.version())
    };
    let delete = |deletion| world.objects.delete("photos", deletion, Origin::default());
    let refused = delete(only_if(&first)).await;
    assert!(matches!(refused, Err(Error::ConditionFailed(_))));
    delete(only_if(&second)).await.unwrap();
    assert_eq!(world.all_versions().len(), 1);
    world.mark("a").await;
    let refused = delete(only_if(&second)).await;
    assert!(matches!(refused, Err(Error::NoSuchKey { .. })));
}

#[tokio::test]
async fn an_earlier_version_is_copied_and_tagged_where_it_is() {
    let world = World::versioned().await;
    let first = world.put("a", &large(1)).await;
    world.put("a", b"second").await;
    let copy = Copy {
        source_version: first.version(),
        ..copy_of(&first, "a", "a")
    };
    let copied = world.objects.copy(copy).await.unwrap();
    assert_ne!(copied.version(), first.version());
    assert_eq!(world.body("a").await, large(1));
    let tags = BTreeMap::from([("one".to_owned(), "1".to_owned())]);
    let tagged = world.objects.tag(
        "photos",
        "a",
        first.version(),
        tags.clone(),
        Origin::default(),
    );
    assert_eq!(tagged.await.unwrap().version(), first.version());
    let head = |version| world.objects.head("photos", "a", version).unwrap();
    assert_eq!(head(first.version()).tags, tags);
    assert!(head(None).tags.is_empty());
    world.remove("a", copied.version()).await;
    assert_eq!(
        world.reap().await,
        0,
        "the first version names the body too"
    );
    world.remove("a", first.version()).await;
    assert_eq!(world.reap().await, 1);
}

#[tokio::test]
async fn parts_make_a_version_and_their_checksums_go_with_it() {
    let world = World::versioned().await;
    let mut made = Vec::new();
    for byte in [1, 2] {
        let upload = world.begin("a", Algorithm::Sha256, true).await;
        let parts = vec![
            world.part(&upload, 1, &large(byte)).await,
            world.part(&upload, 2, b"end").await,
        ];
        let complete = complete_of(&upload, parts);
        let object = world.objects.complete_upload(complete).await.unwrap();
        made.push(object.version().unwrap());
    }
    for version in &made {
        let (_, parts) = world
            .objects
            .head_parts("photos", "a", Some(*version))
            .unwrap();
        assert!(parts.iter().all(|part| part.checksum.is_some()));
        assert_eq!(parts.len(), 2);
    }
    world.remove("a", Some(made[0])).await;
    assert_eq!(world.reap().await, 2);
    let view = world.store.read().unwrap();
    let left = |version| {
        let key = crate::schema::part_checksums_key("photos", "a", version);
        crate::schema::PART_CHECKSUMS.get(&view, &key).unwrap()
    };
    assert!(left(made[0]).is_none() && left(made[1]).is_some());
}

#[tokio::test]
async fn changes_say_which_version_they_are_of() {
    let world = World::versioned().await;
    world.watch().await;
    let version = world.put_version("a", b"x").await;
    let marker = world.mark("a").await;
    world.remove("a", Some(marker)).await;
    world.remove("a", Some(version)).await;
    world.remove("a", Some(version)).await;
    let changes = world.changes();
    let said: Vec<_> = changes
        .iter()
        .map(|change| (change.kind, change.version))
        .collect();
    assert_eq!(
        said,
        [
            (ChangeKind::Put, Some(version)),
            (ChangeKind::Marked, Some(marker)),
            (ChangeKind::Deleted, Some(marker)),
            (ChangeKind::Deleted, Some(version)),
        ]
    );
}

#[tokio::test]
async fn a_page_goes_on_where_the_last_one_ended_though_its_versions_are_gone() {
    let world = World::with_bucket().await;
    world.put("a", b"0").await;
    world.set(Versioning::Enabled).await;
    for _ in 0..4 {
        world.put("a", b"x").await;
    }
    world.put("b", b"x").await;
    let mut list = ListVersions {
        limit: 2,
        ..ListVersions::default()
    };
    let mut removed = 0;
    loop {
        let page = world.objects.list_versions("photos", &list).unwrap();
        for entry in page.entries {
            world.remove(&entry.key, Some(entry.version)).await;
            removed += 1;
        }
        match page.next {
            Some(next) => list.after = Some(next),
            None => break,
        }
    }
    assert_eq!(removed, 6);
    world.objects.delete_bucket("photos").await.unwrap();
}
