use serde::Deserialize;
use serde_json::{Value, json};
use tables::Shard;

use super::super::record::sequence;
use super::super::{index, stream};
use super::{Asked, about, limited, shard};
use crate::moment::seconds;
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    stream_arn: String,
    limit: Option<usize>,
    exclusive_start_shard_id: Option<String>,
    shard_filter: Option<Filter>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    r#type: Option<FilterType>,
    shard_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum FilterType {
    ChildShards,
}

/// Shards on one page.
const MOST: usize = 100;
const KNOWN: [&str; 4] = ["StreamArn", "Limit", "ExclusiveStartShardId", "ShardFilter"];

pub(super) fn describe(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    asked.call.only(&KNOWN)?;
    let input: Input = asked.call.read()?;
    let limit = limited(input.limit, MOST)?;
    let feed = asked.feed(&input.stream_arn)?;
    let shards = asked.tables.shards(&feed);
    let shards = shards.map_err(|error| about(error, &input.stream_arn))?;
    let parent = input.parent()?;
    let after = input.exclusive_start_shard_id.unwrap_or_default();
    let mut rest = shards
        .iter()
        .filter(|shard| parent.is_none_or(|parent| shard.parent == Some(parent)))
        // Ids sort as the shards do. One that is none, or has gone, still says where to go on.
        .filter(|shard| shard::id(shard) > after)
        .peekable();
    let page: Vec<Value> = rest
        .by_ref()
        .take(limit)
        .map(|shard| print(shard, &shards))
        .collect();
    let last = page.last().map(|last| last["ShardId"].clone());
    let status = match feed.ended {
        None => "ENABLED",
        Some(_) => "DISABLED",
    };
    let mut described = json!({
        "StreamArn": input.stream_arn,
        "StreamLabel": stream::label(feed.began),
        "StreamStatus": status,
        "StreamViewType": stream::view_type(feed.images),
        "CreationRequestDateTime": seconds(feed.began),
        "TableName": feed.table,
        "KeySchema": index::schema(feed.key.parts()),
        "Shards": page,
    });
    if let (Some(_), Some(last)) = (rest.next(), last) {
        described["LastEvaluatedShardId"] = last;
    }
    Ok(asked.answer(&json!({ "StreamDescription": described })))
}

impl Input {
    /// Whose children are asked for.
    fn parent(&self) -> Result<Option<tables::ShardId>, Fault> {
        let Some(filter) = &self.shard_filter else {
            return Ok(None);
        };
        match (&filter.r#type, &filter.shard_id) {
            (Some(FilterType::ChildShards), Some(id)) => {
                let parent = shard::read(id).ok_or_else(|| shard_not_found(id))?;
                Ok(Some(parent))
            }
            _ => Err(Fault::validation(
                "ShardFilter must have both Type and ShardId",
            )),
        }
    }
}

pub(super) fn shard_not_found(id: &str) -> Fault {
    super::missing(format!(
        "Requested resource not found: Shard: {id} not found"
    ))
}

fn print(shard: &Shard, all: &[Shard]) -> Value {
    let mut printed = json!({
        "ShardId": shard::id(shard),
        "SequenceNumberRange": { "StartingSequenceNumber": sequence(shard.start) },
    });
    if let Some(end) = shard.end {
        printed["SequenceNumberRange"]["EndingSequenceNumber"] = sequence(end).into();
    }
    // One that is forgotten is not named: nobody could tell when it began, and there is nothing to read before.
    let parent = all.iter().find(|other| Some(other.id) == shard.parent);
    if let Some(parent) = parent {
        printed["ParentShardId"] = shard::id(parent).into();
    }
    printed
}
