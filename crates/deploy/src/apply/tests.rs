use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::{ByteSize, Clock, ManualClock, Random, Space, Timestamp};
use bytes::Bytes;
use functions::{
    CallFacts, CodeSource, Dialect, Event, Failed, Fault, Function, Functions, InstanceFacts,
    Launcher, Moment,
};
use ledger::{Ledger, Limits, Phases};
use objects::{
    ChangeKind, Condition, Deletion, Metadata, NewBucket, Objects, Origin, Put, Versioning,
};
use store::Store;
use tables::{Alteration, Item, KeyType, NewTable, Tables, Throughput};
use triggers::{Destination, EventKind, Target, Triggers};

use super::*;
use crate::{Engines, Overrides};

mod exports;
mod made_buckets;
mod made_tables;
mod publishing;

/// Nothing runs here, so nobody asks it anything.
struct Mute;

impl Dialect for Mute {
    fn log_group(&self, function: &Function) -> String {
        function.name.clone()
    }
    fn log_stream(&self, _: Timestamp, _: Option<u64>, unique: u128) -> String {
        unique.to_string()
    }
    fn environment(&self, _: &InstanceFacts<'_>) -> Vec<(String, String)> {
        Vec::new()
    }
    fn render(&self, _: &Event) -> Bytes {
        Bytes::new()
    }
    fn invoked_name(&self, function: &Function, _: Option<&str>) -> String {
        function.name.clone()
    }
    fn trace(&self, _: Timestamp, _: [u8; 20]) -> String {
        String::new()
    }
    fn fault(&self, request_id: &str, _: &Fault) -> Failed {
        self.reported(Bytes::new(), Some(request_id))
    }
    fn reported(&self, payload: Bytes, kind: Option<&str>) -> Failed {
        Failed {
            kind: kind.unwrap_or_default().into(),
            message: String::new(),
            payload,
        }
    }
    fn log_lines(&self, _: &CallFacts<'_>, _: &Moment<'_>) -> Vec<String> {
        Vec::new()
    }
    fn account(&self, _: &Function) -> String {
        String::new()
    }
    fn version_name(&self, _: Option<u64>) -> String {
        String::new()
    }
    fn billed_ms(&self, _: &Phases) -> u64 {
        0
    }
}

mod customs;

