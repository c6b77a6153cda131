//! From a change in a table to a function, also through crashes. The function is a closure of the test.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base::{ByteSize, ManualClock, Random, Space, Timestamp};
use buses::Buses;
use bytes::Bytes;
use functions::{Configuration, Failed, Functions, Invoke, Launcher, NewCode, Outcome};
use futures_util::StreamExt;
use ledger::{Ledger, Phases};
use objects::{NewBucket, Objects, Versioning};
use queues::{Address, NewQueue, Queues, Received};
use serde_json::{Value, json};
use store::{Faults, Simulation, Store};
use tables::{
    Feed, Images, ItemChange, ItemChangeKind, KeyAttribute, KeySchema, KeyType, NewFeed, NewTable,
    Shard, Tables,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use triggers::{
    Answer, Attribute, Destination, Dialect, Error, FailedMessages, FailedRecords, Failure,
    Invoker, LastResult, Mapping, MappingSettings, MappingSource, MappingState, NewMapping, Owner,
    Rule, RuleTarget, Starting, Target, Triggers, Undelivered, Window,
};

#[path = "world/messages.rs"]
mod messages;
mod world;

use world::mute::Mute;
use world::plain::Plain;

/// A cloud of few words.
struct Terse;

impl Dialect for Terse {
    fn record(&self, _: &Feed, change: &ItemChange) -> Bytes {
        let text = |name: &str| match change.new.as_ref().and_then(|item| item.get(name)) {
            Some(tables::Value::String(text)) => text.clone(),
            _ => String::new(),
        };
        let removed = change.kind == ItemChangeKind::Removed;
        json!({
            "at": change.position.number().to_string(),
            "key": text("p"),
            "n": text("v").parse::<u64>().unwrap_or_default(),
            "removed": removed,
        })
        .to_string()
        .into()
    }

    fn batch(&self, _: &Feed, _: &Shard, records: &[Bytes], window: Option<&Window>) -> Bytes {
        let records: Vec<Value> = records
            .iter()
            .map(|record| serde_json::from_slice(record).unwrap())
            .collect();
        let state = window.map(|window| {
            let state = window.state.as_deref().unwrap_or(b"0");
            let state: Value = serde_json::from_slice(state).unwrap();
            json!({ "state": state, "final": window.is_final })
        });
        json!({ "records": records, "window": state })
            .to_string()
            .into()
    }

    fn answer(&self, payload: &[u8]) -> Answer {
        let said: Value = serde_json::from_slice(payload).unwrap();
        let failed = match said.get("failed") {
            None => FailedRecords::None,
            Some(at) => FailedRecords::These(vec![at.as_str().unwrap().parse().unwrap()]),
        };
        let state = said.get("state").map(|state| state.to_string().into());
        Answer { failed, state }
    }

    fn message(&self, _: &Address, received: &Received) -> Bytes {
        let body = &received.message.body;
        let (id, group) = (received.message.id, &received.message.group);
        json!({ "id": id, "body": body, "group": group })
            .to_string()
            .into()
    }

    fn messages(&self, messages: &[Bytes]) -> Bytes {
        let records: Vec<Value> = messages
            .iter()
            .map(|record| serde_json::from_slice(record).unwrap())
            .collect();
        json!({ "records": records }).to_string().into()
    }

    fn failed_messages(&self, payload: &[u8]) -> FailedMessages {
        let said: Value = serde_json::from_slice(payload).unwrap();
        match said.get("failed") {
            None => FailedMessages::None,
            Some(Value::Array(ids)) => FailedMessages::These(
                ids.iter()
                    .map(|id| id.as_str().unwrap().to_owned())
                    .collect(),
            ),
            Some(_) => FailedMessages::Unclear,
        }
    }

    fn failure(&self, failure: &Failure<'_>) -> Bytes {
        let last = failure.last.map(|last| last.request_id.clone());
        let why = format!("{:?}", failure.why);
        let payload = failure
            .payload
            .map(|payload| serde_json::from_slice::<Value>(payload).unwrap());
        json!({ "why": why, "times": failure.invocations, "count": failure.count, "last": last, "payload": payload })
            .to_string()
            .into()
    }

    fn failure_key(&self, failure: &Failure<'_>, unique: &str) -> String {
        format!("{}/{unique}", failure.mapping)
    }

    fn undelivered(&self, _: Owner, undelivered: &Undelivered) -> Vec<Attribute> {
        vec![Attribute {
            name: "why".into(),
            kind: "text".into(),
            value: undelivered.why.to_string().into(),
        }]
    }

    fn event(&self, event: &buses::Event) -> Bytes {
        Plain.event(event)
    }

    fn placeholder(
        &self,
        name: &str,
        rule: &Rule,
        event: &buses::Event,
        whole: &Value,
    ) -> Option<Value> {
        Plain.placeholder(name, rule, event, whole)
    }

    fn aimed(&self, rule: &Rule, target: &RuleTarget) -> Vec<Attribute> {
        Plain.aimed(rule, target)
    }

    fn request_headers(&self) -> Vec<(String, String)> {
        Plain.request_headers()
    }

    fn rung(&self, rule: &Rule, occasion: &schedules::Occasion) -> buses::Event {
        Plain.rung(rule, occasion)
    }

    fn object_event(&self, change: &objects::Change) -> Option<buses::Event> {
        Plain.object_event(change)
    }
}

/// What a function does with a batch.
type Does = Arc<dyn Fn(&Value) -> Result<Value, functions::Error> + Send + Sync>;

struct World {
    objects: Objects,
    tables: Tables,
    queues: Queues,
    functions: Functions,
    triggers: Triggers,
    clock: Arc<ManualClock>,
    running: Option<(CancellationToken, JoinHandle<()>)>,
}

impl World {
    fn open(store: Store, clock: Arc<ManualClock>, random: &Random) -> Self {
        let objects = Objects::new(store.clone(), clock.clone(), random.clone());
        let tables = Tables::new(store.clone(), clock.clone(), random.clone());
        let functions = Functions::open(functions::Parts {
            store: store.clone(),
            ledger: Ledger::new(store.clone(), ledger::Limits::default()),
            launcher: Launcher::new(|_, _| async {
                Err(functions::NotLaunched::Host("nothing runs here".into()))
            }),
            dialects: functions::Dialects::new(Arc::new(Mute)),
            clock: clock.clone(),
            random: random.clone(),
            code_dir: PathBuf::from("/nonexistent"),
            config: functions::Config::default(),
        })
        .unwrap();
        let queues = Queues::new(store.clone(), clock.clone(), random.clone());
        let triggers = Triggers::new(triggers::Parts {
            schedules: schedules::Schedules::new(store.clone(), clock.clone(), random.clone()),
            buses: Buses::new(store.clone(), clock.clone(), random.clone()),
            topics: topics::Topics::new(store.clone(), clock.clone(), random.clone()),
            wording: std::sync::Arc::new(triggers::Bare),
            queues: queues.clone(),
            store,
            objects: objects.clone(),
            tables: tables.clone(),
            functions: functions.clone(),
            clock: clock.clone(),
            random: random.clone(),
        });
        Self {
            objects,
            tables,
            queues,
            functions,
            triggers,
            clock,
            running: None,
        }
    }

    async fn new() -> Self {
        let random = Random::seeded(7);
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000_000)));
        let world = Self::open(Store::ephemeral(random.clone()), clock, &random);
        world.table("t").await;
        world.function("f").await;
        world
    }

    async fn table(&self, name: &str) -> MappingSource {
        let key = KeySchema {
            partition: KeyAttribute {
                name: "p".into(),
                r#type: KeyType::String,
            },
            sort: None,
        };
        let new = NewTable {
            feed: Some(NewFeed {
                images: Images::Both,
                began: None,
            }),
            ..NewTable::new(name, key)
        };
        self.tables.create(&space(), new).await.unwrap();
        self.source(name)
    }

    fn source(&self, table: &str) -> MappingSource {
        let feeds = self.tables.feeds(&space(), Some(table), None, 10).unwrap();
        MappingSource::Table {
            table: table.into(),
            began: feeds.feeds.last().unwrap().began,
        }
    }

    async fn function(&self, name: &str) {
        let create = functions::Create {
            space: space(),
            name: name.into(),
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

    fn new_mapping(&self) -> NewMapping {
        NewMapping {
            space: space(),
            source: self.source("t"),
            target: target("f"),
            settings: settings(),
            starting: Starting::Oldest,
            enabled: true,
            tags: BTreeMap::new(),
        }
    }

    async fn map(&self, settings: MappingSettings) -> Mapping {
        let new = NewMapping {
            settings,
            ..self.new_mapping()
        };
        self.triggers.create_mapping(new).await.unwrap()
    }

    fn run(&mut self, does: Does) {
        let stop = CancellationToken::new();
        let (triggers, stopped) = (self.triggers.clone(), stop.clone());
        let invoker = Invoker::new(move |asked| answer(asked, does.clone()));
        let worker = tokio::spawn(async move {
            triggers
                .run_mappings(Arc::new(Terse), invoker, stopped)
                .await;
        });
        self.running = Some((stop, worker));
    }

    async fn stop(&mut self) {
        if let Some((stop, worker)) = self.running.take() {
            stop.cancel();
            worker.await.unwrap();
        }
    }

    async fn put(&self, key: &str, n: u64) {
        let text = |text: String| tables::Value::String(text);
        let item = BTreeMap::from([
            ("p".to_owned(), text(key.to_owned())),
            ("v".to_owned(), text(n.to_string())),
        ]);
        self.tables.put(&space(), "t", item).await.unwrap();
    }

    async fn pass(&self, seconds: u64) {
        for _ in 0..seconds {
            self.clock.advance(Duration::from_secs(1));
            quiet().await;
        }
    }

    fn state(&self, mapping: &Mapping) -> MappingState {
        self.triggers.mapping(&space(), &mapping.id).unwrap().state
    }

    fn result(&self, mapping: &Mapping) -> Option<LastResult> {
        self.triggers.mapping_result(mapping).unwrap()
    }
}

async fn answer(asked: Invoke, does: Does) -> functions::Result<Outcome> {
    let functions::Event::Raw(payload) = &asked.event else {
        panic!("batches are rendered");
    };
    tokio::task::yield_now().await;
    let batch: Value = serde_json::from_slice(payload).unwrap();
    let said = does(&batch)?;
    let result = match said.get("error") {
        Some(_) => Err(Failed {
            kind: "Error".into(),
            message: String::new(),
            payload: Bytes::new(),
        }),
        None => Ok(said.to_string().into()),
    };
    Ok(Outcome {
        request_id: asked.request_id,
        version: None,
        result,
        log_tail: String::new(),
        phases: Phases::default(),
        start: None,
    })
}

/// Lets everything happen that can without time passing.
async fn quiet() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

fn space() -> Space {
    Space::new("test")
}

fn target(function: &str) -> Target {
    Target {
        space: space(),
        function: function.into(),
        qualifier: None,
    }
}

fn settings() -> MappingSettings {
    MappingSettings {
        batch: 100,
        wait: Duration::ZERO,
        lanes: 1,
        retries: None,
        age: None,
        bisect: false,
        partial: false,
        tumbling: None,
        filters: Vec::new(),
        on_failure: None,
    }
}

/// What arrived at a function, by key.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<BTreeMap<String, Vec<u64>>>>);

impl Seen {
    fn take(&self, records: &[Value]) {
        let mut seen = self.0.lock().unwrap();
        for record in records {
            let key = record["key"].as_str().unwrap().to_owned();
            seen.entry(key)
                .or_default()
                .push(record["n"].as_u64().unwrap());
        }
    }

    /// A function that does nothing but look.
    fn watching(&self) -> Does {
        let seen = self.clone();
        Arc::new(move |batch| {
            seen.take(batch["records"].as_array().unwrap());
            Ok(json!({}))
        })
    }

    fn of(&self, key: &str) -> Vec<u64> {
        self.0.lock().unwrap().get(key).cloned().unwrap_or_default()
    }
}

#[tokio::test]
async fn changes_arrive_in_order_and_once_if_nothing_goes_wrong() {
    let (mut world, seen) = (World::new().await, Seen::default());
    let mapping = world.map(settings()).await;
    assert_eq!(mapping.state, MappingState::Creating);
    assert_eq!(world.result(&mapping), None);
    world.put("a", 1).await;
    world.run(seen.watching());
    for n in 2..=20 {
        world.put("a", n).await;
        world.put("b", n).await;
        if n % 3 == 0 {
            quiet().await;
        }
    }
    quiet().await;
    assert_eq!(seen.of("a"), (1..=20).collect::<Vec<_>>());
    assert_eq!(seen.of("b"), (2..=20).collect::<Vec<_>>());
    assert_eq!(world.state(&mapping), MappingState::Enabled);
    assert_eq!(world.result(&mapping), Some(LastResult::Ok));
    // After a restart it goes on.
    world.stop().await;
    world.put("a", 21).await;
    world.run(seen.watching());
    quiet().await;
    assert_eq!(seen.of("a"), (1..=21).collect::<Vec<_>>());
}

#[tokio::test]
async fn it_begins_with_the_oldest_change_or_with_the_next() {
    for (starting, expected) in [(Starting::Oldest, vec![1, 2]), (Starting::Newest, vec![2])] {
        let (mut world, seen) = (World::new().await, Seen::default());
        world.put("a", 1).await;
        let new = NewMapping {
            starting,
            ..world.new_mapping()
        };
        world.triggers.create_mapping(new).await.unwrap();
        world.put("a", 2).await;
        world.run(seen.watching());
        quiet().await;
        assert_eq!(seen.of("a"), expected, "{starting:?}");
    }
}

#[tokio::test]
async fn filters_let_through_what_matches_one_of_them() {
    let (mut world, seen) = (World::new().await, Seen::default());
    world
        .map(MappingSettings {
            filters: vec![
                json!({"n": [{"numeric": [">", 8]}]}).to_string(),
                json!({"n": [2], "key": ["a"]}).to_string(),
            ],
            ..settings()
        })
        .await;
    world.run(seen.watching());
    for n in 1..=10 {
        world.put("a", n).await;
    }
    quiet().await;
    assert_eq!(seen.of("a"), [2, 9, 10]);
    let refused = world
        .triggers
        .update_mapping(&space(), "none", |_| {})
        .await;
    assert!(matches!(refused, Err(Error::NoSuchMapping(_))));
    let new = NewMapping {
        target: target("g"),
        settings: MappingSettings {
            filters: vec![json!({"n": [{"wildcard": "*"}]}).to_string()],
            ..settings()
        },
        ..world.new_mapping()
    };
    let refused = world.triggers.create_mapping(new).await;
    assert!(matches!(refused, Err(Error::Pattern(_))));
}

#[tokio::test]
async fn a_mapping_rests_while_it_is_disabled_and_goes_on_where_it_was() {
    let (mut world, seen) = (World::new().await, Seen::default());
    let new = NewMapping {
        enabled: false,
        ..world.new_mapping()
    };
    let mapping = world.triggers.create_mapping(new).await.unwrap();
    world.run(seen.watching());
    world.put("a", 1).await;
    quiet().await;
    assert_eq!(world.state(&mapping), MappingState::Disabled);
    assert!(seen.of("a").is_empty());
    let enable = |enabled| {
        world
            .triggers
            .update_mapping(&mapping.space, &mapping.id, move |change| {
                change.enabled = enabled;
            })
    };
    assert_eq!(enable(true).await.unwrap().state, MappingState::Enabling);
    assert!(matches!(enable(true).await, Err(Error::MappingBusy(_))));
    quiet().await;
    assert_eq!(seen.of("a"), [1]);
    assert_eq!(enable(false).await.unwrap().state, MappingState::Disabling);
    quiet().await;
    assert_eq!(world.state(&mapping), MappingState::Disabled);
    world.put("a", 2).await;
    quiet().await;
    assert_eq!(seen.of("a"), [1]);
    enable(true).await.unwrap();
    quiet().await;
    assert_eq!(seen.of("a"), [1, 2]);
    assert_eq!(world.state(&mapping), MappingState::Enabled);
}

#[tokio::test]
async fn what_is_changed_holds_from_then_on() {
    let (mut world, seen) = (World::new().await, Seen::default());
    let mapping = world.map(settings()).await;
    world.run(seen.watching());
    world.put("a", 1).await;
    quiet().await;
    let only_large = |change: &mut triggers::MappingChange| {
        change.settings.filters = vec![json!({"n": [{"numeric": [">", 2]}]}).to_string()];
    };
    let updated = world
        .triggers
        .update_mapping(&space(), &mapping.id, only_large)
        .await
        .unwrap();
    assert_eq!(updated.state, MappingState::Updating);
    quiet().await;
    for n in 2..=3 {
        world.put("a", n).await;
    }
    quiet().await;
    assert_eq!(seen.of("a"), [1, 3]);
}

#[tokio::test]
async fn a_source_and_a_function_have_one_mapping() {
    let (mut world, seen) = (World::new().await, Seen::default());
    let first = world.map(settings()).await;
    let again = world.triggers.create_mapping(world.new_mapping()).await;
    assert!(matches!(again, Err(Error::MappingExists { id, .. }) if id == first.id));
    world.function("g").await;
    let new = NewMapping {
        target: target("g"),
        ..world.new_mapping()
    };
    let other = world.triggers.create_mapping(new).await.unwrap();
    world.run(seen.watching());
    quiet().await;
    let taken = world
        .triggers
        .update_mapping(&space(), &other.id, |change| change.target = target("f"))
        .await;
    assert!(matches!(taken, Err(Error::MappingExists { .. })));
    let deleted = world.triggers.delete_mapping(&space(), &first.id).await;
    assert_eq!(deleted.unwrap().state, MappingState::Deleting);
    quiet().await;
    assert!(world.triggers.mapping(&space(), &first.id).is_err());
    assert_eq!(
        world.triggers.mappings(&space()).unwrap(),
        [world.triggers.mapping(&space(), &other.id).unwrap()]
    );
    world.map(settings()).await;
}

#[tokio::test]
async fn what_names_nothing_is_refused() {
    let world = World::new().await;
    let refused = async |change: &dyn Fn(&mut NewMapping)| {
        let mut new = world.new_mapping();
        change(&mut new);
        world.triggers.create_mapping(new).await.unwrap_err().kind()
    };
    let missing = base::ErrorKind::Missing;
    assert_eq!(refused(&|new| new.target = target("none")).await, missing);
    let began = Timestamp::from_secs(1);
    let table = "t".to_owned();
    let source = MappingSource::Table { table, began };
    assert_eq!(refused(&|new| new.source = source.clone()).await, missing);
    let bucket = Destination::Bucket("none".into());
    assert_eq!(
        refused(&|new| new.settings.on_failure = Some(bucket.clone())).await,
        missing
    );
    assert!(world.triggers.mappings(&space()).unwrap().is_empty());
}

#[tokio::test]
async fn a_function_that_is_gone_is_waited_for() {
    let (mut world, seen) = (World::new().await, Seen::default());
    let mapping = world.map(settings()).await;
    let there = Arc::new(Mutex::new(false));
    let (looking, does) = (there.clone(), seen.watching());
    world.run(Arc::new(move |batch| {
        if *looking.lock().unwrap() {
            does(batch)
        } else {
            Err(functions::Error::NoSuchFunction("f".into()))
        }
    }));
    world.put("a", 1).await;
    world.pass(20).await;
    assert_eq!(world.result(&mapping), Some(LastResult::NoFunction));
    *there.lock().unwrap() = true;
    world.pass(31).await;
    assert_eq!(seen.of("a"), [1]);
    assert_eq!(world.result(&mapping), Some(LastResult::Ok));
}

#[tokio::test]
async fn what_is_discarded_is_told() {
    let mut world = World::new().await;
    let bucket = NewBucket {
        name: "failed".into(),
        space: space(),
        tags: BTreeMap::new(),
        versioning: Versioning::Never,
    };
    world.objects.create_bucket(bucket).await.unwrap();
    let mapping = world
        .map(MappingSettings {
            retries: Some(1),
            on_failure: Some(Destination::Bucket("failed".into())),
            ..settings()
        })
        .await;
    world.run(Arc::new(|_| Ok(json!({"error": true}))));
    world.put("a", 5).await;
    world.pass(2).await;
    assert_eq!(world.result(&mapping), Some(LastResult::FunctionFailed));
    let list = objects::List {
        limit: 10,
        ..objects::List::default()
    };
    let entries = world.objects.list("failed", &list).unwrap().entries;
    assert_eq!(entries.len(), 1);
    assert!(entries[0].key.starts_with(&mapping.id));
    let body = world
        .objects
        .get("failed", &entries[0].key, None)
        .await
        .unwrap()
        .body;
    let pieces: Vec<Bytes> = body.stream(0..u64::MAX).map(Result::unwrap).collect().await;
    let told = pieces.concat();
    let told: Value = serde_json::from_slice(&told).unwrap();
    assert_eq!(told["why"], "RetriesExhausted");
    assert_eq!((&told["times"], &told["count"]), (&json!(2), &json!(1)));
    assert!(told["last"].is_string());
    assert_eq!(told["payload"]["records"][0]["n"], 5);
    // It goes on behind it, and the destination may be gone meanwhile.
    world.pass(5).await;
    let view = world.triggers.mapping(&space(), &mapping.id).unwrap();
    assert_eq!(view.state, MappingState::Enabled);
}

#[tokio::test]
async fn what_is_older_than_it_may_be_is_discarded() {
    for (age, expected) in [(Some(100), vec![2]), (None, vec![1, 2])] {
        let (mut world, seen) = (World::new().await, Seen::default());
        world
            .map(MappingSettings {
                age: age.map(Duration::from_secs),
                ..settings()
            })
            .await;
        world.put("a", 1).await;
        world.clock.advance(Duration::from_secs(101));
        world.put("a", 2).await;
        world.run(seen.watching());
        quiet().await;
        assert_eq!(seen.of("a"), expected, "{age:?}");
    }
}

#[tokio::test]
async fn it_goes_on_from_a_shard_to_the_next_and_ends_with_the_feed() {
    let (mut world, seen) = (World::new().await, Seen::default());
    let mapping = world.map(settings()).await;
    world.put("a", 1).await;
    world.run(seen.watching());
    quiet().await;
    for n in 2..=5 {
        world.clock.advance(Duration::from_secs(4 * 3_600));
        world.tables.tend_feeds().await.unwrap();
        quiet().await;
        world.put("a", n).await;
        quiet().await;
    }
    assert_eq!(seen.of("a"), [1, 2, 3, 4, 5]);
    // A day and more without anybody who delivers: what is no longer kept is passed over.
    world.stop().await;
    world.put("a", 6).await;
    for _ in 0..8 {
        world.clock.advance(Duration::from_secs(4 * 3_600));
        world.tables.tend_feeds().await.unwrap();
    }
    world.put("a", 7).await;
    world.run(seen.watching());
    quiet().await;
    assert_eq!(seen.of("a"), [1, 2, 3, 4, 5, 7]);
    world.tables.drop_table(&space(), "t").await.unwrap();
    quiet().await;
    assert_eq!(seen.of("").len(), 0);
    for _ in 0..8 {
        world.clock.advance(Duration::from_secs(4 * 3_600));
        world.tables.tend_feeds().await.unwrap();
        quiet().await;
    }
    world.stop().await;
    world.run(seen.watching());
    quiet().await;
    assert_eq!(world.result(&mapping), Some(LastResult::NoSource));
    world
        .triggers
        .delete_mapping(&space(), &mapping.id)
        .await
        .unwrap();
    quiet().await;
    assert!(world.triggers.mapping(&space(), &mapping.id).is_err());
}

/// A function that fails at random, and in every way that it can.
fn unreliable(seen: &Seen, random: &Random) -> Does {
    let (seen, random) = (seen.clone(), random.clone());
    Arc::new(move |batch| {
        let records = batch["records"].as_array().unwrap();
        match random.below(6) {
            0 => Ok(json!({"error": true})),
            1 => Err(functions::Error::Throttled(functions::Throttle::Account)),
            2 if !records.is_empty() => {
                let bad = random.below(records.len() as u64) as usize;
                seen.take(&records[..bad]);
                Ok(json!({"failed": records[bad]["at"], "state": 1}))
            }
            _ => {
                seen.take(records);
                Ok(json!({"state": 1}))
            }
        }
    })
}

#[tokio::test]
async fn every_change_arrives_in_the_order_of_its_key_through_any_crash() {
    for seed in 0..60 {
        let random = Random::seeded(seed);
        let faults = Faults {
            conflict: 0.1,
            failed_sync: 0.0,
        };
        let simulation = Simulation::new(random.clone(), faults);
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000_000)));
        let seen = Seen::default();
        let mut world = World::open(simulation.open(), clock.clone(), &random);
        world.table("t").await;
        world.function("f").await;
        world
            .map(MappingSettings {
                batch: 1 + u32::try_from(random.below(5)).unwrap(),
                wait: Duration::from_secs(random.below(3)),
                lanes: 1 + u32::try_from(random.below(3)).unwrap(),
                bisect: random.chance(0.5),
                partial: true,
                tumbling: random.chance(0.3).then(|| Duration::from_secs(5)),
                ..settings()
            })
            .await;
        world.run(unreliable(&seen, &random));
        let mut written: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for n in 1..=40 {
            let key = format!("k{}", random.below(6));
            world.put(&key, n).await;
            written.entry(key).or_default().push(n);
            for _ in 0..random.below(30) {
                tokio::task::yield_now().await;
            }
            clock.advance(Duration::from_millis(random.below(700)));
            if random.chance(0.1) {
                // Whatever was under way is gone, and whatever was not yet durable, too.
                let (_, worker) = world.running.take().unwrap();
                worker.abort();
                let _ = worker.await;
                simulation.crash();
                world = World::open(simulation.open(), clock.clone(), &random);
                world.run(unreliable(&seen, &random));
            }
        }
        let all_there = || {
            written.iter().all(|(key, written)| {
                let seen: BTreeSet<u64> = seen.of(key).into_iter().collect();
                written.iter().all(|n| seen.contains(n))
            })
        };
        for _ in 0..400 {
            if all_there() {
                break;
            }
            world.pass(1).await;
        }
        for (key, written) in &written {
            let mut known = BTreeSet::new();
            let first: Vec<u64> = seen
                .of(key)
                .into_iter()
                .filter(|n| known.insert(*n))
                .collect();
            assert_eq!(&first, written, "seed {seed}, key {key}");
        }
        world.stop().await;
    }
}

#[tokio::test]
async fn windows_add_up_what_happened_in_them() {
    let mut world = World::new().await;
    let sums = Arc::new(Mutex::new(Vec::new()));
    world
        .map(MappingSettings {
            tumbling: Some(Duration::from_secs(10)),
            batch: 1,
            ..settings()
        })
        .await;
    let told = sums.clone();
    world.run(Arc::new(move |batch| {
        let state = batch["window"]["state"].as_u64().unwrap();
        if batch["window"]["final"] == true {
            told.lock().unwrap().push(state);
            return Ok(json!({}));
        }
        let records = batch["records"].as_array().unwrap();
        let sum: u64 = records.iter().map(|r| r["n"].as_u64().unwrap()).sum();
        Ok(json!({"state": state + sum}))
    }));
    for second in 0..20 {
        world.put("a", second).await;
        world.pass(1).await;
    }
    world.pass(5).await;
    let of = |seconds: std::ops::Range<u64>| seconds.sum::<u64>();
    assert_eq!(*sums.lock().unwrap(), [of(0..10), of(10..20)]);
}
