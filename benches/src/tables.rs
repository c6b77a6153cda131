//! The tables' API beside dynalite (npm; LevelDB on disk): requests per second of the server's processor time. Ours
//! verifies signatures and syncs before it answers; dynalite does neither. A third server, which does nothing but HTTP,
//! shows how much of ours is that.
//!
//! `benches tables GetItem PutItem` takes only these.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::floor;
use crate::hello;
use crate::is_wanted;
use crate::load::{self, Connection, Load};
use crate::server::Server;
use crate::signed::request;

const CONNECTIONS: usize = 64;
const TIME: Duration = Duration::from_secs(4);
/// Different requests of one kind.
const REQUESTS: usize = 20_000;
/// The kind whose rate is compared with the disk's.
const DURABLE: &str = "PutItem";
/// Items of the partition that is queried.
const PARTITION: usize = 100;

/// One kind of request.
struct Figure {
    name: &'static str,
    operation: &'static str,
    body: fn(usize) -> String,
    wanted: &'static str,
    /// Dynalite has it.
    peer: bool,
}

const FIGURES: [Figure; 5] = [
    Figure {
        name: DURABLE,
        operation: "PutItem",
        body: put,
        wanted: "≥ 8×",
        peer: true,
    },
    Figure {
        name: "GetItem",
        operation: "GetItem",
        body: get,
        wanted: "≥ 8×",
        peer: true,
    },
    Figure {
        name: "Query of 100 items",
        operation: "Query",
        body: query,
        wanted: "",
        peer: true,
    },
    Figure {
        name: "BatchWriteItem of 25",
        operation: "BatchWriteItem",
        body: batch,
        wanted: "",
        peer: true,
    },
    Figure {
        name: "TransactWriteItems of 4",
        operation: "TransactWriteItems",
        body: transact,
        wanted: "",
        peer: false,
    },
];

pub(crate) fn measure(binary: &Path, work: &Path) -> Result<()> {
    let before = floor::flushes_per_second(work)?;
    let ours = loads(&ours(binary, work)?, |_| true)?;
    let after = floor::flushes_per_second(work)?;
    let peer = match std::env::var_os("DYNALITE") {
        Some(script) => loads(&dynalite(&script, work)?, |figure| figure.peer)?,
        None => Vec::new(),
    };
    for (figure, ours) in &ours {
        let same = |(other, _): &&(&Figure, Measured)| other.name == figure.name;
        let theirs = peer.iter().find(same).map(|(_, theirs)| &theirs.load);
        let floor = plain(figure, ours.answer)?;
        print(figure, &ours.load, theirs, &floor);
        if figure.name == DURABLE {
            durable(&ours.load, f64::midpoint(before, after));
        }
    }
    Ok(())
}

/// What one figure's load did, and how many bytes its answers have.
struct Measured {
    load: Load,
    answer: usize,
}

/// The same requests, answered by a server that does nothing with them.
fn plain(figure: &Figure, answer: usize) -> Result<Load> {
    let server = hello::start(answer)?;
    let requests = rendered(&server, figure);
    load::run(&server, requests, CONNECTIONS, TIME / 2)
}

fn rendered(server: &Server, figure: &Figure) -> Vec<Vec<u8>> {
    let rendered = |n| request(&server.host, figure.operation, &(figure.body)(n));
    (0..REQUESTS).map(rendered).collect()
}

fn ours(binary: &Path, work: &Path) -> Result<Server> {
    let data = work.join("tables").display().to_string();
    let mut server = Server::spawn(binary, &["serve", "--data-dir", &data])?;
    server.wait_for("ready")?;
    Ok(server)
}

fn dynalite(script: &std::ffi::OsStr, work: &Path) -> Result<Server> {
    let mut command = Command::new("node");
    command.arg(script).arg("--path").arg(work.join("dynalite"));
    command.args(["--createTableMs", "0", "--host", "127.0.0.1"]);
    Server::spawn_peer(&mut command)
}

fn loads(
    server: &Server,
    has: impl Fn(&Figure) -> bool,
) -> Result<Vec<(&'static Figure, Measured)>> {
    prepare(server)?;
    let load = |figure: &'static Figure| {
        let requests = rendered(server, figure);
        let answer = answer_size(server, &requests[0])?;
        // Its code is to be hot.
        let warm = requests[..REQUESTS / 10].to_vec();
        load::run(server, warm, CONNECTIONS, TIME / 4)?;
        let load = load::run(server, requests, CONNECTIONS, TIME)?;
        Ok((figure, Measured { load, answer }))
    };
    let wanted = FIGURES.iter().filter(|figure| is_wanted(figure.operation));
    wanted.filter(|figure| has(figure)).map(load).collect()
}

fn answer_size(server: &Server, request: &[u8]) -> Result<usize> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut connection = Connection::open(&server.host).await?;
        Ok(connection.send(request).await?.len())
    })
}

