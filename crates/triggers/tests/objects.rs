//! From a change in a bucket to a job in the backlog, also through crashes. The functions themselves are not run here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::{ManualClock, Random, Space, Timestamp};
use buses::Buses;
use bytes::Bytes;
use functions::{Config, Functions, Launcher, Parts};
use ledger::Ledger;
use objects::{
    ChangeKind, Condition, Deletion, Metadata, NewBucket, Objects, Origin, Put, Versioning,
};
use store::{Faults, Read, Simulation, Store};
use tables::Tables;
use triggers::{Destination, EventKind, Named, ObjectBinding, Target, Triggers};

mod world;

use world::mute::Mute;
use world::plain::Plain;

struct World {
    objects: Objects,
    queues: queues::Queues,
    functions: Functions,
    triggers: Triggers,
}

impl World {
    fn open(store: Store) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000)));
        let random = Random::seeded(3);
        let objects = Objects::new(store.clone(), clock.clone(), random.clone());
        let functions = Functions::open(Parts {
            store: store.clone(),
            ledger: Ledger::new(store.clone(), ledger::Limits::default()),
            launcher: Launcher::new(|_, _| async {
                Err(functions::NotLaunched::Host("nothing runs here".into()))
            }),
            dialects: functions::Dialects::new(Arc::new(Mute)),
            clock: clock.clone(),
            random: random.clone(),
            code_dir: PathBuf::from("/nonexistent"),
            config: Config::default(),
        })
        .unwrap();
        let queues = queues::Queues::new(store.clone(), clock.clone(), random.clone());
        let triggers = Triggers::new(triggers::Parts {
            schedules: schedules::Schedules::new(store.clone(), clock.clone(), random.clone()),
            buses: Buses::new(store.clone(), clock.clone(), random.clone()),
            topics: topics::Topics::new(store.clone(), clock.clone(), random.clone()),
            wording: std::sync::Arc::new(triggers::Bare),
            tables: Tables::new(store.clone(), clock.clone(), random.clone()),
            queues: queues.clone(),
            store,
            objects: objects.clone(),
            functions: functions.clone(),
            clock,
            random,
        });
        Self {
            objects,
            queues,
            functions,
            triggers,
        }
    }

    async fn bucket(&self, name: &str) {
        let new = NewBucket {
            name: name.into(),
            space: space(),
            tags: BTreeMap::new(),
            versioning: Versioning::Never,
        };
        self.objects.create_bucket(new).await.unwrap();
    }

    async fn delete(&self, bucket: &str, key: &str) {
        let deletion = Deletion {
            key: key.into(),
            ..Deletion::default()
        };
        let deleted = self.objects.delete(bucket, deletion, Origin::default());
        deleted.await.unwrap();
    }

    async fn upload(&self, bucket: &str, key: &str) {
        let mut receiver = self.objects.receive(&[]);
        receiver.write(Bytes::from_static(b"x")).await.unwrap();
        let put = Put {
            bucket: bucket.into(),
            key: key.into(),
            metadata: Metadata::default(),
            tags: BTreeMap::new(),
            condition: Condition::default(),
            checksum: None,
            kind: ChangeKind::Put,
            origin: Origin::default(),
        };
        self.objects.put(put, receiver.end()).await.unwrap();
    }

    async fn bodies(&self, queue: &queues::Address) -> Vec<String> {
        let how = queues::Receive {
            most: 10,
            visibility: None,
            wait: None,
            attempt: None,
        };
        let got = self.queues.receive(queue, how).await.unwrap();
        got.into_iter().map(|one| one.message.body).collect()
    }

    fn waiting(&self) -> usize {
        self.functions.backlog_length(100).unwrap()
    }
}

fn space() -> Space {
    Space::new("test")
}

