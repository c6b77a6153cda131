//! The wire protocols, driven by the services' published models.
//!
//! A [`Service`] is one model (reduced by `cargo xtask models`, embedded, read at its first use) and what the model does
//! not say. It turns an HTTP request into a [`Call`]: which operation, and its input as JSON whose types and constraints
//! have been checked, with the real service's words for what is wrong. A handler deserialises only the members that it
//! uses. Outputs and [`Fault`]s go back through the service, which knows how its protocol writes them.
//!
//! | protocol | services | the operation is in |
//! |---|---|---|
//! | awsJson 1.0 | DynamoDB | the header `X-Amz-Target` |
//! | rest-json | Lambda | method and path |
//! | query | STS | the form field `Action` |
//!
//! Must never know: an engine, or what any operation means.

mod asking;
mod authentication;
mod encoding;
pub(crate) mod events;
mod fault;
mod json;
mod model;
pub(crate) mod plain;
mod query;
mod rest;
mod types;
mod validate;

use std::sync::OnceLock;

use base::ByteSize;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

pub(crate) use encoding::{Undecoded, gzip};
pub(crate) use fault::Fault;
pub(crate) use model::Operation;

use crate::signature;
use model::{Model, Protocol};

/// One service's side of the wire.
pub(crate) struct Service {
    source: &'static str,
    manner: Manner,
    model: OnceLock<Model>,
}

/// What a service does that its model does not say.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    /// The Java package that stands before the service's own error codes and shows in messages about types.
    pub(crate) package: Option<&'static str>,
    /// Answers carry the CRC-32 of their body.
    pub(crate) crc32: bool,
    /// Bodies may be compressed, in either direction.
    pub(crate) encoded: bool,
    /// Shapes that are held to another shape's constraints: pairs of theirs and that one. The values that the other
    /// cannot hold (an ARN in the place of a name) are told apart by their beginning `arn:`.
    pub(crate) named: &'static [(&'static str, &'static str)],
    /// Enumerations that messages list in another order than the model.
    pub(crate) listed: &'static [(&'static str, &'static [&'static str])],
    /// Shapes whose constraints the operations look at, which have other words for them.
    pub(crate) unchecked: &'static [&'static str],
    /// Looks at the input after its types and before its constraints.
    pub(crate) first: Option<Check>,
}

impl Manner {
    /// Of a service that does nothing but what its model says.
    pub(crate) const PLAIN: Self = Self {
        package: None,
        crc32: false,
        encoded: false,
        named: &[],
        listed: &[],
        unchecked: &[],
        first: None,
    };
}

pub(crate) type Check = fn(&Operation, &Map<String, Value>) -> Result<(), Fault>;

/// One request, understood as far as the model goes.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) operation: &'a Operation,
    /// By the members' names, wherever on the wire they were.
    pub(crate) input: Map<String, Value>,
    /// The body, where the model says that it is one member as it stands.
    pub(crate) payload: Bytes,
    service: &'static str,
}

impl Call<'_> {
    /// The members that the handler uses, as its own type.
    pub(crate) fn read<T: DeserializeOwned>(&mut self) -> Result<T, Fault> {
        serde_json::from_value(Value::Object(std::mem::take(&mut self.input)))
            .map_err(|cause| Fault::serialization(Some(cause.to_string())))
    }

    /// Refuses every member but these: a parameter must not be ignored in silence.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Fault> {
        match self.input.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(()),
            Some(member) => Err(self.not_built(member)),
        }
    }

    /// The answer to a parameter that is right but not built.
    pub(crate) fn not_built(&self, parameter: &str) -> Fault {
        Fault::not_implemented(&format!(
            "the parameter {parameter} of {}.{}",
            self.service, self.operation.name
        ))
    }

    /// The answer to an operation that the service has and we have not.
    pub(crate) fn unknown(&self) -> Fault {
        Fault::not_implemented(&format!("{}.{}", self.service, self.operation.name))
    }
}

impl Service {
    pub(crate) const fn new(source: &'static str, manner: Manner) -> Self {
        Self {
            source,
            manner,
            model: OnceLock::new(),
        }
    }

    fn model(&self) -> &Model {
        self.model.get_or_init(|| Model::read(self.source))
    }

    /// What stands before an operation's name in the header, and the media type; where the protocol has them.
    pub(crate) fn target(&self) -> Option<(&'static str, &'static str)> {
        let model = self.model();
        match model.protocol {
            Protocol::Json { content_type } => Some((model.target, content_type)),
            Protocol::RestJson | Protocol::Query => None,
        }
    }

    /// Which operation a request is for, where the protocol says it outside of the body.
    pub(crate) fn named(&self, parts: &Parts, body: &[u8]) -> Option<&Operation> {
        let model = self.model();
        match model.protocol {
            Protocol::Json { .. } => json::operation(model, parts, body).ok(),
            Protocol::RestJson | Protocol::Query => None,
        }
    }

    /// A request that was understood otherwise: nothing of its input is left to be read.
    pub(crate) fn call<'a>(&'a self, operation: &'a Operation) -> Call<'a> {
        Call {
            operation,
            input: Map::new(),
            payload: Bytes::new(),
            service: self.model().service,
        }
    }

