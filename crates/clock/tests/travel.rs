//! The clock, moved under workers that sleep, write and wake each other.

use std::sync::Arc;
use std::time::Duration;

use base::{Clock, ManualClock, Random, SystemClock, Timestamp};
use clock::{Error, Pace, Timekeeper};
use parking_lot::Mutex;
use store::{Faults, Keyspace, Record, Simulation, Store, Table, Timers};

const MINUTE: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(20);

/// When things were done, and what.
type Diary = Arc<Mutex<Vec<(Timestamp, String)>>>;

fn begin() -> Timestamp {
    Timestamp::from_secs(1_800_000_000)
}

fn stands(store: &Store) -> (Timekeeper, ManualClock) {
    let host = ManualClock::new(begin());
    (
        Timekeeper::open(store, Arc::new(host.clone())).unwrap(),
        host,
    )
}

fn ephemeral() -> Store {
    Store::ephemeral(Random::seeded(1))
}

/// A worker over timers of the store: what is due is done, and some of it makes more.
async fn work(
    store: Store,
    clock: Arc<dyn Clock>,
    name: &'static str,
    then: &'static str,
    diary: Diary,
) {
    let timers = Timers::new(name);
    let mut bell = store.timer_bell(&timers);
    loop {
        bell.borrow_and_update();
        let leases = timers.lease(&store, clock.now(), MINUTE, 1).await.unwrap();
        for lease in &leases {
            let _hold = clock.hold();
            // As a function that runs somewhere else.
            tokio::task::spawn_blocking(|| {
                let watch = base::Stopwatch::start();
                while watch.elapsed() < Duration::from_millis(3) {
                    std::thread::yield_now();
                }
            })
            .await
            .unwrap();
            let now = clock.now();
            let id = String::from_utf8(lease.id.clone()).unwrap();
            diary.lock().push((now, format!("{name} {id}")));
            store
                .write(|tx| {
                    timers.finish(tx, lease)?;
                    if !then.is_empty() {
                        Timers::new(then).set(tx, id.as_bytes(), now + MINUTE, Vec::new())?;
                    }
                    Ok::<_, store::Error>(())
                })
                .await
                .unwrap();
        }
        if !leases.is_empty() {
            continue;
        }
        let next = timers.next(&store.read().unwrap()).unwrap();
        tokio::select! {
            _ = bell.changed() => {}
            () = clock.sleep_until(next.unwrap_or(Timestamp::MAX)) => {}
        }
    }
}

async fn a_chain_is_done_in_its_order() {
    let store = ephemeral();
    let keeper = Timekeeper::open(&store, Arc::new(SystemClock)).unwrap();
    keeper.pause().await.unwrap();
    let start = keeper.now();
    let clock: Arc<dyn Clock> = Arc::new(keeper.clone());
    let diary = Diary::default();
    for (name, then) in [("first", "second"), ("second", "third"), ("third", "")] {
        tokio::spawn(work(
            store.clone(),
            clock.clone(),
            name,
            then,
            diary.clone(),
        ));
    }
    let timers = Timers::new("first");
    store
        .write(|tx| {
            for (id, minutes) in [("a", 1), ("b", 2), ("c", 90), ("d", 60 * 25)] {
                timers.set(tx, id.as_bytes(), start + MINUTE * minutes, Vec::new())?;
            }
            Ok::<_, store::Error>(())
        })
        .await
        .unwrap();
    let journey = keeper.advance(MINUTE * 60 * 24, PATIENCE).await.unwrap();
    assert_eq!(journey.shown.now, start + MINUTE * 60 * 24);
    let done: Vec<(u32, String)> = diary
        .lock()
        .iter()
        .map(|(at, what)| {
            (
                u32::try_from(at.since(start).as_secs() / 60).unwrap(),
                what.clone(),
            )
        })
        .collect();
    let mut at_two = vec![done[1].1.clone(), done[2].1.clone()];
    at_two.sort();
    assert_eq!(at_two, ["first b", "second a"]);
    let mut at_three = vec![done[3].1.clone(), done[4].1.clone()];
    at_three.sort();
    assert_eq!(at_three, ["second b", "third a"]);
    let others: Vec<_> = done
        .iter()
        .map(|(minute, what)| (*minute, &**what))
        .collect();
    assert_eq!(others[0], (1, "first a"));
    assert_eq!(
        others[5..],
        [
            (4, "third b"),
            (90, "first c"),
            (91, "second c"),
            (92, "third c")
        ]
    );
    // And not too late either: what was due at a minute was done at that minute.
    let minutes: Vec<_> = others.iter().map(|(minute, _)| *minute).collect();
    assert_eq!(minutes, [1, 2, 2, 3, 3, 4, 90, 91, 92]);
}

