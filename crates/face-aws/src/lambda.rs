//! Functions as Lambda speaks of them.
//!
//! The model decides which operation a request is for and whether its input is well formed; `operations.rs` names the
//! file that does it. Packages are downloaded from here too: `GetFunction` gives an address that carries its own
//! permission, as the real one points into a bucket of the service.

mod account;
mod alias;
mod asynchronous;
mod code;
mod concurrency;
mod configuration;
mod create;
mod delete;
mod error;
mod get;
mod invoke;
mod layer;
mod list;
mod management;
mod mapping;
mod name;
mod operations;
mod package;
mod page;
mod permission;
mod policy;
mod provisioned;
mod recursion;
mod runtime;
mod settings;
mod signing;
mod stream;
mod tags;
mod update;
mod url;
mod version;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use access::Access;
use base::Clock;
use bytes::Bytes;
use functions::Functions;
use http::request::Parts as Head;
use http::{HeaderName, HeaderValue, StatusCode};
use objects::Objects;
use serde_json::Value;
use triggers::Triggers;

use crate::context::Context;
use crate::protocol::{Call, Manner, REQUEST_ID, Service};

/// What may be uploaded in one request: the published limit of a package, in base 64.
pub(crate) use recursion::follow;
pub(crate) const LARGEST_REQUEST: base::ByteSize = base::ByteSize::bytes(70_167_211);

/// The service's handle. Clones share it.
#[derive(Clone)]
pub(crate) struct Lambda {
    parts: Arc<Parts>,
}

struct Parts {
    functions: Functions,
    triggers: Triggers,
    objects: Objects,
    access: Access,
    clock: Arc<dyn Clock>,
}

pub(crate) static SERVICE: Service = Service::new(
    include_str!("../models/lambda.json"),
    Manner {
        // The service looks at runtimes itself, after everything that its model constrains.
        named: &[("Runtime", "String")],
        ..Manner::PLAIN
    },
);

static TRACE: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// One request, understood.
struct Asked<'a> {
    parts: &'a Parts,
    context: &'a Context,
    /// How the caller reaches us.
    host: &'a str,
    /// The trace of the call that this request was made in, if it was made by a function.
    trace: Option<&'a str>,
    call: Call<'a>,
}

enum Answer {
    Json(Value),
    /// Nothing but a status.
    Empty(StatusCode),
    Whole(Box<wire::Response>),
}

impl Lambda {
    pub(crate) fn new(
        functions: Functions,
        triggers: Triggers,
        objects: Objects,
        access: Access,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            parts: Arc::new(Parts {
                functions,
                triggers,
                objects,
                access,
                clock,
            }),
        }
    }

    /// Answers a request whose signature has been verified.
    pub(crate) async fn call(&self, context: &Context, head: &Head, body: Bytes) -> wire::Response {
        let id = &context.request_id;
        let parts = &self.parts;
        let answer = match package::asked(head) {
            Some(name) => package::download(parts, context, &name).await,
            None => match SERVICE.read(head, body) {
                Ok(call) => {
                    let operation = call.operation;
                    let host = host(head);
                    let trace = head.headers.get(&TRACE);
                    let trace = trace.and_then(|trace| trace.to_str().ok());
                    let asked = Asked {
                        parts,
                        context,
                        host,
                        trace,
                        call,
                    };
                    match operations::answer(asked).await {
                        Ok(Answer::Json(output)) => return SERVICE.answer(operation, id, &output),
                        other => other,
                    }
                }
                Err(fault) => Err(fault),
            },
        };
        match answer {
            Ok(Answer::Whole(response)) => identified(*response, id),
            Ok(Answer::Empty(status)) => {
                let mut response = http::Response::new(wire::empty());
                *response.status_mut() = status;
                identified(response, id)
            }
            Ok(Answer::Json(output)) => {
                identified(http::Response::new(wire::full(output.to_string())), id)
            }
            Err(fault) => SERVICE.refuse(id, &fault),
        }
    }
}

fn host(head: &Head) -> &str {
    let named = head
        .headers
        .get(http::header::HOST)
        .and_then(|host| host.to_str().ok());
    named
        .or_else(|| Some(head.uri.authority()?.as_str()))
        .unwrap_or("localhost")
}

fn identified(mut response: wire::Response, request_id: &str) -> wire::Response {
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert(&REQUEST_ID, id);
    }
    response
}

impl std::fmt::Debug for Lambda {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lambda")
    }
}
