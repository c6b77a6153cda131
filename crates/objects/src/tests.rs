//! The engine over the simulated store, with conflicts out of nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use base::{ByteSize, Clock, ManualClock, Random, Space, Timestamp};
use bytes::Bytes;
use futures_util::TryStreamExt;
use proptest::prelude::*;
use store::{Faults, Position, Simulation, Store};

use crate::*;

mod lifecycles;
mod tags;
mod versions;

struct World {
    objects: Objects,
    store: Store,
    clock: ManualClock,
}

fn world() -> World {
    let faults = Faults {
        conflict: 0.2,
        failed_sync: 0.0,
    };
    let random = Random::seeded(1);
    let store = Simulation::new(random.clone(), faults).open();
    let clock = ManualClock::new(Timestamp::from_secs(1_000));
    World {
        objects: Objects::new(store.clone(), Arc::new(clock.clone()), random),
        store,
        clock,
    }
}

fn new_bucket(name: &str) -> NewBucket {
    NewBucket {
        name: name.into(),
        space: Space::new("somewhere"),
        tags: BTreeMap::new(),
        versioning: Versioning::Never,
    }
}

fn put_of(key: &str) -> Put {
    Put {
        bucket: "photos".into(),
        key: key.into(),
        metadata: Metadata::default(),
        tags: BTreeMap::new(),
        condition: Condition::default(),
        checksum: Some(Algorithm::Crc32),
        kind: ChangeKind::Put,
        origin: Origin::default(),
    }
}

fn copy_of(source: &Object, from: &str, to: &str) -> Copy {
    Copy {
        source_bucket: "photos".into(),
        source_key: from.into(),
        source_version: None,
        source_etag: source.etag,
        bucket: "photos".into(),
        key: to.into(),
        metadata: None,
        tags: None,
        condition: Condition::default(),
        checksum: None,
        origin: Origin::default(),
    }
}

fn deletion_of(key: &str, version: Option<VersionId>) -> Deletion {
    Deletion {
        key: key.into(),
        version,
        condition: Condition::default(),
    }
}

/// Larger than what is kept in the store itself.
fn large(byte: u8) -> Vec<u8> {
    vec![byte; 100_000]
}

impl World {
    async fn with_bucket() -> Self {
        let world = world();
        world
            .objects
            .create_bucket(new_bucket("photos"))
            .await
            .unwrap();
        world
    }

    async fn received(&self, body: &[u8]) -> Received {
        let mut receiver = self.objects.receive(&[Algorithm::Crc32]);
        for piece in body.chunks(7_000) {
            receiver.write(Bytes::copy_from_slice(piece)).await.unwrap();
        }
        receiver.end()
    }

    async fn put(&self, key: &str, body: &[u8]) -> Object {
        self.objects
            .put(put_of(key), self.received(body).await)
            .await
            .unwrap()
    }

    async fn body(&self, key: &str) -> Vec<u8> {
        let found = self.objects.get("photos", key, None).await.unwrap();
        read(found.body, 0..found.object.size).await
    }

    async fn delete(&self, key: &str) {
        self.objects
            .delete("photos", deletion_of(key, None), Origin::default())
            .await
            .unwrap();
    }

    async fn watch(&self) {
        let watch = self.objects.new_watch();
        self.store
            .write(|tx| self.objects.watch(tx, "photos", Some(watch)))
            .await
            .unwrap();
    }

    fn changes(&self) -> Vec<Change> {
        let view = self.store.read().unwrap();
        let changes = self.objects.changes(&view, Position::START, 1_000).unwrap();
        let changes = changes.into_iter().map(|logged| logged.happened.unwrap());
        let changed = |happened| match happened {
            Happened::Changed(change) => Some(*change),
            Happened::Unwatched(_) => None,
        };
        changes.filter_map(changed).collect()
    }

    /// How many bodies were waiting for removal.
    async fn reap(&self) -> usize {
        self.store.blobs().reap(&self.store, 1_000).await.unwrap()
    }

    async fn begin(&self, key: &str, algorithm: Algorithm, composite: bool) -> UploadInfo {
        self.objects
            .begin_upload(Begin {
                bucket: "photos".into(),
                key: key.into(),
                metadata: Metadata::default(),
                tags: BTreeMap::new(),
                algorithm,
                composite,
                declared: true,
                principal: "owner".into(),
            })
            .await
            .unwrap()
    }

