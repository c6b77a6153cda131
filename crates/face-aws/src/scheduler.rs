//! Schedules as EventBridge Scheduler speaks of them.
//!
//! The model decides which operation a request is for and whether its input is well formed; `operations.rs` names the
//! file that does it. What a schedule sends is worded by `order.rs`, when it is due.

mod callable;
mod error;
mod group;
mod input;
mod name;
mod object;
mod operations;
mod order;
mod page;
mod schedule;
mod tags;
mod target;
mod universal;

use base::Space;
use bytes::Bytes;
use http::request::Parts as Head;
use schedules::Schedules;

use crate::context::Context;
use crate::protocol::{Call, Manner, Service};

pub(crate) use callable::call;
pub use callable::universal_targets;
pub use order::AwsOrders;

pub(crate) static SERVICE: Service =
    Service::new(include_str!("../models/scheduler.json"), Manner::PLAIN);

/// The service's handle. Clones share it.
#[derive(Clone)]
pub(crate) struct Scheduler {
    schedules: Schedules,
}

/// One request, understood.
struct Asked<'a> {
    schedules: &'a Schedules,
    context: &'a Context,
    call: Call<'a>,
}

impl Asked<'_> {
    fn space(&self) -> &Space {
        &self.context.space
    }
}

impl Scheduler {
    pub(crate) fn new(schedules: Schedules) -> Self {
        Self { schedules }
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
            schedules: &self.schedules,
            context,
            call,
        };
        match operations::answer(asked).await {
            Ok(output) => SERVICE.answer(operation, id, &output),
            Err(fault) => SERVICE.refuse(id, &fault),
        }
    }
}

impl std::fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scheduler")
    }
}
