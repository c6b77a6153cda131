//! Schedules under crashes and clocks that jump: nothing is skipped, nothing is done twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::{ManualClock, Random, Space, Timestamp};
use bytes::Bytes;
use schedules::{Occasion, Retries, Schedules, Settings, Whose};
use store::{Faults, Keyspace, Record, Simulation, Store, Table};

const DAY: Duration = Duration::from_secs(86_400);

fn space() -> Space {
    Space::new("1/here")
}

fn begin() -> Timestamp {
    // 2027-03-13T00:00:30Z, the day before clocks change in New York.
    Timestamp::from_secs(1_804_896_030)
}

fn settings(expression: &str) -> Settings {
    Settings {
        expression: expression.to_owned(),
        zone: "UTC".to_owned(),
        start: None,
        end: None,
        window: None,
        enabled: true,
        ends: false,
        description: None,
        order: Bytes::from_static(b"{}"),
        retries: Retries {
            most: 185,
            age: DAY,
        },
    }
}

/// How often something was done for a moment, in the transaction that took it.
#[derive(Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Done(u32);
impl Record for Done {}
const DONE: Table<Done> = Table::new(Keyspace::Test, 1);

fn name(occasion: &Occasion) -> String {
    match &occasion.whose {
        Whose::Schedule { name, .. } => name.clone(),
        Whose::Rule { rule, .. } => rule.clone(),
    }
}

/// Does what is due in one transaction, as whoever sends does.
async fn step(store: &Store, schedules: &Schedules) -> Result<usize, schedules::Error> {
    store
        .write(|tx| {
            let occasions = schedules.take_due(tx, 3)?;
            for occasion in &occasions {
                let moment = occasion.scheduled.as_micros();
                let key = DONE.key().str(&name(occasion)).u64(moment);
                let Done(before) = DONE.get(tx, &key)?.unwrap_or_default();
                DONE.put(tx, key, &Done(before + 1));
                schedules.end(tx, occasion)?;
            }
            Ok(occasions.len())
        })
        .await
}

/// The moments at which each was done, and those at which it was done more than once several times.
fn done(store: &Store) -> BTreeMap<String, Vec<Timestamp>> {
    let all = DONE.scan(&store.read().unwrap(), &DONE.key().range(), usize::MAX);
    let mut found: BTreeMap<String, Vec<Timestamp>> = BTreeMap::new();
    for (key, Done(times)) in all.unwrap() {
        let mut key = store::KeyReader::new(&key).unwrap();
        let moments = found.entry(key.str().unwrap()).or_default();
        let moment = Timestamp::from_micros(key.u64().unwrap());
        moments.extend((0..times).map(|_| moment));
    }
    found
}

const TIMES: [(&str, &str); 6] = [
    ("hourly", "rate(1 hour)"),
    ("sevens", "rate(17 minutes)"),
    ("often", "cron(0/20 * * * ? *)"),
    ("nightly", "cron(30 2 * * ? *)"),
    ("once", "at(2027-03-13T09:00:00)"),
    ("weekday", "cron(0 12 ? * MON-FRI *)"),
];

