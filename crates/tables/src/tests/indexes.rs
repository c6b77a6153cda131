//! Indexes are always what a recomputation from the items would make them.

use super::*;
use crate::schema::{Index, StoredItem};

fn index(name: &str, partition: &str, sort: Option<&str>, projected: Projected) -> NewIndex {
    NewIndex {
        name: name.into(),
        key: IndexKey {
            partition: vec![attribute(partition, KeyType::String)],
            sort: sort
                .map(|sort| attribute(sort, KeyType::Number))
                .into_iter()
                .collect(),
        },
        local: partition == "p",
        projected,
        provisioned: None,
    }
}

fn several() -> NewIndex {
    let mut several = index("several", "g", Some("n"), Projected::Keys);
    several.key.partition.push(attribute("s", KeyType::String));
    several.key.sort.push(attribute("v", KeyType::String));
    several
}

fn indexes() -> Vec<NewIndex> {
    vec![
        index("by-g", "g", Some("n"), Projected::All),
        index("keys", "g", None, Projected::Keys),
        index("some", "s", Some("n"), Projected::Only(vec!["v".into()])),
        several(),
        index("local", "p", Some("n"), Projected::Keys),
    ]
}

fn with_indexes(indexes: Vec<NewIndex>) -> NewTable {
    NewTable {
        indexes,
        ..keyed("t", Some(KeyType::String))
    }
}

/// What is in an index, against what the items say.
fn check(tables: &Tables, store: &Store) {
    let view = store.read().unwrap();
    let table = tables.table(&space(), "t").unwrap();
    let description = tables.describe(&space(), "t").unwrap();
    let items = ITEMS.scan(&view, &table.items().range(), 10_000).unwrap();
    let items: Vec<Item> = items.into_iter().map(|(_, stored)| stored.0).collect();
    assert_eq!(description.count.items, items.len() as u64);
    check_collections(tables, &table, &items);
    for index in &table.indexes {
        let mut expected: Vec<(Vec<u8>, Item)> = items
            .iter()
            .filter_map(|item| {
                let key = Key::of(&table, item).unwrap();
                crate::index::entry(&table, index, &key, item)
            })
            .map(|entry| (entry.row, entry.item))
            .collect();
        expected.sort();
        let found = ITEMS
            .scan(&view, &table.entries(index).range(), 10_000)
            .unwrap();
        let found: Vec<(Vec<u8>, Item)> = found
            .into_iter()
            .map(|(row, StoredItem(item))| (row, item))
            .collect();
        assert_eq!(found, expected, "{}", index.name);
        let count = description.index(index);
        let bytes: usize = found.iter().map(|(_, item)| item_size(item)).sum();
        assert_eq!(
            (count.items, count.bytes),
            (found.len() as u64, bytes as u64),
            "{}",
            index.name
        );
    }
}