struct World {
    clock: ManualClock,
    deployer: Deployer,
    engines: Engines,
    space: Space,
    dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("src")).unwrap();
        std::fs::write(dir.path().join("src/index.js"), "exports.handler = 1").unwrap();
        let manual = ManualClock::new(Timestamp::from_secs(1));
        let clock: Arc<dyn Clock> = Arc::new(manual.clone());
        let random = Random::seeded(1);
        let store = Store::ephemeral(random.clone());
        let objects = Objects::new(store.clone(), clock.clone(), random.clone());
        let functions = Functions::open(functions::Parts {
            store: store.clone(),
            ledger: Ledger::new(store.clone(), Limits::default()),
            launcher: Launcher::new(|_, _| async {
                Err(functions::NotLaunched::Host("nothing runs here".into()))
            }),
            dialects: functions::Dialects::new(Arc::new(Mute)),
            clock: clock.clone(),
            random: random.clone(),
            code_dir: dir.path().join("code"),
            config: functions::Config::default(),
        })
        .unwrap();
        let tables = Tables::new(store.clone(), clock.clone(), random.clone());
        let topics = topics::Topics::new(store.clone(), clock.clone(), random.clone());
        let queues = queues::Queues::new(store.clone(), clock.clone(), random.clone());
        let engines = Engines {
            buses: buses::Buses::new(store.clone(), clock.clone(), random.clone()),
            queues: queues.clone(),
            schedules: schedules::Schedules::new(store.clone(), clock.clone(), random.clone()),
            triggers: Triggers::new(triggers::Parts {
                schedules: schedules::Schedules::new(store.clone(), clock.clone(), random.clone()),
                buses: buses::Buses::new(store.clone(), clock.clone(), random.clone()),
                topics: topics.clone(),
                wording: std::sync::Arc::new(triggers::Bare),
                store: store.clone(),
                objects: objects.clone(),
                tables: tables.clone(),
                queues,
                functions: functions.clone(),
                clock: clock.clone(),
                random: random.clone(),
            }),
            tables,
            objects,
            functions,
            topics,
            store,
            packages: runtimes::Packages::of_server(dir.path()),
        };
        let deployer = Deployer::new(engines.clone(), clock, random, "000000000000", "us-east-1");
        Self {
            clock: manual,
            deployer,
            engines,
            space: Space::new("000000000000/us-east-1"),
            dir,
        }
    }

    fn template(&self, text: &str) -> Template {
        let overrides = Overrides {
            stack: Some("shop".into()),
            ..Overrides::default()
        };
        let file: PathBuf = self.dir.path().join("template.yaml");
        Template::parse(&file, text.to_owned(), overrides).unwrap()
    }

    /// Deploys, and tells what was done.
    async fn deploy(&self, text: &str) -> Vec<String> {
        let applied = self.deployer.deploy(&self.template(text)).await.unwrap();
        let changes = applied.changes.iter();
        changes
            .map(|step| format!("{} {} {}", step.action, step.noun, step.name))
            .collect()
    }

    /// What a deployment that is refused, or fails, says.
    async fn refusal(&self, text: &str) -> String {
        let refused = self.deployer.deploy(&self.template(text)).await;
        refused.unwrap_err().to_string()
    }

    fn table(&self, name: &str) -> Option<tables::Table> {
        match self.engines.tables.describe(&self.space, name) {
            Ok(description) => Some(description.table),
            Err(tables::Error::NoSuchTable(_)) => None,
            Err(error) => panic!("{error}"),
        }
    }

    fn to_function(&self, name: &str) -> Destination {
        Destination::Function(Target {
            space: self.space.clone(),
            function: name.into(),
            qualifier: None,
        })
    }

    fn function(&self, name: &str) -> Function {
        self.engines.functions.get(&self.space, name).unwrap()
    }
}

const SHOP: &str = r"
Transform: AWS::Serverless-2016-10-31
Resources:
  B: {Type: AWS::S3::Bucket, Properties: {BucketName: uploads}}
  F:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: resize
      Runtime: nodejs22.x
      Handler: index.handler
      CodeUri: src
      Timeout: 60
      MemorySize: 1024
      Environment: {Variables: {TABLE: photos}}
      EventInvokeConfig: {MaximumRetryAttempts: 1}
      ReservedConcurrentExecutions: 5
      Tags: {team: photos}
      Events:
        Put:
          Type: S3
          Properties:
            Bucket: !Ref B
            Events: s3:ObjectCreated:*
            Filter: {S3Key: {Rules: [{Name: suffix, Value: .jpg}]}}
Outputs:
  Bucket: {Value: !Ref B}
";

#[tokio::test]
async fn what_is_asked_for_is_there() {
    let world = World::new();
    assert_eq!(
        world.deploy(SHOP).await,
        [
            "create bucket uploads",
            "create function resize",
            "create notification uploads",
        ]
    );
    assert!(
        world
            .engines
            .objects
            .bucket("uploads")
            .unwrap()
            .watched
            .is_some()
    );
    let function = world.function("resize");
    assert_eq!(function.configuration.timeout, Duration::from_secs(60));
    assert_eq!(function.configuration.memory, ByteSize::mib(1024));
    assert_eq!(function.configuration.variable("TABLE"), Some("photos"));
    assert_eq!(function.asynchronous.retries, Some(1));
    assert_eq!(function.asynchronous.max_age, None);
    assert_eq!(function.reserved_concurrency, Some(5));
    assert_eq!(function.tags["team"], "photos");
    assert_eq!(
        function.code.source,
        CodeSource::Directory(world.dir.path().join("src"))
    );
    let bindings = world.engines.triggers.bucket_bindings("uploads").unwrap();
    assert_eq!(bindings.len(), 1);
    assert_eq!(bindings[0].target, world.to_function("resize"));
    assert_eq!(bindings[0].kinds, [EventKind::Created]);
    assert_eq!(bindings[0].suffix, ".jpg");
    let stacks = world.deployer.stacks().unwrap();
    assert_eq!(stacks[0].name, "shop");
    assert_eq!(stacks[0].outputs[0].value, "uploads");
    assert_eq!(stacks[0].resources.len(), 3);
}

