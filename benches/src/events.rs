//! Events on a bus with few rules and with very many, where each event matches one of them: what an event costs in the
//! index alone, and from `PutEvents` to the message that its rule sends to a queue.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};
use triggers::pattern::{Index, Language, Pattern};

use crate::load::{Connection, Load, Watch};
use crate::queues;
use crate::row::times;
use crate::server::Server;
use crate::signed::of_buses;
use crate::task;

const FEW: usize = 10;
const MANY: usize = 10_000;
const CONNECTIONS: usize = 32;
/// Events that are timed in the index; events that are put, and how many by one request.
const MATCHED: usize = 20_000;
const PUT: usize = 20_000;
const ENTRIES: usize = 10;
const QUEUE: &str = "matched";
const WANTED: &str = "≤ 2×";

/// One kind of rules, told apart by their numbers.
struct Shape {
    name: &'static str,
    pattern: fn(usize) -> Value,
    /// An event that only this rule wants.
    event: fn(usize) -> Value,
}

const SHAPES: [Shape; 4] = [
    Shape {
        name: "source and detail-type",
        pattern: |n| json!({ "source": [format!("app.{n}")], "detail-type": ["Order made"] }),
        event: |n| event(&format!("app.{n}"), "Order made", &json!({ "order": n })),
    },
    Shape {
        name: "a prefix",
        pattern: |n| json!({ "source": ["files"], "detail": { "key": [{ "prefix": format!("{n:06}/") }] } }),
        event: |n| {
            event(
                "files",
                "File made",
                &json!({ "key": format!("{n:06}/file.txt") }),
            )
        },
    },
    Shape {
        name: "numeric ranges",
        pattern: |n| {
            let range = json!([">=", n * 10, "<", n * 10 + 10]);
            json!({ "source": ["prices"], "detail": { "price": [{ "numeric": range }] } })
        },
        event: |n| event("prices", "Price set", &json!({ "price": n * 10 + 3 })),
    },
    Shape {
        name: "detail-type and anything-but",
        pattern: |n| {
            let state = json!([{ "anything-but": ["done", "gone"] }]);
            json!({ "source": ["jobs"], "detail-type": [format!("Job {n}")], "detail": { "state": state } })
        },
        event: |n| event("jobs", &format!("Job {n}"), &json!({ "state": "begun" })),
    },
];

fn event(source: &str, kind: &str, detail: &Value) -> Value {
    json!({ "source": source, "detail-type": kind, "detail": detail })
}

/// A shape, and which of its rules or events: the shapes take turns.
fn mixed(n: usize) -> (&'static Shape, usize) {
    (&SHAPES[n % SHAPES.len()], n / SHAPES.len())
}

pub(crate) fn measure(binary: &Path, work: &Path) -> Result<()> {
    for shape in &SHAPES {
        let one = |n| (shape, n);
        row(
            &format!("rules of one shape, {}", shape.name),
            in_index(FEW, one)?,
            in_index(MANY, one)?,
        );
    }
    row(
        "rules of these shapes",
        in_index(FEW, mixed)?,
        in_index(MANY, mixed)?,
    );

    let data = work.join("events").display().to_string();
    let mut server = Server::spawn(binary, &["serve", "--data-dir", &data])?;
    server.wait_for("ready")?;
    queues::create(&server, QUEUE)?;
    let (few, many) = (Bus::new(&server, FEW), Bus::new(&server, MANY));
    for bus in [&few, &many] {
        bus.wire()?;
        // Its code is to be hot.
        bus.pass(PUT / 10)?;
    }
    let (few, many) = (few.pass(PUT)?, many.pass(PUT)?);
    let micros = |load: &Load| 1e6 / load.per_processor_second();
    println!(
        "| an event by `PutEvents` of {ENTRIES} to the queue of the one rule that wants it, {MANY} rules of these shapes: the server's processor | {:.1} µs | {FEW} rules: {:.1} µs | {} | {WANTED} |",
        micros(&many),
        micros(&few),
        times(micros(&many) / micros(&few)),
    );
    println!(
        "| events/s put and delivered, {MANY} rules | {:.0} | {FEW} rules: {:.0} | | |",
        many.per_second(),
        few.per_second(),
    );
    Ok(())
}

fn row(what: &str, few: Duration, many: Duration) {
    println!(
        "| which rule an event matches, {MANY} {what}, in the index | {:.2} µs | {FEW} rules: {:.2} µs | {} | |",
        many.as_secs_f64() * 1e6,
        few.as_secs_f64() * 1e6,
        times(many.as_secs_f64() / few.as_secs_f64()),
    );
}

