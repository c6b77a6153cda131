use std::collections::BTreeMap;

use super::fake::{World, configuration, package, space};
use crate::{Create, Error, NewCode, PackageError, Permission};

fn create(name: &str, code: NewCode) -> Create {
    Create {
        space: space(),
        name: name.into(),
        configuration: configuration("as-told"),
        code,
        tags: BTreeMap::new(),
    }
}

#[tokio::test]
async fn functions_are_created_listed_and_deleted() {
    let world = World::new();
    for name in ["b", "a", "c"] {
        world.deploy_as(name, "echo").await;
    }
    let again = create("a", NewCode::Package(package("x", b"y")));
    assert!(matches!(
        world.functions.create(again).await,
        Err(Error::Exists(_))
    ));
    let names = |after, limit| -> Vec<String> {
        let listed = world.functions.list(&space(), after, limit).unwrap();
        listed.into_iter().map(|function| function.name).collect()
    };
    assert_eq!(names(None, 2), ["a", "b"]);
    assert_eq!(names(Some("b"), 9), ["c"]);
    world.functions.delete(&space(), "b").await.unwrap();
    assert_eq!(names(None, 9), ["a", "c"]);
    assert!(matches!(
        world.functions.delete(&space(), "b").await,
        Err(Error::NoSuchFunction(_))
    ));
}

#[tokio::test]
async fn a_package_that_cannot_be_used_creates_nothing() {
    let world = World::new();
    let refused = world
        .functions
        .create(create("f", NewCode::Package("no zip".into())))
        .await;
    assert!(matches!(
        refused,
        Err(Error::Package(PackageError::Unreadable(_)))
    ));
    assert!(world.functions.list(&space(), None, 9).unwrap().is_empty());
}

#[tokio::test]
async fn new_code_replaces_instances_and_lets_what_runs_end() {
    let world = World::new();
    let old = world.deploy("as-told").await;
    let running = world.spawn("\"wait\"");
    world
        .until("it runs", |world| world.stage.running() == 1)
        .await;
    let code = NewCode::Package(package("index.js", b"new"));
    let new = world
        .functions
        .update_code(&space(), "f", code.into())
        .await
        .unwrap();
    assert_ne!(old.code.sha256, new.code.sha256);
    assert_ne!(old.revision, new.revision);
    let answer = world.invoke("\"which\"").await.unwrap().result.unwrap();
    assert_eq!(answer, "1/1", "it runs on a new instance");
    world.stage.go.notify_waiters();
    running.await.unwrap().unwrap().result.unwrap();
    let answer = world.invoke("\"which\"").await.unwrap().result.unwrap();
    assert_eq!(answer, "1/2", "the old one is not used again");
}

#[tokio::test]
async fn a_stale_revision_changes_nothing() {
    let world = World::new();
    let old = world.deploy("echo").await;
    let rename = |revision: String| {
        let functions = world.functions.clone();
        async move {
            functions
                .update_configuration(&space(), "f", Some(&revision), |configuration| {
                    configuration.description = "new".into();
                })
                .await
        }
    };
    rename(old.revision.clone()).await.unwrap();
    assert!(matches!(
        rename(old.revision).await,
        Err(Error::RevisionMismatch(_))
    ));
}

#[tokio::test]
async fn a_folder_is_run_where_it_is_and_reloaded_when_it_changes() {
    let world = World::new();
    let folder =
        std::env::temp_dir().join(format!("fulmar-live-{}", world.functions.new_request_id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("index.js"), "one").unwrap();
    let code = NewCode::Directory(folder.clone());
    world.functions.create(create("f", code)).await.unwrap();
    world.invoke("\"which\"").await.unwrap().result.unwrap();
    // A server may keep its data in there.
    let data = folder.join("data");
    std::fs::create_dir_all(&data).unwrap();
    runtimes::mark_data_folder(&data).unwrap();
    assert!(!world.functions.reload(&space(), "f").await.unwrap());
    let package = crate::code::pack(&folder).await.unwrap();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(package)).unwrap();
    assert_eq!(archive.len(), 1);
    assert!(archive.by_name("index.js").is_ok());
    assert_eq!(
        world.invoke("\"which\"").await.unwrap().result.unwrap(),
        "0/2"
    );
    std::fs::write(folder.join("index.js"), "three").unwrap();
    assert!(world.functions.reload(&space(), "f").await.unwrap());
    assert_eq!(
        world.invoke("\"which\"").await.unwrap().result.unwrap(),
        "1/1"
    );
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn code_that_somebody_removed_is_unpacked_again_and_unused_code_is_swept() {
    let world = World::new();
    world.deploy("echo").await;
    let function = world.functions.get(&space(), "f").unwrap();
    let (path, _hold) = world.functions.code_of(&function.code).await.unwrap();
    std::fs::remove_dir_all(&path).unwrap();
    world.invoke("1").await.unwrap().result.unwrap();
    assert!(path.join("index.js").is_file());
    world.functions.sweep_code().await.unwrap();
    assert!(path.is_dir());
    world.functions.delete(&space(), "f").await.unwrap();
    world.functions.sweep_code().await.unwrap();
    assert!(path.is_dir(), "it is held");
    drop(_hold);
    world.settle().await;
    world.functions.sweep_code().await.unwrap();
    assert!(!path.exists());
}

#[tokio::test]
async fn permissions_are_kept_by_their_ids() {
    let world = World::new();
    world.deploy("echo").await;
    let here = space();
    let permission = Permission {
        id: "one".into(),
        statement: "{}".into(),
    };
    let add = || {
        world
            .functions
            .add_permission(&here, "f", None, None, permission.clone())
    };
    add().await.unwrap();
    let count = || {
        world
            .functions
            .permissions(&here, "f", None)
            .unwrap()
            .0
            .len()
    };
    assert_eq!(count(), 1);
    assert!(matches!(add().await, Err(Error::PermissionExists(_))));
    let remove = || {
        world
            .functions
            .remove_permission(&here, "f", None, None, "one")
    };
    remove().await.unwrap();
    assert_eq!(count(), 0);
    assert!(matches!(remove().await, Err(Error::NoSuchPermission(_))));
}

/// Conflicts make the transactions of both run again and again, between those of the other.
#[tokio::test]
async fn two_that_reserve_at_once_do_not_reserve_more_than_there_is() {
    for seed in 0..20 {
        let faults = store::Faults {
            conflict: 0.7,
            ..store::Faults::none()
        };
        let store = store::Simulation::new(base::Random::seeded(seed), faults).open();
        let clock = base::ManualClock::new(base::Timestamp::from_secs(1_000));
        let world = World::on(store, clock);
        world.deploy_as("a", "echo").await;
        world.deploy_as("b", "echo").await;
        let here = space();
        let (a, b) = tokio::join!(
            world.functions.reserve_concurrency(&here, "a", Some(600)),
            world.functions.reserve_concurrency(&here, "b", Some(600)),
        );
        assert_eq!([a.is_ok(), b.is_ok()].iter().filter(|ok| **ok).count(), 1);
        assert_eq!(world.functions.unreserved_concurrency(&here), 400);
    }
}