fn binding(id: &str, kind: EventKind, prefix: &str) -> ObjectBinding {
    ObjectBinding {
        id: id.into(),
        target: Destination::Function(Target {
            space: space(),
            function: "f".into(),
            qualifier: None,
        }),
        kinds: vec![kind],
        prefix: prefix.into(),
        suffix: String::new(),
    }
}

fn to_queue(id: &str, prefix: &str) -> ObjectBinding {
    ObjectBinding {
        target: Destination::Queue(Named {
            space: space(),
            name: "q".into(),
        }),
        ..binding(id, EventKind::Created, prefix)
    }
}

#[tokio::test]
async fn a_queue_is_told_once_that_it_will_be_told_and_then_of_each_change() {
    let world = World::open(Store::ephemeral(Random::seeded(1)));
    let address = queues::Address::new(&space(), "q");
    let new = queues::NewQueue::default();
    world.queues.create(&address, new, |_| None).await.unwrap();
    world.bucket("b").await;
    let bindings = vec![to_queue("a", "in/"), to_queue("b", "also/")];
    let set = world
        .triggers
        .set_bucket_bindings("b", bindings.clone(), false);
    set.await.unwrap();
    assert_eq!(world.triggers.bucket_bindings("b").unwrap(), bindings);
    for key in ["in/1", "out/1", "also/1"] {
        world.upload("b", key).await;
    }
    world.triggers.step(&Plain).await.unwrap();
    assert_eq!(world.bodies(&address).await, ["b", "in/1", "also/1"]);
    assert_eq!(world.waiting(), 0);
}

#[tokio::test]
async fn a_queue_that_is_gone_does_not_keep_others_waiting() {
    let world = World::open(Store::ephemeral(Random::seeded(1)));
    world.bucket("b").await;
    let bindings = vec![to_queue("a", "in/"), binding("f", EventKind::Created, "f/")];
    let set = world.triggers.set_bucket_bindings("b", bindings, false);
    set.await.unwrap();
    world.upload("b", "in/1").await;
    world.upload("b", "f/1").await;
    world.triggers.step(&Plain).await.unwrap();
    assert_eq!(world.waiting(), 1);
}

#[tokio::test]
async fn a_change_becomes_one_job_for_each_binding_that_wants_it() {
    let world = World::open(Store::ephemeral(Random::seeded(1)));
    world.bucket("watched").await;
    world.bucket("other").await;
    let bindings = vec![
        binding("a", EventKind::Created, "in/"),
        binding("b", EventKind::Removed, "in/"),
    ];
    world
        .triggers
        .set_bucket_bindings("watched", bindings.clone(), false)
        .await
        .unwrap();
    assert_eq!(world.triggers.bucket_bindings("watched").unwrap(), bindings);
    world.upload("other", "in/1").await;
    world.upload("watched", "out/1").await;
    world.upload("watched", "in/1").await;
    world.triggers.step(&Plain).await.unwrap();
    assert_eq!(world.waiting(), 1);
    world.delete("watched", "in/1").await;
    world.triggers.step(&Plain).await.unwrap();
    assert_eq!(world.waiting(), 2);
}

#[tokio::test]
async fn bindings_end_with_their_bucket() {
    let world = World::open(Store::ephemeral(Random::seeded(1)));
    world.bucket("b").await;
    let bindings = vec![binding("a", EventKind::Created, "")];
    world
        .triggers
        .set_bucket_bindings("b", bindings, false)
        .await
        .unwrap();
    world.objects.delete_bucket("b").await.unwrap();
    assert!(world.triggers.bucket_bindings("b").unwrap().is_empty());
    world.bucket("b").await;
    assert!(world.triggers.bucket_bindings("b").unwrap().is_empty());
    let missing = world
        .triggers
        .set_bucket_bindings("none", vec![binding("a", EventKind::Created, "")], false)
        .await;
    assert_eq!(missing.unwrap_err().kind(), base::ErrorKind::Missing);
}

