//! Transactions: what they read, write and forbid one another.

use crate::*;

on_every_back_end! {
    a_committed_write_is_read_back_also_after_reopening
    an_abandoned_transaction_writes_nothing
    ranges_come_in_order_from_both_ends_with_own_writes_laid_over
    a_snapshot_stands_still
    concurrent_increments_are_all_counted
    a_range_that_was_read_conflicts_with_an_insert_into_it
}

async fn a_committed_write_is_read_back_also_after_reopening(disk: Disk) {
    let store = disk.open();
    put(&store, "a", "1").await;
    assert_eq!(get(&store.read().unwrap(), "a").unwrap(), "1");
    drop(store);
    assert_eq!(get(&disk.open().read().unwrap(), "a").unwrap(), "1");
}

async fn an_abandoned_transaction_writes_nothing(disk: Disk) {
    let store = disk.open();
    let outcome: Result<()> = store
        .write(|tx| {
            tx.put(key("a").into_vec(), "1");
            Err(Error::NoBlob("refused by the caller".into()))
        })
        .await;
    assert!(matches!(outcome, Err(Error::NoBlob(_))));
    assert_eq!(get(&store.read().unwrap(), "a"), None);
}

async fn ranges_come_in_order_from_both_ends_with_own_writes_laid_over(disk: Disk) {
    let store = disk.open();
    for name in ["b", "d", "f"] {
        put(&store, name, "stored").await;
    }
    let range = Key::new(Keyspace::Test, 0).range();
    store
        .write(|tx| {
            tx.put(key("a").into_vec(), "own");
            tx.put(key("d").into_vec(), "own");
            tx.delete(key("f").into_vec());
            let shown = |pairs: Vec<store::Pair>| {
                pairs
                    .into_iter()
                    .map(|(key, value)| (key[2..key.len() - 2].to_vec(), value))
                    .collect::<Vec<_>>()
            };
            let (a, b, d) = (
                (b"a".to_vec(), Bytes::from("own")),
                (b"b".to_vec(), Bytes::from("stored")),
                (b"d".to_vec(), Bytes::from("own")),
            );
            assert_eq!(
                shown(tx.scan(&range, 10)?),
                [a.clone(), b.clone(), d.clone()]
            );
            assert_eq!(shown(tx.scan(&range, 2)?), [a.clone(), b.clone()]);
            assert_eq!(shown(tx.scan_back(&range, 10)?), [d.clone(), b.clone(), a]);
            assert_eq!(shown(tx.scan_back(&range, 2)?), [d, b]);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let view = store.read().unwrap();
    let names: Vec<_> = view
        .scan(&range, 10)
        .unwrap()
        .into_iter()
        .map(|(key, _)| key[2])
        .collect();
    assert_eq!(names, b"abd");
}

async fn a_snapshot_stands_still(disk: Disk) {
    let store = disk.open();
    put(&store, "a", "1").await;
    let before = store.read().unwrap();
    put(&store, "a", "2").await;
    put(&store, "b", "2").await;
    assert_eq!(get(&before, "a").unwrap(), "1");
    assert_eq!(get(&before, "b"), None);
    assert_eq!(get(&store.read().unwrap(), "a").unwrap(), "2");
}

async fn concurrent_increments_are_all_counted(disk: Disk) {
    let store = disk.open();
    let ran = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (store, ran) = (store.clone(), ran.clone());
            tokio::spawn(async move {
                for _ in 0..20 {
                    store
                        .write(|tx| {
                            ran.fetch_add(1, Ordering::Relaxed);
                            let next = number(tx, "count") + 1;
                            tx.put(key("count").into_vec(), next.to_be_bytes().to_vec());
                            Ok::<_, Error>(())
                        })
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(number(&store.read().unwrap(), "count"), 160);
    assert!(ran.load(Ordering::Relaxed) >= 160);
}

/// Write skew: each of two transactions sees that the range is empty and inserts. Only one may.
async fn a_range_that_was_read_conflicts_with_an_insert_into_it(disk: Disk) {
    for round in 0..20_u8 {
        let store = disk.open();
        let range = Key::new(Keyspace::Test, round + 1).range();
        let claim = |name: &'static str| {
            let (store, range) = (store.clone(), range.clone());
            tokio::spawn(async move {
                store
                    .write(|tx| {
                        let free = tx.scan(&range, 1)?.is_empty();
                        if free {
                            tx.put(
                                Key::new(Keyspace::Test, round + 1).str(name).into_vec(),
                                "mine",
                            );
                        }
                        Ok::<_, Error>(free)
                    })
                    .await
                    .unwrap()
            })
        };
        let (a, b) = (claim("a"), claim("b"));
        let won = [a.await.unwrap(), b.await.unwrap()];
        assert_eq!(won.iter().filter(|won| **won).count(), 1, "round {round}");
        assert_eq!(store.read().unwrap().scan(&range, 10).unwrap().len(), 1);
    }
}
