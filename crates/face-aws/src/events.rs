//! Buses as EventBridge speaks of them.
//!
//! The model decides which operation a request is for and whether its input is well formed; `operations.rs` names the
//! file that does it. The messages are the real service's, as its users' recorded answers have them.

mod address;
mod archive;
mod bus;
mod connection;
mod error;
pub(crate) mod happening;
mod managed;
mod name;
mod operations;
mod page;
mod permission;
mod put;
mod replay;
mod rule;
mod tags;
mod target;

use std::sync::Arc;

use base::{Clock, Random, Space};
use buses::Buses;
use bytes::Bytes;
use http::request::Parts as Head;
use serde_json::Value;
use triggers::Triggers;

use crate::context::Context;
use crate::place::Place;
use crate::protocol::{Call, Manner, Service};

pub(crate) static SERVICE: Service =
    Service::new(include_str!("../models/events.json"), Manner::PLAIN);

/// The service's handle. Clones share it.
#[derive(Clone)]
pub(crate) struct Events {
    buses: Buses,
    triggers: Triggers,
    clock: Arc<dyn Clock>,
    random: Random,
}

/// One request, understood.
struct Asked<'a> {
    buses: &'a Buses,
    triggers: &'a Triggers,
    clock: &'a dyn Clock,
    random: &'a Random,
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

impl Events {
    pub(crate) fn new(
        buses: Buses,
        triggers: Triggers,
        clock: Arc<dyn Clock>,
        random: Random,
    ) -> Self {
        Self {
            buses,
            triggers,
            clock,
            random,
        }
    }

    /// Answers a request whose signature has been verified.
    pub(crate) async fn call(&self, context: &Context, head: &Head, body: Bytes) -> wire::Response {
        let id = &context.request_id;
        let call = match SERVICE.read(head, body) {
            Ok(call) => call,
            Err(fault) => return SERVICE.refuse(id, &fault),
        };
        let operation = call.operation;
        let asked = Asked {
            buses: &self.buses,
            triggers: &self.triggers,
            clock: self.clock.as_ref(),
            random: &self.random,
            context,
            call,
        };
        match operations::answer(asked).await {
            Ok(output) => SERVICE.answer(operation, id, &output),
            Err(fault) => SERVICE.refuse(id, &fault),
        }
    }
}

/// Members of an answer that are not there are left out.
fn without_nulls(mut answer: Value) -> Value {
    if let Value::Object(members) = &mut answer {
        members.retain(|_, value| !value.is_null());
    }
    answer
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Events")
    }
}
