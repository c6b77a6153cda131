use serde::Deserialize;
use serde_json::{Value, json};
use tables::{Reading, Since};

use super::super::record::{self, Source};
use super::iterator::{Iterator, told};
use super::{Asked, fault, limited};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    shard_iterator: String,
    limit: Option<usize>,
}

/// Records in one answer, and their bytes.
const MOST: usize = 1_000;
const BYTES: usize = 1 << 20;

pub(super) async fn read(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    asked.call.only(&["ShardIterator", "Limit"])?;
    let input: Input = asked.call.read()?;
    let limit = limited(input.limit, MOST)?;
    let now = asked.clock.now();
    let iterator = Iterator::read(&input.shard_iterator, now)?;
    let feed = asked.feed(&iterator.arn)?;
    let reading = Reading {
        shard: iterator.shard,
        since: iterator.after.map_or(Since::Oldest, Since::After),
        limit,
        bytes: BYTES,
    };
    let read = asked.tables.changes(&feed, &reading);
    let read = read.map_err(|error| told(error, &iterator.arn))?;
    if !read.changes.is_empty() {
        // What a crash could still undo is not told: the caller may remember its number.
        asked.tables.sync().await.map_err(fault)?;
    }
    let source = Source {
        region: &asked.context.region,
        images: feed.images,
        arn: None,
    };
    let records = read.changes.iter();
    let records: Vec<Value> = records
        .map(|change| record::print(change, &source))
        .collect();
    let mut output = json!({ "Records": records });
    if let Some(next) = read.next {
        let next = Iterator {
            after: Some(next),
            ..iterator
        };
        output["NextShardIterator"] = next.print(now).into();
    }
    Ok(asked.answer(&output))
}
