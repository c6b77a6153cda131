//! Records that are remembered beside the store.

use crate::*;

on_every_back_end! {
    a_record_that_is_remembered_is_the_one_in_the_snapshot
    a_transaction_that_was_given_what_is_remembered_conflicts_with_a_write_of_it
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Kind(u32);

impl Record for Kind {}

const KINDS: Table<Kind> = Table::new(Keyspace::Test, 9);

/// The record by each of the ways that remember something.
fn known(from: &impl Read) -> Option<u32> {
    let key = KINDS.key().str("k");
    let shared = KINDS.shared(from, &key).unwrap();
    let recent = KINDS.recent(from, &key).unwrap();
    assert_eq!(shared.as_deref(), recent.as_ref());
    recent.map(|kind| kind.0)
}

async fn set(store: &Store, kind: Option<u32>) {
    let set = store.write(|tx| {
        let key = KINDS.key().str("k");
        match kind {
            Some(kind) => KINDS.put(tx, key, &Kind(kind)),
            None => KINDS.delete(tx, key),
        }
        Ok::<_, Error>(())
    });
    set.await.unwrap();
}

async fn a_record_that_is_remembered_is_the_one_in_the_snapshot(disk: Disk) {
    let store = disk.open();
    assert_eq!(known(&store.read().unwrap()), None);
    let mut views = vec![(store.read().unwrap(), None)];
    for kind in [Some(1), Some(2), None, Some(3)] {
        set(&store, kind).await;
        views.push((store.read().unwrap(), kind));
        // By turns, so that old views meet what new ones have kept, and the other way about.
        for (view, kind) in views.iter().rev().chain(&views) {
            assert_eq!(known(view), *kind);
        }
    }
    let abandoned: Result<()> = store
        .write(|tx| {
            KINDS.put(tx, KINDS.key().str("k"), &Kind(7));
            assert_eq!(known(tx), Some(7), "its own");
            Err(Error::NoBlob("refused by the caller".into()))
        })
        .await;
    assert!(abandoned.is_err());
    assert_eq!(known(&store.read().unwrap()), Some(3));
}

async fn a_transaction_that_was_given_what_is_remembered_conflicts_with_a_write_of_it(disk: Disk) {
    let store = disk.open();
    set(&store, Some(0)).await;
    assert_eq!(known(&store.read().unwrap()), Some(0));
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            for _ in 0..25 {
                let added = store.write(|tx| {
                    let kind = known(tx).unwrap();
                    KINDS.put(tx, KINDS.key().str("k"), &Kind(kind + 1));
                    Ok::<_, Error>(())
                });
                added.await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(known(&store.read().unwrap()), Some(200));
}
