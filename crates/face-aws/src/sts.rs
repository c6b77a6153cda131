//! Who the caller is, and sessions in a role, as STS speaks of them.
//!
//! Roles are names: nobody has to make one first, and there are no trust policies yet, so the account's own callers may
//! act in each of its roles. What would narrow a session is refused.

mod assume;
mod identity;

pub(crate) use identity::{arn, id};

#[cfg(test)]
mod tests;

use std::sync::Arc;

use access::Access;
use base::Clock;
use bytes::Bytes;
use http::request::Parts as Head;
use serde_json::Value;

use crate::context::Context;
use crate::protocol::{Call, Fault, Manner, Service};

pub(crate) static SERVICE: Service =
    Service::new(include_str!("../models/sts.json"), Manner::PLAIN);

/// The service's handle. Clones share it.
#[derive(Clone)]
pub(crate) struct Sts {
    access: Access,
    clock: Arc<dyn Clock>,
}

/// One request, understood.
struct Asked<'a> {
    sts: &'a Sts,
    context: &'a Context,
    call: Call<'a>,
}

impl Sts {
    pub(crate) fn new(access: Access, clock: Arc<dyn Clock>) -> Self {
        Self { access, clock }
    }

    /// Answers a request whose signature has been verified.
    pub(crate) async fn call(&self, context: &Context, head: &Head, body: Bytes) -> wire::Response {
        let id = &context.request_id;
        let answer = SERVICE.read(head, body).map_err(renamed).and_then(|call| {
            let operation = call.operation;
            let asked = Asked {
                sts: self,
                context,
                call,
            };
            Ok((operation, answer(asked)?))
        });
        match answer {
            Ok((operation, output)) => SERVICE.answer(operation, id, &output),
            Err(fault) => SERVICE.refuse(id, &fault),
        }
    }
}

fn answer(asked: Asked<'_>) -> Result<Value, Fault> {
    match asked.call.operation.name {
        "GetCallerIdentity" => Ok(identity::get(&asked)),
        "AssumeRole" => assume::assume(asked),
        _ => Err(asked.call.unknown()),
    }
}

/// This service has a name of its own for input that the model refuses.
fn renamed(fault: Fault) -> Fault {
    match &*fault.code {
        "ValidationException" | "SerializationException" => {
            invalid(fault.message.unwrap_or_default())
        }
        _ => fault,
    }
}

fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("ValidationError", message)
}

impl std::fmt::Debug for Sts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sts")
    }
}
