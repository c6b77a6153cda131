//! What every back end must do. Each test runs on each of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base::{Random, Timestamp};
use bytes::Bytes;
use store::{
    Blob, Blobs, Error, Faults, Key, Keyspace, Log, Position, Read, Record, Result, Simulation,
    Store, Sums, Table, Timers,
};

/// A disk on which stores are opened one after another.
enum Disk {
    Embedded(TempDir),
    Simulated(Simulation),
}

impl Disk {
    fn open(&self) -> Store {
        match self {
            Self::Embedded(dir) => Store::open(&dir.0, Random::system()).unwrap(),
            Self::Simulated(simulation) => simulation.open(),
        }
    }
}

struct TempDir(std::path::PathBuf);

impl TempDir {
    fn new() -> Self {
        let dir = std::env::temp_dir().join(format!("fulmar-store-{}", Random::system().uuid()));
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn embedded() -> Disk {
    Disk::Embedded(TempDir::new())
}

fn simulated() -> Disk {
    Disk::Simulated(Simulation::new(Random::seeded(1), Faults::none()))
}

fn conflicting() -> Disk {
    Disk::Simulated(Simulation::new(
        Random::seeded(2),
        Faults {
            conflict: 0.3,
            failed_sync: 0.0,
        },
    ))
}

/// Writes a test once and runs it on every back end.
macro_rules! on_every_back_end {
    ($($name:ident)*) => {
        mod on_embedded { $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$name(super::embedded()).await })* }
        mod on_simulated { $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$name(super::simulated()).await })* }
        mod on_simulated_with_conflicts { $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$name(super::conflicting()).await })* }
    };
}

on_every_back_end! {
    a_committed_write_is_read_back_also_after_reopening
    an_abandoned_transaction_writes_nothing
    ranges_come_in_order_from_both_ends_with_own_writes_laid_over
    a_snapshot_stands_still
    a_record_that_is_remembered_is_the_one_in_the_snapshot
    a_transaction_that_was_given_what_is_remembered_conflicts_with_a_write_of_it
    concurrent_increments_are_all_counted
    sums_are_what_all_transactions_added
    a_sum_that_was_removed_begins_at_nought
    a_stamp_tells_where_an_appended_entry_has_come_to_be
    what_is_written_over_a_stamped_value_stays
    a_range_that_was_read_conflicts_with_an_insert_into_it
    log_entries_are_in_commit_order_and_a_cursor_sees_each_once
    a_waiter_hears_of_an_append
    a_log_is_read_back_from_its_end
    leases_of_a_dead_process_are_released_at_once
    due_timers_are_leased_once_and_finish_only_under_their_lease
    an_expired_lease_makes_an_item_due_again
    a_front_is_what_a_scan_from_the_beginning_finds_however_old_the_view
    timers_do_as_their_model_does
    every_job_is_found_by_the_workers_that_share_a_set
    bodies_are_read_back_and_unnamed_ones_are_swept
    a_body_named_twice_goes_with_its_second_name
    an_unfinished_body_leaves_nothing
}

fn key(name: &str) -> Key {
    Key::new(Keyspace::Test, 0).str(name)
}

fn get(from: &impl Read, name: &str) -> Option<Bytes> {
    from.get(key(name).as_slice()).unwrap()
}

