//! Sums, to which many add at once.

use crate::*;

on_every_back_end! {
    sums_are_what_all_transactions_added
    a_sum_that_was_removed_begins_at_nought
}

const SUMS: Sums<2> = Sums::new(Keyspace::Test, 9);

async fn add(store: &Store, name: &str, by: [i64; 2]) {
    store
        .write(|tx| {
            SUMS.add(tx, SUMS.key().str(name), by);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

fn sums(store: &Store) -> Vec<[i64; 2]> {
    let rows = SUMS.scan(&store.read().unwrap(), &SUMS.key().range(), 9);
    rows.unwrap().into_iter().map(|(_, sums)| sums).collect()
}

async fn sums_are_what_all_transactions_added(disk: Disk) {
    let store = disk.open();
    let mut adding = tokio::task::JoinSet::new();
    let attempts = Arc::new(AtomicUsize::new(0));
    for n in 0..20 {
        let (store, attempts) = (store.clone(), attempts.clone());
        adding.spawn(async move {
            for _ in 0..10 {
                let by = |n| {
                    store.write(move |tx| {
                        SUMS.add(tx, SUMS.key().str("one"), [1, n]);
                        SUMS.add(tx, SUMS.key().str("one"), [2, -n]);
                        SUMS.add(tx, SUMS.key().str("other"), [-1, 0]);
                        Ok::<_, Error>(())
                    })
                };
                by(n).await.unwrap();
                attempts.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    adding.join_all().await;
    assert_eq!(attempts.load(Ordering::Relaxed), 200);
    assert_eq!(sums(&store), [[600, 0], [-200, 0]]);
    drop(store);
    let store = disk.open();
    let view = store.read().unwrap();
    add(&store, "one", [-599, 7]).await;
    assert_eq!(sums(&store), [[1, 7], [-200, 0]]);
    let one = SUMS.key().str("one");
    assert_eq!(SUMS.get(&view, &one).unwrap(), [600, 0], "a view stands");
    // Nothing is kept of noughts.
    add(&store, "one", [-1, -7]).await;
    assert_eq!(sums(&store), [[-200, 0]]);
    assert_eq!(SUMS.get(&store.read().unwrap(), &one).unwrap(), [0, 0]);
    add(&store, "one", [3, 0]).await;
    assert_eq!(sums(&store), [[3, 0], [-200, 0]]);
}

async fn a_sum_that_was_removed_begins_at_nought(disk: Disk) {
    let store = disk.open();
    add(&store, "one", [5, 5]).await;
    store
        .write(|tx| {
            tx.delete(SUMS.key().str("one").into_vec());
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    assert!(sums(&store).is_empty());
    add(&store, "one", [1, 0]).await;
    assert_eq!(sums(&store), [[1, 0]]);
}
