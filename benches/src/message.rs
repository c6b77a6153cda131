//! From the end of a send to the first line of the handler that gets the message by a mapping, with an instance that is already
//! there; both ends read the same clock: see `event.rs`. And what mappings cost while nothing is sent.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::client::Connection;
use crate::event::{begun, monotonic};
use crate::queues::url;
use crate::server::Server;
use crate::signed::of_queues;
use crate::stats::{Times, ms};

const SENDS: usize = 200;
/// Mappings that wait, and for how long they are watched.
const MAPPINGS: [usize; 3] = [0, 1, 100];
const WATCHED: Duration = Duration::from_secs(5);

const HANDLER: &str = "
exports.handler = async (event) => {
  const at = process.hrtime.bigint();
  for (const record of event.Records) console.log(`begun ${record.body} ${at}`);
};
";

pub(crate) fn measure(binary: &Path, work: &Path) -> Result<()> {
    warm(binary, &work.join("message"))?;
    for mappings in MAPPINGS {
        let app = work.join(format!("mappings-{mappings}"));
        let server = deployed(binary, &app, mappings)?;
        // What deploying takes is no part of being idle.
        std::thread::sleep(WATCHED / 2);
        let before = server.processor_seconds()?;
        std::thread::sleep(WATCHED);
        let used = server.processor_seconds()? - before;
        println!(
            "| {mappings} mappings of queues that are empty: processor time in {} s | {:.0} ms | | | about 0 |",
            WATCHED.as_secs(),
            used * 1e3,
        );
    }
    Ok(())
}

/// A server with a function that gets the messages of so many queues.
fn deployed(binary: &Path, app: &Path, queues: usize) -> Result<Server> {
    let mut template = String::from(
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  Heard:\n    Type: AWS::Serverless::Function\n    Properties:\n      FunctionName: heard\n      CodeUri: .\n      Handler: index.handler\n      Runtime: nodejs20.x\n",
    );
    if queues > 0 {
        template.push_str("      Events:\n");
    }
    for n in 0..queues {
        writeln!(
            template,
            "        E{n}: {{ Type: SQS, Properties: {{ Queue: !GetAtt Q{n}.Arn }} }}"
        )?;
    }
    for n in 0..queues {
        writeln!(
            template,
            "  Q{n}: {{ Type: AWS::SQS::Queue, Properties: {{ QueueName: q{n} }} }}"
        )?;
    }
    std::fs::create_dir_all(app)?;
    std::fs::write(app.join("template.yaml"), template)?;
    std::fs::write(app.join("index.js"), HANDLER)?;
    let mut server = Server::spawn(binary, &["up", &app.display().to_string()])?;
    server.wait_for("deployed")?;
    Ok(server)
}

fn warm(binary: &Path, app: &Path) -> Result<()> {
    let server = deployed(binary, app, 1)?;
    let url = url(&server.host, "q0");
    let mut connection = Connection::open(&server.host)?;
    let mut ended = Vec::with_capacity(SENDS);
    for n in 0..=SENDS {
        let body = format!(r#"{{"QueueUrl":"{url}","MessageBody":"{n}"}}"#);
        let (status, answer) =
            connection.exchange(&of_queues(&server.host, "SendMessage", &body))?;
        ended.push(monotonic());
        anyhow::ensure!(status == 200, "{}", String::from_utf8_lossy(&answer));
        // One at a time, and the first has started the instance that the others find.
        std::thread::sleep(Duration::from_millis(if n == 0 { 2_000 } else { 10 }));
    }
    std::thread::sleep(Duration::from_secs(1));
    let begun = begun(binary, app, "heard")?;
    let late = (1..=SENDS).map(|n| {
        let at = begun.get(&n.to_string());
        let at = at.with_context(|| format!("message {n} never arrived"))?;
        Ok(Duration::from_nanos(at.saturating_sub(ended[n])))
    });
    let times = Times::new(late.collect::<Result<_>>()?);
    println!(
        "| end of a send to handler's first line, warm: p50 (p99) | {} ({}) | | | p50 ≤ 2 ms |",
        ms(times.p50()),
        ms(times.p99()),
    );
    Ok(())
}