/// What is kept of partitions' sizes, against what the items and their entries say.
fn check_collections(tables: &Tables, table: &Table, items: &[Item]) {
    if !table.indexes.iter().any(|index| index.local) {
        return;
    }
    for partition in ["a", "b", "nobody"] {
        let size = |item: &Item| {
            let key = Key::of(table, item).unwrap();
            let local = table.indexes.iter().filter(|index| index.local);
            let entries = local.filter_map(|index| crate::index::entry(table, index, &key, item));
            item_size(item) + entries.map(|entry| item_size(&entry.item)).sum::<usize>()
        };
        let within = items.iter().filter(|item| item["p"] == text(partition));
        let expected: usize = within.map(size).sum();
        let found = tables.collection_size(&space(), "t", &text(partition));
        assert_eq!(found.unwrap(), Some(expected as u64), "{partition}");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Put(Item),
    Delete(Item),
    Update(Item, &'static str, Option<Value>),
    Create(usize),
    Drop(usize),
    Build,
    Crash,
}

fn any_key() -> impl Strategy<Value = Item> {
    ("[ab]", "[xyz]").prop_map(|(p, s)| item([("p", text(&p)), ("s", text(&s))]))
}

fn any_item() -> impl Strategy<Value = Item> {
    let maybe = |values: BoxedStrategy<Value>| proptest::option::of(values);
    (
        any_key(),
        maybe("[gh]".prop_map(|g| text(&g)).boxed()),
        maybe((0..3_u32).prop_map(|n| number(&n.to_string())).boxed()),
        maybe("[vw]{1,9}".prop_map(|v| text(&v)).boxed()),
    )
        .prop_map(|(mut item, g, n, v)| {
            let more = [("g", g), ("n", n), ("v", v)];
            item.extend(
                more.into_iter()
                    .filter_map(|(name, value)| Some((name.to_owned(), value?))),
            );
            item
        })
}

fn any_step() -> impl Strategy<Value = Step> {
    let change = prop_oneof![
        proptest::option::of("[gh]").prop_map(|g| ("g", g.map(|g| text(&g)))),
        proptest::option::of(0..3_u32).prop_map(|n| ("n", n.map(|n| number(&n.to_string())))),
        proptest::option::of("[vw]{1,9}").prop_map(|v| ("v", v.map(|v| text(&v)))),
    ];
    prop_oneof![
        8 => any_item().prop_map(Step::Put),
        3 => any_key().prop_map(Step::Delete),
        5 => (any_key(), change).prop_map(|(key, (name, to))| Step::Update(key, name, to)),
        1 => (0..4_usize).prop_map(Step::Create),
        1 => (0..4_usize).prop_map(Step::Drop),
        2 => Just(Step::Build),
        1 => Just(Step::Crash),
    ]
}

async fn take(tables: &Tables, step: Step) {
    let alter = |change| Alteration {
        indexes: vec![change],
        ..Alteration::default()
    };
    match step {
        Step::Put(item) => {
            tables.put(&space(), "t", item).await.unwrap();
        }
        Step::Delete(key) => {
            tables.delete(&space(), "t", &key).await.unwrap();
        }
        Step::Update(key, name, to) => {
            let change = to.map_or(Change::Remove, |to| Change::Set(Term::Value(to)));
            let update = Update {
                changes: vec![(Path::attribute(name), change)],
            };
            let write = Write::update("t", key, update);
            tables.write(&space(), &write).await.unwrap();
        }
        Step::Create(which) => {
            let create = IndexAlteration::Create(indexes().swap_remove(which));
            match tables.alter(&space(), "t", &alter(create)).await {
                Ok(_) | Err(Error::IndexExists(_) | Error::Building(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        Step::Drop(which) => {
            let drop = IndexAlteration::Drop(indexes().swap_remove(which).name);
            match tables.alter(&space(), "t", &alter(drop)).await {
                Ok(_) | Err(Error::NoSuchIndex(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        Step::Build => {
            tables.build().await.unwrap();
        }
        Step::Crash => unreachable!("that is the world's to do"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn an_index_is_always_its_recomputation(
        steps in proptest::collection::vec(any_step(), 1..60),
        from_the_start in 0..6_usize,
        seed: u64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let faults = Faults { conflict: 0.2, failed_sync: 0.0 };
            let simulation = Simulation::new(Random::seeded(seed), faults);
            let mut store = simulation.open();
            let mut tables = over(&store);
            let given = indexes().into_iter().rev().take(from_the_start).collect();
            tables.create(&space(), with_indexes(given)).await.unwrap();
            for step in steps {
                if let Step::Crash = step {
                    simulation.crash();
                    store = simulation.open();
                    tables = over(&store);
                } else {
                    take(&tables, step).await;
                }
                let table = tables.table(&space(), "t").unwrap();
                if table.indexes.iter().all(Index::is_whole) {
                    check(&tables, &store);
                }
            }
            while tables.build().await.unwrap() {}
            check(&tables, &store);
            while tables.reap().await.unwrap() {}
            check(&tables, &store);
            tables.drop_table(&space(), "t").await.unwrap();
            while tables.reap().await.unwrap() {}
            let left = store.read().unwrap().scan(&ITEMS.key().range(), 1).unwrap();
            assert!(left.is_empty());
        });
    }
}

#[tokio::test]
async fn an_index_that_is_made_later_takes_writers_with_it() {
    let (tables, store) = fresh();
    tables.create(&space(), with_indexes(vec![])).await.unwrap();
    let row = |n: u32, v: &str| {
        let n = n.to_string();
        item([
            ("p", text(&n)),
            ("s", text("x")),
            ("g", text("g")),
            ("n", number(&n)),
            ("v", text(v)),
        ])
    };
    for n in 0..400 {
        tables.put(&space(), "t", row(n, "old")).await.unwrap();
    }
    let create = Alteration {
        indexes: vec![IndexAlteration::Create(indexes().swap_remove(0))],
        ..Alteration::default()
    };
    tables.alter(&space(), "t", &create).await.unwrap();
    let again = tables.alter(&space(), "t", &create).await;
    assert!(matches!(again, Err(Error::Building(_))));
    let partition = text("g");
    let query = Query {
        index: Some("by-g"),
        ..Query::of("t", &partition)
    };
    let early = tables.query(&space(), &query);
    assert!(matches!(early, Err(Error::IndexNotBuilt(_))));
    // Some of these have been dealt with, and some not.
    tables.build().await.unwrap();
    for n in 0..400 {
        match n % 3 {
            0 => tables.put(&space(), "t", row(n, "new")).await.map(drop),
            1 => {
                let key = item([("p", text(&n.to_string())), ("s", text("x"))]);
                tables.delete(&space(), "t", &key).await.map(drop)
            }
            _ => Ok(()),
        }
        .unwrap();
    }
    while tables.build().await.unwrap() {}
    check(&tables, &store);
    let page = tables.query(&space(), &query).unwrap();
    assert_eq!(page.items.len(), 267);
    assert_eq!(page.items[0]["v"], text("new"));
}

#[tokio::test]
async fn an_index_is_queried_in_its_order_and_page_by_page() {
    let (tables, _) = fresh();
    tables
        .create(&space(), with_indexes(indexes()))
        .await
        .unwrap();
    for n in 0..12 {
        let row = item([
            ("p", text("a")),
            ("s", text(&format!("{n:02}"))),
            ("g", text("g")),
            // Four items for each.
            ("n", number(&(n % 3).to_string())),
            ("v", text("value")),
        ]);
        tables.put(&space(), "t", row).await.unwrap();
    }
    let sparse = item([("p", text("a")), ("s", text("zz"))]);
    tables.put(&space(), "t", sparse).await.unwrap();
    for (name, partition, sorted) in [
        ("by-g", "g", true),
        ("keys", "g", false),
        ("local", "a", true),
    ] {
        for backwards in [false, true] {
            let partition = text(partition);
            let mut found: Vec<Item> = Vec::new();
            let mut after = None;
            loop {
                let page = tables
                    .query(
                        &space(),
                        &Query {
                            index: Some(name),
                            limit: Some(5),
                            after: after.as_ref(),
                            backwards,
                            ..Query::of("t", &partition)
                        },
                    )
                    .unwrap();
                found.extend(page.items);
                after = page.last;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(found.len(), 12, "{name}");
            if sorted {
                let order: Vec<Value> = found.iter().map(|item| item["n"].clone()).collect();
                let mut expected = order.clone();
                expected.sort();
                if backwards {
                    expected.reverse();
                }
                assert_eq!(order, expected, "{name}");
            }
            assert_eq!(found[0].contains_key("v"), name == "by-g");
        }
    }
    let partition = text("g");
    for (condition, count) in [
        (SortCondition::Equal(number("1")), 4),
        (SortCondition::Less(number("1")), 4),
        (SortCondition::LessOrEqual(number("1")), 8),
        (SortCondition::Greater(number("1")), 4),
        (SortCondition::GreaterOrEqual(number("1")), 8),
        (SortCondition::Between(number("0"), number("1")), 8),
    ] {
        let query = Query {
            index: Some("by-g"),
            sort: Some(&condition),
            ..Query::of("t", &partition)
        };
        let page = tables.query(&space(), &query).unwrap();
        assert_eq!(page.items.len(), count, "{condition:?}");
    }
    // Items are fetched whole where the index has only a part of them.
    let partition = text("a");
    let query = Query {
        index: Some("local"),
        whole: true,
        ..Query::of("t", &partition)
    };
    let page = tables.query(&space(), &query).unwrap();
    assert_eq!((page.items.len(), page.fetched.len()), (12, 12));
    assert!(page.items.iter().all(|item| item["v"] == text("value")));
    let scan = Scan {
        table: "t",
        index: Some("keys"),
        ..Scan::default()
    };
    assert_eq!(tables.scan(&space(), &scan).unwrap().items.len(), 12);
    let unknown = Scan {
        index: Some("none"),
        ..scan
    };
    let unknown = tables.scan(&space(), &unknown);
    assert!(matches!(unknown, Err(Error::NoSuchIndex(_))));
}

#[tokio::test]
async fn what_can_be_no_key_of_an_index_is_refused() {
    let (tables, _) = fresh();
    tables
        .create(&space(), with_indexes(indexes()))
        .await
        .unwrap();
    let base = [("p", text("a")), ("s", text("b"))];
    let with = |name: &str, value: Value| {
        let mut all = item(base.clone());
        all.insert(name.into(), value);
        all
    };
    let wrong = tables.put(&space(), "t", with("g", number("1"))).await;
    assert!(matches!(wrong, Err(Error::WrongIndexKeyType { index, .. }) if index == "by-g"));
    let empty = tables.put(&space(), "t", with("g", text(""))).await;
    assert!(matches!(empty, Err(Error::EmptyIndexKey { .. })));
    let set = |name: &str, term| Update {
        changes: vec![(Path::attribute(name), Change::Set(term))],
    };
    let update = |change| Write::update("t", item(base.clone()), change);
    let wrong = update(set("n", Term::Value(text("x"))));
    let refused = tables.write(&space(), &wrong).await;
    assert!(matches!(refused, Err(Error::WrongIndexKeyType { .. })));
    // Alone and in a transaction: what is set to an empty value is seen at once, what becomes one later.
    let other = Term::Or(Path::attribute("x"), Box::new(Term::Value(text(""))));
    for (term, cancels) in [(Term::Value(text("")), false), (other, true)] {
        let write = update(set("g", term));
        let refused = tables.write(&space(), &write).await;
        assert!(matches!(refused, Err(Error::EmptiesIndexKey { .. })));
        let refused = tables.transact(&space(), None, &[write]).await;
        match cancels {
            true => assert!(matches!(refused, Err(Error::Cancelled(_)))),
            false => assert!(matches!(refused, Err(Error::EmptiesIndexKey { .. }))),
        }
    }
    let put = Write::put("t", with("g", text("")));
    let refused = tables.transact(&space(), None, &[put]).await;
    assert!(matches!(refused, Err(Error::EmptyIndexKey { .. })));
    let put = Write::put("t", with("g", number("1")));
    let refused = tables.transact(&space(), None, &[put]).await;
    assert!(matches!(refused, Err(Error::Cancelled(_))));
    assert!(scan_all(&tables, "t", None).is_empty());
}

#[tokio::test]
async fn a_write_tells_what_it_wrote_of_indexes() {
    let (tables, _) = fresh();
    tables
        .create(&space(), with_indexes(indexes()))
        .await
        .unwrap();
    let row = |g: &str, v: &str| {
        item([
            ("p", text("a")),
            ("s", text("b")),
            ("g", text(g)),
            ("v", text(v)),
        ])
    };
    let here = space();
    let put = |row| {
        let (tables, here) = (&tables, &here);
        async move {
            let written = tables.write(here, &Write::put("t", row)).await.unwrap();
            let names = written.entries.into_iter().map(|entry| entry.index);
            names.collect::<Vec<_>>()
        }
    };
    // No number: only one index has it.
    assert_eq!(put(row("g", "1")).await, ["keys"]);
    assert_eq!(put(row("g", "2")).await, [""; 0]);
    // It moves: one is deleted, one is put.
    assert_eq!(put(row("h", "2")).await, ["keys", "keys"]);
}

#[tokio::test]
async fn an_index_of_several_attributes_is_queried_by_the_first_of_them() {
    let (tables, _) = fresh();
    let new = with_indexes(vec![several()]);
    tables.create(&space(), new).await.unwrap();
    for (p, n, v) in [
        ("1", "1", "ab"),
        ("2", "1", "a"),
        ("3", "10", "a"),
        ("4", "2", "b"),
    ] {
        let row = item([
            ("p", text(p)),
            ("s", text("s")),
            ("g", text("g")),
            ("n", number(n)),
            ("v", text(v)),
        ]);
        tables.put(&space(), "t", row).await.unwrap();
    }
    let lacking = [("p", "5"), ("s", "s"), ("g", "g"), ("v", "b")];
    let lacking = item(lacking.map(|(name, value)| (name, text(value))));
    tables.put(&space(), "t", lacking).await.unwrap();
    let partition = [text("g"), text("s")];
    let query = Query {
        index: Some("several"),
        partition: &partition,
        ..Query::of("t", &partition[0])
    };
    let found = |query: &Query<'_>| -> Vec<Value> {
        let page = tables.query(&space(), query).unwrap();
        page.items.iter().map(|item| item["p"].clone()).collect()
    };
    let names =
        |names: &str| -> Vec<Value> { names.chars().map(|p| text(&p.to_string())).collect() };
    assert_eq!(found(&query), names("2143"));
    let one = [number("1")];
    for (leading, sort, expected) in [
        (&one[..], None, "21"),
        (&one, Some(SortCondition::Equal(text("a"))), "2"),
        (&one, Some(SortCondition::BeginsWith(text("a"))), "21"),
        (&one, Some(SortCondition::Greater(text("a"))), "1"),
        (&[], Some(SortCondition::Greater(number("1"))), "43"),
        (&[], Some(SortCondition::Equal(number("1"))), "21"),
    ] {
        let query = Query {
            leading,
            sort: sort.as_ref(),
            ..query
        };
        assert_eq!(found(&query), names(expected), "{leading:?} {sort:?}");
    }
    let first = Query {
        limit: Some(2),
        ..query
    };
    let page = tables.query(&space(), &first).unwrap();
    let last = page.last.unwrap();
    let named: Vec<&str> = last.keys().map(String::as_str).collect();
    assert_eq!(named, ["g", "n", "p", "s", "v"]);
    let rest = Query {
        after: Some(&last),
        ..query
    };
    assert_eq!(found(&rest), names("43"));
    for (partition, leading) in [
        (&partition[..1], &[][..]),
        (&partition, &[number("1"), text("a")]),
    ] {
        let wrong = Query {
            partition,
            leading,
            ..query
        };
        let wrong = tables.query(&space(), &wrong);
        assert!(matches!(wrong, Err(Error::WrongCondition)));
    }
}

#[tokio::test]
async fn several_attributes_of_a_key_are_bounded_together() {
    let (tables, _) = fresh();
    let mut index = several();
    index.key.partition[1].name = "h".into();
    let new = with_indexes(vec![index]);
    tables.create(&space(), new).await.unwrap();
    for (h, fits) in [(1_024, true), (1_025, false)] {
        let long = |length| text(&"x".repeat(length));
        let row = item([
            ("p", text("p")),
            ("s", text("s")),
            ("g", long(1_024)),
            ("h", long(h)),
        ]);
        match tables.put(&space(), "t", row).await {
            Ok(_) => assert!(fits),
            Err(Error::PartitionKeyTooLarge { .. }) => assert!(!fits),
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn of_several_indexes_that_cannot_have_an_item_the_first_by_name_tells() {
    let (tables, _) = fresh();
    let named = |name| index(name, "g", None, Projected::All);
    let new = with_indexes(vec![named("b"), named("a"), named("c")]);
    tables.create(&space(), new).await.unwrap();
    let wrong = item([("p", text("p")), ("s", text("s")), ("g", number("1"))]);
    match tables.put(&space(), "t", wrong).await {
        Err(Error::WrongIndexKeyType { index, .. }) => assert_eq!(index, "a"),
        other => panic!("{other:?}"),
    }
}