#[tokio::test]
async fn a_second_time_does_nothing_and_a_change_only_itself() {
    let world = World::new();
    world.deploy(SHOP).await;
    let before = world.function("resize");
    assert!(world.deploy(SHOP).await.is_empty());
    assert_eq!(world.function("resize"), before);
    let slower = SHOP
        .replace("Timeout: 60", "Timeout: 61")
        .replace("ReservedConcurrentExecutions: 5", "");
    assert_eq!(world.deploy(&slower).await, ["update function resize"]);
    let after = world.function("resize");
    assert_eq!(after.configuration.timeout, Duration::from_secs(61));
    assert_eq!(after.reserved_concurrency, None);
    assert_eq!(after.created, before.created);
    let unbound = &slower[..slower.find("      Events:").unwrap()];
    assert_eq!(world.deploy(unbound).await, ["remove notification uploads"]);
    assert!(
        world
            .engines
            .triggers
            .bucket_bindings("uploads")
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn inline_code_becomes_a_package() {
    let world = World::new();
    world
        .deploy(&SHOP.replace("CodeUri: src", "InlineCode: exports.handler = 2"))
        .await;
    let package = world
        .engines
        .functions
        .package(&world.function("resize"))
        .await
        .unwrap();
    assert!(package.is_some());
    let zipped = crate::engines::zipped([("index.js", "exports.handler = 2")]);
    assert_eq!(package.unwrap().len(), zipped.len() as u64);
    let python = SHOP
        .replace("CodeUri: src", "InlineCode: exports.handler = 2")
        .replace("nodejs22.x", "python3.12");
    world.deploy(&python).await;
    let function = world.function("resize");
    let package = world
        .engines
        .functions
        .package(&function)
        .await
        .unwrap()
        .unwrap();
    let bytes = package.read_at(0, package.len()).await.unwrap();
    assert_eq!(
        bytes,
        crate::engines::zipped([("index.py", "exports.handler = 2")])
    );
}

#[tokio::test]
async fn changed_code_is_reloaded_and_only_that() {
    let world = World::new();
    world.deploy(SHOP).await;
    let names = BTreeSet::from(["resize".to_owned(), "gone".to_owned()]);
    assert!(world.deployer.reload(&names).await.unwrap().is_empty());
    let before = world.function("resize").generation;
    std::fs::write(world.dir.path().join("src/more.js"), "1").unwrap();
    assert_eq!(world.deployer.reload(&names).await.unwrap(), ["resize"]);
    let reloaded = world.function("resize").generation;
    assert_ne!(reloaded, before);
    std::fs::write(world.dir.path().join("src/more.js"), "22").unwrap();
    world.deploy(SHOP).await;
    assert_ne!(world.function("resize").generation, reloaded);
}

#[tokio::test]
async fn a_stack_goes_as_a_whole_but_for_a_full_bucket() {
    let world = World::new();
    world.deploy(SHOP).await;
    put_object(&world, "uploads", "a.jpg").await;
    let plan = world.deployer.destroy("shop").await.unwrap();
    assert_eq!(plan.changes().count(), 2);
    assert!(world.engines.objects.bucket("uploads").is_ok());
    assert!(world.engines.functions.get(&world.space, "resize").is_err());
    // It is the stack's own still, so the next deployment takes it again.
    assert_eq!(world.deploy(SHOP).await[0], "update bucket uploads");
    delete_object(&world, "uploads", "a.jpg").await;
    world.deployer.destroy("shop").await.unwrap();
    assert!(world.engines.objects.bucket("uploads").is_err());
    assert!(world.deployer.stacks().unwrap().is_empty());
    let gone = world.deployer.destroy("shop").await;
    assert!(matches!(gone, Err(Error::NoSuchStack(_))));
}

#[tokio::test]
async fn nothing_is_made_when_a_name_is_taken_or_a_template_is_wrong() {
    let world = World::new();
    let other = NewBucket {
        name: "uploads".into(),
        space: Space::new("other"),
        tags: BTreeMap::new(),
        versioning: Versioning::Never,
    };
    world.engines.objects.create_bucket(other).await.unwrap();
    let refused = world
        .deployer
        .deploy(&world.template(SHOP))
        .await
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("there is a bucket `uploads` already"),
        "{refused}"
    );
    let wrong = SHOP.replace("Timeout: 60", "Timeout: 6000");
    let refused = world
        .deployer
        .deploy(&world.template(&wrong))
        .await
        .unwrap_err();
    assert!(matches!(refused, Error::Refused(_)));
    assert!(world.engines.functions.get(&world.space, "resize").is_err());
    assert!(world.deployer.stacks().unwrap().is_empty());
}

#[tokio::test]
async fn a_step_that_fails_leaves_what_was_done_and_the_next_goes_on() {
    let world = World::new();
    let archive = world.dir.path().join("code.zip");
    std::fs::write(&archive, "no archive").unwrap();
    let text = SHOP.replace("CodeUri: src", "CodeUri: code.zip");
    let error = world
        .deployer
        .deploy(&world.template(&text))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("cannot create the function resize: "),
        "{error}"
    );
    assert!(error.hint().is_some());
    assert!(world.engines.objects.bucket("uploads").is_ok());
    std::fs::write(&archive, crate::engines::zipped([("index.js", "1")])).unwrap();
    assert_eq!(
        world.deploy(&text).await,
        ["create function resize", "create notification uploads"]
    );
    std::fs::write(&archive, crate::engines::zipped([("index.js", "2")])).unwrap();
    assert_eq!(world.deploy(&text).await, ["update function resize"]);
}

