//! Streams of a group.

use ledger::{Made, StreamFacts};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{invalid, no_group, no_stream, of, taken};
use super::page::Page;
use super::{Asked, group, without_nulls};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    log_group_name: String,
    log_stream_name: String,
}

pub(super) async fn create(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Named = asked.call.read()?;
    let group = group::named(&asked, input.log_group_name);
    let name = &input.log_stream_name;
    let made = asked.ledger.create_stream(&group, name, asked.now);
    match made.await.map_err(of)? {
        Made::New => Ok(json!({})),
        Made::ThereAlready => Err(taken("stream")),
        Made::NoGroup => Err(no_group()),
    }
}

pub(super) async fn delete(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Named = asked.call.read()?;
    let group = group::find(&asked, Some(input.log_group_name), None)?;
    let deleted = asked.ledger.delete_stream(&group, &input.log_stream_name);
    match deleted.await.map_err(of)? {
        true => Ok(json!({})),
        false => Err(no_stream()),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Describe {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_name_prefix: Option<String>,
    order_by: Option<String>,
    #[serde(default)]
    descending: bool,
    #[serde(flatten)]
    page: Page,
}

pub(super) async fn describe(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Describe = asked.call.read()?;
    let by_time = input.order_by.as_deref() == Some("LastEventTime");
    if by_time && input.log_stream_name_prefix.is_some() {
        return Err(invalid(
            "Cannot order by LastEventTime with a logStreamNamePrefix.",
        ));
    }
    let group = group::find(&asked, input.log_group_name, input.log_group_identifier)?;
    let since = asked.ledger.settings(&group).map_err(of)?.since(asked.now);
    let (ledger, of_group) = (asked.ledger.clone(), group.clone());
    let streams = move || ledger.streams(&of_group, since);
    let mut streams = super::event::aside(streams).await?;
    let prefix = input.log_stream_name_prefix.unwrap_or_default();
    streams.retain(|stream| stream.name.starts_with(&prefix));
    if by_time {
        streams.sort_by_key(|stream| stream.lines.map(|(_, last)| last));
    }
    if input.descending {
        streams.reverse();
    }
    let (streams, next) = input.page.of(streams, |stream| &stream.name)?;
    let arn = group::arn(&asked, &group.name);
    let streams = streams.iter().map(|stream| print(stream, &arn));
    Ok(without_nulls(json!({
        "logStreams": streams.collect::<Vec<_>>(),
        "nextToken": next,
    })))
}

/// The service tells no sizes of streams any more either.
fn print(stream: &StreamFacts, group: &str) -> Value {
    let (first, last) = stream.lines.unzip();
    let name = &stream.name;
    without_nulls(json!({
        "logStreamName": name,
        "creationTime": stream.created.as_millis(),
        "firstEventTimestamp": first.map(base::Timestamp::as_millis),
        "lastEventTimestamp": last.map(base::Timestamp::as_millis),
        "lastIngestionTime": last.map(base::Timestamp::as_millis),
        "arn": format!("{group}:log-stream:{name}"),
        "storedBytes": 0,
    }))
}
