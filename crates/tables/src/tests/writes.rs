//! Conditions, updates and transactions on a store.

use super::*;

fn exists(name: &str) -> Condition {
    Condition::Exists(Path::attribute(name))
}

fn absent(name: &str) -> Condition {
    Condition::Not(Box::new(exists(name)))
}

fn is(name: &str, value: Value) -> Condition {
    Condition::Compare(
        Operand::Path(Path::attribute(name)),
        Comparison::Equal,
        Operand::Value(value),
    )
}

fn key(p: &str) -> Item {
    item([("p", text(p))])
}

fn add(name: &str, by: &str) -> Update {
    Update {
        changes: vec![(Path::attribute(name), Change::Add(number(by)))],
    }
}

async fn with_table() -> (Tables, Store) {
    let (tables, store) = fresh();
    tables.create(&space(), keyed("t", None)).await.unwrap();
    (tables, store)
}

#[tokio::test]
async fn a_write_is_done_if_its_condition_holds() {
    let (tables, _) = with_table().await;
    let new = item([("p", text("a")), ("v", number("1"))]);
    let put = Write::put("t", new.clone()).when(Some(absent("p")));
    tables.write(&space(), &put).await.unwrap();
    let again = tables.write(&space(), &put).await;
    assert!(matches!(again, Err(Error::ConditionFailed(Some(old))) if *old == new));
    let delete = Write::delete("t", key("a")).when(Some(is("v", number("2"))));
    assert!(tables.write(&space(), &delete).await.is_err());
    let absent = Write::delete("t", key("none")).when(Some(exists("p")));
    let failed = tables.write(&space(), &absent).await;
    assert!(matches!(failed, Err(Error::ConditionFailed(None))));
    let update = Write::update("t", key("a"), add("v", "1")).when(Some(is("v", number("1"))));
    let written = tables.write(&space(), &update).await.unwrap();
    assert_eq!(written.old, Some(new));
    assert_eq!(written.new.unwrap()["v"], number("2"));
    let written = tables.write(&space(), &delete).await.unwrap();
    assert_eq!(written.old.unwrap()["v"], number("2"));
}

#[tokio::test]
async fn an_update_makes_what_is_missing_unless_it_only_removes() {
    let (tables, _) = with_table().await;
    let update = |changes| Write::update("t", key("a"), Update { changes });
    let remove = update(vec![(Path::attribute("v"), Change::Remove)]);
    let written = tables.write(&space(), &remove).await.unwrap();
    assert_eq!(written, Written::default());
    assert_eq!(tables.get(&space(), "t", &key("a")).unwrap(), None);
    let nothing = tables.write(&space(), &update(vec![])).await.unwrap();
    assert_eq!(nothing.new, Some(key("a")));
    let of_key = update(vec![(
        Path::attribute("p"),
        Change::Set(Term::Value(text("b"))),
    )]);
    let refused = tables.write(&space(), &of_key).await;
    assert!(matches!(refused, Err(Error::UpdatesKey(name)) if name == "p"));
    let large = Value::Binary(vec![0; MAX_ITEM].into());
    let large = update(vec![(
        Path::attribute("v"),
        Change::Set(Term::Value(large)),
    )]);
    let refused = tables.write(&space(), &large).await;
    assert!(matches!(refused, Err(Error::UpdatedItemTooLarge { .. })));
}