/// A table by partition, one by partition and place, and what reads are to find in them.
fn prepare(server: &Server) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut connection = Connection::open(&server.host).await?;
        for (name, place) in [("items", false), ("places", true)] {
            create(&mut connection, &server.host, name, place).await?;
        }
        let batches = (0..REQUESTS / 25).map(|n| ("BatchWriteItem", batch(n)));
        let placed = (0..PARTITION).map(|n| ("PutItem", placed(n)));
        for (operation, body) in batches.chain(placed) {
            connection
                .send(&request(&server.host, operation, &body))
                .await?;
        }
        Ok(())
    })
}

async fn create(connection: &mut Connection, host: &str, name: &str, place: bool) -> Result<()> {
    let (definition, key) = match place {
        false => ("", ""),
        true => (
            r#",{"AttributeName":"place","AttributeType":"N"}"#,
            r#",{"AttributeName":"place","KeyType":"RANGE"}"#,
        ),
    };
    let body = format!(
        r#"{{"TableName":"{name}","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{{"AttributeName":"id","AttributeType":"S"}}{definition}],"KeySchema":[{{"AttributeName":"id","KeyType":"HASH"}}{key}]}}"#
    );
    connection
        .send(&request(host, "CreateTable", &body))
        .await?;
    let body = format!(r#"{{"TableName":"{name}"}}"#);
    for _ in 0..200 {
        let described = connection
            .send(&request(host, "DescribeTable", &body))
            .await?;
        if String::from_utf8_lossy(described).contains(r#""TableStatus":"ACTIVE""#) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("the table {name} does not become active")
}

fn item(n: usize) -> String {
    format!(
        r#"{{"id":{{"S":"item-{n:08}"}},"title":{{"S":"A small item with a title of some length"}},"count":{{"N":"{n}"}},"seen":{{"BOOL":true}}}}"#
    )
}

fn put(n: usize) -> String {
    format!(r#"{{"TableName":"items","Item":{}}}"#, item(n))
}

fn placed(n: usize) -> String {
    let item = item(0).replace(r#""count""#, r#""place""#);
    let item = item.replace(r#"{"N":"0"}"#, &format!(r#"{{"N":"{n}"}}"#));
    format!(r#"{{"TableName":"places","Item":{item}}}"#)
}

fn get(n: usize) -> String {
    format!(r#"{{"TableName":"items","Key":{{"id":{{"S":"item-{n:08}"}}}}}}"#)
}

fn query(_: usize) -> String {
    r#"{"TableName":"places","KeyConditionExpression":"id = :id","ExpressionAttributeValues":{":id":{"S":"item-00000000"}}}"#.into()
}

fn batch(n: usize) -> String {
    let writes: Vec<String> = (0..25)
        .map(|at| format!(r#"{{"PutRequest":{{"Item":{}}}}}"#, item(n * 25 + at)))
        .collect();
    format!(r#"{{"RequestItems":{{"items":[{}]}}}}"#, writes.join(","))
}

fn transact(n: usize) -> String {
    let writes: Vec<String> = (0..4)
        .map(|at| {
            format!(
                r#"{{"Put":{{"TableName":"items","Item":{}}}}}"#,
                item(n * 4 + at)
            )
        })
        .collect();
    format!(r#"{{"TransactItems":[{}]}}"#, writes.join(","))
}

fn print(figure: &Figure, ours: &Load, theirs: Option<&Load>, plain: &Load) {
    let (theirs, ratio) = match theirs {
        None if figure.peer => ("dynalite is not installed".into(), String::new()),
        None => ("dynalite has it not".into(), String::new()),
        Some(theirs) => (
            format!("dynalite: {:.0}", theirs.per_processor_second()),
            format!(
                "{:.1}×",
                ours.per_processor_second() / theirs.per_processor_second()
            ),
        ),
    };
    println!(
        "| {} per second of the server's processor | {:.0} | {theirs} | {ratio} | {} |",
        figure.name,
        ours.per_processor_second(),
        figure.wanted,
    );
    println!(
        "| {}: processor time for one | {:.1} µs | plain hyper, as many bytes: {:.1} µs | {:.1}× |  |",
        figure.name,
        1e6 / ours.per_processor_second(),
        1e6 / plain.per_processor_second(),
        plain.per_processor_second() / ours.per_processor_second(),
    );
}

/// What bounds durable writes: the disk, or the processors, which the clients share with the server.
fn durable(put: &Load, flushes: f64) {
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let (bound, processors) = (
        CONNECTIONS as f64 * flushes,
        std::thread::available_parallelism().map_or(1, usize::from) as f64,
    );
    let all = put.seconds * processors;
    let part = |of: f64| 100.0 * of / all;
    let others = (all - put.processor - put.sender - put.idle).max(0.0);
    println!(
        "| durable PutItem/s, {CONNECTIONS} clients | {:.0} (of {processors} processors the server has {:.0} %, its clients {:.0} %, others {:.0} %, nobody {:.0} %) | {CONNECTIONS} × {flushes:.0} flushes/s = {bound:.0} | {:.2} | ≥ 0.3, or bound by the processors |",
        put.per_second(),
        part(put.processor),
        part(put.sender),
        part(others),
        part(put.idle),
        put.per_second() / bound,
    );
}
