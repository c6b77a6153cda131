use serde::Deserialize;
use serde_json::{Value, json};

use super::super::error::fault;
use super::super::stream;
use super::{Asked, limited};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    table_name: Option<String>,
    limit: Option<usize>,
    exclusive_start_stream_arn: Option<String>,
}

const MOST: usize = 100;

/// A table that is not there may have left streams, so it is not missed.
pub(super) fn list(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    asked
        .call
        .only(&["TableName", "Limit", "ExclusiveStartStreamArn"])?;
    let input: Input = asked.call.read()?;
    let context = asked.context;
    let after = match &input.exclusive_start_stream_arn {
        Some(arn) => Some(stream::named(context, arn)?),
        None => None,
    };
    let table = input.table_name.as_deref();
    let limit = limited(input.limit, MOST)?;
    let found = asked.tables.feeds(&context.space, table, after, limit);
    let found = found.map_err(fault)?;
    let streams = found.feeds.iter().map(|feed| {
        json!({
            "StreamArn": stream::arn(&context.space, &feed.table, feed.began),
            "StreamLabel": stream::label(feed.began),
            "TableName": feed.table,
        })
    });
    let streams: Vec<Value> = streams.collect();
    let last = streams.last().map(|last| last["StreamArn"].clone());
    let mut output = json!({ "Streams": streams });
    if let (true, Some(last)) = (found.more, last) {
        output["LastEvaluatedStreamArn"] = last;
    }
    Ok(asked.answer(&output))
}