#[test]
fn an_update_nests_no_deeper_than_an_item_may_be() {
    let nested = |levels| (0..levels).fold(text("v"), |inner, _| Value::List(vec![inner]));
    let there = item([("v", nested(2))]);
    for (steps, levels, fits) in [(0, 31, true), (0, 32, false), (2, 29, true), (2, 30, false)] {
        let path = Path {
            name: "v".into(),
            steps: vec![Step::Index(0); steps],
        };
        let set = Change::Set(Term::Value(nested(levels)));
        let changes = vec![(path, set)];
        match (Update { changes }).apply(&there) {
            Ok(_) => assert!(fits, "{steps} {levels}"),
            Err(Error::TooDeep { .. }) => assert!(!fits, "{steps} {levels}"),
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn a_transaction_is_done_whole_or_not_at_all() {
    let (tables, _) = with_table().await;
    tables.create(&space(), keyed("u", None)).await.unwrap();
    let put = |table: &str, p: &str| Write::put(table, item([("p", text(p)), ("v", number("1"))]));
    let first = [put("t", "a"), put("u", "a"), put("t", "b")];
    let done = tables.transact(&space(), None, &first).await.unwrap();
    assert!(matches!(done, Transacted::Done(written) if written.len() == 3));
    let second = [
        Write::check("u", key("a")).when(Some(is("v", number("1")))),
        Write::delete("t", key("a")),
        Write::update("t", key("b"), add("v", "1")).when(Some(is("v", number("7")))),
        put("t", "d").when(Some(is("v", number("7")))),
    ];
    let Err(Error::Cancelled(reasons)) = tables.transact(&space(), None, &second).await else {
        panic!("a condition does not hold");
    };
    assert!(reasons[0].is_none() && reasons[1].is_none());
    assert!(matches!(&reasons[2], Some(Error::ConditionFailed(Some(_)))));
    assert!(matches!(&reasons[3], Some(Error::ConditionFailed(None))));
    assert!(tables.get(&space(), "t", &key("a")).unwrap().is_some());
    // What is wrong in itself is told alone, and the first of it.
    let wrong = || Write::put("t", item([("p", number("1"))]));
    let third = [second[2].clone(), wrong(), wrong()];
    let Err(Error::Cancelled(reasons)) = tables.transact(&space(), None, &third).await else {
        panic!("a key is of a wrong type");
    };
    assert!(matches!(
        reasons.as_slice(),
        [None, Some(Error::WrongKeyType { .. }), None]
    ));
    let twice = [put("t", "a"), Write::delete("t", key("a"))];
    let refused = tables.transact(&space(), None, &twice).await;
    assert!(matches!(refused, Err(Error::RepeatedItem)));
    let refused = tables.write_many(&space(), &twice).await;
    assert!(matches!(refused, Err(Error::RepeatedItem)));
    let missing = [put("t", "c"), put("none", "c")];
    let refused = tables.transact(&space(), None, &missing).await;
    assert!(matches!(refused, Err(Error::NoSuchTable(name)) if name == "none"));
    assert_eq!(tables.get(&space(), "t", &key("c")).unwrap(), None);
}

#[tokio::test]
async fn what_is_wrong_with_a_write_alone_is_no_reason_of_a_transaction() {
    let (tables, _) = with_table().await;
    let large = || Value::Binary(vec![0; MAX_ITEM].into());
    let changes = vec![(Path::attribute("v"), Change::Set(Term::Value(large())))];
    let grown = Write::update("t", key("a"), Update { changes });
    let refused = tables.transact(&space(), None, &[grown]).await;
    assert!(matches!(refused, Err(Error::Cancelled(_))));
    let put = Write::put("t", item([("p", text("a")), ("v", large())]));
    let refused = tables.transact(&space(), None, &[put]).await;
    assert!(matches!(refused, Err(Error::ItemTooLarge { .. })));
    for write in [
        Write::put("t", key("")),
        Write::delete("t", key("")),
        Write::check("t", key("")),
        Write::update("t", key(""), Update::default()),
    ] {
        let writes = [Write::put("t", item([("p", number("1"))])), write];
        let refused = tables.transact(&space(), None, &writes).await;
        assert!(matches!(refused, Err(Error::EmptyKey { .. })));
    }
}

#[tokio::test]
async fn a_token_makes_a_transaction_happen_once() {
    let store = Store::ephemeral(Random::seeded(1));
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000)));
    let tables = Tables::new(store, clock.clone(), Random::seeded(9));
    tables.create(&space(), keyed("t", None)).await.unwrap();
    let once = |digest: u8| Once {
        token: "token".into(),
        digest: vec![digest],
    };
    let count = [Write::update("t", key("a"), add("n", "1"))];
    let here = space();
    let run = |digest| {
        let (tables, count, once, here) = (&tables, &count, once(digest), &here);
        async move { tables.transact(here, Some(&once), count).await }
    };
    assert!(matches!(run(1).await, Ok(Transacted::Done(_))));
    clock.advance(Duration::from_secs(599));
    assert!(matches!(run(1).await, Ok(Transacted::Before)));
    assert!(matches!(run(2).await, Err(Error::AnotherTransaction)));
    clock.advance(Duration::from_secs(1));
    assert!(matches!(run(2).await, Ok(Transacted::Done(_))));
    let found = tables.get(&space(), "t", &key("a")).unwrap().unwrap();
    assert_eq!(found["n"], number("2"));
}

#[tokio::test]
async fn money_is_neither_made_nor_lost() {
    for seed in 0..4 {
        let random = Random::seeded(seed);
        let faults = Faults {
            conflict: 0.3,
            failed_sync: 0.0,
        };
        let simulation = Simulation::new(random.clone(), faults);
        let mut tables = over(&simulation.open());
        tables.create(&space(), keyed("t", None)).await.unwrap();
        let accounts: Vec<Write> = (0..5)
            .map(|n| {
                let account = item([("p", text(&n.to_string())), ("v", number("100"))]);
                Write::put("t", account)
            })
            .collect();
        tables.write_many(&space(), &accounts).await.unwrap();
        for _ in 0..60 {
            let (from, to) = (random.below(5), random.below(5));
            let amount = random.below(60).to_string();
            let enough = Condition::Compare(
                Operand::Path(Path::attribute("v")),
                Comparison::GreaterOrEqual,
                Operand::Value(number(&amount)),
            );
            let account = |n: u64| key(&n.to_string());
            let transfer = [
                Write::update("t", account(from), add("v", &format!("-{amount}")))
                    .when(Some(enough)),
                Write::update("t", account(to), add("v", &amount)),
            ];
            match tables.transact(&space(), None, &transfer).await {
                Ok(_) => assert_ne!(from, to),
                Err(Error::RepeatedItem) => assert_eq!(from, to),
                Err(Error::Cancelled(_)) => {}
                Err(error) => panic!("{error}"),
            }
            if random.chance(0.05) {
                simulation.crash();
                tables = over(&simulation.open());
            }
        }
        let balances: Vec<u64> = scan_all(&tables, "t", None)
            .iter()
            .map(|item| match &item["v"] {
                Value::Number(number) => number.whole().unwrap(),
                _ => panic!("a balance is a number"),
            })
            .collect();
        assert_eq!(balances.iter().sum::<u64>(), 500);
    }
}

