//! Versions, aliases, layers and provisioned instances.

use std::time::Duration;

use base::ErrorKind;
use tokio_util::sync::CancellationToken;

use super::fake::{World, package, space};
use crate::{
    AliasChange, AsyncSettings, Error, NewAlias, NewCode, Permission, ProvisioningState, Publish,
    PublishLayer, Throttle, UsedLayer,
};

static HERE: std::sync::LazyLock<base::Space> = std::sync::LazyLock::new(space);

fn text(outcome: &crate::Outcome) -> String {
    String::from_utf8(outcome.result.as_ref().unwrap().to_vec()).unwrap()
}

fn alias(name: &str, version: Option<u64>, other: Option<(u64, f64)>) -> NewAlias {
    NewAlias {
        name: name.into(),
        version,
        other,
        description: String::new(),
    }
}

impl World {
    async fn publish(&self) -> u64 {
        let plain = Publish::default();
        let published = self.functions.publish(&HERE, "f", &plain);
        published.await.unwrap().version.unwrap()
    }

    /// Other code, which a version can be told by.
    async fn change(&self, code: &[u8]) {
        let code = NewCode::Package(package("index.js", code));
        let changed = self.functions.update_code(&HERE, "f", code.into());
        changed.await.unwrap();
    }

    fn run_provisioning(&self) -> CancellationToken {
        let (functions, stop) = (self.functions.clone(), CancellationToken::new());
        let stopped = stop.clone();
        tokio::spawn(async move { functions.run_provisioning(stopped).await.unwrap() });
        stop
    }

    fn is_ready(&self, qualifier: &str) -> bool {
        let found = self.functions.provisioning(&HERE, "f", qualifier);
        found.unwrap().state == ProvisioningState::Ready
    }
}

#[tokio::test]
async fn a_version_stays_what_it_was() {
    let world = World::new();
    world.deploy("code").await;
    assert_eq!(world.publish().await, 1);
    assert_eq!(world.publish().await, 1, "nothing has changed");
    world.change(b"new").await;
    assert_eq!(text(&world.invoke_at("1").await.unwrap()), "index.js=code");
    assert_eq!(text(&world.invoke("1").await.unwrap()), "index.js=new");
    assert_eq!(world.publish().await, 2);
    let outcome = world.invoke_at("2").await.unwrap();
    assert_eq!(
        (outcome.version, text(&outcome)),
        (Some(2), "index.js=new".into())
    );
    let records = world.caught_up().await.records();
    let mut recorded: Vec<_> = records.iter().map(|one| one.version).collect();
    recorded.sort();
    assert_eq!(recorded, [None, Some(1), Some(2)]);
    let error = world.invoke_at("3").await.unwrap_err();
    assert!(matches!(error, Error::NoSuchQualifier { .. }), "{error}");

    // A number is never given again.
    world.functions.delete_version(&HERE, "f", 2).await.unwrap();
    assert!(world.invoke_at("2").await.is_err());
    assert_eq!(world.publish().await, 3);
    // The code of a version outlives that of the newest, also after another start.
    world.change(b"newer").await;
    let restarted = world.restarted();
    restarted.functions.sweep_code().await.unwrap();
    assert_eq!(
        text(&restarted.invoke_at("1").await.unwrap()),
        "index.js=code"
    );
    assert_eq!(
        restarted
            .store
            .blobs()
            .reap(&restarted.store, 10)
            .await
            .unwrap(),
        0
    );

    world.functions.delete(&HERE, "f").await.unwrap();
    assert!(world.invoke_at("1").await.is_err());
    assert_eq!(world.functions.versions(&HERE, "f", None, 10).unwrap(), []);
    assert_eq!(world.store.blobs().reap(&world.store, 10).await.unwrap(), 3);
}

