//! Ten million small items through the engine itself: what the table's size costs a read, and in memory.
//!
//! `benches million 1000000` takes as many as it says: it tells beforehand how long ten million would take.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use base::{Random, Space, SystemClock};
use store::Store;
use tables::{Item, KeyAttribute, KeySchema, KeyType, NewTable, Query, Tables, Value, Write};

use crate::load::Connection;
use crate::server::Server;
use crate::signed::request;
use crate::stats::{Times, ratio};

const FEW: u64 = 10_000;
const MANY: u64 = 10_000_000;
/// Items written in one commit, and commits under way at once.
const BATCH: u64 = 1_000;
const WRITERS: u64 = 4;
/// Items of one partition.
const PARTITION: u64 = 10;
const READS: u64 = 20_000;
/// Where the tables of those are who sign as all benches do.
const SPACE: &str = "000000000000/us-east-1";

struct Reads {
    gets: Times,
    queries: Times,
    firsts: Times,
    resident: u64,
}

pub(crate) fn measure(binary: &Path, work: &Path) -> Result<()> {
    let (data, items) = (work.join("million"), wanted()?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(in_engine(&data.join("store"), items))?;
    // It has the store.
    drop(runtime);
    served(binary, &data, items)
}

async fn in_engine(store: &Path, items: u64) -> Result<()> {
    let random = Random::system();
    let store = Store::open(store, random.clone())?;
    let tables = Tables::new(store, std::sync::Arc::new(SystemClock), random);
    let few = filled(&tables, "few", FEW).await?;
    let started = Instant::now();
    let many = filled(&tables, "many", items).await?;
    print_times("GetItem, in the engine,", items, &many.gets, &few.gets);
    print_times(
        "Query of 10 items, in the engine,",
        items,
        &many.queries,
        &few.queries,
    );
    print_times(
        "Query of 1 item of 10, in the engine,",
        items,
        &many.firsts,
        &few.firsts,
    );
    println!(
        "| resident memory with {items} items | {} MiB | with {FEW}: {} MiB | | flat |",
        many.resident >> 20,
        few.resident >> 20
    );
    eprintln!(
        "{items} items took {:.0} s",
        started.elapsed().as_secs_f64()
    );
    Ok(())
}

/// The same tables as a client has them, who asks for one item after the other.
fn served(binary: &Path, data: &Path, items: u64) -> Result<()> {
    let data = data.display().to_string();
    let mut server = Server::spawn(binary, &["serve", "--data-dir", &data])?;
    server.wait_for("ready")?;
    let started = server.resident()?;
    let few = gets(&server, "few", FEW)?;
    let after_few = server.resident()?;
    let many = gets(&server, "many", items)?;
    print_times("GetItem, as a client has it,", items, &many, &few);
    println!(
        "| resident memory of the server after {READS} GetItems from {items} items | {} MiB | from {FEW}: {} MiB, when it started: {} MiB | | flat |",
        server.resident()? >> 20,
        after_few >> 20,
        started >> 20,
    );
    Ok(())
}

fn gets(server: &Server, table: &str, items: u64) -> Result<Times> {
    let body = |n: u64| {
        let (partition, place) = (n / PARTITION, n % PARTITION);
        format!(
            r#"{{"TableName":"{table}","Key":{{"id":{{"S":"partition-{partition:08}"}},"place":{{"N":"{place}"}}}}}}"#
        )
    };
    let rendered = numbers(5, items).map(|n| request(&server.host, "GetItem", &body(n)));
    let requests: Vec<Vec<u8>> = rendered.collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut connection = Connection::open(&server.host).await?;
        let mut times = Vec::with_capacity(requests.len());
        for request in &requests {
            let started = Instant::now();
            let answer = connection.send(request).await?;
            times.push(started.elapsed());
            anyhow::ensure!(answer.len() > 2, "an item is lost");
        }
        Ok(Times::new(times))
    })
}

/// As many as the command line says.
fn wanted() -> Result<u64> {
    let Some(items) = std::env::args().nth(2) else {
        return Ok(MANY);
    };
    let items: u64 = items.parse()?;
    anyhow::ensure!(
        items > 0 && items.is_multiple_of(BATCH),
        "they are written {BATCH} at a time"
    );
    Ok(items)
}

fn print_times(what: &str, items: u64, many: &Times, few: &Times) {
    let us = |time: Duration| time.as_secs_f64() * 1e6;
    println!(
        "| {what} from {items} items: p50 (p99) | {:.1} µs ({:.1} µs) | from {FEW}: {:.1} µs | {} | ≤ 1.5× |",
        us(many.p50()),
        us(many.p99()),
        us(few.p50()),
        ratio(many.p50(), few.p50()),
    );
}

async fn filled(tables: &Tables, name: &str, items: u64) -> Result<Reads> {
    let space = Space::new(SPACE);
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

/// So many of a table's items, far apart and, if there are as many, all different: the step shares no factor with counts
/// that are powers of ten.
fn numbers(salt: u64, items: u64) -> impl Iterator<Item = u64> {
    (0..READS).map(move |n| (n * 7_368_787 + salt) % items)
}

/// Reads items from all over the table, after as many that are not counted.
fn read(tables: &Tables, space: &Space, name: &str, items: u64) -> Result<Reads> {
    let numbers = |salt: u64| numbers(salt, items);
    let get = |n: u64| {
        let mut key = item(n);
        key.retain(|name, _| name == "id" || name == "place");
        let started = Instant::now();
        let found = tables.get(space, name, &key)?;
        let took = started.elapsed();
        found.context("an item is lost")?;
        Ok::<_, anyhow::Error>(took)
    };
    let query = |n: u64, items: u64| {
        let partition = partition(n);
        let mut query = Query::of(name, &partition);
        query.limit = usize::try_from(items).ok();
        let started = Instant::now();
        let page = tables.query(space, &query)?;
        let took = started.elapsed();
        anyhow::ensure!(page.items.len() as u64 == items, "items are lost");
        Ok::<_, anyhow::Error>(took)
    };
    for n in numbers(1) {
        get(n)?;
        query(n, PARTITION)?;
    }
    Ok(Reads {
        gets: Times::new(numbers(2).map(get).collect::<Result<_>>()?),
        queries: Times::new(
            numbers(3)
                .map(|n| query(n, PARTITION))
                .collect::<Result<_>>()?,
        ),
        firsts: Times::new(numbers(4).map(|n| query(n, 1)).collect::<Result<_>>()?),
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
