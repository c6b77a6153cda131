use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::{ManualClock, Random, Space, Timestamp};
use proptest::prelude::*;
use store::{Faults, Read, Simulation, Store};

use super::*;
mod aside;
mod collections;
mod expressions;
mod feeds;
mod indexes;
mod model;
mod upkeep;
mod writes;

use crate::schema::{COUNTS, Count, DROPPED, ITEMS, TALLIES, Tally};

fn space() -> Space {
    Space::new("here")
}

fn over(store: &Store) -> Tables {
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000)));
    Tables::new(store.clone(), clock, Random::seeded(9))
}

fn fresh() -> (Tables, Store) {
    let store = Store::ephemeral(Random::seeded(1));
    (over(&store), store)
}

fn attribute(name: &str, r#type: KeyType) -> KeyAttribute {
    KeyAttribute {
        name: name.into(),
        r#type,
    }
}

fn keyed(name: &str, sort: Option<KeyType>) -> NewTable {
    let key = KeySchema {
        partition: attribute("p", KeyType::String),
        sort: sort.map(|sort| attribute("s", sort)),
    };
    NewTable::new(name, key)
}

fn text(text: &str) -> Value {
    Value::String(text.into())
}

fn number(text: &str) -> Value {
    Value::Number(text.parse().unwrap())
}

fn item<const N: usize>(attributes: [(&str, Value); N]) -> Item {
    attributes
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn scan_all(tables: &Tables, table: &str, limit: Option<usize>) -> Vec<Item> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let page = tables
            .scan(
                &space(),
                &Scan {
                    table,
                    limit,
                    after: after.as_ref(),
                    ..Scan::default()
                },
            )
            .unwrap();
        all.extend(page.items);
        after = page.last;
        if after.is_none() {
            return all;
        }
    }
}