#[tokio::test]
async fn publishing_checks_what_the_caller_believes() {
    let world = World::new();
    let function = world.deploy("h").await;
    let publish = |publish: Publish| {
        let functions = world.functions.clone();
        async move { functions.publish(&HERE, "f", &publish).await }
    };
    let other = publish(Publish {
        sha256: Some([0; 32]),
        ..Publish::default()
    });
    assert!(matches!(other.await, Err(Error::OtherCode { .. })));
    let old = publish(Publish {
        revision: Some("old".into()),
        ..Publish::default()
    });
    assert!(matches!(old.await, Err(Error::RevisionMismatch(_))));
    let right = publish(Publish {
        sha256: Some(function.code.sha256),
        revision: Some(function.revision),
        description: Some("first".into()),
    });
    let published = right.await.unwrap();
    assert_eq!(published.configuration.description, "first");
    assert_eq!(world.publish().await, 1, "a description alone is no change");
}

#[tokio::test]
async fn a_folder_is_frozen_when_it_is_published() {
    let world = World::new();
    let folder = std::env::temp_dir().join(format!(
        "fulmar-folder-{}",
        world.functions.new_request_id()
    ));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("a"), "one").unwrap();
    world.deploy("code").await;
    let code = NewCode::Directory(folder.clone());
    world
        .functions
        .update_code(&HERE, "f", code.into())
        .await
        .unwrap();
    assert_eq!(world.publish().await, 1);
    assert_eq!(world.publish().await, 1);
    std::fs::write(folder.join("a"), "other").unwrap();
    assert!(world.functions.reload(&HERE, "f").await.unwrap());
    assert_eq!(text(&world.invoke_at("1").await.unwrap()), "a=one");
    assert_eq!(text(&world.invoke("1").await.unwrap()), "a=other");
    assert_eq!(world.publish().await, 2);
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(text(&world.invoke_at("2").await.unwrap()), "a=other");
}

#[tokio::test]
async fn an_alias_names_versions_and_can_be_moved() {
    let world = World::new();
    world.deploy("why").await;
    let create = |alias: NewAlias| world.functions.create_alias(&HERE, "f", alias);
    assert!(matches!(
        create(alias("live", Some(1), None)).await,
        Err(Error::NoSuchQualifier { .. })
    ));
    world.publish().await;
    world.change(b"new").await;
    world.publish().await;
    let live = create(alias("live", Some(1), None)).await.unwrap();
    let twice = create(alias("live", Some(1), None)).await;
    assert!(matches!(twice, Err(Error::AliasExists(_))));
    let outcome = world.invoke_at("live").await.unwrap();
    assert_eq!(text(&outcome), "Some(1) OnDemand");
    let error = world.functions.delete_version(&HERE, "f", 1).await;
    assert!(matches!(error, Err(Error::VersionInUse(names)) if names == ["live"]));

    let change = AliasChange {
        version: Some(Some(2)),
        ..AliasChange::default()
    };
    let update = |revision: Option<String>| {
        let (functions, change) = (world.functions.clone(), change.clone());
        async move {
            let revision = revision.as_deref();
            functions
                .update_alias(&HERE, "f", "live", revision, &change)
                .await
        }
    };
    assert!(matches!(
        update(Some("old".into())).await,
        Err(Error::RevisionMismatch(_))
    ));
    let moved = update(Some(live.revision)).await.unwrap();
    assert_eq!(moved.version, Some(2));
    assert_eq!(world.invoke_at("live").await.unwrap().version, Some(2));
    world.functions.delete_version(&HERE, "f", 1).await.unwrap();

    let settings = AsyncSettings {
        retries: Some(0),
        ..AsyncSettings::default()
    };
    let set = world
        .functions
        .set_asynchronous(&HERE, "f", Some("live"), settings);
    set.await.unwrap();
    let resolved = |qualifier| world.functions.resolve(&HERE, "f", qualifier).unwrap();
    assert_eq!(resolved(Some("live")).asynchronous.retries(), 0);
    assert_eq!(resolved(Some("2")).asynchronous.retries(), 2);
    assert_eq!(resolved(None).asynchronous.retries(), 2);
    let permission = Permission {
        id: "one".into(),
        statement: "{}".into(),
    };
    let add = world
        .functions
        .add_permission(&HERE, "f", Some("live"), None, permission);
    add.await.unwrap();
    let count = |qualifier| {
        world
            .functions
            .permissions(&HERE, "f", qualifier)
            .unwrap()
            .0
            .len()
    };
    assert_eq!(
        (count(Some("live")), count(Some("2")), count(None)),
        (1, 0, 0)
    );

    world
        .functions
        .delete_alias(&HERE, "f", "live")
        .await
        .unwrap();
    assert!(world.invoke_at("live").await.is_err());
}

