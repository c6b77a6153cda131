//! Queues as SQS speaks of them.
//!
//! It is spoken to in two ways: in JSON, and in forms that are answered in XML, which older SDKs still use (`query.rs`).
//! A request is read to the same JSON either way, and what comes back is printed from the same. Errors have a name in
//! each of the two, and a JSON answer tells the other one too, in a header: `error.rs`. Messages about what is wrong are
//! the real service's, as its documentation, SDKs and their users recorded them.

mod attributes;
mod batch;
mod body;
mod create;
mod error;
pub(crate) mod event;
mod list;
pub(crate) mod message;
mod moves;
mod pace;
mod permission;
mod query;
mod queue_url;
mod receive;
mod send;
mod settle;
mod tags;

use std::sync::Arc;

use base::{ByteSize, Clock, Space};
use bytes::Bytes;
use http::request::Parts as Head;
use queues::{Address, Queues};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::context::Context;
use crate::place::Place;
use crate::protocol::{Fault, Manner, Service};
use body::Output;
use pace::Pace;

pub(crate) use queue_url::is_queue;

pub(crate) static SERVICE: Service = Service::new(
    include_str!("../models/sqs.json"),
    Manner {
        package: Some("com.amazonaws.sqs"),
        ..Manner::PLAIN
    },
);

/// A batch of 1 MiB, whose bytes may each be written as six characters.
pub(crate) const LARGEST_REQUEST: ByteSize = ByteSize::mib(8);

/// The service's handle. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Sqs {
    queues: Queues,
    pace: Arc<Pace>,
}

/// One request, understood as far as to know what is asked.
struct Asked<'a> {
    queues: &'a Queues,
    pace: &'a Pace,
    context: &'a Context,
    /// Where the caller reached us.
    host: &'a str,
    head: &'a Head,
    operation: String,
    input: Input,
    /// It was asked with a form, and is answered in XML.
    form: bool,
}

enum Input {
    /// As it came. It is read straight into what the operation takes; only if that fails is it found out what is wrong.
    Json(Bytes),
    Members(Map<String, Value>),
}

impl Sqs {
    pub(crate) fn new(queues: Queues, clock: Arc<dyn Clock>) -> Self {
        Self {
            queues,
            pace: Arc::new(Pace::new(clock)),
        }
    }

    /// Answers a request whose signature has been verified.
    pub(crate) async fn call(&self, context: &Context, head: &Head, body: Bytes) -> wire::Response {
        let id = &context.request_id;
        let form = query::is_form(head);
        let asked = if form {
            query::read(head, &body)
                .map(|(operation, members)| (operation, Input::Members(members)))
        } else {
            operation(head).map(|operation| (operation, Input::Json(body)))
        };
        let answer = match asked {
            Ok((operation, input)) => {
                let asked = Asked {
                    queues: &self.queues,
                    pace: &self.pace,
                    context,
                    host: host(head),
                    head,
                    operation,
                    input,
                    form,
                };
                let name = asked.operation.clone();
                answer(asked).await.map(|output| (name, output))
            }
            Err(fault) => Err(fault),
        };
        match answer {
            Ok((operation, output)) if form => {
                query::answer(head, &operation, id, &output.into_value())
            }
            Ok((_, output)) => body::json(id, output),
            Err(fault) => refuse(head, id, &fault),
        }
    }
}

