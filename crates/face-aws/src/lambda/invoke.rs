use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use functions::{Event, Invoke, Job, Outcome};
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::error::fault;
use super::name::Named;
use super::{Answer, Asked, recursion};
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

pub(super) async fn invoke(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let payload = std::mem::take(&mut asked.call.payload);
    let input: Input = asked.call.read()?;
    if input.tenant_id.is_some() {
        return Err(asked.call.not_built("TenantId"));
    }
    if input.durable_execution_name.is_some() {
        return Err(asked.call.not_built("DurableExecutionName"));
    }
    let named = Named::read(
        asked.context,
        &input.function_name,
        input.qualifier.as_deref(),
    )?;
    let asynchronous = input.invocation_type.as_deref() == Some("Event");
    let event = Event::Raw(check_payload(payload, asynchronous)?);
    let client_context = input
        .client_context
        .as_deref()
        .map(read_context)
        .transpose()?;
    let function = named.find(&asked)?;
    if input.invocation_type.as_deref() == Some("DryRun") {
        return Ok(Answer::Empty(StatusCode::NO_CONTENT));
    }
    let trace = match recursion::follow(asked.trace, &function) {
        Ok(trace) => trace,
        // Whoever does not wait is not told; the real service drops the event too.
        Err(recursion::Cut) if asynchronous => {
            tracing::warn!(function = function.name, "a chain of calls was cut");
            return Ok(Answer::Empty(StatusCode::ACCEPTED));
        }
        Err(cut) => return Err(cut.into()),
    };
    if asynchronous {
        let job = Job {
            request_id: asked.context.request_id.clone(),
            space: function.space.clone(),
            function: function.name.clone(),
            qualifier: named.version().map(str::to_owned),
            event,
            trigger: "direct".into(),
            client_context,
            trace,
        };
        let enqueued = asked.parts.functions.enqueue_alone(&job).await;
        enqueued.map_err(|error| fault(asked.context, &named, error))?;
        return Ok(Answer::Empty(StatusCode::ACCEPTED));
    }
    let invoke = Invoke {
        space: function.space,
        function: function.name,
        qualifier: named.version().map(str::to_owned),
        event,
        request_id: asked.context.request_id.clone(),
        trigger: "direct".into(),
        client_context,
        trace,
    };
    let outcome = asked.parts.functions.invoke(invoke).await;
    let outcome = outcome.map_err(|error| fault(asked.context, &named, error))?;
    let with_log = input.log_type.as_deref() == Some("Tail");
    Ok(Answer::Whole(Box::new(print(outcome, with_log))))
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
        headers.insert("x-amz-executed-version", version);
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