#[tokio::test]
async fn tables_come_are_listed_and_go() {
    let (tables, store) = fresh();
    for name in ["c", "a", "b"] {
        tables.create(&space(), keyed(name, None)).await.unwrap();
    }
    let again = tables.create(&space(), keyed("a", None)).await;
    assert!(matches!(again, Err(Error::TableExists(name)) if name == "a"));
    tables
        .create(&Space::new("there"), keyed("a", None))
        .await
        .unwrap();
    let page = tables.list(&space(), None, 2).unwrap();
    assert_eq!(
        (page.names, page.more),
        (vec!["a".into(), "b".into()], true)
    );
    let page = tables.list(&space(), Some("b"), 2).unwrap();
    assert_eq!((page.names, page.more), (vec!["c".into()], false));

    for n in 0..700 {
        let row = item([("p", text(&n.to_string()))]);
        tables.put(&space(), "a", row).await.unwrap();
    }
    // As tables have them that are older than sums.
    let prefix = tables.table(&space(), "a").unwrap().prefix();
    let before = Tally {
        count: Count {
            items: 9,
            bytes: 90,
        },
        indexes: BTreeMap::new(),
    };
    store
        .write(|tx| {
            TALLIES.put(tx, TALLIES.key().u64(prefix).u32(7), &before);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let dropped = tables.drop_table(&space(), "a").await.unwrap();
    assert_eq!(dropped.count.items, 709);
    let gone = tables.get(&space(), "a", &item([("p", text("1"))]));
    assert!(matches!(gone, Err(Error::NoSuchTable(_))));
    tables.create(&space(), keyed("a", None)).await.unwrap();
    assert!(scan_all(&tables, "a", None).is_empty());
    while tables.reap().await.unwrap() {}
    let view = store.read().unwrap();
    for key in [ITEMS.key(), TALLIES.key(), COUNTS.key(), DROPPED.key()] {
        assert!(view.scan(&key.range(), 1).unwrap().is_empty());
    }
}

#[tokio::test]
async fn items_are_put_got_and_deleted() {
    let (tables, _) = fresh();
    let sorted = keyed("t", Some(KeyType::Number));
    tables.create(&space(), sorted).await.unwrap();
    let key = item([("p", text("x")), ("s", number("1.0"))]);
    let old = item([("p", text("x")), ("s", number("1")), ("v", Value::Null)]);
    let new = item([
        ("p", text("x")),
        ("s", number("1e0")),
        ("w", Value::Bool(true)),
    ]);
    assert_eq!(tables.get(&space(), "t", &key).unwrap(), None);
    assert_eq!(tables.put(&space(), "t", old.clone()).await.unwrap(), None);
    let replaced = tables.put(&space(), "t", new.clone()).await.unwrap();
    assert_eq!(replaced, Some(old));
    assert_eq!(tables.get(&space(), "t", &key).unwrap(), Some(new.clone()));
    let description = tables.describe(&space(), "t").unwrap();
    assert_eq!(description.count.items, 1);
    assert_eq!(description.count.bytes, item_size(&new) as u64);
    let deleted = tables.delete(&space(), "t", &key).await.unwrap();
    assert_eq!(deleted, Some(new));
    assert_eq!(tables.delete(&space(), "t", &key).await.unwrap(), None);
    assert_eq!(tables.describe(&space(), "t").unwrap().count.items, 0);
}

#[tokio::test]
async fn keys_are_held_to_their_schema() {
    let (tables, _) = fresh();
    let sorted = keyed("t", Some(KeyType::Binary));
    tables.create(&space(), sorted).await.unwrap();
    let binary = |len| Value::Binary(vec![7; len].into());
    let here = space();
    let put = |row| tables.put(&here, "t", row);
    let missing = put(item([("p", text("x"))])).await;
    assert!(matches!(missing, Err(Error::MissingKey(name)) if name == "s"));
    let wrong = put(item([("p", number("1")), ("s", binary(1))])).await;
    assert!(matches!(wrong, Err(Error::WrongKeyType { attribute, .. }) if attribute == "p"));
    let empty = put(item([("p", text("")), ("s", binary(1))])).await;
    assert!(matches!(empty, Err(Error::EmptyKey { .. })));
    let long = put(item([("p", text(&"x".repeat(2_049))), ("s", binary(1))])).await;
    assert!(matches!(long, Err(Error::PartitionKeyTooLarge { .. })));
    let long = put(item([("p", text("x")), ("s", binary(1_025))])).await;
    assert!(matches!(long, Err(Error::SortKeyTooLarge { .. })));
    put(item([
        ("p", text(&"x".repeat(2_048))),
        ("s", binary(1_024)),
    ]))
    .await
    .unwrap();
    let large = put(item([
        ("p", text("x")),
        ("s", binary(1)),
        ("v", binary(MAX_ITEM)),
    ]))
    .await;
    assert!(matches!(large, Err(Error::ItemTooLarge { .. })));
    for key in [
        item([("p", text("x"))]),
        item([("p", text("x")), ("s", binary(1)), ("v", binary(1))]),
        item([("p", text("x")), ("s", text("y"))]),
    ] {
        let found = tables.get(&space(), "t", &key);
        assert!(matches!(found, Err(Error::NotAKey)), "{key:?}");
    }
}

#[tokio::test]
async fn a_page_ends_at_its_bounds() {
    let (tables, _) = fresh();
    let sorted = keyed("t", Some(KeyType::Number));
    tables.create(&space(), sorted).await.unwrap();
    for n in 0..10 {
        let body = Value::Binary(vec![0; 300 << 10].into());
        let row = item([("p", text("x")), ("s", number(&n.to_string())), ("v", body)]);
        tables.put(&space(), "t", row).await.unwrap();
    }
    let partition = text("x");
    let mut query = Query::of("t", &partition);
    // The item that crosses a megabyte is the last.
    let page = tables.query(&space(), &query).unwrap();
    assert_eq!(page.items.len(), 4);
    assert_eq!(
        page.last,
        Some(item([("p", text("x")), ("s", number("3"))]))
    );
    query.limit = Some(3);
    query.backwards = true;
    let page = tables.query(&space(), &query).unwrap();
    let last = page.last.unwrap();
    assert_eq!(last["s"], number("7"));
    query.after = Some(&last);
    let page = tables.query(&space(), &query).unwrap();
    assert_eq!(page.items[0]["s"], number("6"));
    // A full page tells a last key even when nothing follows.
    let end = item([("p", text("x")), ("s", number("1"))]);
    query.after = Some(&end);
    query.limit = Some(1);
    assert!(tables.query(&space(), &query).unwrap().last.is_some());
    query.limit = Some(2);
    assert_eq!(tables.query(&space(), &query).unwrap().last, None);
    let elsewhere = item([("p", text("y")), ("s", number("1"))]);
    query.after = Some(&elsewhere);
    let outside = tables.query(&space(), &query);
    assert!(matches!(outside, Err(Error::StartOutside)));
}

#[tokio::test]
async fn segments_together_are_the_whole() {
    let (tables, _) = fresh();
    tables.create(&space(), keyed("t", None)).await.unwrap();
    for n in 0..300 {
        let row = item([("p", text(&n.to_string()))]);
        tables.put(&space(), "t", row).await.unwrap();
    }
    for of in [1, 2, 7] {
        let mut seen: Vec<Item> = (0..of)
            .flat_map(|index| {
                let scan = Scan {
                    table: "t",
                    segment: Some(Segment { index, of }),
                    ..Scan::default()
                };
                let page = tables.scan(&space(), &scan).unwrap();
                assert!(of == 1 || page.items.len() < 300);
                page.items
            })
            .collect();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 300);
    }
}

#[tokio::test]
async fn counts_stay_exact_under_conflicts_and_crashes() {
    for seed in 0..8 {
        let random = Random::seeded(seed);
        let faults = Faults {
            conflict: 0.3,
            failed_sync: 0.0,
        };
        let simulation = Simulation::new(random.clone(), faults);
        let mut tables = over(&simulation.open());
        tables.create(&space(), keyed("t", None)).await.unwrap();
        let mut expected = BTreeMap::new();
        for step in 0..200 {
            let name = random.below(20).to_string();
            let key = item([("p", text(&name))]);
            if random.chance(0.3) {
                let old = tables.delete(&space(), "t", &key).await.unwrap();
                assert_eq!(old, expected.remove(&name));
            } else {
                let row = item([("p", text(&name)), ("v", number(&step.to_string()))]);
                let old = tables.put(&space(), "t", row.clone()).await.unwrap();
                assert_eq!(old, expected.insert(name, row));
            }
            if random.chance(0.05) {
                simulation.crash();
                tables = over(&simulation.open());
            }
        }
        let description = tables.describe(&space(), "t").unwrap();
        assert_eq!(description.count.items, expected.len() as u64);
        let bytes: usize = expected.values().map(item_size).sum();
        assert_eq!(description.count.bytes, bytes as u64);
        let mut found = scan_all(&tables, "t", Some(3));
        found.sort();
        assert_eq!(found, expected.into_values().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn writers_at_once_lose_nothing() {
    let (tables, _) = fresh();
    tables.create(&space(), keyed("t", None)).await.unwrap();
    let writers: Vec<_> = (0..16)
        .map(|writer| {
            let tables = tables.clone();
            tokio::spawn(async move {
                for n in 0..50 {
                    let row = item([("p", text(&format!("{writer}-{n}")))]);
                    tables.put(&space(), "t", row).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(tables.describe(&space(), "t").unwrap().count.items, 800);
}

#[tokio::test]
async fn the_reaper_hears_its_bell_and_stops_when_told() {
    let (tables, store) = fresh();
    let stop = tokio_util::sync::CancellationToken::new();
    let reaper = tokio::spawn({
        let (tables, stop) = (tables.clone(), stop.clone());
        async move { tables.run_reaper(stop).await }
    });
    tables.create(&space(), keyed("t", None)).await.unwrap();
    let row = item([("p", text("x"))]);
    tables.put(&space(), "t", row).await.unwrap();
    tables.drop_table(&space(), "t").await.unwrap();
    let clean = async {
        while !store
            .read()
            .unwrap()
            .scan(&DROPPED.key().range(), 1)
            .unwrap()
            .is_empty()
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), clean)
        .await
        .expect("the reaper removes what is left");
    stop.cancel();
    reaper.await.unwrap();
}

fn sort_key() -> impl Strategy<Value = String> {
    "[\\x00-\\x02ab]{1,4}"
}

fn condition() -> impl Strategy<Value = Option<SortCondition>> {
    let value = || sort_key().prop_map(|key| text(&key));
    prop_oneof![
        Just(None),
        value().prop_map(|a| Some(SortCondition::Equal(a))),
        value().prop_map(|a| Some(SortCondition::Less(a))),
        value().prop_map(|a| Some(SortCondition::LessOrEqual(a))),
        value().prop_map(|a| Some(SortCondition::Greater(a))),
        value().prop_map(|a| Some(SortCondition::GreaterOrEqual(a))),
        value().prop_map(|a| Some(SortCondition::BeginsWith(a))),
        (value(), value()).prop_map(|(a, b)| Some(SortCondition::Between(a, b))),
    ]
}

fn holds(condition: Option<&SortCondition>, key: &Value) -> bool {
    match condition {
        None => true,
        Some(SortCondition::Equal(a)) => key == a,
        Some(SortCondition::Less(a)) => key < a,
        Some(SortCondition::LessOrEqual(a)) => key <= a,
        Some(SortCondition::Greater(a)) => key > a,
        Some(SortCondition::GreaterOrEqual(a)) => key >= a,
        Some(SortCondition::Between(a, b)) => a <= key && key <= b,
        Some(SortCondition::BeginsWith(a)) => match (key, a) {
            (Value::String(key), Value::String(a)) => key.starts_with(a),
            _ => false,
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_query_yields_just_what_its_condition_holds_for(
        keys in proptest::collection::btree_set(sort_key(), 0..20),
        condition in condition(),
        backwards: bool,
        limit in 1..5_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (tables, _) = fresh();
        runtime.block_on(async {
            let sorted = keyed("t", Some(KeyType::String));
            tables.create(&space(), sorted).await.unwrap();
            for (partition, key) in ["o", "p", "q"].iter().flat_map(|p| keys.iter().map(move |k| (p, k))) {
                let row = item([("p", text(partition)), ("s", text(key))]);
                tables.put(&space(), "t", row).await.unwrap();
            }
        });
        let mut expected: Vec<Value> = keys.iter().map(|key| text(key))
            .filter(|key| holds(condition.as_ref(), key))
            .collect();
        if backwards {
            expected.reverse();
        }
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = tables.query(&space(), &Query {
                sort: condition.as_ref(),
                limit: Some(limit),
                after: after.as_ref(),
                backwards,
                ..Query::of("t", &text("p"))
            }).unwrap();
            found.extend(page.items.into_iter().map(|item| item["s"].clone()));
            after = page.last;
            if after.is_none() {
                break;
            }
        }
        prop_assert_eq!(found, expected);
    }
}