#[tokio::test]
async fn a_transaction_is_bounded_by_what_it_brings() {
    let (tables, _) = with_table().await;
    let large = |n: usize| {
        let filler = text(&"x".repeat(MAX_ITEM - 100));
        Write::put("t", item([("p", text(&n.to_string())), ("v", filler)]))
    };
    let most: Vec<Write> = (0..10).map(large).collect();
    tables.transact(&space(), None, &most).await.unwrap();
    let more: Vec<Write> = (0..11).map(large).collect();
    let refused = tables.transact(&space(), None, &more).await;
    assert!(matches!(refused, Err(Error::TransactionTooLarge { size }) if size > MAX_TRANSACTION));
    // Deletions bring their keys, however much is there.
    let keys = (0..10).map(|n| Write::delete("t", key(&n.to_string())));
    let more: Vec<Write> = keys.chain([large(10)]).collect();
    tables.transact(&space(), None, &more).await.unwrap();
    assert_eq!(tables.describe(&space(), "t").unwrap().count.items, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Syncs fail and processes end, with several transactions under way: each is there whole or not at all, and is
    /// there if that was said.
    #[test]
    fn a_transaction_is_atomic_whenever_the_process_ends(seed: u64) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let faults = Faults { conflict: 0.2, failed_sync: 0.2 };
            let simulation = Simulation::new(Random::seeded(seed), faults);
            let mut tables = over(&simulation.open());
            while tables.create(&space(), keyed("t", Some(KeyType::String))).await.is_err() {
                simulation.crash();
                tables = over(&simulation.open());
                if tables.table(&space(), "t").is_ok() {
                    break;
                }
            }
            let mut acknowledged = Vec::new();
            for round in 0..12_u32 {
                let parts = |n: u32| -> Vec<Write> {
                    let part = |p: &str| {
                        let name = format!("{round}-{n}");
                        Write::put("t", item([("p", text(p)), ("s", text(&name))]))
                    };
                    ["a", "b", "c"].map(part).into()
                };
                let writes: Vec<Vec<Write>> = (0..4).map(parts).collect();
                let here = space();
                let (a, b, c, d) = tokio::join!(
                    tables.transact(&here, None, &writes[0]),
                    tables.transact(&here, None, &writes[1]),
                    tables.transact(&here, None, &writes[2]),
                    tables.transact(&here, None, &writes[3]),
                );
                for (n, done) in [a, b, c, d].into_iter().enumerate() {
                    if done.is_ok() {
                        acknowledged.push(format!("{round}-{n}"));
                    }
                }
                simulation.crash();
                tables = over(&simulation.open());
            }
            let mut parts: BTreeMap<String, usize> = BTreeMap::new();
            for item in scan_all(&tables, "t", None) {
                if let Value::String(name) = &item["s"] {
                    *parts.entry(name.clone()).or_default() += 1;
                }
            }
            assert!(parts.values().all(|count| *count == 3), "{parts:?}");
            assert!(acknowledged.iter().all(|name| parts.contains_key(name)));
        });
    }
}

#[tokio::test]
async fn many_items_are_read_as_they_were_at_one_moment() {
    let (tables, _) = with_table().await;
    tables.put(&space(), "t", key("a")).await.unwrap();
    let (a, b) = (key("a"), key("b"));
    let get = |keys: Vec<(&'static str, Item)>| {
        let keys: Vec<_> = keys.iter().map(|(table, key)| (*table, key)).collect();
        tables.get_many(&space(), keys, |_| true)
    };
    let found = get(vec![("t", a.clone()), ("t", b.clone())]).unwrap();
    assert_eq!(found, [Some(a.clone()), None]);
    assert!(matches!(
        get(vec![("t", a.clone()), ("t", a.clone())]),
        Err(Error::RepeatedItem)
    ));
    assert!(matches!(
        get(vec![("none", a.clone())]),
        Err(Error::NoSuchTable(_))
    ));
    let wrong = item([("p", number("1"))]);
    let Err(Error::Cancelled(reasons)) = get(vec![("t", a.clone()), ("t", wrong.clone())]) else {
        panic!("it is no key of the table");
    };
    assert!(matches!(reasons.as_slice(), [None, Some(Error::NotAKey)]));
    assert!(matches!(
        get(vec![("t", wrong), ("t", key(""))]),
        Err(Error::EmptyKey { .. })
    ));
    let stopped = tables.get_many(&space(), [("t", &a), ("t", &b)], |_| false);
    assert_eq!(stopped.unwrap().len(), 1);
}