    async fn part(&self, upload: &UploadInfo, number: u32, body: &[u8]) -> CompletedPart {
        let mut receiver = self.objects.receive_part(&[upload.algorithm]);
        receiver.write(Bytes::copy_from_slice(body)).await.unwrap();
        let part = UploadPart {
            bucket: "photos".into(),
            key: upload.key.clone(),
            upload: upload.id.clone(),
            number,
        };
        let info = self
            .objects
            .upload_part(part, receiver.end())
            .await
            .unwrap();
        CompletedPart {
            number,
            etag: ETag::of(info.md5).to_string(),
            checksums: info.checksums,
        }
    }
}

async fn read(body: Reader, range: std::ops::Range<u64>) -> Vec<u8> {
    let pieces: Vec<Bytes> = body.stream(range).try_collect().await.unwrap();
    pieces.concat()
}

fn complete_of(upload: &UploadInfo, parts: Vec<CompletedPart>) -> Complete {
    Complete {
        bucket: "photos".into(),
        key: upload.key.clone(),
        upload: upload.id.clone(),
        parts,
        condition: Condition::default(),
        least_part: ByteSize::bytes(10),
        size: None,
        checksum: None,
        composite: None,
        origin: Origin::default(),
    }
}

#[tokio::test]
async fn buckets_are_made_once_and_go_only_when_empty() {
    let world = World::with_bucket().await;
    let again = world.objects.create_bucket(new_bucket("photos")).await;
    assert!(matches!(again, Err(Error::BucketExists { .. })));
    world.put("a", b"x").await;
    let full = world.objects.delete_bucket("photos").await;
    assert!(matches!(full, Err(Error::BucketNotEmpty { .. })));
    world.delete("a").await;
    let upload = world.begin("b", Algorithm::Crc32, false).await;
    world.part(&upload, 1, &large(1)).await;
    world.objects.delete_bucket("photos").await.unwrap();
    assert!(matches!(
        world.objects.bucket("photos"),
        Err(Error::NoSuchBucket(_))
    ));
    assert_eq!(world.reap().await, 1, "the part's body went too");
}

#[tokio::test]
async fn small_and_large_bodies_come_back_whole_and_in_part() {
    let world = World::with_bucket().await;
    for size in [0, 1, 32 << 10, (32 << 10) + 1, 3 << 20] {
        let body: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
        let object = world.put("k", &body).await;
        assert_eq!(object.size, size as u64);
        assert_eq!(world.body("k").await, body);
        let middle = (size as u64 / 3)..(size as u64 / 2);
        let found = world.objects.get("photos", "k", None).await.unwrap();
        let expected = &body[size / 3..size / 2];
        assert_eq!(read(found.body, middle).await, expected);
    }
}

#[tokio::test]
async fn the_tag_is_the_md5() {
    let world = World::with_bucket().await;
    let object = world.put("k", b"hello").await;
    assert_eq!(object.etag.to_string(), "5d41402abc4b2a76b9719d911017c592");
}

#[tokio::test]
async fn replacing_and_deleting_drop_the_old_body_and_copies_share_it() {
    let world = World::with_bucket().await;
    let first = world.put("a", &large(1)).await;
    world.objects.copy(copy_of(&first, "a", "b")).await.unwrap();
    world.put("a", b"small").await;
    assert_eq!(world.reap().await, 0, "the copy still names it");
    assert_eq!(world.body("b").await, large(1));
    world.put("b", &large(2)).await;
    assert_eq!(world.reap().await, 1);
    world.delete("b").await;
    assert_eq!(world.reap().await, 1);
    assert!(matches!(
        world.objects.get("photos", "b", None).await,
        Err(Error::NoSuchKey { .. })
    ));
}

#[tokio::test]
async fn an_object_copied_onto_itself_keeps_its_body() {
    let world = World::with_bucket().await;
    let object = world.put("a", &large(1)).await;
    let metadata = Metadata {
        content_type: Some("image/png".into()),
        ..Metadata::default()
    };
    let copy = Copy {
        metadata: Some(metadata.clone()),
        ..copy_of(&object, "a", "a")
    };
    assert_eq!(world.objects.copy(copy).await.unwrap().metadata, metadata);
    assert_eq!(world.reap().await, 0);
    assert_eq!(world.body("a").await, large(1));
}

#[tokio::test]
async fn a_body_that_comes_to_no_name_is_removed() {
    let world = World::with_bucket().await;
    world.put("a", b"x").await;
    let mut put = put_of("a");
    put.condition.if_none_match = Some(Tags::Any);
    let received = world.received(&large(1)).await;
    let refused = world.objects.put(put, received).await;
    assert!(matches!(refused, Err(Error::ConditionFailed(_))));
    assert_eq!(world.reap().await, 1);
    assert_eq!(world.body("a").await, b"x");
}

