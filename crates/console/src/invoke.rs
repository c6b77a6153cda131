//! Running a function from the command line.

use std::time::Duration;

use base::ByteSize;
use functions::{Event, Invoke, Job, Start};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use wire::{Body, Response};

use crate::query::Query;
use crate::{Parts, Problem, name};

/// What the clouds take of a caller that waits.
const LARGEST_PAYLOAD: ByteSize = ByteSize::mib(6);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Invoked {
    pub request_id: String,
    /// Set when the function failed: what kind of failure it was.
    pub error: Option<String>,
    /// The handler's answer, or its error as the cloud prints it. None when nobody waited for it.
    pub payload: Option<String>,
    /// The last 4 KiB of what was printed.
    pub log_tail: String,
    /// Where the time went. None when nobody waited.
    pub phases: Option<Phases>,
}

/// The parts of an invocation, in the order in which they come.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Phases {
    pub queued_ms: f64,
    /// Of a cold start: making the process.
    pub launch_ms: Option<f64>,
    /// Of a cold start: until it asks for work.
    pub init_ms: Option<f64>,
    pub run_ms: f64,
    /// Of a cold start: how the process came to be (`boot`, `placeholder`, `template`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
}

impl Phases {
    fn new(phases: ledger::Phases, start: Option<Start>) -> Self {
        let ms = |duration: Duration| duration.as_secs_f64() * 1_000.0;
        Self {
            queued_ms: ms(phases.queued),
            launch_ms: phases.launch.map(ms),
            init_ms: phases.init.map(ms),
            run_ms: ms(phases.run),
            start: start.map(|start| {
                let name = match start {
                    Start::Boot => "boot",
                    Start::Placeholder => "placeholder",
                    Start::Template => "template",
                };
                name.to_owned()
            }),
        }
    }
}

pub(crate) async fn post(
    parts: &Parts,
    query: &Query<'_>,
    body: Body,
) -> Result<Response, Problem> {
    let called = query.text("function");
    let called = called.ok_or_else(|| Problem::invalid("which function?"))?;
    let payload = wire::collect(body, LARGEST_PAYLOAD).await;
    let payload = payload.map_err(|error| Problem::invalid(error.to_string()))?;
    if let Err(cause) = serde_json::from_slice::<serde::de::IgnoredAny>(&payload) {
        return Err(Problem::invalid(format!(
            "the payload is not JSON: {cause}"
        )));
    }
    // A version or an alias may stand behind the name.
    let (called, qualifier) = match called.split_once(':') {
        Some((name, qualifier)) => (name, Some(qualifier.to_owned())),
        None => (called.as_ref(), None),
    };
    let function = name::find(parts, called)?;
    if function.space != parts.space {
        return Err(Problem::invalid(format!(
            "{} answers requests over HTTP, at the address that its deployment printed",
            function.name
        )));
    }
    let function = function.name;
    let request_id = parts.functions.new_request_id();
    let event = Event::Raw(payload);
    if query.flag("asynchronous")? {
        let job = Job {
            request_id: request_id.clone(),
            space: parts.space.clone(),
            function,
            qualifier,
            event,
            trigger: "direct".into(),
            client_context: None,
            trace: None,
        };
        parts.functions.enqueue_alone(&job).await?;
        let invoked = Invoked {
            request_id,
            error: None,
            payload: None,
            log_tail: String::new(),
            phases: None,
        };
        return Ok(crate::json(StatusCode::ACCEPTED, &invoked));
    }
    let invoke = Invoke {
        space: parts.space.clone(),
        function,
        qualifier,
        event,
        request_id,
        trigger: "direct".into(),
        client_context: None,
        trace: None,
    };
    let functions = &parts.functions;
    let (name, qualifier) = (&invoke.function, invoke.qualifier.as_deref());
    let function = functions.resolve_call(&invoke.space, name, qualifier)?;
    let outcome = functions.invoke_resolved(function, invoke, true).await?;
    let (error, payload) = match outcome.result {
        Ok(payload) => (None, payload),
        Err(failed) => (Some(failed.kind), failed.payload),
    };
    let invoked = Invoked {
        request_id: outcome.request_id,
        error,
        payload: Some(String::from_utf8_lossy(&payload).into_owned()),
        log_tail: outcome.log_tail,
        phases: Some(Phases::new(outcome.phases, outcome.start)),
    };
    Ok(crate::json(StatusCode::OK, &invoked))
}
