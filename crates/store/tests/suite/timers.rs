//! Items that come due, and the leases on them.

use crate::*;

on_every_back_end! {
    leases_of_a_dead_process_are_released_at_once
    due_timers_are_leased_once_and_finish_only_under_their_lease
    an_expired_lease_makes_an_item_due_again
    timers_do_as_their_model_does
    every_job_is_found_by_the_workers_that_share_a_set
}

async fn leases_of_a_dead_process_are_released_at_once(disk: Disk) {
    let store = disk.open();
    let at = Timestamp::from_secs;
    let timers = Timers::new("jobs");
    store
        .write(|tx| {
            timers.set(tx, b"leased", at(100), "job")?;
            timers.set(tx, b"later", at(900), "later")
        })
        .await
        .unwrap();
    let hour = Duration::from_secs(3_600);
    let lost = timers.lease(&store, at(100), hour, 10).await.unwrap();
    assert_eq!(timers.release(&store, at(110)).await.unwrap(), 1);
    let again = timers.lease(&store, at(110), hour, 10).await.unwrap();
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].body, "job");
    assert!(!store.write(|tx| timers.finish(tx, &lost[0])).await.unwrap());
    let view = store.read().unwrap();
    assert_eq!(timers.when(&view, b"later").unwrap(), Some(at(900)));
}

async fn due_timers_are_leased_once_and_finish_only_under_their_lease(disk: Disk) {
    let store = disk.open();
    let timers = Timers::new("jobs");
    let at = Timestamp::from_secs;
    let minute = Duration::from_secs(60);
    store
        .write(|tx| {
            timers.set(tx, b"late", at(200), "late")?;
            timers.set(tx, b"early", at(100), "early")?;
            timers.set(tx, b"moved", at(90), "old")?;
            timers.set(tx, b"moved", at(110), "moved")
        })
        .await
        .unwrap();
    assert_eq!(timers.next(&store.read().unwrap()).unwrap(), Some(at(100)));
    assert!(
        timers
            .lease(&store, at(99), minute, 10)
            .await
            .unwrap()
            .is_empty()
    );
    let leases = timers.lease(&store, at(120), minute, 10).await.unwrap();
    let bodies: Vec<_> = leases.iter().map(|lease| lease.body.clone()).collect();
    assert_eq!(bodies, ["early", "moved"]);
    assert!(
        timers
            .lease(&store, at(120), minute, 10)
            .await
            .unwrap()
            .is_empty(),
        "leased items are not due"
    );
    assert!(
        store
            .write(|tx| timers.finish(tx, &leases[0]))
            .await
            .unwrap()
    );
    assert!(
        !store
            .write(|tx| timers.finish(tx, &leases[0]))
            .await
            .unwrap(),
        "a second finish changes nothing"
    );
    assert!(
        store
            .write(|tx| timers.postpone(tx, &leases[1], at(130), "again"))
            .await
            .unwrap()
    );
    assert!(
        !store
            .write(|tx| timers.finish(tx, &leases[1]))
            .await
            .unwrap(),
        "postponing gave the lease up"
    );
    assert_eq!(
        timers.lease(&store, at(131), minute, 10).await.unwrap()[0].body,
        "again"
    );
    assert_eq!(timers.count(&store.read().unwrap(), 10).unwrap(), 2);
}

async fn an_expired_lease_makes_an_item_due_again(disk: Disk) {
    let store = disk.open();
    let timers = Timers::new("jobs");
    let at = Timestamp::from_secs;
    store
        .write(|tx| timers.set(tx, b"job", at(100), "job"))
        .await
        .unwrap();
    let first = timers
        .lease(&store, at(100), Duration::from_secs(10), 1)
        .await
        .unwrap()
        .remove(0);
    let second = timers
        .lease(&store, at(110), Duration::from_secs(10), 1)
        .await
        .unwrap()
        .remove(0);
    assert!(
        !store.write(|tx| timers.finish(tx, &first)).await.unwrap(),
        "the first worker was too slow"
    );
    assert!(store.write(|tx| timers.finish(tx, &second)).await.unwrap());
    assert_eq!(timers.next(&store.read().unwrap()).unwrap(), None);
}

/// An item of the model: when it is due, its body, and the lease that holds it.
type Modelled = (Timestamp, u64, Option<store::Lease>);

