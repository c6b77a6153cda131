//! The topics' API beside emulators: publications to a topic with one queue, until the messages are in the queue, per
//! second of the server's processor time. Ours verifies signatures, syncs before it answers and delivers afterwards.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::emulators::EMULATORS;
use crate::load::{self, Connection, Load, Watch};
use crate::queues;
use crate::row;
use crate::server::Server;
use crate::signed::{of_queues, of_topics};
use crate::task;

const CONNECTIONS: usize = 64;
const TIME: Duration = Duration::from_secs(4);
const TIME_OF_NOTICES: u64 = 500;
/// Different requests of one kind.
const REQUESTS: usize = 2_000;
/// How long what was published may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// A topic's one subscription.
struct Subscription {
    name: &'static str,
    attributes: &'static [(&'static str, &'static str)],
    /// How many publications there are for each message.
    of: usize,
    /// For how long to publish.
    time: Duration,
}

const RAW: (&str, &str) = ("RawMessageDelivery", "true");
const FILTER: (&str, &str) = (
    "FilterPolicy",
    r#"{"kind":["made",{"prefix":"re"}],"size":[{"numeric":[">=",10]}]}"#,
);

const SUBSCRIPTIONS: [Subscription; 3] = [
    Subscription {
        name: "to one queue, raw",
        attributes: &[RAW],
        of: 1,
        time: TIME,
    },
    Subscription {
        name: "to one queue that wants every second by a filter policy, raw",
        attributes: &[RAW, FILTER],
        of: 2,
        time: TIME,
    },
    // Ours signs each of these, which takes longer than to publish it.
    Subscription {
        name: "to one queue, as notices",
        attributes: &[],
        of: 1,
        time: Duration::from_millis(TIME_OF_NOTICES),
    },
];

pub(crate) fn measure(binary: &Path, work: &Path) -> Result<()> {
    let data = work.join("topics").display().to_string();
    let mut server = Server::spawn(binary, &["serve", "--data-dir", &data])?;
    server.wait_for("ready")?;
    let ours = loads(&server)?;
    drop(server);
    for emulator in &EMULATORS {
        let theirs = emulator.start()?;
        let theirs = theirs.map(|server| loads(&server)).transpose()?;
        for (at, subscription) in SUBSCRIPTIONS.iter().enumerate() {
            let figure = format!(
                "Publish {} per second of the server's processor",
                subscription.name
            );
            let theirs = theirs
                .as_ref()
                .map(|loads| loads[at].per_processor_second());
            emulator.row(&figure, ours[at].per_processor_second(), theirs, "");
        }
    }
    for (subscription, load) in SUBSCRIPTIONS.iter().zip(&ours) {
        let shares = row::shares(load);
        println!(
            "| Publish/s {}, durable, until delivered | {:.0} ({shares}) | | | |",
            subscription.name,
            load.per_second()
        );
    }
    Ok(())
}

fn loads(server: &Server) -> Result<Vec<Load>> {
    let load = |(number, subscription): (usize, &Subscription)| {
        let queue = format!("published-{number}");
        let topic = subscribe(server, subscription, &queue)?;
        published(server, subscription, &topic, &queue, subscription.time / 8)?;
        published(server, subscription, &topic, &queue, subscription.time)
    };
    SUBSCRIPTIONS.iter().enumerate().map(load).collect()
}

/// Returns the topic.
fn subscribe(server: &Server, subscription: &Subscription, queue: &str) -> Result<String> {
    queues::create(server, queue)?;
    let host = &server.host;
    task::runtime()?.block_on(async {
        let mut connection = Connection::open(host).await?;
        let made = connection
            .send(&of_topics(host, "CreateTopic", &[("Name", queue)]))
            .await?;
        let made = String::from_utf8_lossy(made).into_owned();
        let topic = made
            .split_once("<TopicArn>")
            .and_then(|(_, rest)| rest.split_once('<'));
        let topic = topic.context("a topic has a name")?.0.to_owned();
        let asked = json!({ "QueueUrl": queues::url(host, queue), "AttributeNames": ["QueueArn"] });
        let told = connection
            .send(&of_queues(host, "GetQueueAttributes", &asked.to_string()))
            .await?;
        let told: serde_json::Value = serde_json::from_slice(told)?;
        let endpoint = told["Attributes"]["QueueArn"]
            .as_str()
            .context("a queue has a name")?;
        let mut fields = vec![
            ("TopicArn", topic.as_str()),
            ("Protocol", "sqs"),
            ("Endpoint", endpoint),
        ];
        let names: Vec<_> = (1..=subscription.attributes.len())
            .map(|n| {
                (
                    format!("Attributes.entry.{n}.key"),
                    format!("Attributes.entry.{n}.value"),
                )
            })
            .collect();
        for ((key, value), (name, text)) in names.iter().zip(subscription.attributes) {
            fields.extend([(key.as_str(), *name), (value.as_str(), *text)]);
        }
        connection
            .send(&of_topics(host, "Subscribe", &fields))
            .await?;
        Ok(topic)
    })
}

/// Publishes for this long, and waits until all that the queue wants is in it.
fn published(
    server: &Server,
    subscription: &Subscription,
    topic: &str,
    queue: &str,
    time: Duration,
) -> Result<Load> {
    let requests = (0..REQUESTS)
        .map(|n| request(&server.host, topic, n))
        .collect();
    let before = queues::waiting(server, queue)?;
    let watch = Watch::start(server)?;
    let load = load::run(server, requests, CONNECTIONS, time)?;
    // They went in turn, and the first is one that is wanted.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count"
    )]
    let wanted = before + (load.requests as usize).div_ceil(subscription.of);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let there = queues::waiting(server, queue)?;
        if there == wanted {
            return watch.stop(server, load.requests);
        }
        if there > wanted || Instant::now() > deadline {
            bail!("{there} messages have arrived, and {wanted} were wanted");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn request(host: &str, topic: &str, n: usize) -> Vec<u8> {
    let message = format!("{n} {}", "x".repeat(100));
    let kind = if n.is_multiple_of(2) {
        "remade"
    } else {
        "gone"
    };
    let attribute = "MessageAttributes.entry.";
    let name = |rest: &str| format!("{attribute}{rest}");
    let names = [
        "1.Name",
        "1.Value.DataType",
        "1.Value.StringValue",
        "2.Name",
        "2.Value.DataType",
        "2.Value.StringValue",
    ]
    .map(name);
    let values = ["kind", "String", kind, "size", "Number", "12.5"];
    let mut fields = vec![("TopicArn", topic), ("Message", message.as_str())];
    fields.extend(names.iter().map(String::as_str).zip(values));
    of_topics(host, "Publish", &fields)
}
