//! The queues' API beside others that keep messages in memory (`MINISTACK` and `MOTO` name programs that serve on the
//! port that they are told with `--port`): requests per second of the server's processor time. Ours verifies signatures and syncs before it
//! answers. Then a queue with many messages waiting, and after as many are gone, beside an empty one.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::queues::{Address, NewMessage, NewQueue, Queues, Receive};
use anyhow::{Context, Result};
use base::{Random, Space, SystemClock};
use store::Store;

use crate::load::{self, Connection, Load};
use crate::processors::{Machine, processor_seconds};
use crate::server::Server;
use crate::signed;
use crate::stats::{Times, ms, ratio};

const CONNECTIONS: usize = 64;
const IN_FLIGHT: usize = 256;
const TIME: Duration = Duration::from_secs(4);
/// Different requests of one kind.
const REQUESTS: usize = 2_000;
const QUEUE: &str = "bench";
/// Messages that wait, and receives that are timed.
const BACKLOG: usize = 10_000_000;
const RECEIVES: usize = 2_000;
const AT_ONCE: usize = 500;

pub(crate) fn measure(binary: &Path, work: &Path) -> Result<()> {
    let data = work.join("queues").display().to_string();
    let mut server = Server::spawn(binary, &["serve", "--data-dir", &data])?;
    server.wait_for("ready")?;
    let ours = Figures::take(&server)?;
    let durable = load::run(&server, sends(&server), IN_FLIGHT, TIME)?;
    drop(server);
    println!(
        "SendMessage, {IN_FLIGHT} in flight, durable: {:.0}/s",
        durable.per_second()
    );
    let peers = [("ministack", "MINISTACK"), ("moto", "MOTO")];
    for (name, variable) in peers {
        let Some(command) = std::env::var_os(variable) else {
            println!("no {name}: install it from PyPI and name its command in {variable}");
            continue;
        };
        let theirs = Figures::take(&Server::spawn_peer(&mut Command::new(command))?)?;
        ours.print(name, &theirs);
    }
    ours.print("itself", &ours);
    Ok(())
}

struct Figures {
    send: Load,
    /// One receive and one deletion, as one.
    consume: Load,
}

impl Figures {
    fn take(server: &Server) -> Result<Self> {
        let create = format!(r#"{{"QueueName":"{QUEUE}"}}"#);
        let runtime = runtime()?;
        runtime.block_on(async {
            let mut connection = Connection::open(&server.host).await?;
            connection
                .send(&ask(server, "CreateQueue", &create))
                .await
                .map(drop)
        })?;
        let send = load::run(server, sends(server), CONNECTIONS, TIME)?;
        let consume = runtime.block_on(consume(server))?;
        Ok(Self { send, consume })
    }

    fn print(&self, name: &str, other: &Self) {
        for (what, ours, theirs) in [
            ("SendMessage", &self.send, &other.send),
            ("receive and delete", &self.consume, &other.consume),
        ] {
            let (ours, theirs) = (ours.per_processor_second(), theirs.per_processor_second());
            println!(
                "{what}: {ours:.0} per processor second, {:.1}× {name} ({theirs:.0})",
                ours / theirs
            );
        }
    }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

fn ask(server: &Server, operation: &str, body: &str) -> Vec<u8> {
    signed::of_queues(&server.host, operation, body)
}

fn url(server: &Server) -> String {
    format!("http://{}/000000000000/{QUEUE}", server.host)
}

fn sends(server: &Server) -> Vec<Vec<u8>> {
    let body = |n| {
        let text = "x".repeat(100);
        format!(
            r#"{{"QueueUrl":"{}","MessageBody":"{n} {text}"}}"#,
            url(server)
        )
    };
    (0..REQUESTS)
        .map(|n| ask(server, "SendMessage", &body(n)))
        .collect()
}

/// Receives and deletes on one connection. What is to be deleted is known only then, so each deletion is signed here;
/// the server's time does not have that in it.
async fn consume(server: &Server) -> Result<Load> {
    let receive = format!(r#"{{"QueueUrl":"{}","VisibilityTimeout":60}}"#, url(server));
    let receive = ask(server, "ReceiveMessage", &receive);
    let mut connection = Connection::open(&server.host).await?;
    let (sender, machine) = (processor_seconds(std::process::id())?, Machine::now()?);
    let (before, started) = (server.processor_seconds()?, Instant::now());
    let mut done = 0_u32;
    while started.elapsed() < TIME {
        let answer = connection.send(&receive).await?;
        let got: serde_json::Value = serde_json::from_slice(answer)?;
        let handle = got["Messages"][0]["ReceiptHandle"].as_str();
        let handle = handle.context("the queue ran empty")?.to_owned();
        let delete = format!(
            r#"{{"QueueUrl":"{}","ReceiptHandle":"{handle}"}}"#,
            url(server)
        );
        connection
            .send(&ask(server, "DeleteMessage", &delete))
            .await?;
        done += 1;
    }
    Ok(Load {
        requests: f64::from(done),
        seconds: started.elapsed().as_secs_f64(),
        processor: server.processor_seconds()? - before,
        sender: processor_seconds(std::process::id())? - sender,
        idle: Machine::now()?.idle - machine.idle,
    })
}

/// In the engine, as a client's part of the time is the same for each.
pub(crate) fn backlog(work: &Path) -> Result<()> {
    let runtime = runtime()?;
    let random = Random::system();
    let store = Store::open(&work.join("backlog"), random.clone())?;
    let queues = Queues::new(store, Arc::new(SystemClock), random);
    runtime.block_on(async {
        let queue = Address::new(&Space::new("bench"), QUEUE);
        queues.create(&queue, NewQueue::default(), |_| None).await?;
        let empty = receives(&queues, &queue, true).await?;
        for _ in 0..BACKLOG / AT_ONCE {
            queues.send_all(&queue, messages()).await?;
        }
        let waiting = receives(&queues, &queue, false).await?;
        loop {
            let how = Receive {
                most: AT_ONCE,
                ..Receive::default()
            };
            let got = queues.receive(&queue, how).await?;
            let receipts: Vec<_> = got.iter().map(|one| one.receipt).collect();
            if receipts.is_empty() {
                break;
            }
            queues.settle(&queue, &receipts).await?;
        }
        let gone = receives(&queues, &queue, true).await?;
        println!("receive, p50: {} of an empty queue", ms(empty.p50()));
        for (what, times) in [("waiting", waiting), ("gone", gone)] {
            let (time, times) = (ms(times.p50()), ratio(times.p50(), empty.p50()));
            println!(
                "receive with {BACKLOG} messages {what}, p50: {time}, {times} (wanted: ≤ 1.5×)"
            );
        }
        Ok(())
    })
}

fn messages() -> Vec<NewMessage> {
    let message = NewMessage {
        body: "x".repeat(100),
        ..NewMessage::default()
    };
    vec![message; AT_ONCE]
}

/// Times receives of one message, each sent just before if the queue has none.
async fn receives(queues: &Queues, queue: &Address, send: bool) -> Result<Times> {
    let mut times = Vec::with_capacity(RECEIVES);
    for _ in 0..RECEIVES {
        if send {
            let message = messages().into_iter().take(1).collect();
            queues.send_all(queue, message).await?;
        }
        let how = Receive {
            most: 1,
            ..Receive::default()
        };
        let started = Instant::now();
        let got = queues.receive(queue, how).await?;
        times.push(started.elapsed());
        let receipts: Vec<_> = got.iter().map(|one| one.receipt).collect();
        queues.settle(queue, &receipts).await?;
    }
    Ok(Times::new(times))
}
