//! What ran.

use std::time::Duration;

use http::StatusCode;
use ledger::{Failure, Outcome, Settlement};
use serde::{Deserialize, Serialize};
use wire::Response;

use crate::query::Query;
use crate::{Parts, Problem, name, shown};

const USUAL: usize = 100;
const MOST: usize = 10_000;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Invocations {
    /// Newest first.
    pub invocations: Vec<Invocation>,
}

/// One attempt at running a function.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Invocation {
    pub request_id: String,
    pub function: String,
    /// None for the newest code.
    pub version: Option<u64>,
    /// `direct`, or the kind of event source.
    pub trigger: String,
    pub started: String,
    pub duration_ms: f64,
    /// Starting the instance, if none was idle.
    pub init_ms: Option<f64>,
    pub queued_ms: f64,
    pub billed_ms: u64,
    pub memory_mb: u32,
    pub max_memory_mb: Option<u32>,
    /// `ok`, `error`, `timeout`, `crash`, `throttled` or `unavailable`.
    pub outcome: String,
    pub error: Option<Error>,
    /// From 1.
    pub attempt: u32,
    /// When it runs again, if it will.
    pub next_attempt: Option<String>,
    /// How an asynchronous invocation ended for good.
    pub settlement: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Error {
    pub kind: String,
    pub message: String,
}

pub(crate) async fn get(parts: &Parts, query: &Query<'_>) -> Result<Response, Problem> {
    let function = match query.text("function") {
        Some(name) => Some(name::find(parts, &name)?),
        None => None,
    };
    let limit = query.parse("limit")?.unwrap_or(USUAL).min(MOST);
    parts.ledger.caught_up().await;
    let found = match &function {
        Some(function) => {
            let name = Some(function.name.as_str());
            parts.ledger.invocations(&function.space, name, limit)?
        }
        None => everywhere(parts, limit)?,
    };
    let invocations = found.into_iter().map(Invocation::from).collect();
    Ok(crate::json(StatusCode::OK, &Invocations { invocations }))
}

/// Of all clouds' functions.
fn everywhere(parts: &Parts, limit: usize) -> Result<Vec<ledger::Invocation>, Problem> {
    let mut found = Vec::new();
    for space in name::spaces(parts)? {
        found.extend(parts.ledger.invocations(&space, None, limit)?);
    }
    found.sort_by_key(|ran| std::cmp::Reverse(ran.started));
    found.truncate(limit);
    Ok(found)
}

impl From<ledger::Invocation> for Invocation {
    fn from(ran: ledger::Invocation) -> Self {
        let phases = ran.phases;
        let starting = [phases.launch, phases.init];
        let started = starting.iter().any(Option::is_some);
        let init: Duration = starting.into_iter().flatten().sum();
        let (outcome, error) = outcome(ran.outcome);
        Self {
            request_id: ran.request_id,
            function: ran.function,
            version: ran.version,
            trigger: ran.trigger,
            started: shown(ran.started),
            duration_ms: ms(phases.run),
            init_ms: started.then(|| ms(init)),
            queued_ms: ms(phases.queued),
            billed_ms: ran.billed_ms,
            memory_mb: ran.memory_mb,
            max_memory_mb: ran.max_memory_mb,
            outcome: outcome.to_owned(),
            error,
            attempt: ran.attempt,
            next_attempt: ran.next_attempt.map(shown),
            settlement: ran.settlement.map(|how| settlement(how).to_owned()),
        }
    }
}

/// To the microsecond, which is as exact as they are taken.
fn ms(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

fn outcome(outcome: Outcome) -> (&'static str, Option<Error>) {
    let failed = |Failure { kind, message }| Some(Error { kind, message });
    let refused = |kind: &str, message| {
        let kind = kind.to_owned();
        Some(Error { kind, message })
    };
    match outcome {
        Outcome::Ok => ("ok", None),
        Outcome::Failed(failure) => ("error", failed(failure)),
        Outcome::TimedOut(failure) => ("timeout", failed(failure)),
        Outcome::Crashed(failure) => ("crash", failed(failure)),
        Outcome::Throttled(why) => ("throttled", refused("Throttled", why)),
        Outcome::Unavailable(why) => ("unavailable", refused("Unavailable", why)),
    }
}

fn settlement(how: Settlement) -> &'static str {
    match how {
        Settlement::Success => "success",
        Settlement::RetriesExhausted => "retries-exhausted",
        Settlement::EventAgeExceeded => "event-age-exceeded",
        Settlement::ZeroReservedConcurrency => "zero-reserved-concurrency",
        Settlement::FunctionGone => "function-gone",
        Settlement::Looping => "looping",
    }
}