/// What a server that never ends does, from plain arithmetic of minutes.
fn expected(name: &str, until: Timestamp) -> Vec<Timestamp> {
    let (from, to) = (begin().as_secs(), until.as_secs());
    let days_and_minutes = |keep: &dyn Fn(u64, u64) -> bool| {
        (from.div_ceil(60)..=to / 60)
            .filter(|minute| keep(minute / 1_440, minute % 1_440))
            .map(|minute| Timestamp::from_secs(minute * 60))
            .collect()
    };
    let every = |step: usize| {
        (from..=to)
            .step_by(step)
            .map(Timestamp::from_secs)
            .collect()
    };
    match name {
        "hourly" => every(3_600),
        "sevens" => every(1_020),
        "often" => days_and_minutes(&|_, minute| minute % 20 == 0),
        "nightly" => days_and_minutes(&|_, minute| minute == 150),
        "once" => days_and_minutes(&|day, minute| minute == 540 && day == from / 86_400),
        // 1 January 1970 was a Thursday.
        "weekday" => days_and_minutes(&|day, minute| minute == 720 && (day + 4) % 7 % 6 != 0),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn nothing_is_skipped_or_done_twice_however_often_the_server_dies() {
    for seed in 0..20 {
        let random = Random::seeded(seed);
        let simulation = Simulation::new(Random::seeded(seed), Faults::none());
        let clock = ManualClock::new(begin());
        let mut store = simulation.open();
        let open = |store: &Store| {
            Schedules::new(
                store.clone(),
                Arc::new(clock.clone()),
                Random::seeded(seed + 1_000),
            )
        };
        let mut schedules = open(&store);
        for (name, expression) in TIMES {
            let settings = settings(expression);
            schedules
                .create(&space(), "default", name, &settings, None)
                .await
                .unwrap();
        }
        let mut until = begin();
        for _ in 0..40 {
            // Sometimes seconds, sometimes the hours in which a lid was closed; never as long as what is due may be late.
            let jump = match random.below(4) {
                0 => Duration::from_secs(random.below(90)),
                1 => Duration::from_secs(random.below(23 * 3_600)),
                _ => Duration::from_secs(random.below(3_600)),
            };
            clock.advance(jump);
            until = until + jump;
            // It may die before all is done.
            let steps = random.below(40);
            let mut all = false;
            for _ in 0..steps {
                let dies = random.chance(0.02);
                if dies {
                    break;
                }
                if step(&store, &schedules).await.unwrap() == 0 {
                    all = true;
                    break;
                }
            }
            if random.chance(0.3) || !all {
                drop((store, schedules));
                simulation.crash();
                store = simulation.open();
                schedules = open(&store);
                while step(&store, &schedules).await.unwrap() > 0 {}
            }
        }
        while step(&store, &schedules).await.unwrap() > 0 {}
        let done = done(&store);
        for (name, _) in TIMES {
            let found = done.get(name).cloned().unwrap_or_default();
            assert_eq!(found, expected(name, until), "{name}, seed {seed}");
        }
    }
}

#[tokio::test]
async fn what_is_too_old_is_passed_over_at_once_and_told_once() {
    let store = Store::ephemeral(Random::seeded(1));
    let clock = ManualClock::new(begin());
    let schedules = Schedules::new(store.clone(), Arc::new(clock.clone()), Random::seeded(2));
    let minutely = settings("rate(1 minute)");
    schedules
        .create(&space(), "default", "s", &minutely, None)
        .await
        .unwrap();
    assert_eq!(step(&store, &schedules).await.unwrap(), 1);
    clock.advance(DAY * 30);
    let mut stale = 0;
    let mut fresh = Vec::new();
    loop {
        let taken = store.write(|tx| schedules.take_due(tx, 64)).await.unwrap();
        if taken.is_empty() {
            break;
        }
        stale += taken.iter().filter(|one| one.is_stale).count();
        fresh.extend(
            taken
                .iter()
                .filter(|one| !one.is_stale)
                .map(|one| one.scheduled),
        );
    }
    assert_eq!(stale, 1);
    assert_eq!(fresh.len(), 1_440);
    assert_eq!(
        fresh.first(),
        Some(&(begin() + DAY * 29 + Duration::from_secs(60)))
    );
    assert_eq!(fresh.last(), Some(&(begin() + DAY * 30)));
}

#[tokio::test]
async fn a_window_is_kept_to_and_used() {
    let store = Store::ephemeral(Random::seeded(1));
    let clock = ManualClock::new(begin());
    let schedules = Schedules::new(store.clone(), Arc::new(clock.clone()), Random::seeded(2));
    let mut hourly = settings("cron(0 * * * ? *)");
    hourly.window = Some(Duration::from_secs(900));
    schedules
        .create(&space(), "default", "s", &hourly, None)
        .await
        .unwrap();
    let mut late = Vec::new();
    for _ in 0..48 {
        let due = schedules.next_due().unwrap().unwrap();
        clock.advance(due.since(base::Clock::now(&clock)));
        let taken = store.write(|tx| schedules.take_due(tx, 9)).await.unwrap();
        let [one] = taken.as_slice() else {
            panic!("{taken:?}");
        };
        assert_eq!(one.scheduled.as_secs() % 3_600, 0);
        late.push(due.since(one.scheduled).as_secs());
    }
    assert!(late.iter().all(|late| *late < 900));
    assert!(late.iter().any(|late| *late < 300) && late.iter().any(|late| *late > 600));
}

#[tokio::test]
async fn one_that_ends_is_gone_after_its_last_time_and_not_before() {
    let store = Store::ephemeral(Random::seeded(1));
    let clock = ManualClock::new(begin());
    let schedules = Schedules::new(store.clone(), Arc::new(clock.clone()), Random::seeded(2));
    let mut ends = settings("rate(1 hour)");
    ends.ends = true;
    ends.end = Some(begin() + Duration::from_secs(2 * 3_600));
    schedules
        .create(&space(), "default", "s", &ends, None)
        .await
        .unwrap();
    for left in [true, true, false] {
        assert_eq!(step(&store, &schedules).await.unwrap(), 1);
        assert_eq!(schedules.get(&space(), "default", "s").is_ok(), left);
        clock.advance(Duration::from_secs(3_600));
    }
    assert_eq!(step(&store, &schedules).await.unwrap(), 0);
}

#[tokio::test]
async fn a_change_that_means_the_same_times_keeps_what_is_due() {
    let store = Store::ephemeral(Random::seeded(1));
    let clock = ManualClock::new(begin());
    let schedules = Schedules::new(store.clone(), Arc::new(clock.clone()), Random::seeded(2));
    let mut hourly = settings("rate(1 hour)");
    schedules
        .create(&space(), "default", "s", &hourly, None)
        .await
        .unwrap();
    step(&store, &schedules).await.unwrap();
    clock.advance(Duration::from_secs(3_700));
    hourly.description = Some("changed while it was due".to_owned());
    schedules
        .update(&space(), "default", "s", &hourly)
        .await
        .unwrap();
    assert_eq!(step(&store, &schedules).await.unwrap(), 1);
    // Switched off, nothing is due; switched on, it counts on from where it began.
    hourly.enabled = false;
    schedules
        .update(&space(), "default", "s", &hourly)
        .await
        .unwrap();
    clock.advance(Duration::from_secs(3 * 3_600));
    assert_eq!(step(&store, &schedules).await.unwrap(), 0);
    assert_eq!(schedules.next_due().unwrap(), None);
    hourly.enabled = true;
    schedules
        .update(&space(), "default", "s", &hourly)
        .await
        .unwrap();
    assert_eq!(
        schedules.next_due().unwrap(),
        Some(begin() + Duration::from_secs(5 * 3_600))
    );
    // Another expression begins now.
    hourly.expression = "rate(2 hours)".to_owned();
    schedules
        .update(&space(), "default", "s", &hourly)
        .await
        .unwrap();
    assert_eq!(
        schedules.next_due().unwrap(),
        Some(base::Clock::now(&clock))
    );
}

#[tokio::test]
async fn groups_take_what_is_in_them_with_them() {
    let simulation = Simulation::new(Random::seeded(1), Faults::none());
    let clock = ManualClock::new(begin());
    let store = simulation.open();
    let schedules = Schedules::new(store.clone(), Arc::new(clock.clone()), Random::seeded(2));
    schedules
        .create_group(&space(), "g", &BTreeMap::new(), Some("t"))
        .await
        .unwrap();
    schedules
        .create_group(&space(), "g", &BTreeMap::new(), Some("t"))
        .await
        .unwrap();
    let again = schedules
        .create_group(&space(), "g", &BTreeMap::new(), Some("u"))
        .await;
    assert!(matches!(again, Err(schedules::Error::GroupExists(_))));
    for number in 0..300 {
        let settings = settings("rate(1 hour)");
        schedules
            .create(&space(), "g", &format!("s{number:03}"), &settings, None)
            .await
            .unwrap();
    }
    schedules.delete_group(&space(), "g").await.unwrap();
    assert!(matches!(
        schedules.group(&space(), "g").await,
        Err(schedules::Error::NoSuchGroup(_))
    ));
    assert_eq!(schedules.next_due().unwrap(), None);
    let default = schedules.delete_group(&space(), "default").await;
    assert!(matches!(default, Err(schedules::Error::GroupStays(_))));
}

#[tokio::test]
async fn rules_are_due_like_schedules() {
    let store = Store::ephemeral(Random::seeded(1));
    let clock = ManualClock::new(begin());
    let schedules = Schedules::new(store.clone(), Arc::new(clock.clone()), Random::seeded(2));
    let set = |expression: &'static str| {
        let (store, schedules) = (store.clone(), schedules.clone());
        async move {
            store
                .write(|tx| schedules.set_rule(tx, &space(), "default", "r", expression))
                .await
        }
    };
    assert!(set("at(2027-01-01T00:00:00)").await.is_err());
    set("rate(5 minutes)").await.unwrap();
    assert_eq!(step(&store, &schedules).await.unwrap(), 0);
    clock.advance(Duration::from_secs(299));
    set("rate(5 minutes)").await.unwrap();
    clock.advance(Duration::from_secs(1));
    assert_eq!(step(&store, &schedules).await.unwrap(), 1);
    store
        .write(|tx| schedules.drop_rule(tx, &space(), "default", "r"))
        .await
        .unwrap();
    clock.advance(DAY);
    assert_eq!(step(&store, &schedules).await.unwrap(), 0);
}
