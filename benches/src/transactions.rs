//! Durable small transactions by many writers, against the disk's own rate of flushes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use base::Random;
use store::{Key, Keyspace, Store};

use crate::floor;

const WRITERS: u64 = 64;
const TIME: Duration = Duration::from_secs(3);

pub(crate) fn measure(work: &Path) -> Result<()> {
    let before = floor::flushes_per_second(work)?;
    let ours = transactions_per_second(&work.join("transactions"))?;
    let after = floor::flushes_per_second(work)?;
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let bound = WRITERS as f64 * f64::midpoint(before, after);
    println!(
        "| durable transactions/s, {WRITERS} writers | {ours:.0} | {WRITERS} × {:.0} flushes/s = {bound:.0} | {:.2} | ≥ 0.3 |",
        bound / 64.0,
        ours / bound,
    );
    Ok(())
}

fn transactions_per_second(folder: &Path) -> Result<f64> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let store = Store::open(folder, Random::system())?;
        let (started, done) = (Instant::now(), Arc::new(AtomicU64::new(0)));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (store, done) = (store.clone(), done.clone());
                tokio::spawn(async move {
                    for n in 0_u64.. {
                        let key = Key::new(Keyspace::Test, 0).u64(writer).u64(n);
                        store
                            .write(|tx| {
                                tx.put(key.clone().into_vec(), vec![7; 100]);
                                Ok::<_, store::Error>(())
                            })
                            .await?;
                        done.fetch_add(1, Ordering::Relaxed);
                        if started.elapsed() > TIME {
                            break;
                        }
                    }
                    Ok::<_, store::Error>(())
                })
            })
            .collect();
        for writer in writers {
            writer.await??;
        }
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let done = done.load(Ordering::Relaxed) as f64;
        Ok(done / started.elapsed().as_secs_f64())
    })
}
