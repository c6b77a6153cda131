//! What is next, where everything before it was deleted.

use crate::*;

on_every_back_end! {
    a_front_is_what_a_scan_from_the_beginning_finds_however_old_the_view
}

fn front(n: u64) -> Key {
    Key::new(Keyspace::Test, 9).u64(n)
}

/// One task takes from the front, two put anywhere, and two look on with views of all ages.
async fn a_front_is_what_a_scan_from_the_beginning_finds_however_old_the_view(disk: Disk) {
    const ROUNDS: usize = 300;
    let store = disk.open();
    let mut tasks = Vec::new();
    for seed in 0..2 {
        let (store, random) = (store.clone(), Random::seeded(seed));
        tasks.push(tokio::spawn(async move {
            for _ in 0..ROUNDS {
                let key = front(0).u64(random.below(1_000)).into_vec();
                let put = |tx: &mut store::Tx| {
                    tx.put(key.clone(), "");
                    Ok::<_, Error>(())
                };
                store.write_buffered(put).await.unwrap();
            }
        }));
    }
    let taker = store.clone();
    tasks.push(tokio::spawn(async move {
        for _ in 0..ROUNDS {
            let take = |tx: &mut store::Tx| {
                for (key, _) in tx.scan_front(&front(0), None, 3)? {
                    tx.delete(key);
                }
                assert_eq!(
                    tx.scan_front(&front(0), None, 5)?,
                    tx.scan(&front(0).range(), 5)?
                );
                Ok::<_, Error>(())
            };
            taker.write_buffered(take).await.unwrap();
        }
    }));
    for seed in 2..4 {
        let (store, random) = (store.clone(), Random::seeded(seed));
        tasks.push(tokio::spawn(async move {
            let mut views = Vec::new();
            for _ in 0..ROUNDS {
                views.push(store.read().unwrap());
                let at = usize::try_from(random.below(views.len() as u64)).unwrap();
                let view = &views[at];
                let end = front(0).u64(random.below(1_200));
                let range = front(0).range();
                assert_eq!(
                    view.scan_front(&front(0), Some(end.as_slice()), 2).unwrap(),
                    view.scan(&range.clone().before(end.as_slice()), 2).unwrap()
                );
                assert_eq!(
                    view.scan_front(&front(0), None, 2).unwrap(),
                    view.scan(&range, 2).unwrap()
                );
                if views.len() > 8 {
                    views.swap_remove(at);
                }
                tokio::task::yield_now().await;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

/// Crashes take back what was put and what was deleted, and with it what the marks knew.
#[tokio::test]
async fn fronts_are_right_after_simulated_crashes() {
    for seed in 0..30 {
        let random = Random::seeded(seed);
        let faults = Faults {
            conflict: 0.1,
            failed_sync: 0.05,
        };
        let simulation = Simulation::new(random.clone(), faults);
        for _ in 0..10 {
            let store = simulation.open();
            for _ in 0..30 {
                let puts = random.chance(0.6);
                let at = front(0).u64(random.below(50)).into_vec();
                let change = |tx: &mut store::Tx| {
                    if puts {
                        tx.put(at.clone(), "");
                    } else {
                        for (key, _) in tx.scan_front(&front(0), None, 2)? {
                            tx.delete(key);
                        }
                    }
                    Ok::<_, Error>(())
                };
                let done = if random.chance(0.3) {
                    store.write(change).await
                } else {
                    store.write_buffered(change).await
                };
                let view = store.read().unwrap();
                assert_eq!(
                    view.scan_front(&front(0), None, 3).unwrap(),
                    view.scan(&front(0).range(), 3).unwrap(),
                    "seed {seed}"
                );
                if done.is_err() {
                    break;
                }
            }
            simulation.crash();
        }
    }
}