/// Wherever a deployment breaks off, the next one finishes it.
#[tokio::test]
async fn an_interrupted_deployment_is_finished_by_the_next() {
    let mut finished = 0_usize;
    // The last is never interrupted: looking at folders waits for a disk, which no number of polls is sure to outlast.
    let often = (0..40).chain((40..400).step_by(20)).chain([usize::MAX]);
    let most = often.clone().count();
    for polls in often {
        let world = World::new();
        let template = world.template(SHOP);
        finished += usize::from(interrupted(&world, &template, polls).await);
        world.deploy(SHOP).await;
        let wanted = ["renamed", "other-bucket"];
        let renamed = SHOP
            .replace("FunctionName: resize", "FunctionName: renamed")
            .replace("BucketName: uploads", "BucketName: other-bucket");
        interrupted(&world, &world.template(&renamed), polls).await;
        world.deploy(&renamed).await;
        assert!(world.deploy(&renamed).await.is_empty());
        assert_eq!(world.function(wanted[0]).asynchronous.retries, Some(1));
        assert!(
            world
                .engines
                .objects
                .bucket(wanted[1])
                .unwrap()
                .watched
                .is_some()
        );
        let bound = world.engines.triggers.bucket_bindings(wanted[1]).unwrap();
        assert_eq!(bound[0].target, world.to_function(wanted[0]));
        assert!(
            world.engines.objects.bucket("uploads").is_err(),
            "after {polls} polls"
        );
        let old = world.engines.functions.get(&world.space, "resize");
        assert!(old.is_err(), "after {polls} polls");
    }
    // How many polls it takes is the disk's affair, but more than these few in any case.
    assert!(
        (1..most - 3).contains(&finished),
        "some must finish and some not: {finished} of {most}"
    );
}

