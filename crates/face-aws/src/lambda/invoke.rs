use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use functions::{Event, Function, Invoke, Job, Outcome};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::error::fault;
use super::name::Named;
use super::{Answer, Asked, TRACE};
use crate::dialect::version_name;
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    function_name: String,
    qualifier: Option<String>,
    invocation_type: Option<String>,
    log_type: Option<String>,
    client_context: Option<String>,
    tenant_id: Option<String>,
    durable_execution_name: Option<String>,
}

const LARGEST_SYNCHRONOUS: usize = 6 << 20;
const LARGEST_ASYNCHRONOUS: usize = 1 << 20;
const LARGEST_CONTEXT: usize = 3_583;

static EXECUTED_VERSION: HeaderName = HeaderName::from_static("x-amz-executed-version");

/// A call, read and checked.
pub(super) struct Wanted {
    pub(super) named: Named,
    pub(super) with_log: bool,
    kind: Kind,
    function: Arc<Function>,
    event: Event,
    client_context: Option<String>,
    /// What its caller gave, or a new one: the caller is told it, and the handler.
    trace: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Synchronous,
    Asynchronous,
    Dry,
}

impl Wanted {
    pub(super) fn read(asked: &mut Asked<'_>) -> Result<Self, Fault> {
        let payload = std::mem::take(&mut asked.call.payload);
        let input: Input = asked.call.read()?;
        if input.tenant_id.is_some() {
            return Err(asked.call.not_built("TenantId"));
        }
        if input.durable_execution_name.is_some() {
            return Err(asked.call.not_built("DurableExecutionName"));
        }
        let beside = input.qualifier.as_deref();
        let named = Named::read(asked, &input.function_name, beside)?;
        let kind = match input.invocation_type.as_deref() {
            Some("Event") => Kind::Asynchronous,
            Some("DryRun") => Kind::Dry,
            _ => Kind::Synchronous,
        };
        let event = Event::Raw(check_payload(payload, kind == Kind::Asynchronous)?);
        let client_context = input.client_context.as_deref();
        let function = named.find_for_call(asked)?;
        let fresh = || asked.parts.functions.new_trace(&function.space);
        Ok(Self {
            client_context: client_context.map(read_context).transpose()?,
            trace: asked.trace.map_or_else(fresh, str::to_owned),
            function,
            with_log: input.log_type.as_deref() == Some("Tail"),
            named,
            kind,
            event,
        })
    }

    /// What the answer says of it.
    pub(super) fn trace(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.trace).ok()
    }

    pub(super) fn is_dry(&self) -> bool {
        self.kind == Kind::Dry
    }

    /// The call of a caller who waits, and whom it calls.
    pub(super) fn into_invoke(self, asked: &Asked<'_>) -> (Arc<Function>, Invoke) {
        let invoke = Invoke {
            space: self.function.space.clone(),
            function: self.function.name.clone(),
            // As it was given: the handler is told so.
            qualifier: self.named.qualifier,
            event: self.event,
            request_id: asked.context.request_id.clone(),
            trigger: "direct".into(),
            client_context: self.client_context,
            trace: Some(self.trace),
        };
        (self.function, invoke)
    }

    /// The call of one who does not.
    fn into_job(self, asked: &Asked<'_>) -> Job {
        Job {
            request_id: asked.context.request_id.clone(),
            space: self.function.space.clone(),
            function: self.function.name.clone(),
            qualifier: self.named.version().map(str::to_owned),
            event: self.event,
            trigger: "direct".into(),
            client_context: self.client_context,
            trace: Some(self.trace),
        }
    }
}

pub(super) async fn invoke(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let wanted = Wanted::read(&mut asked)?;
    let (named, with_log) = (wanted.named.clone(), wanted.with_log);
    let refused = |error| fault(asked.context, &named, error);
    let trace = wanted.trace();
    match wanted.kind {
        Kind::Dry => Ok(Answer::Empty(StatusCode::NO_CONTENT)),
        Kind::Asynchronous => {
            let job = wanted.into_job(&asked);
            let enqueued = asked.parts.functions.enqueue_alone(&job).await;
            enqueued.map_err(refused)?;
            let mut response = http::Response::new(wire::empty());
            *response.status_mut() = StatusCode::ACCEPTED;
            Ok(traced(response, trace))
        }
        Kind::Synchronous => {
            let (function, invoke) = wanted.into_invoke(&asked);
            let functions = &asked.parts.functions;
            let outcome = functions.invoke_resolved(function, invoke, with_log).await;
            let outcome = outcome.map_err(refused)?;
            Ok(traced(print(outcome, with_log), trace))
        }
    }
}

/// With the call's trace, which it can be found by.
pub(super) fn traced(mut response: wire::Response, trace: Option<HeaderValue>) -> Answer {
    if let Some(trace) = trace {
        response.headers_mut().insert(&TRACE, trace);
    }
    Answer::Whole(Box::new(response))
}

/// The older form of calling without waiting.
pub(super) async fn invoke_async(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    asked
        .call
        .input
        .insert("InvocationType".into(), "Event".into());
    invoke(asked).await
}

fn check_payload(payload: Bytes, asynchronous: bool) -> Result<Bytes, Fault> {
    let limit = if asynchronous {
        LARGEST_ASYNCHRONOUS
    } else {
        LARGEST_SYNCHRONOUS
    };
    if payload.len() > limit {
        let message = format!(
            "{} byte payload is too large for the {} invocation type (limit {limit} bytes)",
            payload.len(),
            if asynchronous {
                "Event"
            } else {
                "RequestResponse"
            },
        );
        return Err(Fault::new("RequestEntityTooLargeException", message)
            .with_status(StatusCode::PAYLOAD_TOO_LARGE));
    }
    if payload.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    serde_json::from_slice::<IgnoredAny>(&payload).map_err(|cause| {
        Fault::new(
            "InvalidRequestContentException",
            format!(
                "Could not parse request body into json: Could not parse payload into json: {cause}"
            ),
        )
    })?;
    Ok(payload)
}

/// Comes in base 64, and goes to the function as the JSON that it is.
fn read_context(encoded: &str) -> Result<String, Fault> {
    let refused = || {
        Fault::new(
            "InvalidRequestContentException",
            "Client context must be a valid Base64-encoded JSON object.",
        )
    };
    if encoded.len() > LARGEST_CONTEXT {
        return Err(refused());
    }
    let decoded = STANDARD.decode(encoded).map_err(|_| refused())?;
    // Read and written again: what goes into a header must be one line.
    let context: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&decoded).map_err(|_| refused())?;
    serde_json::to_string(&context).map_err(|_| refused())
}

/// A function that fails is answered with success, and says so in a header.
fn print(outcome: Outcome, with_log: bool) -> wire::Response {
    let (payload, failed) = match outcome.result {
        Ok(payload) => (payload, false),
        Err(failed) => (failed.payload, true),
    };
    let mut response = http::Response::new(wire::full(payload));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    if let Ok(version) = HeaderValue::from_str(&version_name(outcome.version)) {
        headers.insert(&EXECUTED_VERSION, version);
    }
    if failed {
        headers.insert(
            "x-amz-function-error",
            HeaderValue::from_static("Unhandled"),
        );
    }
    if with_log && let Ok(log) = HeaderValue::from_str(&STANDARD.encode(&outcome.log_tail)) {
        headers.insert("x-amz-log-result", log);
    }
    response
}
