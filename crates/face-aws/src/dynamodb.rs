//! Tables as DynamoDB speaks of them.
//!
//! The model decides which operation a request is for and whether its input is well formed; `operations.rs` names the
//! file that does it. Attribute values are read straight from the request's JSON into the engine's and printed straight
//! from those: `attribute.rs`. The messages are the real service's, as dynalite and the SDKs' users recorded them.

mod account;
mod alter;
mod attribute;
mod batch;
mod bounds;
mod capacity;
mod checks;
mod create;
mod describe;
mod direct;
mod drop;
mod error;
mod expiry;
mod expression;
mod get;
mod index;
mod kept;
mod legacy;
mod list;
mod operations;
mod page;
mod placeholders;
mod policy;
mod query;
pub(crate) mod record;
mod scan;
mod settings;
mod sizes;
mod statement;
pub(crate) mod stream;
pub(crate) mod streams;
mod table;
mod tags;
mod terms;
mod transact;
mod transfer;
mod warm;
mod write;

#[cfg(test)]
mod tests;

use base::Space;
pub(crate) use transfer::Transfers;

use bytes::Bytes;
use http::request::Parts as Head;
use serde::Serialize;
use tables::Tables;

use crate::context::Context;
use crate::protocol::{Call, Fault, Manner, Operation, Service};
use direct::Direct;

/// As recordings of the real service have them.
const LISTED: [(&str, &[&str]); 6] = [
    (
        "Select",
        &[
            "SPECIFIC_ATTRIBUTES",
            "COUNT",
            "ALL_ATTRIBUTES",
            "ALL_PROJECTED_ATTRIBUTES",
        ],
    ),
    (
        "ReturnValue",
        &["ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW"],
    ),
    ("ConditionalOperator", &["OR", "AND"]),
    ("ScalarAttributeType", &["B", "N", "S"]),
    (
        "StreamViewType",
        &["OLD_IMAGE", "KEYS_ONLY", "NEW_AND_OLD_IMAGES", "NEW_IMAGE"],
    ),
    ("InputCompressionType", &["ZSTD", "NONE", "GZIP"]),
];

pub(crate) static SERVICE: Service = Service::new(
    include_str!("../models/dynamodb.json"),
    Manner {
        package: Some("com.amazonaws.dynamodb.v20120810"),
        crc32: true,
        encoded: true,
        named: &[("TableArn", "TableName")],
        listed: &LISTED,
        unchecked: &["Tag", "TableClass"],
        first: Some(sizes::check),
    },
);

/// The service's handle. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct DynamoDb {
    tables: Tables,
    transfers: Transfers,
}

/// One request, understood.
struct Asked<'a> {
    tables: &'a Tables,
    transfers: &'a Transfers,
    context: &'a Context,
    /// Where the caller reached us.
    host: &'a str,
    call: Call<'a>,
}

impl Asked<'_> {
    fn space(&self) -> &Space {
        &self.context.space
    }

    /// A success, printed.
    fn answer(&self, output: &impl Serialize) -> wire::Response {
        SERVICE.answer(self.call.operation, &self.context.request_id, output)
    }

    /// The success of an operation that has no output.
    fn done(&self) -> wire::Response {
        SERVICE.done(self.call.operation, &self.context.request_id)
    }
}

fn host(head: &Head) -> &str {
    let named = head.headers.get(http::header::HOST);
    let named = named.and_then(|host| host.to_str().ok());
    let authority = head.uri.authority().map(http::uri::Authority::as_str);
    named.or(authority).unwrap_or("localhost")
}

fn direct(head: &Head, body: &[u8]) -> Option<(&'static Operation, Direct)> {
    let operation = SERVICE.named(head, body)?;
    Some((operation, direct::read(operation.name, body)?))
}

impl DynamoDb {
    pub(crate) fn new(tables: Tables, transfers: Transfers) -> Self {
        Self { tables, transfers }
    }

    /// What copies tables to buckets and from them; somebody must let it run.
    pub(crate) fn transfers(&self) -> &Transfers {
        &self.transfers
    }

    /// Answers a request whose signature has been verified.
    pub(crate) async fn call(&self, context: &Context, head: &Head, body: Bytes) -> wire::Response {
        let asked = |call| Asked {
            tables: &self.tables,
            transfers: &self.transfers,
            context,
            host: host(head),
            call,
        };
        let answer = if let Some((operation, direct)) = direct(head, &body) {
            direct.answer(&asked(SERVICE.call(operation))).await
        } else {
            match SERVICE.read(head, body) {
                Ok(call) => operations::answer(asked(call)).await,
                Err(fault) => Err(fault),
            }
        };
        answer.unwrap_or_else(|fault: Fault| SERVICE.refuse(&context.request_id, &fault))
    }
}
