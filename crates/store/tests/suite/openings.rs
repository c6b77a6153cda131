//! What is found when a store is opened: after a crash, twice, and where something is missing.

use crate::*;

/// Money moves between accounts while the store crashes and syncs fail: none is made or lost, and a transfer that was
/// acknowledged is there afterwards.
#[tokio::test]
async fn transfers_balance_through_simulated_crashes() {
    for seed in 0..50 {
        let random = Random::seeded(seed);
        let simulation = Simulation::new(
            random.clone(),
            Faults {
                conflict: 0.1,
                failed_sync: 0.05,
            },
        );
        let mut acknowledged: BTreeMap<String, u64> = BTreeMap::new();
        for _ in 0..10 {
            let store = simulation.open();
            for n in 0..20_u64 {
                let (from, to) = (
                    format!("account{}", random.below(4)),
                    format!("account{}", random.below(4)),
                );
                let name = format!("transfer {} {n}", random.u64());
                let synced = random.chance(0.5);
                let transfer = |tx: &mut store::Tx| {
                    let (a, b) = (number(tx, &from), number(tx, &to));
                    if from != to {
                        tx.put(
                            key(&from).into_vec(),
                            a.wrapping_sub(n).to_be_bytes().to_vec(),
                        );
                        tx.put(
                            key(&to).into_vec(),
                            b.wrapping_add(n).to_be_bytes().to_vec(),
                        );
                    }
                    tx.put(key(&name).into_vec(), n.to_be_bytes().to_vec());
                    Ok::<_, Error>(())
                };
                let outcome = if synced {
                    store.write(transfer).await
                } else {
                    store.write_buffered(transfer).await
                };
                match outcome {
                    Ok(()) if synced => drop(acknowledged.insert(name, n)),
                    Ok(()) => {}
                    Err(Error::Failed(_)) => break,
                    Err(other) => panic!("seed {seed}: {other}"),
                }
            }
            simulation.crash();
            assert!(
                matches!(
                    store
                        .write(|tx| {
                            tx.put(key("late").into_vec(), "late");
                            Ok::<_, Error>(())
                        })
                        .await,
                    Err(Error::Failed(_))
                ),
                "a dead store stays dead"
            );
            let view = simulation.open().read().unwrap();
            let total = (0..4).fold(0_u64, |sum, n| {
                sum.wrapping_add(number(&view, &format!("account{n}")))
            });
            assert_eq!(total, 0, "seed {seed}");
            for (name, amount) in &acknowledged {
                assert_eq!(
                    number(&view, name),
                    *amount,
                    "seed {seed}: {name} was acknowledged"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_store_that_is_open_is_refused_to_another() {
    let dir = TempDir::new();
    let _open = Store::open(&dir.0, Random::system()).unwrap();
    assert!(matches!(
        Store::open(&dir.0, Random::system()),
        Err(Error::InUse(_))
    ));
}

/// A journal whose end is lost looks like a shorter journal: only the counter beside it can tell.
#[tokio::test]
async fn a_store_that_lost_acknowledged_commits_is_refused() {
    let dir = TempDir::new();
    let store = Store::open(&dir.0, Random::system()).unwrap();
    put(&store, "a", "1").await;
    drop(store);
    let copy = TempDir::new();
    copy_dir(&dir.0.join("tree"), &copy.0.join("tree"));
    let store = Store::open(&dir.0, Random::system()).unwrap();
    put(&store, "b", "2").await;
    drop(store);
    std::fs::remove_dir_all(dir.0.join("tree")).unwrap();
    copy_dir(&copy.0.join("tree"), &dir.0.join("tree"));
    assert!(matches!(
        Store::open(&dir.0, Random::system()),
        Err(Error::Damaged(_))
    ));
}

fn copy_dir(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