#[tokio::test]
async fn an_alias_for_two_versions_shares_the_calls_out() {
    let world = World::new();
    world.deploy("why").await;
    world.publish().await;
    world.change(b"new").await;
    world.publish().await;
    let shared = alias("live", Some(1), Some((2, 0.25)));
    let created = world.functions.create_alias(&HERE, "f", shared);
    created.await.unwrap();
    let mut second = 0;
    for _ in 0..200 {
        second += u32::from(world.invoke_at("live").await.unwrap().version == Some(2));
    }
    assert!((30..70).contains(&second), "{second} of 200");
}

#[tokio::test]
async fn layers_are_laid_over_one_another_and_outlive_their_deletion() {
    let world = World::new();
    world.deploy("layers").await;
    assert_eq!(text(&world.invoke("1").await.unwrap()), "none");
    let publish = |name: &'static str, file: &'static str, content: &'static str| {
        let layer = PublishLayer {
            space: space(),
            name: name.into(),
            version: None,
            code: NewCode::Package(package(file, content.as_bytes())),
            description: String::new(),
            license: None,
            runtimes: Vec::new(),
            architectures: Vec::new(),
        };
        let functions = world.functions.clone();
        async move { functions.publish_layer(layer).await.unwrap() }
    };
    let below = publish("below", "same", "below").await;
    let above = publish("above", "same", "above").await;
    let other = publish("above", "own", "2").await;
    assert_eq!((below.version, above.version, other.version), (1, 1, 2));
    let newest: Vec<_> = world.functions.layers(&HERE).unwrap();
    let newest: Vec<_> = newest
        .iter()
        .map(|one| (one.name.as_str(), one.version))
        .collect();
    assert_eq!(newest, [("above", 2), ("below", 1)]);

    let using = |layers: &[&crate::LayerVersion]| {
        let layers: Vec<UsedLayer> = layers.iter().map(|&one| one.clone().into()).collect();
        let functions = world.functions.clone();
        async move {
            let edit = |configuration: &mut crate::Configuration| {
                configuration.layers.clone_from(&layers);
            };
            functions.update_configuration(&HERE, "f", None, edit).await
        }
    };
    using(&[&above]).await.unwrap();
    assert_eq!(text(&world.invoke("1").await.unwrap()), "same=above");
    using(&[&above, &below, &other]).await.unwrap();
    assert_eq!(text(&world.invoke("1").await.unwrap()), "own=2 same=below");
    using(&[&below, &above]).await.unwrap();
    assert_eq!(text(&world.invoke("1").await.unwrap()), "same=above");

    assert_eq!(world.publish().await, 1);
    world
        .functions
        .delete_layer(&HERE, "above", 1)
        .await
        .unwrap();
    using(&[]).await.unwrap();
    let error = using(&[&above]).await.unwrap_err();
    assert!(matches!(error, Error::NoSuchLayer { .. }), "{error}");
    let restarted = world.restarted();
    assert_eq!(text(&restarted.invoke_at("1").await.unwrap()), "same=above");
    assert_eq!(publish("above", "own", "3").await.version, 3);
    world.functions.delete(&HERE, "f").await.unwrap();
    assert_eq!(world.store.blobs().reap(&world.store, 10).await.unwrap(), 2);
}

