//! Iterators: where in a shard to go on, in a text that says it all.

use std::time::Duration;

use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;
use store::Position;
use tables::{Error, Feed, Reading, Shard, ShardId, Since};

use super::super::record;
use super::describe::shard_not_found;
use super::{Asked, about, shard};
use crate::protocol::Fault;

/// How long an iterator can be used.
const GOOD_FOR: Duration = Duration::from_secs(15 * 60);

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Iterator {
    pub(super) arn: String,
    pub(super) shard: ShardId,
    /// None: the oldest record that there is.
    pub(super) after: Option<Position>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    stream_arn: String,
    shard_id: String,
    shard_iterator_type: Type,
    sequence_number: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Type {
    TrimHorizon,
    Latest,
    AtSequenceNumber,
    AfterSequenceNumber,
    AtTimestamp,
}

pub(super) fn get(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    let input: Input = asked.call.read()?;
    if input.shard_iterator_type == Type::AtTimestamp {
        return Err(asked.call.not_built("ShardIteratorType of AT_TIMESTAMP"));
    }
    let feed = asked.feed(&input.stream_arn)?;
    let shards = asked.tables.shards(&feed);
    let shards = shards.map_err(|error| about(error, &input.stream_arn))?;
    let shard = shards
        .iter()
        .find(|shard| shard::id(shard) == input.shard_id);
    let shard = shard.ok_or_else(|| shard_not_found(&input.shard_id))?;
    let iterator = Iterator {
        after: after(&asked, &input, &feed, shard)?,
        arn: input.stream_arn,
        shard: shard.id,
    };
    let printed = iterator.print(asked.clock.now());
    Ok(asked.answer(&json!({ "ShardIterator": printed })))
}

fn after(
    asked: &Asked<'_>,
    input: &Input,
    feed: &Feed,
    shard: &Shard,
) -> Result<Option<Position>, Fault> {
    let told = |error| told(error, &input.stream_arn);
    let since = match input.shard_iterator_type {
        Type::TrimHorizon | Type::AtTimestamp => {
            return input.without_sequence().map(|()| None);
        }
        Type::Latest => {
            input.without_sequence()?;
            let newest = asked.tables.newest_change(feed, shard.id);
            return newest.map(Some).map_err(told);
        }
        Type::AtSequenceNumber => Since::At(input.position(shard)?),
        Type::AfterSequenceNumber => Since::After(input.position(shard)?),
    };
    // Nothing is read, but it is seen whether it could be.
    let reading = Reading {
        shard: shard.id,
        since,
        limit: 0,
        bytes: 0,
    };
    let read = asked.tables.changes(feed, &reading).map_err(told)?;
    Ok(read.next)
}

/// What an error about a place in a stream is called.
pub(super) fn told(error: Error, arn: &str) -> Fault {
    match error {
        Error::Forgotten | Error::NoSuchShard => Fault::new(
            "TrimmedDataAccessException",
            "The data you are trying to access has been trimmed.",
        ),
        error => about(error, arn),
    }
}

impl Input {
    fn without_sequence(&self) -> Result<(), Fault> {
        match self.sequence_number {
            None => Ok(()),
            Some(_) => Err(Fault::validation(
                "SequenceNumber must not be specified with this ShardIteratorType",
            )),
        }
    }

    fn position(&self, shard: &Shard) -> Result<Position, Fault> {
        let Some(sequence) = &self.sequence_number else {
            return Err(Fault::validation(
                "SequenceNumber must be specified with this ShardIteratorType",
            ));
        };
        let within = |position: &Position| {
            *position >= shard.start && shard.end.is_none_or(|end| *position <= end)
        };
        record::position(sequence).filter(within).ok_or_else(|| {
            Fault::validation(format!(
                "Invalid SequenceNumber: {sequence} is not in the shard {}",
                self.shard_id
            ))
        })
    }
}

impl Iterator {
    pub(super) fn print(&self, now: Timestamp) -> String {
        let ShardId {
            generation,
            partition,
        } = self.shard;
        let after = self.after.map(|after| after.number().to_string());
        let place = format!(
            "{generation} {partition} {} {}",
            now.as_millis(),
            after.unwrap_or_default()
        );
        format!("{}|1|{}", self.arn, STANDARD.encode(place))
    }

    pub(super) fn read(given: &str, now: Timestamp) -> Result<Self, Fault> {
        let (iterator, made) =
            parse(given).ok_or_else(|| Fault::validation("Invalid ShardIterator"))?;
        if now.since(made) > GOOD_FOR {
            return Err(Fault::new(
                "ExpiredIteratorException",
                "Shard iterator has expired",
            ));
        }
        Ok(iterator)
    }
}

fn parse(given: &str) -> Option<(Iterator, Timestamp)> {
    let (arn, place) = given.split_once("|1|")?;
    let place = String::from_utf8(STANDARD.decode(place).ok()?).ok()?;
    let mut parts = place.split(' ');
    let shard = ShardId {
        generation: parts.next()?.parse().ok()?,
        partition: parts.next()?.parse().ok()?,
    };
    let made: u64 = parts.next()?.parse().ok()?;
    let after = match parts.next()? {
        "" => None,
        number => Some(Position::from_number(number.parse().ok()?)?),
    };
    let iterator = Iterator {
        arn: arn.to_owned(),
        shard,
        after,
    };
    // Far enough from what overflows.
    let made = made.min(u64::from(u32::MAX) * 1_000);
    Some((iterator, Timestamp::from_millis(made)))
}