#[tokio::test]
async fn a_tag_must_match_to_replace() {
    let world = World::with_bucket().await;
    let first = world.put("a", b"1").await;
    let only_if = |tag: &str| Put {
        condition: Condition {
            if_match: Some(Tags::List(vec![tag.into()])),
            if_none_match: None,
        },
        ..put_of("a")
    };
    let tag = first.etag.to_string();
    let received = world.received(b"2").await;
    world.objects.put(only_if(&tag), received).await.unwrap();
    let received = world.received(b"3").await;
    let stale = world.objects.put(only_if(&tag), received).await;
    assert!(matches!(stale, Err(Error::ConditionFailed(_))));
    assert_eq!(world.body("a").await, b"2");
}

#[tokio::test]
async fn of_many_that_want_to_be_the_first_one_is() {
    let world = World::with_bucket().await;
    let attempts = (0..16_u8).map(|byte| {
        let world = &world;
        async move {
            let mut put = put_of("a");
            put.condition.if_none_match = Some(Tags::Any);
            let received = world.received(&[byte]).await;
            world.objects.put(put, received).await.is_ok()
        }
    });
    let outcomes = futures_util::future::join_all(attempts).await;
    assert_eq!(outcomes.into_iter().filter(|won| *won).count(), 1);
}

#[tokio::test]
async fn changes_of_a_watched_bucket_are_logged_in_order() {
    let world = World::with_bucket().await;
    world.put("before", b"x").await;
    world.watch().await;
    let object = world.put("a", b"hello").await;
    world
        .objects
        .copy(copy_of(&object, "a", "b"))
        .await
        .unwrap();
    world.delete("a").await;
    world.delete("never there").await;
    world.put("a", b"again").await;
    let changes = world.changes();
    let said: Vec<_> = changes
        .iter()
        .map(|change| (change.kind, change.key.as_str(), change.size))
        .collect();
    assert_eq!(
        said,
        [
            (ChangeKind::Put, "a", 5),
            (ChangeKind::Copied, "b", 5),
            (ChangeKind::Deleted, "a", 0),
            (ChangeKind::Put, "a", 5),
        ]
    );
    assert!(
        changes
            .windows(2)
            .all(|pair| pair[0].sequencer < pair[1].sequencer)
    );
    assert_eq!(changes[0].etag, "5d41402abc4b2a76b9719d911017c592");
}

#[tokio::test]
async fn parts_become_one_object() {
    let world = World::with_bucket().await;
    world.watch().await;
    let upload = world.begin("a", Algorithm::Crc64Nvme, false).await;
    let third = world.part(&upload, 7, b"end").await;
    world.part(&upload, 1, &large(9)).await;
    let first = world.part(&upload, 1, &large(1)).await;
    let second = world.part(&upload, 2, &large(2)).await;
    world.part(&upload, 5, &large(5)).await;
    let complete = complete_of(&upload, vec![first, second, third]);
    let object = world
        .objects
        .complete_upload(complete.clone())
        .await
        .unwrap();
    let whole = [large(1), large(2), b"end".to_vec()].concat();
    assert_eq!(world.body("a").await, whole);
    assert!(object.etag.to_string().ends_with("-3"));
    let checksum = object.checksum.clone().unwrap();
    assert_eq!(checksum.value, Algorithm::Crc64Nvme.of(&whole));
    assert_eq!(checksum.coverage, Coverage::Whole);
    assert_eq!(world.reap().await, 2, "the replaced and the unused part");
    let again = world.objects.complete_upload(complete).await.unwrap();
    assert_eq!(again, object, "completing again says the same");
    assert_eq!(world.changes().len(), 1);
    world.delete("a").await;
    assert_eq!(world.reap().await, 3);
}

#[tokio::test]
async fn a_composite_checksum_is_over_the_parts_checksums() {
    let world = World::with_bucket().await;
    let upload = world.begin("a", Algorithm::Sha256, true).await;
    let parts = vec![
        world.part(&upload, 1, &large(1)).await,
        world.part(&upload, 2, b"end").await,
    ];
    let object = world
        .objects
        .complete_upload(complete_of(&upload, parts))
        .await
        .unwrap();
    let of = |body: &[u8]| Algorithm::Sha256.of(body);
    let expected = of(&[of(&large(1)), of(b"end")].concat());
    let checksum = object.checksum.unwrap();
    assert_eq!(checksum.value, expected);
    assert_eq!(checksum.coverage, Coverage::Parts(2));
}