#[tokio::test]
async fn code_that_is_too_large_with_its_layers_is_refused() {
    let world = World::new();
    world.deploy("layers").await;
    let mut layers = Vec::new();
    for name in ["a", "b"] {
        let layer = PublishLayer {
            space: space(),
            name: name.into(),
            version: None,
            code: NewCode::Package(package("large", &vec![0; 130 << 20])),
            description: String::new(),
            license: None,
            runtimes: Vec::new(),
            architectures: Vec::new(),
        };
        layers.push(UsedLayer::from(
            world.functions.publish_layer(layer).await.unwrap(),
        ));
    }
    let edit = |configuration: &mut crate::Configuration| configuration.layers.clone_from(&layers);
    let error = world
        .functions
        .update_configuration(&HERE, "f", None, edit)
        .await;
    assert!(matches!(error, Err(Error::LayersTooLarge { .. })));
}

#[tokio::test]
async fn provisioned_instances_are_there_before_a_call_comes() {
    let world = World::new();
    world.deploy("why").await;
    world.publish().await;
    let functions = &world.functions;
    let here = space();
    let newest = functions.provision(&here, "f", None, 1).await.unwrap_err();
    assert!(matches!(newest, Error::ProvisionsNewest));
    let begun = functions.provision(&here, "f", Some("1"), 2).await.unwrap();
    assert_eq!(
        (begun.ready, begun.state),
        (0, ProvisioningState::InProgress)
    );
    let stop = world.run_provisioning();
    world
        .until("two are ready", |world| world.is_ready("1"))
        .await;
    assert_eq!(world.stage.launches(), 2);
    assert_eq!(functions.unreserved_concurrency(&here), 998);
    let outcome = world.invoke_at("1").await.unwrap();
    assert_eq!(text(&outcome), "Some(1) Provisioned");
    let record = world.caught_up().await.records().remove(0);
    assert!(record.phases.init.is_none());
    assert_eq!(
        world.stage.launches(),
        2,
        "nothing was started for the call"
    );

    // They do not retire for being idle; too old ones are replaced.
    let retirement = {
        let (functions, stop) = (functions.clone(), stop.clone());
        tokio::spawn(async move { functions.run_retirement(stop).await.unwrap() })
    };
    world.settle().await;
    world.clock.advance(Duration::from_secs(3_600));
    world.settle().await;
    assert_eq!((world.stage.launches(), world.is_ready("1")), (2, true));
    world.clock.advance(Duration::from_secs(6 * 3_600));
    world
        .seconds_until("both are replaced", |world| {
            world.stage.launches() == 4 && world.is_ready("1")
        })
        .await;

    // Another start of the server restores them.
    let restarted = world.restarted();
    let stop_too = restarted.run_provisioning();
    restarted
        .until("they are back", |world| world.is_ready("1"))
        .await;
    stop_too.cancel();
    restarted.functions.shutdown().await;

    functions.provision(&here, "f", Some("1"), 1).await.unwrap();
    world
        .until("one is left", |world| {
            world.stage.alive.load(std::sync::atomic::Ordering::SeqCst) == 1
        })
        .await;
    functions.unprovision(&here, "f", "1").await.unwrap();
    world
        .until("none is left", |world| {
            world.stage.alive.load(std::sync::atomic::Ordering::SeqCst) == 0
        })
        .await;
    let error = functions.provisioning(&here, "f", "1").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Missing);
    stop.cancel();
    retirement.await.unwrap();
}

