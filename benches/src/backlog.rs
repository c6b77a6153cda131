//! A queue with very many messages waiting, and after as many are gone, beside one that is empty: the engine in this
//! process, as a client's part of the time is the same for each.
//!
//! `benches backlog 300000` takes as many instead.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use base::{Random, Space, SystemClock};
use queues::{Address, NewMessage, NewQueue, Queues, Receive};
use store::Store;

use crate::stats::{Times, ratio};

/// When nobody says how many.
const MESSAGES: usize = 10_000_000;
const AT_ONCE: usize = 500;
/// Receives that are timed.
const RECEIVES: usize = 2_000;

pub(crate) fn measure(work: &Path) -> Result<()> {
    let count = std::env::args().nth(2).map(|count| count.parse());
    let count = count.transpose()?.unwrap_or(MESSAGES);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let random = Random::system();
        let store = Store::open(&work.join("backlog"), random.clone())?;
        let queues = Queues::new(store, Arc::new(SystemClock), random);
        let space = Space::new("bench");
        let (long, empty) = (Address::new(&space, "long"), Address::new(&space, "empty"));
        for queue in [&long, &empty] {
            queues.create(queue, NewQueue::default(), |_| None).await?;
        }
        let new = receives(&queues, &empty, &long, true).await?.1;
        let started = Instant::now();
        for _ in 0..count / AT_ONCE {
            queues.send_all(&long, messages(AT_ONCE)).await?;
        }
        eprintln!(
            "{count} messages took {:.0} s",
            started.elapsed().as_secs_f64()
        );
        let waiting = receives(&queues, &long, &empty, false).await?;
        print(&format!("{count} messages waiting"), &waiting, &new);
        let started = Instant::now();
        drain(&queues, &long).await?;
        eprintln!(
            "to delete them took {:.0} s",
            started.elapsed().as_secs_f64()
        );
        let gone = receives(&queues, &long, &empty, true).await?;
        print(&format!("{count} messages deleted"), &gone, &new);
        Ok(())
    })
}

fn print(what: &str, (long, empty): &(Times, Times), new: &Times) {
    let us = |times: &Times| times.p50().as_secs_f64() * 1e6;
    println!(
        "| receive from a queue with {what}, in the engine: p50 | {:.0} µs | of an empty queue beside it: {:.0} µs, and in a new store: {:.0} µs | {} and {} | ≤ 1.5× |",
        us(long),
        us(empty),
        us(new),
        ratio(long.p50(), empty.p50()),
        ratio(long.p50(), new.p50()),
    );
}

fn messages(count: usize) -> Vec<NewMessage> {
    let message = NewMessage {
        body: "x".repeat(100),
        ..NewMessage::default()
    };
    vec![message; count]
}

fn up_to(most: usize) -> Receive {
    Receive {
        most,
        ..Receive::default()
    }
}

async fn drain(queues: &Queues, queue: &Address) -> Result<()> {
    loop {
        let got = queues.receive(queue, up_to(AT_ONCE)).await?;
        let receipts: Vec<_> = got.iter().map(|one| one.receipt).collect();
        if receipts.is_empty() {
            return Ok(());
        }
        queues.settle(queue, &receipts).await?;
    }
}

/// Times receives of one message from each by turns, so that both meet the same machine. The second is empty but for the
/// message that is sent just before; the first is as well, if its own are to be `sent`.
async fn receives(
    queues: &Queues,
    one: &Address,
    empty: &Address,
    sent: bool,
) -> Result<(Times, Times)> {
    let (mut of_one, mut of_empty) = (Vec::new(), Vec::new());
    for _ in 0..RECEIVES {
        if sent {
            queues.send_all(one, messages(1)).await?;
        }
        of_one.push(receive(queues, one).await?);
        queues.send_all(empty, messages(1)).await?;
        of_empty.push(receive(queues, empty).await?);
    }
    Ok((Times::new(of_one), Times::new(of_empty)))
}

/// How long it takes to receive one message, which is then deleted.
async fn receive(queues: &Queues, from: &Address) -> Result<Duration> {
    let started = Instant::now();
    let got = queues.receive(from, up_to(1)).await?;
    let took = started.elapsed();
    ensure!(got.len() == 1, "a message that waits was not received");
    queues.settle(from, &[got[0].receipt]).await?;
    Ok(took)
}
