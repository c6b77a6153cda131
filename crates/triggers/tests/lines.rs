//! What is printed reaches the function that wants it, through crashes. The functions themselves are not run here.

#[path = "world/mute.rs"]
mod mute;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::{ByteSize, ManualClock, Random, Space, Timestamp};
use buses::Buses;
use functions::{Config, Configuration, Functions, Launcher, NewCode};
use ledger::{Group, Ledger, Line};
use mute::Mute;
use objects::Objects;
use store::{Faults, Simulation, Store};
use tables::Tables;
use tokio_util::sync::CancellationToken;
use topics::Topics;
use triggers::{Bare, Error, LineSubscription, Target, Triggers};

struct World {
    ledger: Ledger,
    functions: Functions,
    triggers: Triggers,
    clock: Arc<ManualClock>,
}

fn space() -> Space {
    Space::new("here")
}

fn group() -> Group {
    Group {
        space: space(),
        name: "g".into(),
    }
}

fn subscription(name: &str) -> LineSubscription {
    LineSubscription {
        group: group(),
        name: name.into(),
        pattern: "ERROR".into(),
        target: Target {
            space: space(),
            function: "f".into(),
            qualifier: None,
        },
        created: Timestamp::from_secs(1),
        others: BTreeMap::new(),
    }
}

impl World {
    fn open(store: Store) -> Self {
        let random = Random::seeded(3);
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000)));
        let ledger = Ledger::new(store.clone(), ledger::Limits::default());
        let functions = Functions::open(functions::Parts {
            store: store.clone(),
            ledger: ledger.clone(),
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
        let triggers = Triggers::new(triggers::Parts {
            buses: Buses::new(store.clone(), clock.clone(), random.clone()),
            queues: queues::Queues::new(store.clone(), clock.clone(), random.clone()),
            schedules: schedules::Schedules::new(store.clone(), clock.clone(), random.clone()),
            tables: Tables::new(store.clone(), clock.clone(), random.clone()),
            objects: Objects::new(store.clone(), clock.clone(), random.clone()),
            topics: Topics::new(store.clone(), clock.clone(), random.clone()),
            functions: functions.clone(),
            wording: Arc::new(Bare),
            store,
            clock: clock.clone(),
            random,
        });
        Self {
            ledger,
            functions,
            triggers,
            clock,
        }
    }

    async fn function(&self) {
        let create = functions::Create {
            space: space(),
            name: "f".into(),
            configuration: Configuration {
                runtime: "none".into(),
                handler: "none".into(),
                description: String::new(),
                timeout: Duration::from_secs(3),
                memory: ByteSize::mib(128),
                ephemeral: ByteSize::mib(512),
                environment: None,
                role: "role".into(),
                architecture: functions::Architecture::default(),
                logging: functions::Logging::default(),
                layers: Vec::new(),
                snapshots: false,
                dead_letters: None,
            },
            code: NewCode::Directory(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/world")),
            tags: BTreeMap::new(),
        };
        self.functions.create(create).await.unwrap();
    }

    async fn print(&self, text: &str) {
        let line = Line {
            at: Timestamp::from_secs(1_000),
            text: text.into(),
        };
        let group = group();
        let printed = self.ledger.append(&group, "s", "other", vec![line]);
        printed.await.unwrap();
        self.ledger.sync().await.unwrap();
    }

    /// Follows until so many calls wait, or for a while.
    async fn follow(&self, calls: usize) -> usize {
        let until = async {
            for _ in 0..500 {
                if self.waiting() >= calls {
                    return;
                }
                self.clock.advance(Duration::from_secs(1));
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = self.triggers.follow_lines(CancellationToken::new()) => {}
            () = until => {}
        }
        self.waiting()
    }

    fn waiting(&self) -> usize {
        self.functions.backlog_length(100).unwrap()
    }
}

#[tokio::test]
async fn what_is_printed_after_a_subscription_becomes_a_call() {
    let world = World::open(Store::ephemeral(Random::seeded(1)));
    world.function().await;
    world.print("ERROR before").await;
    let new = subscription("n");
    world.triggers.put_line_subscription(&new).await.unwrap();
    world.print("fine").await;
    assert_eq!(world.follow(1).await, 0);
    world.print("ERROR 1").await;
    world.print("ERROR 2").await;
    assert_eq!(world.follow(2).await, 1);
    // One in its place goes on where it was.
    world.print("ERROR 3").await;
    world.triggers.put_line_subscription(&new).await.unwrap();
    assert_eq!(world.follow(2).await, 2);
    assert!(world.triggers.delete_line_group(&group()).await.unwrap());
    world.print("ERROR 4").await;
    assert_eq!(world.follow(3).await, 2);
}

#[tokio::test]
async fn a_group_feeds_two_at_most() {
    let world = World::open(Store::ephemeral(Random::seeded(1)));
    let put = async |name: &str| {
        world
            .triggers
            .put_line_subscription(&subscription(name))
            .await
    };
    for name in ["a", "b", "b"] {
        put(name).await.unwrap();
    }
    assert!(matches!(
        put("c").await,
        Err(Error::TooManyLineSubscriptions(_))
    ));
    let group = group();
    let removed = world.triggers.remove_line_subscription(&group, "a");
    assert!(removed.await.unwrap());
    put("c").await.unwrap();
    let names = world.triggers.line_subscriptions(&group).unwrap();
    assert!(names.iter().map(|one| one.name.as_str()).eq(["b", "c"]));
}

#[tokio::test]
async fn a_durable_line_becomes_a_call_through_any_crash() {
    for seed in 0..40 {
        let random = Random::seeded(seed);
        let faults = Faults {
            conflict: 0.2,
            failed_sync: 0.0,
        };
        let simulation = Simulation::new(random.clone(), faults);
        let world = World::open(simulation.open());
        world.function().await;
        let new = subscription("n");
        world.triggers.put_line_subscription(&new).await.unwrap();
        world.print("ERROR").await;
        if random.chance(0.7) {
            // Buffered: the crash may or may not take it back.
            assert_eq!(world.follow(1).await, 1, "seed {seed}");
        }
        simulation.crash();
        let world = World::open(simulation.open());
        assert_eq!(world.follow(1).await, 1, "seed {seed}");
    }
}