#[tokio::test]
async fn what_is_more_than_provisioned_runs_on_demand() {
    let world = World::new();
    world.deploy("wait").await;
    world.publish().await;
    let provisioned = world.functions.provision(&HERE, "f", Some("1"), 1);
    provisioned.await.unwrap();
    let stop = world.run_provisioning();
    world
        .until("it is ready", |world| world.is_ready("1"))
        .await;
    let world = std::sync::Arc::new(world);
    let calls: Vec<_> = (0..3)
        .map(|_| {
            let world = world.clone();
            tokio::spawn(async move { world.invoke_at("1").await })
        })
        .collect();
    world
        .until("all run", |world| world.stage.running() == 3)
        .await;
    assert_eq!(world.stage.launches(), 3);
    for _ in 0..3 {
        world.stage.go.notify_one();
        world.settle().await;
    }
    for call in calls {
        call.await.unwrap().unwrap();
    }
    let cold = world
        .caught_up()
        .await
        .records()
        .iter()
        .filter(|one| one.phases.init.is_some())
        .count();
    assert_eq!(cold, 2);
    assert!(world.is_ready("1"));
    stop.cancel();
}

#[tokio::test]
async fn provisioning_by_alias_follows_it_and_excludes_the_version() {
    let world = World::new();
    world.deploy("why").await;
    world.publish().await;
    world.change(b"new").await;
    world.publish().await;
    let (functions, here) = (&world.functions, space());
    functions
        .create_alias(&here, "f", alias("live", Some(1), None))
        .await
        .unwrap();
    functions
        .provision(&here, "f", Some("live"), 4)
        .await
        .unwrap();
    let error = functions
        .provision(&here, "f", Some("1"), 1)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::AliasProvisioned));
    let stop = world.run_provisioning();
    world
        .until("all are ready", |world| world.is_ready("live"))
        .await;
    let change = AliasChange {
        other: Some(Some((2, 0.25))),
        ..AliasChange::default()
    };
    functions
        .update_alias(&here, "f", "live", None, &change)
        .await
        .unwrap();
    world
        .until("all are ready again", |world| world.is_ready("live"))
        .await;
    assert_eq!(world.stage.launches(), 5, "one more, of the other version");
    functions
        .provision(&here, "f", Some("2"), 1)
        .await
        .unwrap_err();
    functions.delete_alias(&here, "f", "live").await.unwrap();
    world
        .until("none is left", |world| {
            world.stage.alive.load(std::sync::atomic::Ordering::SeqCst) == 0
        })
        .await;
    functions.provision(&here, "f", Some("2"), 1).await.unwrap();
    functions
        .create_alias(&here, "f", alias("live", Some(2), None))
        .await
        .unwrap();
    let error = functions
        .provision(&here, "f", Some("live"), 1)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::VersionProvisioned));
    stop.cancel();
}

#[tokio::test]
async fn provisioning_that_fails_says_so_and_is_tried_again() {
    let world = World::new();
    world.deploy("init-error-once").await;
    world.publish().await;
    let (functions, here) = (&world.functions, space());
    functions.provision(&here, "f", Some("1"), 1).await.unwrap();
    let stop = world.run_provisioning();
    world
        .until("it has failed", |world| {
            let found = world.functions.provisioning(&HERE, "f", "1").unwrap();
            matches!(found.state, ProvisioningState::Failed(_))
        })
        .await;
    world.clock.advance(Duration::from_secs(61));
    world
        .until("it is ready", |world| world.is_ready("1"))
        .await;
    stop.cancel();
}

#[tokio::test]
async fn provisioning_stays_within_what_is_reserved() {
    let world = World::new();
    world.deploy("why").await;
    world.publish().await;
    let (functions, here) = (&world.functions, space());
    let too_much = functions
        .provision(&here, "f", Some("1"), 901)
        .await
        .unwrap_err();
    assert!(matches!(too_much, Error::ProvisionsTooMuch { least: 100 }));
    functions
        .reserve_concurrency(&here, "f", Some(5))
        .await
        .unwrap();
    let error = functions
        .provision(&here, "f", Some("1"), 6)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::ProvisionsMoreThanReserved(5)));
    functions.provision(&here, "f", Some("1"), 5).await.unwrap();
    let error = functions
        .reserve_concurrency(&here, "f", Some(4))
        .await
        .unwrap_err();
    assert!(matches!(
        error,
        Error::ReservesLessThanProvisioned {
            reserved: 4,
            provisioned: 5
        }
    ));
}