/// What one event takes.
fn in_index(rules: usize, of: impl Fn(usize) -> (&'static Shape, usize)) -> Result<Duration> {
    let mut index = Index::default();
    for n in 0..rules {
        let (shape, n) = of(n);
        let pattern = (shape.pattern)(n).to_string();
        index.insert(Arc::new(Pattern::parse(&pattern, Language::Whole)?));
    }
    let events: Vec<Value> = (0..MATCHED.min(rules))
        .map(|n| {
            let (shape, n) = of(n);
            (shape.event)(n)
        })
        .collect();
    for event in &events {
        ensure!(index.matching(event).len() == 1, "{event} matches one rule");
    }
    let (started, mut done) = (Instant::now(), 0);
    while done < MATCHED && started.elapsed() < Duration::from_secs(3) {
        black_box(index.matching(black_box(&events[done % events.len()])));
        done += 1;
    }
    Ok(started.elapsed() / u32::try_from(done)?)
}

/// A bus whose rules send to the queue.
struct Bus<'a> {
    server: &'a Server,
    name: String,
    rules: usize,
}

impl<'a> Bus<'a> {
    fn new(server: &'a Server, rules: usize) -> Self {
        Self {
            server,
            name: format!("with-{rules}"),
            rules,
        }
    }

    fn wire(&self) -> Result<()> {
        let ask =
            |operation, body: Value| of_buses(&self.server.host, operation, &body.to_string());
        self.each(vec![ask("CreateEventBus", json!({ "Name": self.name }))])?;
        let rule = |n| {
            let (shape, of_shape) = mixed(n);
            let pattern = (shape.pattern)(of_shape).to_string();
            let body = json!({ "Name": format!("r{n}"), "EventBusName": self.name, "EventPattern": pattern });
            ask("PutRule", body)
        };
        self.each((0..self.rules).map(rule).collect())?;
        let queue = format!("arn:aws:sqs:us-east-1:000000000000:{QUEUE}");
        let target = |n| {
            let targets = json!([{ "Id": "queue", "Arn": queue }]);
            ask(
                "PutTargets",
                json!({ "Rule": format!("r{n}"), "EventBusName": self.name, "Targets": targets }),
            )
        };
        self.each((0..self.rules).map(target).collect())
    }

    /// Puts so many events and waits until all have become messages.
    fn pass(&self, count: usize) -> Result<Load> {
        let entry = |n: usize| {
            let (shape, n) = mixed(n % self.rules);
            let event = (shape.event)(n);
            json!({
                "EventBusName": self.name,
                "Source": event["source"],
                "DetailType": event["detail-type"],
                "Detail": event["detail"].to_string(),
            })
        };
        let request = |first: usize| {
            // All over the bus: the step shares no factor with the number of rules.
            let entries = first..first + ENTRIES;
            let entries: Vec<_> = entries.map(|n| entry(n * 7_919)).collect();
            of_buses(
                &self.server.host,
                "PutEvents",
                &json!({ "Entries": entries }).to_string(),
            )
        };
        let requests = (0..count).step_by(ENTRIES).map(request).collect();
        let wanted = queues::waiting(self.server, QUEUE)? + count;
        let watch = Watch::start(self.server)?;
        let deadline = Instant::now() + Duration::from_secs(300);
        self.each(requests)?;
        while queues::waiting(self.server, QUEUE)? < wanted {
            if Instant::now() > deadline {
                bail!(
                    "{} of {wanted} events have arrived",
                    queues::waiting(self.server, QUEUE)?
                );
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        ensure!(
            queues::waiting(self.server, QUEUE)? == wanted,
            "an event matched more than one rule"
        );
        watch.stop(self.server, f64::from(u32::try_from(count)?))
    }

    /// Sends each request once, on some connections; what is refused is an error.
    fn each(&self, requests: Vec<Vec<u8>>) -> Result<()> {
        let mut shares: Vec<Vec<Vec<u8>>> = vec![Vec::new(); CONNECTIONS.min(requests.len())];
        let lanes = shares.len();
        for (n, request) in requests.into_iter().enumerate() {
            shares[n % lanes].push(request);
        }
        task::all(shares.into_iter().map(|share| {
            let host = self.server.host.clone();
            async move {
                let mut connection = Connection::open(&host).await?;
                for request in share {
                    let answer = connection.send(&request).await?;
                    let answer = String::from_utf8_lossy(answer);
                    ensure!(!answer.contains("\"ErrorCode\""), "{answer}");
                }
                Ok(())
            }
        }))?;
        Ok(())
    }
}