#[tokio::test]
async fn a_composite_checksum_wants_the_parts_ones() {
    let world = World::with_bucket().await;
    let upload = world.begin("a", Algorithm::Sha256, true).await;
    let mut part = world.part(&upload, 1, b"end").await;
    part.checksums.clear();
    let completed = world
        .objects
        .complete_upload(complete_of(&upload, vec![part]))
        .await;
    assert!(matches!(
        completed,
        Err(Error::MissingPartChecksum { number: 1, .. })
    ));
}

#[tokio::test]
async fn an_object_in_parts_keeps_their_checksums_and_its_copy_is_one_piece() {
    let world = World::with_bucket().await;
    let upload = world.begin("a", Algorithm::Sha256, true).await;
    let parts = vec![
        world.part(&upload, 2, &large(1)).await,
        world.part(&upload, 5, b"end").await,
    ];
    let complete = complete_of(&upload, parts);
    let object = world.objects.complete_upload(complete).await.unwrap();
    let found = world.objects.get("photos", "a", None).await.unwrap();
    let said: Vec<_> = found
        .parts
        .iter()
        .map(|part| (part.size, part.checksum.clone().unwrap().value))
        .collect();
    let of = |body: &[u8]| Algorithm::Sha256.of(body);
    assert_eq!(said, [(100_000, of(&large(1))), (3, of(b"end"))]);

    let whole = [large(1), b"end".to_vec()].concat();
    let copy = world
        .objects
        .copy(copy_of(&object, "a", "b"))
        .await
        .unwrap();
    assert_eq!(copy.etag, world.put("c", &whole).await.etag);
    let checksum = copy.checksum.unwrap();
    assert_eq!(checksum.value, of(&whole));
    assert_eq!(checksum.coverage, Coverage::Whole);
    let (_, parts) = world.objects.head_parts("photos", "b", None).unwrap();
    assert!(parts.is_empty());
    assert_eq!(world.body("b").await, whole);

    world.put("a", b"another").await;
    world.delete("a").await;
    let key = crate::schema::part_checksums_key("photos", "a", VersionId::Null);
    let view = world.store.read().unwrap();
    let left = crate::schema::PART_CHECKSUMS.get(&view, &key).unwrap();
    assert!(left.is_none(), "they went with the object");
}