    /// Understands a request, or says what is wrong with it.
    pub(crate) fn read(&self, parts: &Parts, body: Bytes) -> Result<Call<'_>, Fault> {
        let model = self.model();
        let (operation, mut input, payload) = match model.protocol {
            Protocol::Json { .. } => {
                let operation = json::operation(model, parts, &body)?;
                (operation, json::input(&body)?, Bytes::new())
            }
            Protocol::RestJson => {
                let (operation, labels) = rest::operation(model, parts)?;
                let (input, payload) = rest::input(model, operation, &labels, parts, body)?;
                (operation, input, payload)
            }
            Protocol::Query => {
                let operation = query::operation(model, parts, &body)?;
                let input = query::input(model, operation, parts, &body)?;
                (operation, input, Bytes::new())
            }
        };
        if let Some(shape) = operation.input {
            types::check(model, self.manner.package, shape, &mut input)?;
        }
        if let Some(first) = self.manner.first {
            first(operation, &input)?;
        }
        if let Some(shape) = operation.input {
            validate::check(model, &self.manner, shape, &input, &payload)?;
        }
        Ok(Call {
            operation,
            input,
            payload,
            service: model.service,
        })
    }

    /// A request's body as it was before it was compressed, if it was.
    pub(crate) fn decoded(
        &self,
        parts: &Parts,
        body: Bytes,
        limit: ByteSize,
    ) -> Result<Bytes, Undecoded> {
        match self.manner.encoded {
            true => encoding::decoded(&parts.headers, body, limit),
            false => Ok(body),
        }
    }

    /// An answer, compressed if the client takes it so.
    pub(crate) async fn encoded(
        &self,
        parts: &Parts,
        request_id: &str,
        answer: wire::Response,
    ) -> wire::Response {
        if !self.manner.encoded {
            return answer;
        }
        let encoded = encoding::encoded(&parts.headers, answer).await;
        encoded.unwrap_or_else(|error| {
            tracing::error!(%error, "an answer could not be compressed");
            self.refuse(request_id, &Fault::internal("InternalServerError"))
        })
    }

    /// The answer to a request that proves nobody.
    pub(crate) fn denied(&self, error: &signature::Error) -> Fault {
        authentication::fault(self.model().protocol, error)
    }

    /// A success, in the form that the caller accepts.
    pub(crate) fn answer_as_accepted(
        &self,
        asked: &Parts,
        operation: &Operation,
        request_id: &str,
        output: &Value,
    ) -> wire::Response {
        if !plain::is_wanted(asked) {
            return self.answer(operation, request_id, output);
        }
        let body = plain::answer(self.model(), operation, request_id, output);
        self.response(operation.status, JSON, request_id, body.to_string())
    }

    /// A failure, in the form that the caller accepts.
    pub(crate) fn refuse_as_accepted(
        &self,
        asked: &Parts,
        request_id: &str,
        fault: &Fault,
    ) -> wire::Response {
        if !plain::is_wanted(asked) {
            return self.refuse(request_id, fault);
        }
        let status = fault.status(self.model());
        let body = plain::fault_of(fault, status, request_id);
        self.response(status, JSON, request_id, body.to_string())
    }

    /// A success, as the protocol writes it.
    pub(crate) fn answer(
        &self,
        operation: &Operation,
        request_id: &str,
        output: &impl Serialize,
    ) -> wire::Response {
        let model = self.model();
        const PLAIN: &str = "outputs are plain structs, whose keys are strings";
        let json = || {
            let mut json = Vec::with_capacity(USUAL_ANSWER);
            serde_json::to_writer(&mut json, output).expect(PLAIN);
            json
        };
        let (content_type, body) = match model.protocol {
            Protocol::Json { content_type } => (content_type, json()),
            Protocol::RestJson => (JSON, json()),
            Protocol::Query => {
                let output = serde_json::to_value(output).expect(PLAIN);
                (
                    "text/xml",
                    query::answer(model, operation, request_id, &output).into_bytes(),
                )
            }
        };
        self.response(operation.status, content_type, request_id, body)
    }

    /// A success that says nothing, not even that by an empty output.
    pub(crate) fn done(&self, operation: &Operation, request_id: &str) -> wire::Response {
        let content_type = match self.model().protocol {
            Protocol::Json { content_type } => content_type,
            Protocol::RestJson => "application/json",
            Protocol::Query => "text/xml",
        };
        self.response(operation.status, content_type, request_id, Bytes::new())
    }

    /// A failure, as the protocol writes it.
    pub(crate) fn refuse(&self, request_id: &str, fault: &Fault) -> wire::Response {
        let model = self.model();
        let status = fault.status(model);
        match model.protocol {
            Protocol::Json { content_type } => {
                let body = fault.json(model, Some(self.manner.package));
                self.response(status, content_type, request_id, body)
            }
            Protocol::RestJson => {
                let body = fault.json(model, None);
                let mut response = self.response(status, JSON, request_id, body);
                if let Ok(code) = HeaderValue::from_str(&fault.code) {
                    response.headers_mut().insert("x-amzn-errortype", code);
                }
                response
            }
            Protocol::Query => {
                let body = query::fault(model, fault, status, request_id);
                self.response(status, "text/xml", request_id, body)
            }
        }
    }

    fn response(
        &self,
        status: StatusCode,
        content_type: &'static str,
        request_id: &str,
        body: impl Into<Bytes>,
    ) -> wire::Response {
        let body = body.into();
        let crc32 = self.manner.crc32.then(|| crc32(&body));
        let mut response = http::Response::new(wire::full(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Ok(id) = HeaderValue::from_str(request_id) {
            headers.insert(&REQUEST_ID, id);
        }
        if let Some(crc32) = crc32 {
            headers.insert(&CRC32, crc32.into());
        }
        response
    }
}

const JSON: &str = "application/json";
/// Longer than most.
const USUAL_ANSWER: usize = 512;

// Every answer has them: as text, their names would be looked at letter by letter each time.
pub(crate) static REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
static CRC32: HeaderName = HeaderName::from_static("x-amz-crc32");

fn crc32(body: &[u8]) -> u64 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, body)
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service")
            .field("manner", &self.manner)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
