//! DynamoDB Streams: the changes of a table's items, shard by shard.
//!
//! A service of its own, with a model of its own, that shares its address and the name in its signatures with the
//! tables'; only the target tells them apart. A shard's id says where in the engine it is; so does an iterator, which
//! is not kept anywhere.

mod describe;
mod iterator;
mod list;
mod read;
pub(crate) mod shard;

use std::sync::Arc;

use base::Clock;
use bytes::Bytes;
use http::request::Parts as Head;
use serde::Serialize;
use tables::{Error, Feed, Tables};

use super::error::{fault, missing};
use super::stream;
use crate::context::Context;
use crate::protocol::{Call, Fault, Manner, Service};

pub(crate) static SERVICE: Service = Service::new(
    include_str!("../../models/dynamodbstreams.json"),
    Manner {
        package: Some("com.amazonaws.dynamodb.v20120810"),
        crc32: true,
        encoded: true,
        named: &[],
        listed: &[],
        unchecked: &[],
        first: None,
    },
);

/// The service's handle. Clones share it.
#[derive(Clone)]
pub(crate) struct Streams {
    tables: Tables,
    clock: Arc<dyn Clock>,
}

/// One request, understood.
struct Asked<'a> {
    tables: &'a Tables,
    clock: &'a dyn Clock,
    context: &'a Context,
    call: Call<'a>,
}

impl Asked<'_> {
    /// A success, printed.
    fn answer(&self, output: &impl Serialize) -> wire::Response {
        SERVICE.answer(self.call.operation, &self.context.request_id, output)
    }

    fn feed(&self, arn: &str) -> Result<Feed, Fault> {
        let (table, began) = stream::named(self.context, arn)?;
        let feed = self.tables.feed(&self.context.space, table, began);
        feed.map_err(|error| about(error, arn))
    }
}

impl Streams {
    pub(crate) fn new(tables: Tables, clock: Arc<dyn Clock>) -> Self {
        Self { tables, clock }
    }

    /// Answers a request whose signature has been verified.
    pub(crate) async fn call(&self, context: &Context, head: &Head, body: Bytes) -> wire::Response {
        let answer = match SERVICE.read(head, body) {
            Ok(call) => {
                let asked = Asked {
                    tables: &self.tables,
                    clock: self.clock.as_ref(),
                    context,
                    call,
                };
                self::answer(asked).await
            }
            Err(fault) => Err(fault),
        };
        answer.unwrap_or_else(|fault: Fault| SERVICE.refuse(&context.request_id, &fault))
    }
}

async fn answer(asked: Asked<'_>) -> Result<wire::Response, Fault> {
    match asked.call.operation.name {
        "ListStreams" => list::list(asked),
        "DescribeStream" => describe::describe(asked),
        "GetShardIterator" => iterator::get(asked),
        "GetRecords" => read::read(asked).await,
        _ => Err(asked.call.unknown()),
    }
}

/// An error about the stream that was asked for by this name.
fn about(error: Error, arn: &str) -> Fault {
    match error {
        Error::NoSuchFeed(_) => missing(format!(
            "Requested resource not found: Stream: {arn} not found"
        )),
        error => fault(error),
    }
}

/// The model bounds no limit from above.
fn limited(limit: Option<usize>, most: usize) -> Result<usize, Fault> {
    match limit {
        None => Ok(most),
        Some(limit) if limit <= most => Ok(limit),
        Some(limit) => Err(Fault::validation(format!(
            "1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must have value less than or equal to {most}"
        ))),
    }
}

impl std::fmt::Debug for Streams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Streams")
    }
}