/// Says whether it came to its end all the same.
async fn interrupted(world: &World, template: &Template, polls: usize) -> bool {
    let counting = async {
        for _ in 0..polls {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = counting => false,
        deployed = world.deployer.deploy(template) => deployed.is_ok(),
    }
}

#[tokio::test]
async fn of_two_plans_of_the_same_state_one_counts() {
    let world = World::new();
    let template = world.template(SHOP);
    let context = world.deployer.context("shop").unwrap();
    let desired = template.resolve(&context).unwrap();
    let first = world.deployer.plan(&desired, &context).unwrap();
    let second = first.clone();
    world.deployer.apply(&first).await.unwrap();
    let late = world.deployer.apply(&second).await;
    assert!(matches!(late, Err(Error::Overtaken(_))));
}

#[tokio::test]
async fn generated_names_stay_the_same_over_deployments() {
    let world = World::new();
    let text = SHOP.replace("Properties: {BucketName: uploads}", "Properties: {}");
    world.deploy(&text).await;
    assert!(world.deploy(&text).await.is_empty());
    let bucket = &world.deployer.stacks().unwrap()[0].outputs[0].value;
    assert!(bucket.starts_with("shop-b-"), "{bucket}");
    // Another server draws another suffix.
    let plan = |world: &World| world.deployer.context("other").unwrap().suffix;
    assert_ne!(plan(&world), plan(&world));
}

async fn put_object(world: &World, bucket: &str, key: &str) {
    let objects = &world.engines.objects;
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
    objects.put(put, objects.receive(&[]).end()).await.unwrap();
}

async fn delete_object(world: &World, bucket: &str, key: &str) {
    let objects = &world.engines.objects;
    let deletion = Deletion {
        key: key.into(),
        ..Deletion::default()
    };
    let deleted = objects.delete(bucket, deletion, Origin::default());
    deleted.await.unwrap();
}

/// Between a plan and its application there is time, and others make buckets and tables too.
#[tokio::test]
async fn what_appears_between_the_plan_and_its_application_is_not_adopted() {
    const BUCKET: &str = "Resources: {R: {Type: AWS::S3::Bucket, Properties: {BucketName: mine}}}";
    const TABLE: &str = "
Transform: AWS::Serverless-2016-10-31
Resources:
  R: {Type: AWS::Serverless::SimpleTable, Properties: {TableName: mine}}
";
    const FUNCTION: &str = "
Transform: AWS::Serverless-2016-10-31
Resources:
  R:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: mine, Runtime: nodejs22.x, Handler: index.handler, CodeUri: src}
";
    for text in [BUCKET, TABLE, FUNCTION] {
        let world = World::new();
        let template = world.template(text);
        let context = world.deployer.context("shop").unwrap();
        let desired = template.resolve(&context).unwrap();
        let plan = world.deployer.plan(&desired, &context).unwrap();
        let kind = &desired.resources[0].kind;
        assert!(world.deployer.put(kind, true).await.unwrap());
        let refused = world.deployer.apply(&plan).await.unwrap_err();
        assert_eq!(refused.kind(), base::ErrorKind::Conflict);
        assert!(
            world.refusal(text).await.contains("already"),
            "it is still somebody else's"
        );
        world.deployer.destroy("shop").await.unwrap();
        assert!(
            !world.deployer.put(kind, true).await.unwrap(),
            "nor was it removed with the stack"
        );
    }
}

const PUBLISHED: &str = r#"Transform: AWS::Serverless-2016-10-31
Resources:
  Words:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: words, LayerName: words}
  F:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: f
      CodeUri: src
      Handler: index.handler
      Runtime: nodejs20.x
      AutoPublishAlias: live
      ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 2}
      EventInvokeConfig: {MaximumRetryAttempts: 1}
      Layers: [!Ref Words]
  G:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: g, CodeUri: src, Handler: index.handler, Runtime: nodejs20.x}
  One:
    Type: AWS::Lambda::Version
    Properties: {FunctionName: !Ref G}
  Stable:
    Type: AWS::Lambda::Alias
    Properties: {FunctionName: !Ref G, FunctionVersion: !GetAtt One.Version, Name: stable}
"#;