#[tokio::test]
async fn what_falls_due_is_done_in_its_order_and_before_the_answer() {
    a_chain_is_done_in_its_order().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn so_it_is_on_many_threads() {
    for _ in 0..10 {
        a_chain_is_done_in_its_order().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_that_never_rest_do_not_stop_it() {
    let store = ephemeral();
    let keeper = Timekeeper::open(&store, Arc::new(SystemClock)).unwrap();
    let busy = tokio::spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
    let sleeping = keeper.sleep(MINUTE);
    keeper.advance(MINUTE, PATIENCE).await.unwrap();
    sleeping.await;
    busy.abort();
}

#[tokio::test]
async fn what_takes_too_long_leaves_the_clock_where_it_is() {
    let (keeper, _) = stands(&ephemeral());
    let clock = keeper.clone();
    let woken = tokio::spawn(async move {
        clock.sleep(MINUTE).await;
        let hold = clock.hold();
        std::future::pending::<()>().await;
        drop(hold);
    });
    let refused = keeper.advance(MINUTE * 5, Duration::from_millis(20)).await;
    let Err(Error::Unsettled { at, under_way: 1 }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(at, begin() + MINUTE);
    assert_eq!(keeper.now(), begin() + MINUTE);
    woken.abort();
    let _ = woken.await;
    keeper.advance(MINUTE, PATIENCE).await.unwrap();
    assert_eq!(keeper.now(), begin() + MINUTE * 2);
}

#[tokio::test]
async fn who_loses_interest_stops_it() {
    let (keeper, _) = stands(&ephemeral());
    let clock = keeper.clone();
    tokio::spawn(async move {
        loop {
            clock.sleep(Duration::from_secs(1)).await;
        }
    });
    let moving = keeper.advance(MINUTE * 60 * 24 * 365, PATIENCE);
    tokio::select! {
        _ = moving => panic!("a year of seconds is not over so soon"),
        () = SystemClock.sleep(Duration::from_millis(30)) => {}
    }
    while keeper.advance(Duration::ZERO, PATIENCE).await.is_err() {
        SystemClock.sleep(Duration::from_millis(1)).await;
    }
    assert!(keeper.now() < begin() + MINUTE * 60 * 24 * 30);
}

#[tokio::test]
async fn it_does_not_go_back_nor_beyond_the_calendar() {
    let (keeper, _) = stands(&ephemeral());
    keeper.set(begin() + MINUTE, PATIENCE).await.unwrap();
    let back = keeper.set(begin(), PATIENCE).await.unwrap_err();
    assert!(matches!(back, Error::Backwards { now } if now == begin() + MINUTE));
    let far = keeper.advance(Duration::MAX, PATIENCE).await.unwrap_err();
    assert!(matches!(far, Error::TooFar));
    assert_eq!(keeper.now(), begin() + MINUTE);
}

#[tokio::test]
async fn one_moves_it_at_a_time() {
    let (keeper, _) = stands(&ephemeral());
    let hold = keeper.hold();
    let mut first = Box::pin(keeper.advance(MINUTE, PATIENCE));
    tokio::select! {
        biased;
        _ = &mut first => panic!("somebody holds it"),
        () = std::future::ready(()) => {}
    }
    let second = keeper.advance(MINUTE, PATIENCE).await.unwrap_err();
    assert!(matches!(second, Error::Moving));
    drop(hold);
    first.await.unwrap();
}

#[tokio::test]
async fn it_runs_on_or_stands_as_before_and_after_a_restart() {
    let simulation = Simulation::new(Random::seeded(1), Faults::none());
    let (keeper, host) = stands(&simulation.open());
    keeper.advance(MINUTE * 10, PATIENCE).await.unwrap();
    host.advance(MINUTE);
    assert_eq!(keeper.now(), begin() + MINUTE * 11);
    drop(keeper);
    simulation.crash();
    let again = Timekeeper::open(&simulation.open(), Arc::new(host.clone())).unwrap();
    assert_eq!(again.now(), begin() + MINUTE * 11);
    again.set(begin() + MINUTE * 60, PATIENCE).await.unwrap();
    host.advance(MINUTE * 5);
    assert_eq!(again.now(), begin() + MINUTE * 60);
    drop(again);
    simulation.crash();
    let again = Timekeeper::open(&simulation.open(), Arc::new(host.clone())).unwrap();
    assert_eq!(again.show().pace, Pace::Standing(begin() + MINUTE * 60));
    again.resume().await.unwrap();
    host.advance(MINUTE);
    assert_eq!(again.now(), begin() + MINUTE * 61);
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Note(Timestamp);
impl Record for Note {}
const NOTES: Table<Note> = Table::new(Keyspace::Test, 9);

#[tokio::test]
async fn after_a_crash_nothing_in_the_store_is_of_a_later_time() {
    for seed in 0..30 {
        let simulation = Simulation::new(Random::seeded(seed), Faults::none());
        let store = simulation.open();
        let (keeper, host) = stands(&store);
        let (clock, notes) = (keeper.clone(), store.clone());
        let writer = tokio::spawn(async move {
            loop {
                clock.sleep(MINUTE).await;
                let now = clock.now();
                let key = NOTES.key().u64(now.as_micros());
                let noted = notes.write_buffered(|tx| {
                    NOTES.put(tx, key.clone(), &Note(now));
                    Ok::<_, store::Error>(())
                });
                noted.await.unwrap();
            }
        });
        let moving = keeper.advance(MINUTE * 600, PATIENCE);
        tokio::select! {
            _ = moving => {}
            () = SystemClock.sleep(Duration::from_millis(1 + seed)) => {}
        }
        writer.abort();
        let _ = writer.await;
        drop((keeper, store));
        simulation.crash();
        let store = simulation.open();
        let again = Timekeeper::open(&store, Arc::new(host)).unwrap();
        let notes = NOTES
            .scan(&store.read().unwrap(), &NOTES.key().range(), 1_000)
            .unwrap();
        let latest = notes.iter().map(|(_, note)| note.0).max();
        assert!(
            latest.is_none_or(|latest| latest <= again.now()),
            "seed {seed}"
        );
    }
}

#[tokio::test]
async fn sleepers_follow_every_change_of_pace() {
    let (keeper, host) = stands(&ephemeral());
    let done = Arc::new(Mutex::new(Vec::new()));
    for minutes in [1, 2, 3] {
        let (clock, done) = (keeper.clone(), done.clone());
        tokio::spawn(async move {
            clock.sleep(MINUTE * minutes).await;
            done.lock().push(minutes);
        });
    }
    let rest = || async {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    };
    rest().await;
    host.advance(MINUTE);
    rest().await;
    assert_eq!(*done.lock(), [1]);
    keeper.pause().await.unwrap();
    host.advance(MINUTE * 9);
    rest().await;
    assert_eq!(*done.lock(), [1], "it stands");
    keeper.resume().await.unwrap();
    host.advance(MINUTE);
    rest().await;
    assert_eq!(*done.lock(), [1, 2]);
    keeper.advance(MINUTE, PATIENCE).await.unwrap();
    assert_eq!(*done.lock(), [1, 2, 3]);
}
