//! Durable publishing with 256 messages in flight: our queues beside NATS JetStream that syncs always and Redis that
//! appends and syncs always. Each answers when the message is on the disk.
//!
//! The peers get their messages over as few or as many connections as suits them best, without waiting for an answer before
//! the next message is sent (`pipe.rs`). Ours are sent as SDKs send them: signed, one request at a time on a connection.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use base::{Random, Space, SystemClock};
use queues::{Address, NewMessage, NewQueue, Queues};
use store::Store;

use crate::load::{self, Load};
use crate::pipe::{self, NATS, Publisher, REDIS};
use crate::processors::{Machine, processor_seconds};
use crate::queues::{create, url};
use crate::row;
use crate::server::Server;
use crate::signed;

const IN_FLIGHT: usize = 256;
const BATCH: usize = 10;
const TIME: Duration = Duration::from_secs(4);
const REQUESTS: usize = 2_000;
const QUEUE: &str = "published";
pub(crate) const BYTES: usize = 100;

/// Connections, and messages in flight on each.
const SHAPES: [Shape; 3] = [(1, 256), (8, 32), (256, 1)];

struct Peer {
    name: &'static str,
    wanted: &'static str,
    publisher: Publisher,
    start: fn(&Path) -> Result<Option<Server>>,
}

const PEERS: [Peer; 2] = [
    Peer {
        name: "NATS JetStream",
        wanted: "≥ 20×",
        publisher: NATS,
        start: nats,
    },
    Peer {
        name: "Redis",
        wanted: "≥ 1×",
        publisher: REDIS,
        start: redis,
    },
];

pub(crate) fn measure(binary: &Path, work: &Path) -> Result<()> {
    let ours = ours(binary, work)?;
    for peer in &PEERS {
        let Some(server) = (peer.start)(work)? else {
            println!(
                "| durable publish | | {} is not installed | | {} |",
                peer.name, peer.wanted
            );
            continue;
        };
        let shapes = shapes(peer, &server)?;
        let best = shapes.iter().max_by(|(_, one), (_, other)| {
            let (one, other) = (one.per_second(), other.per_second());
            one.total_cmp(&other)
        });
        let best = best.expect("there are shapes");
        for (how, ours) in &ours {
            print(how, ours, peer, best, peer.wanted);
        }
        // As ours are sent one by one, theirs can be: beside that, nothing is promised.
        let alike = shapes.iter().find(|((_, each), _)| *each == 1);
        if let (Some((how, ours)), Some(alike)) = (ours.first(), alike) {
            print(how, ours, peer, alike, "");
        }
    }
    Ok(())
}

type Shape = (usize, usize);

fn print(
    how: &str,
    ours: &Load,
    peer: &Peer,
    ((connections, each), theirs): &(Shape, Load),
    wanted: &str,
) {
    println!(
        "| durable publish/s, {how} | {} | {}, {connections} connections of {each}: {} | {} (of the server's processor: {}) | {wanted} |",
        shown(ours),
        peer.name,
        shown(theirs),
        row::times(ours.per_second() / theirs.per_second()),
        row::times(ours.per_processor_second() / theirs.per_processor_second()),
    );
}

fn shown(load: &Load) -> String {
    format!(
        "{:.0}, {:.0} per second of the server's processor ({})",
        load.per_second(),
        load.per_processor_second(),
        row::shares(load),
    )
}

/// What the peer does in each shape.
fn shapes(peer: &Peer, server: &Server) -> Result<Vec<(Shape, Load)>> {
    pipe::prepare(peer.publisher, server)?;
    let each = SHAPES.iter().map(|shape| {
        let load = pipe::publish(peer.publisher, server, *shape, TIME / 2)?;
        Ok((*shape, load))
    });
    each.collect()
}

fn nats(work: &Path) -> Result<Option<Server>> {
    let Some(program) = std::env::var_os("NATS") else {
        return Ok(None);
    };
    let (settings, folder) = (work.join("nats.conf"), work.join("nats"));
    let text = format!(
        "jetstream {{ store_dir: \"{}\", sync_interval: always }}\n",
        folder.display()
    );
    std::fs::write(&settings, text)?;
    let mut command = Command::new(program);
    command
        .args(["--addr", "127.0.0.1", "--config"])
        .arg(settings);
    Server::spawn_peer(&mut command).map(Some)
}

