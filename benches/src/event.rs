//! From the end of an upload to the handler's first line, with an instance that is already there.
//!
//! Both ends read the same monotonic clock of the machine: the client when the answer has come, the handler first of
//! all. An answer is sent when the upload is durable, so the handler may even have begun before it has come.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::client::Connection;
use crate::server::Server;
use crate::stats::{Times, ms};

const UPLOADS: usize = 200;

const TEMPLATE: &str = "
Transform: AWS::Serverless-2016-10-31
Resources:
  Uploads: { Type: AWS::S3::Bucket, Properties: { BucketName: bench } }
  Seen:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: seen
      CodeUri: .
      Handler: index.handler
      Runtime: nodejs20.x
      Events: { Upload: { Type: S3, Properties: { Bucket: !Ref Uploads, Events: s3:ObjectCreated:* } } }
";

const HANDLER: &str = "
exports.handler = async (event) => {
  const at = process.hrtime.bigint();
  console.log(`begun ${event.Records[0].s3.object.key} ${at}`);
};
";

pub(crate) fn measure(binary: &Path, work: &Path) -> Result<()> {
    let app = work.join("event");
    std::fs::create_dir_all(&app)?;
    std::fs::write(app.join("template.yaml"), TEMPLATE)?;
    std::fs::write(app.join("index.js"), HANDLER)?;
    let mut server = Server::spawn(binary, &["up", &app.display().to_string()])?;
    server.wait_for("deployed")?;

    let mut connection = Connection::open(&server.host)?;
    let mut ended = Vec::with_capacity(UPLOADS);
    for n in 0..UPLOADS + 1 {
        connection.send("PUT", &format!("/bench/{n}"), b"x")?;
        ended.push(monotonic());
        // One at a time, and the first has started the instance that the others find.
        std::thread::sleep(if n == 0 {
            Duration::from_secs(2)
        } else {
            Duration::from_millis(10)
        });
    }
    std::thread::sleep(Duration::from_secs(1));
    let begun = begun(binary, &app, "seen")?;
    let late: Vec<Duration> = (1..=UPLOADS)
        .map(|n| {
            let at = begun
                .get(&n.to_string())
                .with_context(|| format!("upload {n} never arrived"))?;
            Ok(Duration::from_nanos(at.saturating_sub(ended[n])))
        })
        .collect::<Result<_>>()?;
    let times = Times::new(late);
    println!(
        "| end of upload to handler's first line, warm: p50 (p99) | {} ({}) | | | p50 ≤ 2 ms |",
        ms(times.p50()),
        ms(times.p99()),
    );
    Ok(())
}

/// What the handler's log says, by key.
pub(crate) fn begun(
    binary: &Path,
    app: &Path,
    function: &str,
) -> Result<std::collections::HashMap<String, u64>> {
    let shown = Command::new(binary)
        .args(["logs", function, "--json", "--last", "100000", "--data-dir"])
        .arg(app.join(".fulmar"))
        .output()?;
    if !shown.status.success() {
        bail!("fulmar logs: {}", String::from_utf8_lossy(&shown.stdout));
    }
    let mut begun = std::collections::HashMap::new();
    for line in String::from_utf8(shown.stdout)?.lines() {
        let line: Value = serde_json::from_str(line)?;
        let text = line["text"].as_str().unwrap_or_default();
        if let Some((_, rest)) = text.split_once("begun ")
            && let Some((key, at)) = rest.trim().split_once(' ')
        {
            begun.insert(key.to_owned(), at.parse()?);
        }
    }
    Ok(begun)
}

/// The clock that `process.hrtime` reads, in nanoseconds.
pub(crate) fn monotonic() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}