async fn put(store: &Store, name: &str, value: &str) {
    store
        .write(|tx| {
            tx.put(key(name).into_vec(), value.to_owned());
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
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

fn number(from: &impl Read, name: &str) -> u64 {
    get(from, name).map_or(0, |value| {
        u64::from_be_bytes(value.as_ref().try_into().unwrap())
    })
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
/// The value, and the number that stands behind it.
fn stamped(from: &impl Read, name: &str) -> (Vec<u8>, u64) {
    let stored = get(from, name).unwrap();
    let (value, number) = stored.split_last_chunk().unwrap();
    (value.to_vec(), u64::from_be_bytes(*number))
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

async fn a_stamp_tells_where_an_appended_entry_has_come_to_be(disk: Disk) {
    let store = disk.open();
    let log = Log::new("stamped");
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (store, log) = (store.clone(), log.clone());
            tokio::spawn(async move {
                for n in 0..10 {
                    let name = format!("{writer} {n}");
                    store
                        .write(|tx| {
                            log.append(tx, name.clone().into_bytes());
                            let value = name.clone().into_bytes();
                            tx.put_stamped(key(&name).into_vec(), value.clone());
                            // Nobody knows the number yet.
                            assert_eq!(get(tx, &name).unwrap(), value);
                            Ok::<_, Error>(())
                        })
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let check = |store: &Store| {
        let view = store.read().unwrap();
        let entries = log.read(&view, Position::START, 100).unwrap();
        assert_eq!(entries.len(), 40);
        for entry in entries {
            let name = String::from_utf8(entry.body.to_vec()).unwrap();
            let (value, number) = stamped(&view, &name);
            assert_eq!(value, name.as_bytes());
            assert_eq!(number, entry.position.commit());
        }
    };
    check(&store);
    drop(store);
    check(&disk.open());
}

async fn what_is_written_over_a_stamped_value_stays(disk: Disk) {
    let store = disk.open();
    let stamp =
        |tx: &mut store::Tx, name: &str| tx.put_stamped(key(name).into_vec(), b"old".to_vec());
    store
        .write(|tx| {
            for name in ["put", "deleted", "stamped"] {
                stamp(tx, name);
            }
            tx.put(key("put").into_vec(), "new");
            tx.delete(key("deleted").into_vec());
            tx.put_stamped(key("stamped").into_vec(), b"new".to_vec());
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let view = store.read().unwrap();
    assert_eq!(get(&view, "put").unwrap(), "new");
    assert_eq!(get(&view, "deleted"), None);
    assert_eq!(stamped(&view, "stamped").0, b"new");
}

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

async fn log_entries_are_in_commit_order_and_a_cursor_sees_each_once(disk: Disk) {
    let store = disk.open();
    let log = Log::new("changes");
    let writers: Vec<_> = (0..4_u8)
        .map(|writer| {
            let (store, log) = (store.clone(), log.clone());
            tokio::spawn(async move {
                for n in 0..25_u8 {
                    store
                        .write(|tx| {
                            log.append(tx, vec![writer, n, 0]);
                            log.append(tx, vec![writer, n, 1]);
                            Ok::<_, Error>(())
                        })
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    let (mut cursor, mut seen) = (Position::START, Vec::new());
    while seen.len() < 200 {
        store.appended(&log, cursor).await.unwrap();
        for entry in log.read(&store.read().unwrap(), cursor, 7).unwrap() {
            assert!(entry.position > cursor);
            cursor = entry.position;
            seen.push(entry.body);
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    for writer in 0..4_u8 {
        let of_writer: Vec<_> = seen
            .iter()
            .filter(|body| body[0] == writer)
            .map(|body| (body[1], body[2]))
            .collect();
        let wanted: Vec<_> = (0..25).flat_map(|n| [(n, 0), (n, 1)]).collect();
        assert_eq!(of_writer, wanted);
    }
    drop(store);
    let store = disk.open();
    put(&store, "a", "1").await;
    store
        .write(|tx| {
            log.append(tx, "after reopening");
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let rest = log.read(&store.read().unwrap(), cursor, 10).unwrap();
    assert_eq!(rest.len(), 1, "positions go on growing after a restart");
    assert_eq!(
        log.newest(&store.read().unwrap()).unwrap(),
        Some(rest[0].position)
    );
    let newest = rest[0].position;
    for (after, found) in [(cursor, Some(newest)), (newest, None)] {
        let view = store.read().unwrap();
        assert_eq!(log.newest_after(&view, after).unwrap(), found);
    }
    assert!(newest.before() < newest && newest.before() > cursor);
    assert!(newest.number() > cursor.number());
    assert_eq!(Position::from_number(newest.number()), Some(newest));
    assert_eq!(Position::from_number(u128::MAX), None);
    let trimmed = store.write(|tx| log.trim(tx, cursor, 1_000)).await.unwrap();
    assert_eq!(trimmed, 200);
    assert_eq!(
        log.read(&store.read().unwrap(), Position::START, 10)
            .unwrap(),
        rest
    );
    store
        .write(|tx| {
            log.append(tx, "the last");
            log.forget(tx, rest.iter().map(|entry| entry.position));
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let left = log.read(&store.read().unwrap(), Position::START, 10);
    let left: Vec<Bytes> = left.unwrap().into_iter().map(|entry| entry.body).collect();
    assert_eq!(left, ["the last"]);
}

async fn a_waiter_hears_of_an_append(disk: Disk) {
    let store = disk.open();
    let log = Log::new("quiet");
    let waiter = {
        let (store, log) = (store.clone(), log.clone());
        tokio::spawn(async move { store.appended(&log, Position::START).await })
    };
    tokio::task::yield_now().await;
    store
        .write_buffered(|tx| {
            log.append(tx, "news");
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    waiter.await.unwrap().unwrap();
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

async fn a_log_is_read_back_from_its_end(disk: Disk) {
    let store = disk.open();
    let log = Log::new("lines");
    for n in 0..5_u8 {
        store
            .write(|tx| {
                log.append(tx, vec![n]);
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }
    let view = store.read().unwrap();
    let bodies = |entries: &[store::Entry]| -> Vec<u8> {
        entries.iter().map(|entry| entry.body[0]).collect()
    };
    let newest = log.read_back(&view, None, 2).unwrap();
    assert_eq!(bodies(&newest), [4, 3]);
    let older = log.read_back(&view, Some(newest[1].position), 9).unwrap();
    assert_eq!(bodies(&older), [3, 2, 1, 0]);
}

async fn write_body(store: &Store, body: &[u8]) -> Blob {
    let mut writer = store.blobs().create().await.unwrap();
    for piece in body.chunks(100_000) {
        writer.write(Bytes::copy_from_slice(piece)).await.unwrap();
    }
    writer.finish().await.unwrap()
}

async fn read_body(store: &Store, blob: Blob) -> Result<Vec<u8>> {
    let reader = store.blobs().open(blob).await?;
    let mut body = Vec::new();
    while body.len() < usize::try_from(reader.len()).unwrap() {
        body.extend_from_slice(&reader.read_at(body.len() as u64, u64::MAX).await?);
    }
    Ok(body)
}

async fn bodies_are_read_back_and_unnamed_ones_are_swept(disk: Disk) {
    let store = disk.open();
    let body: Vec<u8> = (0..3_000_000_u32)
        .map(|n| n.to_le_bytes()[n as usize % 4])
        .collect();
    let (named, unnamed) = (
        write_body(&store, &body).await,
        write_body(&store, b"nobody's").await,
    );
    store.write(|tx| Blobs::keep(tx, named.id)).await.unwrap();
    assert_eq!(read_body(&store, named).await.unwrap(), body);
    let part = store
        .blobs()
        .open(named)
        .await
        .unwrap()
        .read_at(1_234_567, 10)
        .await
        .unwrap();
    assert_eq!(part, body[1_234_567..1_234_577]);
    drop(store);
    let store = disk.open();
    let unfinished = write_body(&store, b"about to be named").await;
    assert_eq!(store.blobs().sweep(&store).await.unwrap(), 1);
    assert_eq!(read_body(&store, named).await.unwrap(), body);
    assert!(read_body(&store, unfinished).await.is_ok());
    assert!(matches!(
        read_body(&store, unnamed).await,
        Err(Error::NoBlob(_))
    ));
}

async fn a_body_named_twice_goes_with_its_second_name(disk: Disk) {
    let store = disk.open();
    let blob = write_body(&store, b"shared").await;
    for _ in 0..2 {
        store.write(|tx| Blobs::keep(tx, blob.id)).await.unwrap();
    }
    store
        .write(|tx| Blobs::drop_name(tx, blob.id))
        .await
        .unwrap();
    assert_eq!(store.blobs().reap(&store, 10).await.unwrap(), 0);
    assert_eq!(read_body(&store, blob).await.unwrap(), b"shared");
    let reader = store.blobs().open(blob).await.unwrap();
    store
        .write(|tx| Blobs::drop_name(tx, blob.id))
        .await
        .unwrap();
    assert_eq!(store.blobs().reap(&store, 10).await.unwrap(), 1);
    assert!(matches!(
        read_body(&store, blob).await,
        Err(Error::NoBlob(_))
    ));
    assert_eq!(
        reader.read_at(0, 10).await.unwrap(),
        "shared",
        "whoever had it open reads on"
    );
}

async fn an_unfinished_body_leaves_nothing(disk: Disk) {
    let store = disk.open();
    let mut writer = store.blobs().create().await.unwrap();
    writer.write(Bytes::from(vec![7; 2_000_000])).await.unwrap();
    drop(writer);
    if let Disk::Embedded(dir) = &disk {
        let left = std::fs::read_dir(dir.0.join("blobs"))
            .unwrap()
            .map(|shard| std::fs::read_dir(shard.unwrap().path()).unwrap().count())
            .sum::<usize>();
        assert_eq!(left, 0);
    }
}

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

#[tokio::test]
async fn a_store_that_is_open_is_refused_to_another() {
    let dir = TempDir::new();
    let _open = Store::open(&dir.0, Random::system()).unwrap();
    assert!(matches!(
        Store::open(&dir.0, Random::system()),
        Err(Error::InUse(_))
    ));
}

/// A folder that is made for a first body would have to be synced by whoever finds it there.
#[tokio::test]
async fn bodies_need_no_folder_that_was_not_there_and_synced_at_opening() {
    let dir = TempDir::new();
    let store = Store::open(&dir.0, Random::system()).unwrap();
    let folders = || std::fs::read_dir(dir.0.join("blobs")).unwrap().count();
    assert_eq!(folders(), 16);
    for _ in 0..20 {
        write_body(&store, b"a body").await;
    }
    assert_eq!(folders(), 16);
    drop(store);
    drop(Store::open(&dir.0, Random::system()).unwrap());
    assert_eq!(folders(), 16);
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