#[tokio::test]
async fn a_function_that_starts_too_many_instances_at_once_is_throttled() {
    let world = World::scaling(2);
    world.deploy("wait").await;
    let calls = [world.spawn("1"), world.spawn("2")];
    world
        .until("both run", |world| world.stage.running() == 2)
        .await;
    let error = world.invoke("3").await.unwrap_err();
    let scaling = Throttle::Scaling { reserved: false };
    assert!(
        matches!(error, Error::Throttled(throttle) if throttle == scaling),
        "{error}"
    );
    for call in calls {
        world.stage.go.notify_one();
        world.settle().await;
        drop(call);
    }
    world.clock.advance(Duration::from_secs(5));
    let call = world.spawn("4");
    world
        .until("it runs", |world| world.stage.running() > 0)
        .await;
    world.stage.go.notify_one();
    call.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_waits_for_an_alias_runs_its_version_with_its_settings() {
    let world = World::new();
    world.deploy("fail").await;
    world.publish().await;
    let (functions, here) = (&world.functions, space());
    functions
        .create_alias(&here, "f", alias("live", Some(1), None))
        .await
        .unwrap();
    let settings = AsyncSettings {
        retries: Some(0),
        ..AsyncSettings::default()
    };
    functions
        .set_asynchronous(&here, "f", Some("live"), settings)
        .await
        .unwrap();
    let job = crate::Job {
        request_id: functions.new_request_id(),
        space: here.clone(),
        function: "f".into(),
        qualifier: Some("live".into()),
        event: crate::Event::Raw("1".into()),
        trigger: "test".into(),
        client_context: None,
        trace: None,
    };
    functions.enqueue_alone(&job).await.unwrap();
    let stop = world.run_backlog();
    world
        .until("it has run", |world| !world.records().is_empty())
        .await;
    let record = world.records().remove(0);
    assert_eq!(record.version, Some(1));
    let settled = ledger::Settlement::RetriesExhausted;
    assert_eq!(
        record.settlement,
        Some(settled),
        "the alias allows no retry"
    );
    stop.cancel();
}

#[tokio::test]
async fn a_version_of_a_layer_may_have_its_number_from_whoever_publishes_it() {
    let world = World::new();
    let publish = async |version: Option<u64>, code: NewCode| {
        let layer = PublishLayer {
            space: space(),
            name: "numbered".into(),
            version,
            code,
            description: String::new(),
            license: None,
            runtimes: Vec::new(),
            architectures: Vec::new(),
        };
        world.functions.publish_layer(layer).await.unwrap()
    };
    let text = |content: &str| NewCode::Package(package("file", content.as_bytes()));
    let dir = std::env::temp_dir().join(format!("fulmar-layer-{}", base::Random::system().uuid()));
    std::fs::create_dir(&dir).unwrap();
    let folder = || NewCode::Directory(dir.clone());
    let first = publish(Some(7), text("one")).await;
    assert_eq!(first.version, 7);
    let second = publish(Some(7), folder()).await;
    assert_ne!(second.code, first.code);
    let again = publish(Some(7), folder()).await;
    assert_eq!(again.revision, second.revision, "it is the same");
    std::fs::remove_dir(&dir).unwrap();
    let there = world.functions.layer(&HERE, "numbered", 7).unwrap();
    assert_eq!(there.code, second.code);
    assert_eq!(publish(Some(3), text("three")).await.version, 3);
    assert_eq!(publish(None, text("next")).await.version, 8);
    // Nothing names the first content any more.
    assert_eq!(world.store.blobs().reap(&world.store, 10).await.unwrap(), 1);
}