async fn answer(asked: Asked<'_>) -> Result<Output, Fault> {
    // Each in a place of its own, so that the many small ones are not as large as the largest.
    match asked.operation.as_str() {
        "SendMessage" => send::one(asked).await,
        "ReceiveMessage" => Box::pin(receive::receive(asked)).await.map(Output::from),
        "DeleteMessage" => settle::delete(asked).await.map(Output::from),
        "SendMessageBatch" => Box::pin(send::batch(asked)).await,
        "DeleteMessageBatch" => Box::pin(settle::delete_batch(asked)).await,
        "ChangeMessageVisibility" => Box::pin(settle::hold(asked)).await.map(Output::from),
        "ChangeMessageVisibilityBatch" => Box::pin(settle::hold_batch(asked)).await,
        "CreateQueue" => Box::pin(create::create(asked)).await.map(Output::from),
        "DeleteQueue" => Box::pin(create::delete(asked)).await.map(Output::from),
        "PurgeQueue" => Box::pin(create::purge(asked)).await.map(Output::from),
        "GetQueueUrl" => list::url(asked).map(Output::from),
        "ListQueues" => list::list(asked).map(Output::from),
        "ListDeadLetterSourceQueues" => list::sources(asked).map(Output::from),
        "GetQueueAttributes" => attributes::get(asked).map(Output::from),
        "SetQueueAttributes" => Box::pin(attributes::set(asked)).await.map(Output::from),
        "AddPermission" => Box::pin(permission::add(asked)).await.map(Output::from),
        "RemovePermission" => Box::pin(permission::remove(asked)).await.map(Output::from),
        "ListQueueTags" => tags::list(asked).map(Output::from),
        "TagQueue" => Box::pin(tags::tag(asked)).await.map(Output::from),
        "UntagQueue" => Box::pin(tags::untag(asked)).await.map(Output::from),
        "StartMessageMoveTask" => Box::pin(moves::start(asked)).await.map(Output::from),
        "CancelMessageMoveTask" => Box::pin(moves::cancel(asked)).await.map(Output::from),
        "ListMessageMoveTasks" => moves::list(asked).map(Output::from),
        other => Err(error::unknown_operation(other)),
    }
}

/// A refusal in the way in which was asked.
pub(crate) fn refuse(head: &Head, request_id: &str, fault: &Fault) -> wire::Response {
    if query::is_form(head) {
        query::refuse(head, request_id, fault)
    } else {
        error::json(request_id, fault)
    }
}

impl Asked<'_> {
    /// The members that the operation uses, as its own type.
    fn read<T: DeserializeOwned>(&mut self) -> Result<T, Fault> {
        match std::mem::replace(&mut self.input, Input::Members(Map::new())) {
            Input::Members(members) => body::members(members),
            Input::Json(bytes) => match serde_json::from_slice(&bytes) {
                Ok(input) => Ok(input),
                Err(_) => body::members(body::checked(self.head, bytes)?),
            },
        }
    }

    /// Prints what was asked for in JSON, without making a tree of it first.
    fn print<T: Serialize>(&self, output: &T) -> Result<Output, Fault> {
        let printed = match self.form {
            true => serde_json::to_value(output).map(Output::Value),
            false => serde_json::to_string(output).map(Output::Json),
        };
        printed.map_err(|cause| Fault::serialization(Some(cause.to_string())))
    }

    /// That of the call in which was asked: SDKs inside functions pass it on.
    fn trace(&self) -> Option<String> {
        let trace = self.head.headers.get("x-amzn-trace-id")?;
        trace.to_str().ok().map(str::to_owned)
    }

    fn space(&self) -> &Space {
        &self.context.space
    }

    /// The queue that is named by its address.
    fn queue(&self, url: Option<&str>) -> Result<Address, Fault> {
        let url = url.filter(|url| !url.is_empty());
        let path = self.head.uri.path();
        match url {
            Some(url) => queue_url::read(self.context, url),
            None if is_queue(path) => queue_url::read(self.context, path),
            None => Err(error::missing_parameter("QueueUrl")),
        }
    }

    fn url(&self, queue: &Address) -> String {
        queue_url::print(self.host, queue)
    }
}

/// The ARN of a queue.
pub(crate) fn arn(queue: &Address) -> String {
    let Place { account, region } = Place::of(&queue.space);
    format!("arn:aws:sqs:{region}:{account}:{}", queue.name)
}

/// The queue with this ARN.
pub(crate) fn by_arn(arn: &str) -> Option<Address> {
    match crate::destination::read(arn)? {
        triggers::Destination::Queue(queue) => Some(Address::new(&queue.space, queue.name)),
        _ => None,
    }
}

fn operation(head: &Head) -> Result<String, Fault> {
    let target = head.headers.get("x-amz-target");
    let target = target
        .and_then(|target| target.to_str().ok())
        .unwrap_or_default();
    match target.split_once('.') {
        Some(("AmazonSQS", operation)) => Ok(operation.to_owned()),
        _ => Err(error::unknown_operation(target)),
    }
}

fn host(head: &Head) -> &str {
    let named = head.headers.get(http::header::HOST);
    let named = named.and_then(|host| host.to_str().ok());
    let authority = head.uri.authority().map(http::uri::Authority::as_str);
    named.or(authority).unwrap_or("localhost")
}
