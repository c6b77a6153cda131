//! Topics, as SNS speaks of them.
//!
//! What a subscriber gets is worded in `dialect/notices.rs`; who has subscribed is kept by `triggers`. Nothing leaves this
//! machine but what is posted to an address: mail, text messages and notices to devices stay in the outbox.

mod application;
mod arn;
mod attribute;
mod batch;
mod delivery;
mod error;
mod input;
mod link;
mod message;
mod operations;
mod policy;
mod publish;
mod settings;
mod subscribe;
mod subscription;
mod tags;
mod text;
mod topic;

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts as Head;
use serde_json::Value;
use topics::Topics;
use triggers::Triggers;

use crate::context::Context;
use crate::dialect::AwsDialect;
use crate::protocol::{Call, Fault, Manner, Service};

pub(crate) use arn::of_subscription;
pub(crate) use delivery::{content_type, waits};
pub(crate) use link::{certificate_path, is_link};
pub(crate) use publish::number;
pub(crate) use settings::SIGNATURE_VERSION;

pub(crate) static SERVICE: Service =
    Service::new(include_str!("../models/sns.json"), Manner::PLAIN);

/// What is published at once, with its attributes.
pub(crate) const LARGEST_MESSAGE: usize = 256 << 10;

/// What the service works with.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) topics: Topics,
    pub(crate) triggers: Triggers,
    pub(crate) dialect: Arc<AwsDialect>,
}

/// The service's handle. Clones share it.
#[derive(Clone)]
pub(crate) struct Sns {
    parts: Parts,
}

/// One request, understood.
struct Asked<'a> {
    parts: &'a Parts,
    context: &'a Context,
    trace: Option<&'a str>,
    call: Call<'a>,
}

type Answer = Result<Value, Fault>;

impl Sns {
    pub(crate) fn new(parts: Parts) -> Self {
        Self { parts }
    }

    /// Answers a request whose signature has been verified.
    pub(crate) async fn call(&self, context: &Context, head: &Head, body: Bytes) -> wire::Response {
        let id = &context.request_id;
        let call = match SERVICE.read(head, body).map_err(renamed) {
            Ok(call) => call,
            Err(fault) => return SERVICE.refuse_as_accepted(head, id, &fault),
        };
        let operation = call.operation;
        let trace = head.headers.get("x-amzn-trace-id");
        let asked = Asked {
            parts: &self.parts,
            context,
            trace: trace.and_then(|trace| trace.to_str().ok()),
            call,
        };
        match operations::answer(asked).await {
            Ok(output) => SERVICE.answer_as_accepted(head, operation, id, &output),
            Err(fault) => SERVICE.refuse_as_accepted(head, id, &fault),
        }
    }
}

/// This service has a name of its own for input that the model refuses.
fn renamed(fault: Fault) -> Fault {
    match &*fault.code {
        "ValidationException" | "SerializationException" => {
            Fault::new("ValidationError", fault.message.unwrap_or_default())
        }
        _ => fault,
    }
}

impl std::fmt::Debug for Sns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sns")
    }
}
