//! Lines that functions and rules print, as CloudWatch Logs speaks of them.
//!
//! The model decides which operation a request is for and whether its input is well formed; `operations.rs` names the
//! file that does it. What is found is told exactly: a request looks at all lines of one group, of which there are no more
//! than the ledger keeps.

mod error;
mod event;
mod group;
mod operations;
mod page;
mod put;
mod stream;
mod subscription;
mod tags;

use std::sync::Arc;

use base::{Clock, Space, Timestamp};
use bytes::Bytes;
use http::request::Parts as Head;
use ledger::Ledger;
use serde_json::Value;
use triggers::{LinePattern, LinePatternError, Triggers};

use crate::context::Context;
use crate::place::Place;
use crate::protocol::{Call, Fault, Manner, Service};

pub(crate) use subscription::event as event_of_lines;

/// A batch of 1 MB, written as text within JSON.
pub(crate) const LARGEST_REQUEST: base::ByteSize = base::ByteSize::mib(4);

pub(crate) static SERVICE: Service =
    Service::new(include_str!("../models/logs.json"), Manner::PLAIN);

/// The service's handle. Clones share it.
#[derive(Clone)]
pub(crate) struct Logs {
    ledger: Ledger,
    triggers: Triggers,
    clock: Arc<dyn Clock>,
}

/// One request, understood.
struct Asked<'a> {
    ledger: &'a Ledger,
    triggers: &'a Triggers,
    now: Timestamp,
    context: &'a Context,
    call: Call<'a>,
}

impl Asked<'_> {
    fn space(&self) -> &Space {
        &self.context.space
    }

    fn place(&self) -> Place<'_> {
        Place::of(&self.context.space)
    }
}

impl Logs {
    pub(crate) fn new(ledger: Ledger, triggers: Triggers, clock: Arc<dyn Clock>) -> Self {
        Self {
            ledger,
            triggers,
            clock,
        }
    }

    /// Answers a request whose signature has been verified.
    pub(crate) async fn call(&self, context: &Context, head: &Head, body: Bytes) -> wire::Response {
        let id = &context.request_id;
        let call = match SERVICE.read(head, body) {
            Ok(call) => call,
            Err(fault) => return SERVICE.refuse(id, &worded(fault)),
        };
        let operation = call.operation;
        let asked = Asked {
            ledger: &self.ledger,
            triggers: &self.triggers,
            now: self.clock.now(),
            context,
            call,
        };
        match operations::answer(asked).await {
            Ok(output) => SERVICE.answer(operation, id, &output),
            Err(fault) => SERVICE.refuse(id, &fault),
        }
    }
}

/// What the model forbids has another code here than elsewhere.
fn worded(fault: Fault) -> Fault {
    match fault.code.as_ref() {
        "ValidationException" => Fault {
            code: error::INVALID.into(),
            ..fault
        },
        _ => fault,
    }
}

/// A pattern, or why it is none in the service's words.
fn pattern(text: &str) -> Result<LinePattern, Fault> {
    LinePattern::read(text).map_err(|error| match error {
        LinePatternError::Malformed => error::invalid("Invalid filter pattern"),
        LinePatternError::Columns => {
            Fault::not_implemented("filter patterns of lines in columns ([…])")
        }
    })
}

/// Members of an answer that are not there are left out.
fn without_nulls(mut answer: Value) -> Value {
    if let Value::Object(members) = &mut answer {
        members.retain(|_, value| !value.is_null());
    }
    answer
}