#[tokio::test]
async fn an_upload_that_was_acknowledged_reaches_the_backlog_through_any_crash() {
    for seed in 0..40 {
        let random = Random::seeded(seed);
        let simulation = Simulation::new(
            random.clone(),
            Faults {
                conflict: 0.2,
                failed_sync: 0.0,
            },
        );
        let world = World::open(simulation.open());
        world.bucket("b").await;
        world
            .triggers
            .set_bucket_bindings("b", vec![binding("a", EventKind::Created, "")], false)
            .await
            .unwrap();
        world.upload("b", "key").await;
        if random.chance(0.7) {
            // Buffered: the crash may or may not take it back.
            world.triggers.step(&Plain).await.unwrap();
        }
        simulation.crash();
        let world = World::open(simulation.open());
        let step = tokio::time::timeout(Duration::from_millis(20), world.triggers.step(&Plain));
        // Nothing comes when the step before the crash had become durable.
        if let Ok(done) = step.await {
            done.unwrap();
        }
        assert_eq!(world.waiting(), 1, "seed {seed}");
    }
}

#[tokio::test]
async fn overlapping_bindings_are_refused_and_change_nothing() {
    let world = World::open(Store::ephemeral(Random::seeded(1)));
    world.bucket("b").await;
    let overlapping = vec![
        binding("a", EventKind::Created, ""),
        binding("b", EventKind::CreatedByPut, "x"),
    ];
    let refused = world
        .triggers
        .set_bucket_bindings("b", overlapping, false)
        .await;
    assert!(matches!(refused, Err(triggers::Error::Overlap(..))));
    assert!(world.triggers.bucket_bindings("b").unwrap().is_empty());
}

#[tokio::test]
async fn a_change_meets_the_bindings_of_its_time_although_its_bucket_is_gone() {
    let store = Store::ephemeral(Random::seeded(1));
    let world = World::open(store.clone());
    world.bucket("b").await;
    let bind = |kind| {
        let bindings = vec![binding("a", kind, "")];
        world.triggers.set_bucket_bindings("b", bindings, false)
    };
    bind(EventKind::Created).await.unwrap();
    world.upload("b", "1").await;
    bind(EventKind::Removed).await.unwrap();
    world.upload("b", "2").await;
    for key in ["1", "2"] {
        world.delete("b", key).await;
    }
    world.objects.delete_bucket("b").await.unwrap();
    world.bucket("b").await;
    bind(EventKind::Created).await.unwrap();
    world.upload("b", "3").await;
    world.triggers.step(&Plain).await.unwrap();
    // One upload before and one after, and two removals.
    assert_eq!(world.waiting(), 4);
    let sets = store::Key::new(store::Keyspace::Triggers, 2).range();
    let left = store.read().unwrap().scan(&sets, 10).unwrap();
    assert_eq!(left.len(), 1, "only that of the bucket that is there");
}

#[tokio::test]
async fn an_entry_that_does_not_read_is_set_aside_and_holds_nothing_up() {
    let store = Store::ephemeral(Random::seeded(1));
    let world = World::open(store.clone());
    world.bucket("b").await;
    world
        .triggers
        .set_bucket_bindings("b", vec![binding("a", EventKind::Created, "")], false)
        .await
        .unwrap();
    world.upload("b", "1").await;
    for garbage in ["", "\u{1}of an older version", "\u{2}damaged"] {
        let append = |tx: &mut store::Tx| {
            world.objects.log().append(tx, garbage);
            Ok::<_, store::Error>(())
        };
        store.write(append).await.unwrap();
    }
    world.upload("b", "2").await;
    world.triggers.step(&Plain).await.unwrap();
    assert_eq!(world.waiting(), 2);
    let view = store.read().unwrap();
    let aside = store::Log::new("triggers/set aside");
    let aside = aside.read(&view, store::Position::START, 10).unwrap();
    assert_eq!(aside.len(), 3, "what was acknowledged is kept");
}
