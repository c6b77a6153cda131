//! The next job's lease from a set through which very many have gone, against the same from a set that is new.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use base::{Random, Timestamp};
use store::{Store, Timers};

use crate::stats::{Times, ratio};

const FINISHED: u64 = 200_000;
const AT_ONCE: u64 = 500;
const SAMPLES: u64 = 300;
const LEASE: Duration = Duration::from_secs(60);

pub(crate) fn measure(work: &Path) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let (past, empty) = runtime.block_on(async {
        let store = Store::open(&work.join("timers"), Random::system())?;
        let past = Timers::new("with a past");
        for batch in 0..FINISHED / AT_ONCE {
            finish(&store, &past, batch).await?;
        }
        store.sync().await?;
        let empty = Timers::new("empty");
        let (mut with_a_past, mut of_empty) = (Vec::new(), Vec::new());
        // By turns, so that both meet the same disk.
        for n in FINISHED..FINISHED + SAMPLES {
            with_a_past.push(lease(&store, &past, n).await?);
            of_empty.push(lease(&store, &empty, n).await?);
        }
        anyhow::Ok((Times::new(with_a_past).p50(), Times::new(of_empty).p50()))
    })?;
    println!(
        "| lease of the next job after {FINISHED} finished ones | {:.0} µs | the same on an empty set: {:.0} µs | {} | ≤ 2 |",
        past.as_secs_f64() * 1e6,
        empty.as_secs_f64() * 1e6,
        ratio(past, empty),
    );
    Ok(())
}

async fn set(store: &Store, timers: &Timers, ids: std::ops::Range<u64>) -> Result<Timestamp> {
    let due = Timestamp::from_secs(ids.start);
    store
        .write_buffered(|tx| {
            for id in ids.clone() {
                timers.set(tx, &id.to_be_bytes(), due, "job")?;
            }
            Ok::<_, store::Error>(())
        })
        .await?;
    Ok(due)
}

/// Jobs go through the set together.
async fn finish(store: &Store, timers: &Timers, batch: u64) -> Result<()> {
    let ids = batch * AT_ONCE..(batch + 1) * AT_ONCE;
    let due = set(store, timers, ids).await?;
    let leases = timers.lease(store, due, LEASE, 1_000).await?;
    ensure!(leases.len() as u64 == AT_ONCE, "a job was not leased");
    store
        .write_buffered(|tx| {
            for lease in &leases {
                timers.finish(tx, lease)?;
            }
            Ok::<_, store::Error>(())
        })
        .await?;
    Ok(())
}

/// How long it takes to lease the one job that there is.
async fn lease(store: &Store, timers: &Timers, id: u64) -> Result<Duration> {
    let due = set(store, timers, id..id + 1).await?;
    let started = Instant::now();
    let leases = timers.lease(store, due, LEASE, 1).await?;
    let took = started.elapsed();
    ensure!(leases.len() == 1, "the job was not leased");
    store
        .write_buffered(|tx| timers.finish(tx, &leases[0]))
        .await?;
    Ok(took)
}