async fn timers_do_as_their_model_does(disk: Disk) {
    let timers = Timers::new("modelled");
    for seed in 0..8 {
        let random = Random::seeded(seed);
        let mut store = disk.open();
        let mut model: BTreeMap<Vec<u8>, Modelled> = BTreeMap::new();
        let mut leases: Vec<store::Lease> = Vec::new();
        let mut now = 1_000;
        for step in 0..400_u64 {
            now += random.below(3);
            let at = Timestamp::from_secs(now);
            let due = Timestamp::from_secs(now + random.below(40) - 15);
            let id = vec![b'a' + u8::try_from(random.below(12)).unwrap()];
            let body = Bytes::from(step.to_be_bytes().to_vec());
            let old = match leases.len() as u64 {
                0 => None,
                count => Some(leases[usize::try_from(random.below(count)).unwrap()].clone()),
            };
            match (random.below(7), old) {
                (0 | 1, _) => {
                    let set = |tx: &mut store::Tx| timers.set(tx, &id, due, body.clone());
                    store.write_buffered(set).await.unwrap();
                    model.insert(id, (due, step, None));
                }
                (2, _) if step % 3 == 0 => {
                    let cancel = |tx: &mut store::Tx| timers.cancel(tx, &id);
                    let there = store.write_buffered(cancel).await.unwrap();
                    assert_eq!(there, model.remove(&id).is_some());
                }
                (2 | 3, _) => {
                    let limit = usize::try_from(1 + random.below(3)).unwrap();
                    let term = Duration::from_secs(5 + random.below(20));
                    let found = timers.lease(&store, at, term, limit).await.unwrap();
                    let mut wanted: Vec<_> = model
                        .iter()
                        .filter(|(_, (due, ..))| *due <= at)
                        .map(|(id, (due, ..))| (*due, id.clone()))
                        .collect();
                    wanted.sort();
                    wanted.truncate(limit);
                    let shown: Vec<_> = found.iter().map(|l| (l.due, l.id.clone())).collect();
                    assert_eq!(shown, wanted, "seed {seed}, step {step}");
                    for lease in found {
                        let item = model.get_mut(&lease.id).unwrap();
                        assert_eq!(lease.body, item.1.to_be_bytes().as_slice());
                        (item.0, item.2) = (lease.until, Some(lease.clone()));
                        leases.push(lease);
                    }
                }
                (4, Some(lease)) => {
                    let held = model
                        .get(&lease.id)
                        .is_some_and(|i| i.2.as_ref() == Some(&lease));
                    let finish = |tx: &mut store::Tx| timers.finish(tx, &lease);
                    assert_eq!(store.write_buffered(finish).await.unwrap(), held);
                    if held {
                        model.remove(&lease.id);
                    }
                }
                (5, Some(lease)) => {
                    let held = model
                        .get(&lease.id)
                        .is_some_and(|i| i.2.as_ref() == Some(&lease));
                    let postpone =
                        |tx: &mut store::Tx| timers.postpone(tx, &lease, due, body.clone());
                    assert_eq!(store.write_buffered(postpone).await.unwrap(), held);
                    if held {
                        model.insert(lease.id, (due, step, None));
                    }
                }
                (6, _) if step % 20 == 0 => {
                    if step % 40 == 0 {
                        drop(store);
                        store = disk.open();
                    }
                    let held = model.values_mut().filter(|item| item.2.is_some());
                    let held: Vec<_> = held.map(|i| (i.0, i.2) = (at, None)).collect();
                    assert_eq!(timers.release(&store, at).await.unwrap(), held.len());
                }
                _ => {}
            }
            let view = store.read().unwrap();
            let next = model.values().map(|(due, ..)| *due).min();
            assert_eq!(
                timers.next(&view).unwrap(),
                next,
                "seed {seed}, step {step}"
            );
            assert_eq!(timers.count(&view, 5).unwrap(), model.len().min(5));
        }
        for id in model.keys() {
            let cancel = |tx: &mut store::Tx| timers.cancel(tx, id);
            assert!(store.write(cancel).await.unwrap());
        }
        assert_eq!(timers.count(&store.read().unwrap(), 1).unwrap(), 0);
    }
}

/// Jobs are set by two tasks and worked on by three, who finish, postpone or lose them; each is finished just once.
async fn every_job_is_found_by_the_workers_that_share_a_set(disk: Disk) {
    const JOBS: usize = 200;
    let store = disk.open();
    let timers = Timers::new("shared");
    let finished = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::new();
    for setter in 0..2_u64 {
        let (store, timers) = (store.clone(), timers.clone());
        tasks.push(tokio::spawn(async move {
            let random = Random::seeded(setter);
            for n in 0..JOBS as u64 / 2 {
                let id = [setter.to_be_bytes(), n.to_be_bytes()].concat();
                // At any place in the order, also before what was leased long ago.
                let due = Timestamp::from_secs(random.below(1_000));
                let set = |tx: &mut store::Tx| timers.set(tx, &id, due, "job");
                store.write_buffered(set).await.unwrap();
            }
        }));
    }
    for worker in 0..3_u64 {
        let (store, timers, finished) = (store.clone(), timers.clone(), finished.clone());
        tasks.push(tokio::spawn(async move {
            let random = Random::seeded(10 + worker);
            let mut now = Timestamp::from_secs(2_000);
            while finished.load(Ordering::Relaxed) < JOBS {
                // A worker's clock runs on, so leases that others let go run out.
                now = now + Duration::from_secs(1);
                let term = Duration::from_secs(1_000_000 * random.below(2));
                for lease in timers.lease(&store, now, term, 4).await.unwrap() {
                    if random.chance(0.2) {
                        let due = Timestamp::from_secs(random.below(1_000));
                        let postpone = |tx: &mut store::Tx| timers.postpone(tx, &lease, due, "job");
                        store.write_buffered(postpone).await.unwrap();
                    } else {
                        let finish = |tx: &mut store::Tx| timers.finish(tx, &lease);
                        if store.write_buffered(finish).await.unwrap() {
                            finished.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
                tokio::task::yield_now().await;
            }
        }));
    }
    for task in tasks {
        let waited = tokio::time::timeout(Duration::from_secs(60), task).await;
        waited.expect("a job stays hidden").unwrap();
    }
    assert_eq!(timers.next(&store.read().unwrap()).unwrap(), None);
    assert_eq!(finished.load(Ordering::Relaxed), JOBS);
}