#[tokio::test]
async fn a_completion_that_is_wrong_changes_nothing() {
    let world = World::with_bucket().await;
    let upload = world.begin("a", Algorithm::Crc32, false).await;
    let small = world.part(&upload, 1, b"tiny").await;
    let last = world.part(&upload, 2, &large(2)).await;
    let refused = async |parts| {
        world
            .objects
            .complete_upload(complete_of(&upload, parts))
            .await
            .unwrap_err()
    };
    assert!(matches!(
        refused(vec![small.clone(), last.clone()]).await,
        Error::PartTooSmall { number: 1, .. }
    ));
    assert!(matches!(
        refused(vec![last.clone(), small.clone()]).await,
        Error::InvalidPartOrder(_)
    ));
    let mut wrong = last.clone();
    wrong.etag = small.etag.clone();
    assert!(matches!(
        refused(vec![wrong]).await,
        Error::InvalidPart { number: 2, .. }
    ));
    let mut absent = last.clone();
    absent.number = 3;
    assert!(matches!(
        refused(vec![absent]).await,
        Error::InvalidPart { number: 3, .. }
    ));
    let mut wrong = complete_of(&upload, vec![last.clone()]);
    wrong.composite = Some(true);
    assert!(matches!(
        world.objects.complete_upload(wrong).await,
        Err(Error::OtherCoverage { composite: false })
    ));
    let mut wrong = complete_of(&upload, vec![last.clone()]);
    wrong.checksum = Some(Checksum {
        algorithm: Algorithm::Crc32,
        coverage: Coverage::Whole,
        value: vec![0; 4],
    });
    assert!(matches!(
        world.objects.complete_upload(wrong).await,
        Err(Error::ChecksumMismatch(Algorithm::Crc32))
    ));
    world
        .objects
        .complete_upload(complete_of(&upload, vec![last]))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing() {
    let world = World::with_bucket().await;
    let upload = world.begin("a", Algorithm::Crc32, false).await;
    world.part(&upload, 1, &large(1)).await;
    world.part(&upload, 2, b"").await;
    world
        .objects
        .abort_upload("photos", "a", &upload.id)
        .await
        .unwrap();
    assert_eq!(world.reap().await, 2);
    assert!(matches!(
        world.objects.upload("photos", "a", &upload.id),
        Err(Error::NoSuchUpload(_))
    ));
}

#[tokio::test]
async fn uploads_list_by_key_and_then_by_age() {
    let world = World::with_bucket().await;
    let mut expected = Vec::new();
    for key in ["a", "a", "b/1", "b/2", "c"] {
        world.clock.advance(Duration::from_secs(1));
        expected.push((
            key.to_owned(),
            world.begin(key, Algorithm::Crc32, false).await.id,
        ));
    }
    let mut list = ListUploads {
        limit: 2,
        ..ListUploads::default()
    };
    let mut seen = Vec::new();
    loop {
        let page = world.objects.list_uploads("photos", &list).unwrap();
        seen.extend(
            page.uploads
                .into_iter()
                .map(|upload| (upload.key, upload.id)),
        );
        match page.next {
            Some(next) => list.after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, expected);
    list.after = None;
    list.limit = 1_000;
    list.delimiter = Some("/".into());
    let folded = world.objects.list_uploads("photos", &list).unwrap();
    assert_eq!(folded.prefixes, ["b/"]);
    assert_eq!(folded.uploads.len(), 3);
}

#[tokio::test]
async fn an_upload_cut_short_leaves_nothing() {
    let world = World::with_bucket().await;
    let mut receiver = world.objects.receive(&[]);
    receiver.write(Bytes::from(large(1))).await.unwrap();
    drop(receiver);
    assert!(world.objects.head("photos", "a", None).is_err());
    assert_eq!(world.reap().await, 0);
}

/// What listing must say, page after page, told from the whole set of keys.
fn model(keys: &BTreeSet<String>, list: &List) -> Vec<(bool, String)> {
    let mut said: BTreeMap<String, bool> = BTreeMap::new();
    for key in keys.iter().filter(|key| key.starts_with(&list.prefix)) {
        let rest = &key[list.prefix.len()..];
        let folded = list
            .delimiter
            .as_ref()
            .and_then(|delimiter| Some(rest.find(delimiter.as_str())? + delimiter.len()));
        match folded {
            Some(at) => said.insert(format!("{}{}", list.prefix, &rest[..at]), true),
            None => said.insert(key.clone(), false),
        };
    }
    said.into_iter()
        .map(|(name, folded)| (folded, name))
        .collect()
}

fn names() -> impl Strategy<Value = String> {
    // Few letters, so that prefixes and delimiters meet often; one of them of two bytes, one of none.
    proptest::collection::vec(
        prop_oneof![Just("a"), Just("b"), Just("/"), Just("é"), Just("\u{0}")],
        0..6,
    )
    .prop_map(|letters| letters.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn listing_says_what_the_model_says(
        keys in proptest::collection::btree_set(names(), 0..60),
        prefix in names(),
        delimiter in proptest::option::of(prop_oneof![Just("/".to_owned()), Just("ab".to_owned())]),
        limit in 1_usize..8,
    ) {
        let list = List { prefix: prefix.chars().take(2).collect(), delimiter, after: None, limit };
        let said = tokio::runtime::Runtime::new().unwrap().block_on(walk(&keys, list.clone()));
        prop_assert_eq!(said, model(&keys, &list));
    }
}

/// Every page, each of them in order and none larger than allowed.
async fn walk(keys: &BTreeSet<String>, mut list: List) -> Vec<(bool, String)> {
    let random = Random::seeded(2);
    let clock = ManualClock::new(Timestamp::from_secs(1));
    let store = Store::ephemeral(random.clone());
    let objects = Objects::new(store, Arc::new(clock) as Arc<dyn Clock>, random);
    objects.create_bucket(new_bucket("photos")).await.unwrap();
    objects.create_bucket(new_bucket("photos2")).await.unwrap();
    for key in keys {
        let received = objects.receive(&[]).end();
        objects.put(put_of(key), received).await.unwrap();
    }
    let mut said = Vec::new();
    loop {
        let page = objects.list("photos", &list).unwrap();
        let mut names: Vec<_> = page
            .entries
            .into_iter()
            .map(|entry| (false, entry.key))
            .chain(page.prefixes.into_iter().map(|prefix| (true, prefix)))
            .collect();
        assert!(names.len() <= list.limit);
        names.sort_by(|a, b| a.1.cmp(&b.1));
        said.extend(names);
        match page.next {
            Some(next) => list.after = Some(next),
            None => return said,
        }
    }
}