#[tokio::test]
async fn what_is_published_follows_the_code_and_goes_with_the_stack() {
    let world = World::new();
    let words = world.dir.path().join("words");
    std::fs::create_dir(&words).unwrap();
    std::fs::write(words.join("a"), "1").unwrap();
    world.deploy(PUBLISHED).await;
    let functions = &world.engines.functions;
    let live = || functions.alias(&world.space, "f", "live").unwrap();
    assert_eq!(live().version, Some(1));
    assert_eq!(live().provisioned.map(|is| is.instances), Some(2));
    assert_eq!(live().asynchronous.retries, Some(1));
    let published = functions.resolve(&world.space, "f", Some("live")).unwrap();
    assert_eq!(published.configuration.layers[0].name, "words");
    assert!(matches!(published.code.source, CodeSource::Package(_)));
    let stable = || functions.alias(&world.space, "g", "stable").unwrap();
    assert_eq!(stable().version, Some(1));
    assert_eq!(
        world.deploy(PUBLISHED).await,
        [""; 0],
        "all is as it should be"
    );

    let code = world.dir.path().join("src/index.js");
    std::fs::write(&code, "exports.handler = 2; // longer").unwrap();
    world.deploy(PUBLISHED).await;
    assert_eq!(live().version, Some(2));
    assert_eq!(stable().version, Some(1), "a version is published once");
    let other = PUBLISHED.replace("LayerName: words", "LayerName: words, Description: changed");
    world.deploy(&other).await;
    assert_eq!(
        functions
            .layer_versions(&world.space, "words")
            .unwrap()
            .len(),
        2
    );
    let latest = functions.get(&world.space, "f").unwrap();
    assert_eq!(latest.configuration.layers[0].version, 2);

    let without = PUBLISHED.split("  One:").next().unwrap();
    world.deploy(without).await;
    assert!(functions.alias(&world.space, "g", "stable").is_err());
    assert!(functions.resolve(&world.space, "g", Some("1")).is_err());
    world.deployer.destroy("shop").await.unwrap();
    assert!(functions.list(&world.space, None, 10).unwrap().is_empty());
    assert!(functions.layers(&world.space).unwrap().is_empty());
}

const TIMED: &str = r"
Resources:
  G: {Type: AWS::Scheduler::ScheduleGroup, Properties: {Name: team, Tags: [{Key: a, Value: b}]}}
  S:
    Type: AWS::Scheduler::Schedule
    Properties:
      Name: hourly
      GroupName: !Ref G
      ScheduleExpression: rate(1 hour)
      FlexibleTimeWindow: {Mode: 'OFF'}
      Target: {Arn: 'arn:aws:sqs:us-east-1:000000000000:q', RoleArn: 'arn:aws:iam::000000000000:role/r'}
";

#[tokio::test]
async fn a_schedule_is_made_changed_moved_and_removed() {
    let world = World::new();
    let schedules = &world.engines.schedules;
    let get = |group: &str| schedules.get(&world.space, group, "hourly");
    assert_eq!(
        world.deploy(TIMED).await,
        ["create schedule group team", "create schedule team|hourly"]
    );
    assert_eq!(get("team").unwrap().settings.expression, "rate(1 hour)");
    assert!(world.deploy(TIMED).await.is_empty());
    let slower = TIMED
        .replace("rate(1 hour)", "rate(2 hours)")
        .replace("Key: a", "Key: c");
    assert_eq!(
        world.deploy(&slower).await,
        ["update schedule group team", "update schedule team|hourly"]
    );
    assert_eq!(get("team").unwrap().settings.expression, "rate(2 hours)");
    let tags = schedules.group(&world.space, "team").await.unwrap().tags;
    assert_eq!(tags.into_keys().collect::<Vec<_>>(), ["c"]);
    let moved = slower.replace("GroupName: !Ref G", "Description: d");
    assert_eq!(
        world.deploy(&moved).await,
        [
            "replace schedule default|hourly",
            "remove schedule team|hourly"
        ]
    );
    assert!(get("team").is_err());
    schedules
        .delete(&world.space, "default", "hourly")
        .await
        .unwrap();
    assert_eq!(
        world.deploy(&moved).await,
        ["create schedule default|hourly"]
    );
    let bare = "Resources:\n  B: {Type: AWS::S3::Bucket, Properties: {BucketName: uploads}}\n";
    assert_eq!(
        world.deploy(bare).await,
        [
            "create bucket uploads",
            "remove schedule default|hourly",
            "remove schedule group team"
        ]
    );
    assert!(!schedules.has_group(&world.space, "team").unwrap());
}

