//! The queues' API beside emulators that keep messages in memory: requests per second of the server's processor time.
//! Ours verifies signatures and syncs before it answers.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::emulators::{EMULATORS, Emulator};
use crate::load::{self, Connection, Load};
use crate::row;
use crate::server::Server;
use crate::signed;
use crate::task;

const CONNECTIONS: usize = 64;
const TIME: Duration = Duration::from_secs(4);
/// Different requests of one kind.
const REQUESTS: usize = 2_000;
const QUEUE: &str = "bench";

pub(crate) fn measure(binary: &Path, work: &Path) -> Result<()> {
    let data = work.join("queues").display().to_string();
    let mut server = Server::spawn(binary, &["serve", "--data-dir", &data])?;
    server.wait_for("ready")?;
    let ours = Figures::take(&server)?;
    drop(server);
    for emulator in &EMULATORS {
        let theirs = emulator.start()?;
        let theirs = theirs.map(|server| Figures::take(&server)).transpose()?;
        ours.print(emulator, theirs.as_ref());
    }
    for (what, load) in ours.named() {
        let shares = row::shares(load);
        println!(
            "| {what}/s, durable, {CONNECTIONS} clients | {:.0} ({shares}) | | | |",
            load.per_second()
        );
    }
    Ok(())
}

struct Figures {
    send: Load,
    /// One receive and one deletion, as one.
    consume: Load,
    /// A batch of each, as one message.
    consume_batches: Load,
}

impl Figures {
    fn take(server: &Server) -> Result<Self> {
        create(server, QUEUE)?;
        let warm = sends(server, 100);
        load::run(server, warm, CONNECTIONS, TIME / 8)?;
        let send = load::run(server, sends(server, REQUESTS), CONNECTIONS, TIME)?;
        Ok(Self {
            send,
            consume: consume(server, 1, TIME / 2)?,
            consume_batches: consume(server, 10, TIME / 2)?,
        })
    }

    fn named(&self) -> [(&'static str, &Load); 3] {
        [
            ("SendMessage", &self.send),
            ("ReceiveMessage and DeleteMessage", &self.consume),
            (
                "messages received and deleted by batches of ten",
                &self.consume_batches,
            ),
        ]
    }

    fn print(&self, emulator: &Emulator, theirs: Option<&Self>) {
        let theirs = theirs.map(Self::named);
        for (at, (what, ours)) in self.named().into_iter().enumerate() {
            let theirs = theirs
                .as_ref()
                .map(|named| named[at].1.per_processor_second());
            let figure = format!("{what} per second of the server's processor");
            emulator.row(
                &figure,
                ours.per_processor_second(),
                theirs,
                emulator.wanted,
            );
        }
    }
}

pub(crate) fn create(server: &Server, queue: &str) -> Result<()> {
    let request = signed::of_queues(
        &server.host,
        "CreateQueue",
        &format!(r#"{{"QueueName":"{queue}"}}"#),
    );
    task::runtime()?.block_on(async {
        let mut connection = Connection::open(&server.host).await?;
        connection.send(&request).await.map(drop)
    })
}

pub(crate) fn url(host: &str, queue: &str) -> String {
    format!("http://{host}/000000000000/{queue}")
}

/// How many messages wait in it.
pub(crate) fn waiting(server: &Server, queue: &str) -> Result<usize> {
    let url = url(&server.host, queue);
    let body =
        serde_json::json!({ "QueueUrl": url, "AttributeNames": ["ApproximateNumberOfMessages"] });
    let request = signed::of_queues(&server.host, "GetQueueAttributes", &body.to_string());
    let answer: serde_json::Value = task::runtime()?.block_on(async {
        let mut connection = Connection::open(&server.host).await?;
        anyhow::Ok(serde_json::from_slice(connection.send(&request).await?)?)
    })?;
    let count = &answer["Attributes"]["ApproximateNumberOfMessages"];
    Ok(count.as_str().unwrap_or_default().parse()?)
}

/// Messages of about a hundred bytes.
pub(crate) fn sends(server: &Server, count: usize) -> Vec<Vec<u8>> {
    let url = url(&server.host, QUEUE);
    let body = |n| {
        format!(
            r#"{{"QueueUrl":"{url}","MessageBody":"{n} {}"}}"#,
            "x".repeat(100)
        )
    };
    (0..count)
        .map(|n| signed::of_queues(&server.host, "SendMessage", &body(n)))
        .collect()
}

/// Each connection receives, then deletes what it got, until nothing is left. What is to be deleted is known only then, so each deletion is
/// signed here; the server's time does not have that in it.
fn consume(server: &Server, most: usize, time: Duration) -> Result<Load> {
    let host = server.host.clone();
    let url = url(&host, QUEUE);
    let receive =
        format!(r#"{{"QueueUrl":"{url}","VisibilityTimeout":60,"MaxNumberOfMessages":{most}}}"#);
    let receive = signed::of_queues(&host, "ReceiveMessage", &receive);
    load::drive(
        server,
        CONNECTIONS,
        time,
        async move |connection: &mut Connection| {
            let answer = connection.send(&receive).await?;
            let handles = handles(answer)?;
            if handles.is_empty() {
                return Ok(0);
            }
            connection
                .send(&deletion(&host, &url, most, &handles))
                .await?;
            Ok(u32::try_from(handles.len())?)
        },
    )
}

fn handles(answer: &[u8]) -> Result<Vec<String>> {
    let answer: serde_json::Value = serde_json::from_slice(answer)?;
    let messages = answer["Messages"].as_array().map_or(&[][..], Vec::as_slice);
    let handles = messages
        .iter()
        .filter_map(|one| one["ReceiptHandle"].as_str());
    Ok(handles.map(str::to_owned).collect())
}

fn deletion(host: &str, url: &str, most: usize, handles: &[String]) -> Vec<u8> {
    if most == 1 {
        let body = serde_json::json!({ "QueueUrl": url, "ReceiptHandle": handles[0] });
        return signed::of_queues(host, "DeleteMessage", &body.to_string());
    }
    let entry = |(n, handle): (usize, &String)| serde_json::json!({ "Id": n.to_string(), "ReceiptHandle": handle });
    let entries: Vec<_> = handles.iter().enumerate().map(entry).collect();
    let body = serde_json::json!({ "QueueUrl": url, "Entries": entries });
    signed::of_queues(host, "DeleteMessageBatch", &body.to_string())
}
