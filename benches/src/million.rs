//! Ten million small items through the engine itself: what the table's size costs a read, and in memory.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use base::{Random, Space, SystemClock};
use store::Store;
use tables::{Item, KeyAttribute, KeySchema, KeyType, NewTable, Query, Tables, Value, Write};

use crate::stats::{Times, ratio};

const FEW: u64 = 10_000;
const MANY: u64 = 10_000_000;
/// Items written in one commit, and commits under way at once.
const BATCH: u64 = 1_000;
const WRITERS: u64 = 4;
/// Items of one partition.
const PARTITION: u64 = 10;
const READS: u64 = 20_000;

struct Reads {
    gets: Times,
    queries: Times,
    resident: u64,
}

pub(crate) fn measure(work: &Path) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let random = Random::system();
        let store = Store::open(&work.join("million"), random.clone())?;
        let tables = Tables::new(store, std::sync::Arc::new(SystemClock), random);
        let few = filled(&tables, "few", FEW).await?;
        let started = Instant::now();
        let many = filled(&tables, "many", MANY).await?;
        print("GetItem", &many.gets, &few.gets);
        print("Query of 10 items", &many.queries, &few.queries);
        println!(
            "| resident memory with {MANY} items | {} MiB | with {FEW}: {} MiB | | flat |",
            many.resident >> 20,
            few.resident >> 20
        );
        eprintln!("{MANY} items took {:.0} s", started.elapsed().as_secs_f64());
        Ok(())
    })
}

fn print(what: &str, many: &Times, few: &Times) {
    let us = |time: Duration| time.as_secs_f64() * 1e6;
    println!(
        "| {what} from {MANY} items, in the engine: p50 (p99) | {:.1} µs ({:.1} µs) | from {FEW}: {:.1} µs | {} | ≤ 1.5× |",
        us(many.p50()),
        us(many.p99()),
        us(few.p50()),
        ratio(many.p50(), few.p50()),
    );
}

async fn filled(tables: &Tables, name: &str, items: u64) -> Result<Reads> {
    let space = Space::new("bench");
    let attribute = |name: &str, r#type| KeyAttribute {
        name: name.into(),
        r#type,
    };
    let key = KeySchema {
        partition: attribute("id", KeyType::String),
        sort: Some(attribute("place", KeyType::Number)),
    };
    tables
        .create(&space, NewTable::new(name.to_owned(), key))
        .await?;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (tables, space, name) = (tables.clone(), space.clone(), name.to_owned());
            tokio::spawn(async move {
                for batch in (0..items / BATCH).filter(|batch| batch % WRITERS == writer) {
                    let writes: Vec<Write> = (batch * BATCH..(batch + 1) * BATCH)
                        .map(|n| Write::put(&name, item(n)))
                        .collect();
                    tables.write_many(&space, &writes).await?;
                }
                Ok::<_, anyhow::Error>(())
            })
        })
        .collect();
    for writer in writers {
        writer.await??;
    }
    read(tables, &space, name, items)
}

/// Reads items from all over the table, after as many that are not counted.
fn read(tables: &Tables, space: &Space, name: &str, items: u64) -> Result<Reads> {
    // Far apart and all different: the step shares no factor with the counts, which are powers of ten.
    let numbers = |salt: u64| (0..READS).map(move |n| (n * 7_368_787 + salt) % items);
    let get = |n: u64| {
        let mut key = item(n);
        key.retain(|name, _| name == "id" || name == "place");
        let started = Instant::now();
        let found = tables.get(space, name, &key)?;
        let took = started.elapsed();
        found.context("an item is lost")?;
        Ok::<_, anyhow::Error>(took)
    };
    let query = |n: u64| {
        let partition = partition(n);
        let started = Instant::now();
        let page = tables.query(space, &Query::of(name, &partition))?;
        let took = started.elapsed();
        anyhow::ensure!(page.items.len() as u64 == PARTITION, "items are lost");
        Ok::<_, anyhow::Error>(took)
    };
    for n in numbers(1) {
        get(n)?;
        query(n)?;
    }
    Ok(Reads {
        gets: Times::new(numbers(2).map(get).collect::<Result<_>>()?),
        queries: Times::new(numbers(3).map(query).collect::<Result<_>>()?),
        resident: crate::server::resident(std::process::id())?,
    })
}

fn partition(n: u64) -> Value {
    Value::String(format!("partition-{:08}", n / PARTITION))
}

fn item(n: u64) -> Item {
    [
        ("id", partition(n)),
        ("place", Value::Number((n % PARTITION).into())),
        ("title", Value::String("a small item".into())),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}
