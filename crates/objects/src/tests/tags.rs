//! Tags of objects and buckets, and what else goes with a bucket.

use super::*;

fn tags(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split_whitespace();
    pairs
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

impl World {
    async fn put_tagged(&self, key: &str, text: &str) -> Object {
        let put = Put {
            tags: tags(text),
            ..put_of(key)
        };
        let received = self.received(b"x").await;
        self.objects.put(put, received).await.unwrap()
    }

    fn tags_of(&self, key: &str) -> BTreeMap<String, String> {
        self.objects.head("photos", key, None).unwrap().tags
    }
}

#[tokio::test]
async fn tags_change_while_the_object_stays() {
    let world = World::with_bucket().await;
    world.watch().await;
    let stored = world.put_tagged("a", "one=1 two=2").await;
    assert_eq!(world.tags_of("a"), tags("one=1 two=2"));
    world.clock.advance(Duration::from_secs(5));
    let objects = &world.objects;
    let tag = objects.tag("photos", "a", None, tags("three=3"), Origin::default());
    tag.await.unwrap();
    let found = objects.head("photos", "a", None).unwrap();
    assert_eq!(found.tags, tags("three=3"));
    assert_eq!((found.modified, found.etag), (stored.modified, stored.etag));
    let untag = objects.untag("photos", "a", None, Origin::default());
    untag.await.unwrap();
    assert!(world.tags_of("a").is_empty());
    assert_eq!(world.body("a").await, b"x");
    let kinds: Vec<ChangeKind> = world.changes().iter().map(|change| change.kind).collect();
    assert_eq!(
        kinds,
        [ChangeKind::Put, ChangeKind::Tagged, ChangeKind::Untagged]
    );
    let none = objects.tag("photos", "b", None, tags("a=b"), Origin::default());
    assert!(matches!(none.await, Err(Error::NoSuchKey { .. })));
    let none = objects.untag("photos", "b", None, Origin::default());
    assert!(matches!(none.await, Err(Error::NoSuchKey { .. })));
}

#[tokio::test]
async fn what_takes_an_object_s_place_has_its_own_tags() {
    let world = World::with_bucket().await;
    world.put_tagged("a", "one=1").await;
    world.put("a", b"y").await;
    assert!(world.tags_of("a").is_empty());
    world.put_tagged("a", "one=1").await;
    world.delete("a").await;
    world.put("a", b"y").await;
    assert!(world.tags_of("a").is_empty());

    let source = world.put_tagged("a", "one=1").await;
    let copy = copy_of(&source, "a", "b");
    world.objects.copy(copy.clone()).await.unwrap();
    assert_eq!(world.tags_of("b"), tags("one=1"));
    let other = Copy {
        tags: Some(tags("two=2")),
        ..copy
    };
    world.objects.copy(other).await.unwrap();
    assert_eq!(world.tags_of("b"), tags("two=2"));
}

#[tokio::test]
async fn a_bucket_s_tags_and_rules_go_with_it() {
    let world = World::with_bucket().await;
    let objects = &world.objects;
    let rule = OriginRule {
        origins: vec!["*".into()],
        methods: vec!["GET".into()],
        ..OriginRule::default()
    };
    let page = FromOrigin {
        origin: "http://a".into(),
        method: "GET".into(),
        headers: Vec::new(),
    };
    let admitted = || objects.admission("photos", &page).unwrap().is_some();
    assert!(!admitted());
    objects.tag_bucket("photos", tags("a=1")).await.unwrap();
    let set = objects.set_origin_rules("photos", vec![rule.clone()]);
    set.await.unwrap();
    assert_eq!(objects.bucket_tags("photos").unwrap(), tags("a=1"));
    assert_eq!(objects.origin_rules("photos").unwrap(), [rule]);
    assert!(admitted());

    objects.delete_bucket("photos").await.unwrap();
    assert!(objects.bucket_tags("photos").is_err());
    assert!(objects.origin_rules("photos").is_err());
    objects.create_bucket(new_bucket("photos")).await.unwrap();
    assert!(objects.bucket_tags("photos").unwrap().is_empty());
    assert!(objects.origin_rules("photos").unwrap().is_empty());
    assert!(!admitted());
}

#[tokio::test]
async fn an_upload_in_parts_keeps_the_tags_that_it_was_begun_with() {
    let world = World::with_bucket().await;
    let upload = world
        .objects
        .begin_upload(Begin {
            bucket: "photos".into(),
            key: "a".into(),
            metadata: Metadata::default(),
            tags: tags("one=1"),
            algorithm: Algorithm::Crc32,
            composite: true,
            declared: true,
            principal: "owner".into(),
        })
        .await
        .unwrap();
    let parts = vec![world.part(&upload, 1, b"x").await];
    let complete = complete_of(&upload, parts);
    world.objects.complete_upload(complete).await.unwrap();
    assert_eq!(world.tags_of("a"), tags("one=1"));
}