fn redis(work: &Path) -> Result<Option<Server>> {
    let Some(program) = std::env::var_os("REDIS") else {
        return Ok(None);
    };
    let folder = work.join("redis");
    std::fs::create_dir_all(&folder)?;
    let mut command = Command::new(program);
    command
        .arg("--dir")
        .arg(folder)
        .args(["--bind", "127.0.0.1"]);
    command.args(["--appendonly", "yes", "--appendfsync", "always"]);
    // Nothing but the log: no snapshots, and it is not written anew meanwhile.
    command.args(["--save", "", "--auto-aof-rewrite-percentage", "0"]);
    Server::spawn_peer(&mut command).map(Some)
}

fn ours(binary: &Path, work: &Path) -> Result<Vec<(String, Load)>> {
    let data = work.join("publish").display().to_string();
    let mut server = Server::spawn(binary, &["serve", "--data-dir", &data])?;
    server.wait_for("ready")?;
    create(&server, QUEUE)?;
    let single = load::run(&server, sends(&server), IN_FLIGHT, TIME)?;
    let connections = IN_FLIGHT / BATCH;
    let mut batches = load::run(&server, batches(&server), connections, TIME)?;
    batches.requests *= f64::from(u32::try_from(BATCH)?);
    drop(server);
    Ok(vec![
        (format!("SendMessage on {IN_FLIGHT} connections"), single),
        (
            format!("SendMessageBatch of {BATCH} on {connections} connections"),
            batches,
        ),
        (
            format!("{IN_FLIGHT} sends to the engine in one process"),
            engine(work)?,
        ),
    ])
}

fn body() -> String {
    "x".repeat(BYTES)
}

fn sends(server: &Server) -> Vec<Vec<u8>> {
    let url = url(&server.host, QUEUE);
    let text = format!(r#"{{"QueueUrl":"{url}","MessageBody":"{}"}}"#, body());
    vec![signed::of_queues(&server.host, "SendMessage", &text); REQUESTS]
}

fn batches(server: &Server) -> Vec<Vec<u8>> {
    let url = url(&server.host, QUEUE);
    let entry = |n| format!(r#"{{"Id":"{n}","MessageBody":"{}"}}"#, body());
    let entries: Vec<_> = (0..BATCH).map(entry).collect();
    let text = format!(
        r#"{{"QueueUrl":"{url}","Entries":[{}]}}"#,
        entries.join(",")
    );
    vec![signed::of_queues(&server.host, "SendMessageBatch", &text); REQUESTS]
}

/// The engine without a protocol: what the store and the queues' own rows cost.
fn engine(work: &Path) -> Result<Load> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let random = Random::system();
    let store = Store::open(&work.join("engine"), random.clone())?;
    let queues = Queues::new(store, Arc::new(SystemClock), random);
    let queue = Address::new(&Space::new("bench"), QUEUE);
    runtime.block_on(async {
        queues.create(&queue, NewQueue::default(), |_| None).await?;
        let own = processor_seconds(std::process::id())?;
        let (machine, started) = (Machine::now()?, Instant::now());
        let done = Arc::new(AtomicU32::new(0));
        let senders: Vec<_> = (0..IN_FLIGHT)
            .map(|_| {
                let (queues, queue, done) = (queues.clone(), queue.clone(), done.clone());
                tokio::spawn(async move {
                    while started.elapsed() < TIME {
                        send(&queues, &queue).await?;
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                    anyhow::Ok(())
                })
            })
            .collect();
        for sender in senders {
            sender.await??;
        }
        Ok(Load {
            requests: f64::from(done.load(Ordering::Relaxed)),
            seconds: started.elapsed().as_secs_f64(),
            processor: processor_seconds(std::process::id())? - own,
            sender: 0.0,
            idle: Machine::now()?.idle - machine.idle,
        })
    })
}

async fn send(queues: &Queues, queue: &Address) -> Result<()> {
    let message = NewMessage {
        body: body(),
        ..NewMessage::default()
    };
    for sent in queues.send_all(queue, vec![message]).await? {
        sent?;
    }
    Ok(())
}