const LINES: &str = r"
Resources:
  L:
    Type: AWS::Logs::LogGroup
    Properties: {LogGroupName: /own/group, RetentionInDays: 7, Tags: [{Key: a, Value: b}]}
";

#[tokio::test]
async fn a_log_group_has_what_is_said_of_it_and_goes_with_its_lines() {
    let world = World::new();
    let ledger = world.engines.functions.ledger();
    let group = ledger::Group {
        space: world.space.clone(),
        name: "/own/group".into(),
    };
    let line = ledger::Line {
        at: Timestamp::from_secs(1),
        text: "printed before".into(),
    };
    let printed = ledger.append(&group, "s", "f", vec![line]);
    printed.await.unwrap();
    // What came to be when somebody printed belongs to nobody's stack, as in the cloud.
    let refused = world.deployer.deploy(&world.template(LINES)).await;
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("there is a log group `/own/group` already"),
        "{refused}"
    );
    ledger.delete_group(&group).await.unwrap();
    assert_eq!(world.deploy(LINES).await, ["create log group /own/group"]);
    let settings = ledger.settings(&group).unwrap();
    assert_eq!(settings.days, Some(7));
    assert_eq!(settings.tags.into_keys().collect::<Vec<_>>(), ["a"]);
    assert!(world.deploy(LINES).await.is_empty());
    let longer = LINES.replace(": 7", ": 14");
    assert_eq!(world.deploy(&longer).await, ["update log group /own/group"]);
    assert_eq!(ledger.settings(&group).unwrap().days, Some(14));
    world.deployer.destroy("shop").await.unwrap();
    assert!(ledger.group(&group).unwrap().is_none());
    assert!(ledger.newest_lines(&group, 9).unwrap().is_empty());
}

#[tokio::test]
async fn a_schedule_of_somebody_else_is_left_alone() {
    let world = World::new();
    world.deploy(TIMED).await;
    let other = TIMED.replace("  G:", "  H:").replace("!Ref G", "team");
    let without = other.replace(
        "  H: {Type: AWS::Scheduler::ScheduleGroup, Properties: {Name: team, Tags: [{Key: a, Value: b}]}}\n",
        "",
    );
    let overrides = Overrides {
        stack: Some("other".into()),
        ..Overrides::default()
    };
    let file: PathBuf = world.dir.path().join("template.yaml");
    let template = Template::parse(&file, without, overrides).unwrap();
    let refused = world.deployer.deploy(&template).await.unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("there is a schedule `team|hourly` already"),
        "{refused}"
    );
}

#[tokio::test]
async fn what_is_on_a_bus_outside_the_template_needs_that_bus_before_anything_is_made() {
    let world = World::new();
    let text = "Resources:
  Q: {Type: AWS::SQS::Queue, Properties: {QueueName: q}}
  R:
    Type: AWS::Events::Rule
    Properties: {EventBusName: theirs, EventPattern: {source: [a]}, Targets: [{Id: q, Arn: !GetAtt Q.Arn}]}
";
    let refused = world.refusal(text).await;
    assert!(
        refused.contains("template.yaml:3:3") && refused.contains("there is no bus `theirs`"),
        "{refused}"
    );
    assert!(world.deployer.stacks().unwrap().is_empty());
    let theirs = world.engines.buses.create(
        &world.space,
        "theirs",
        buses::BusChange::default(),
        std::collections::BTreeMap::new(),
    );
    theirs.await.unwrap();
    let made = world.deploy(text).await;
    assert_eq!(made.len(), 2, "{made:?}");
}
