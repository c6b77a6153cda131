//! From the end of a write to a table to the first line of the handler that gets it by the table's stream, with an
//! instance that is already there. Both ends read the same clock: see `event.rs`.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::client::Connection;
use crate::event::{begun, monotonic};
use crate::server::Server;
use crate::stats::{Times, ms};

const WRITES: usize = 200;

const TEMPLATE: &str = "
Transform: AWS::Serverless-2016-10-31
Resources:
  Items:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: items
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
      StreamSpecification: { StreamViewType: NEW_IMAGE }
  Heard:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: heard
      CodeUri: .
      Handler: index.handler
      Runtime: nodejs20.x
      Events:
        Change: { Type: DynamoDB, Properties: { Stream: !GetAtt Items.StreamArn, StartingPosition: TRIM_HORIZON } }
";

const HANDLER: &str = "
exports.handler = async (event) => {
  const at = process.hrtime.bigint();
  for (const record of event.Records) console.log(`begun ${record.dynamodb.Keys.id.S} ${at}`);
};
";

pub(crate) fn measure(binary: &Path, work: &Path) -> Result<()> {
    let app = work.join("stream");
    std::fs::create_dir_all(&app)?;
    std::fs::write(app.join("template.yaml"), TEMPLATE)?;
    std::fs::write(app.join("index.js"), HANDLER)?;
    let mut server = Server::spawn(binary, &["up", &app.display().to_string()])?;
    server.wait_for("deployed")?;

    let mut connection = Connection::open(&server.host)?;
    let mut ended = Vec::with_capacity(WRITES);
    for n in 0..WRITES + 1 {
        let item = format!(r#"{{"TableName":"items","Item":{{"id":{{"S":"{n}"}}}}}}"#);
        connection.ask("PutItem", item.as_bytes())?;
        ended.push(monotonic());
        // One at a time, and the first has started the instance that the others find.
        std::thread::sleep(if n == 0 {
            Duration::from_secs(2)
        } else {
            Duration::from_millis(10)
        });
    }
    std::thread::sleep(Duration::from_secs(1));
    let begun = begun(binary, &app, "heard")?;
    let late: Vec<Duration> = (1..=WRITES)
        .map(|n| {
            let at = begun
                .get(&n.to_string())
                .with_context(|| format!("write {n} never arrived"))?;
            Ok(Duration::from_nanos(at.saturating_sub(ended[n])))
        })
        .collect::<Result<_>>()?;
    let times = Times::new(late);
    println!(
        "| end of a table's write to handler's first line, warm: p50 (p99) | {} ({}) | | | p50 ≤ 2 ms |",
        ms(times.p50()),
        ms(times.p99()),
    );
    Ok(())
}
