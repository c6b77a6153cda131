//! Random operations on a table and on the plainest thing that could be one: a map from keys to items.

use super::*;

#[derive(Clone, Debug)]
enum Operation {
    Put(String, String, i32, Option<i32>),
    Delete(String, String, Option<i32>),
    Add(String, String, i32, Option<i32>),
    Query(String, String, bool, usize, Option<i32>),
    Transfer(String, String, i32),
    Scan(usize),
    Crash,
}

fn any_operation() -> impl Strategy<Value = Operation> {
    let p = || "[pq]";
    let s = || "[a-d]";
    let expected = || proptest::option::weighted(0.3, 0..3_i32);
    prop_oneof![
        5 => (p(), s(), 0..3_i32, expected()).prop_map(|(p, s, v, e)| Operation::Put(p, s, v, e)),
        2 => (p(), s(), expected()).prop_map(|(p, s, e)| Operation::Delete(p, s, e)),
        3 => (p(), s(), -2..3_i32, expected()).prop_map(|(p, s, v, e)| Operation::Add(p, s, v, e)),
        2 => (p(), s(), any::<bool>(), 1..4_usize, expected())
            .prop_map(|(p, s, b, l, e)| Operation::Query(p, s, b, l, e)),
        2 => (s(), s(), 0..3_i32).prop_map(|(a, b, v)| Operation::Transfer(a, b, v)),
        1 => (1..5_usize).prop_map(Operation::Scan),
        1 => Just(Operation::Crash),
    ]
}

type Model = BTreeMap<(String, String), i32>;

fn row(p: &str, s: &str, v: i32) -> Item {
    item([
        ("p", text(p)),
        ("s", text(s)),
        ("v", number(&v.to_string())),
    ])
}

fn key(p: &str, s: &str) -> Item {
    item([("p", text(p)), ("s", text(s))])
}

fn expects(value: Option<i32>) -> Option<Condition> {
    value.map(|value| {
        Condition::Compare(
            Operand::Path(Path::attribute("v")),
            Comparison::Equal,
            Operand::Value(number(&value.to_string())),
        )
    })
}

fn add(v: i32) -> Update {
    Update {
        changes: vec![(Path::attribute("v"), Change::Add(number(&v.to_string())))],
    }
}

async fn take(tables: &Tables, model: &mut Model, operation: Operation) {
    let old = |model: &Model, p: &str, s: &str| {
        let key = (p.to_owned(), s.to_owned());
        model.get(&key).copied()
    };
    let write = |write: Write| async move {
        match tables.write(&space(), &write).await {
            Ok(written) => Some(written),
            Err(Error::ConditionFailed(_)) => None,
            Err(error) => panic!("{error}"),
        }
    };
    match operation {
        Operation::Put(p, s, v, expected) => {
            let before = old(model, &p, &s);
            let put = Write::put("t", row(&p, &s, v)).when(expects(expected));
            let written = write(put).await;
            assert_eq!(written.is_some(), expected.is_none() || expected == before);
            if let Some(written) = written {
                assert_eq!(written.old, before.map(|v| row(&p, &s, v)));
                model.insert((p, s), v);
            }
        }
        Operation::Delete(p, s, expected) => {
            let before = old(model, &p, &s);
            let delete = Write::delete("t", key(&p, &s)).when(expects(expected));
            let written = write(delete).await;
            assert_eq!(written.is_some(), expected.is_none() || expected == before);
            if written.is_some() {
                model.remove(&(p, s));
            }
        }
        Operation::Add(p, s, v, expected) => {
            let before = old(model, &p, &s);
            let update = Write::update("t", key(&p, &s), add(v)).when(expects(expected));
            if let Some(written) = write(update).await {
                let after = before.unwrap_or(0) + v;
                assert_eq!(written.new, Some(row(&p, &s, after)));
                model.insert((p, s), after);
            }
        }
        Operation::Transfer(a, b, v) => {
            let move_ = [
                Write::update("t", key("p", &a), add(-v))
                    .when(Some(Condition::Exists(Path::attribute("v")))),
                Write::update("t", key("q", &b), add(v)),
            ];
            match tables.transact(&space(), None, &move_).await {
                Ok(_) => {
                    *model.get_mut(&("p".into(), a)).unwrap() -= v;
                    *model.entry(("q".into(), b)).or_default() += v;
                }
                Err(Error::Cancelled(_)) => assert_eq!(old(model, "p", &a), None),
                Err(error) => panic!("{error}"),
            }
        }
        Operation::Query(p, from, backwards, limit, wanted) => {
            let mut expected: Vec<Item> = model
                .iter()
                .filter(|((partition, s), _)| *partition == p && *s >= from)
                .filter(|(_, v)| wanted.is_none_or(|wanted| wanted == **v))
                .map(|((p, s), v)| row(p, s, *v))
                .collect();
            if backwards {
                expected.reverse();
            }
            let (partition, filter) = (text(&p), expects(wanted));
            let sort = SortCondition::GreaterOrEqual(text(&from));
            let mut found = Vec::new();
            let mut after = None;
            loop {
                let query = Query {
                    sort: Some(&sort),
                    filter: filter.as_ref(),
                    limit: Some(limit),
                    after: after.as_ref(),
                    backwards,
                    ..Query::of("t", &partition)
                };
                let page = tables.query(&space(), &query).unwrap();
                assert!(page.read <= limit && page.items.len() <= page.read);
                found.extend(page.items);
                after = page.last;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(found, expected);
        }
        Operation::Scan(limit) => {
            let mut found = scan_all(tables, "t", Some(limit));
            found.sort();
            let mut expected: Vec<Item> = model.iter().map(|((p, s), v)| row(p, s, *v)).collect();
            expected.sort();
            assert_eq!(found, expected);
        }
        Operation::Crash => unreachable!("that is the world's to do"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_table_does_as_the_model(
        operations in proptest::collection::vec(any_operation(), 1..60),
        seed: u64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let faults = Faults { conflict: 0.2, failed_sync: 0.0 };
            let simulation = Simulation::new(Random::seeded(seed), faults);
            let mut tables = over(&simulation.open());
            let sorted = keyed("t", Some(KeyType::String));
            tables.create(&space(), sorted).await.unwrap();
            let mut model = Model::new();
            for operation in operations {
                if let Operation::Crash = operation {
                    simulation.crash();
                    tables = over(&simulation.open());
                } else {
                    take(&tables, &mut model, operation).await;
                }
            }
        });
    }
}
