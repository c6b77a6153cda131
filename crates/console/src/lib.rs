//! The admin API: what the command line asks a running server, under `/_fulmar/` on the address of everything else.
//!
//! | request | answer |
//! |---|---|
//! | `GET health` | whether the server can do its work; the one that needs no token |
//! | `GET logs?function=&last=&follow=` | lines that functions printed, one JSON object per line |
//! | `GET invocations?function=&limit=` | what ran, newest first |
//! | `GET outbox?limit=` | mail, texts and notices that people would have got, newest first |
//! | `POST invoke?function=&asynchronous=` | runs a function with the body as its payload |
//! | `POST deploy` | deploys a template that lies on this machine |
//! | `GET keys?function=` | the keys by which functions are called that ask for one |
//! | `GET metrics` | requests of each server by status and time, as Prometheus reads them |
//! | `GET forks` | the processes that are kept to be forked, and their memory |
//! | `GET clock` | what time it is for the server |
//! | `POST clock/advance?by=&wait=` | goes forward; answers when what fell due until then is done |
//! | `POST clock/set?to=&wait=` | goes forward to a time and stands still there |
//! | `POST clock/pause`, `POST clock/resume` | stands still; runs on |
//! | `GET stacks`, `DELETE stacks/NAME` | what is deployed; takes a stack away |
//!
//! Everything but `health` wants the server's token, which only who may read the data folder can know.
//!
//! Must never know: a cloud's wire protocol.

mod clock;
mod deployments;
mod forks;
mod health;
mod invocations;
mod invoke;
mod keys;
mod logs;
mod metrics;
mod name;
mod outbox;
mod problem;
mod query;

use std::sync::Arc;

use ::clock::Timekeeper;
use access::Keyring;
use aws_lc_rs::constant_time;
use base::{ByteSize, Space};
use deploy::Deployer;
use functions::Functions;
use http::request::Parts as Head;
use http::{HeaderValue, Method, StatusCode, header};
use ledger::Ledger;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use topics::Topics;
use wire::{Body, Request, Response, Service, ServiceFuture};

pub use self::clock::Clock;
pub use deployments::Deployment;
pub use forks::Forks;
pub use invocations::{Invocation, Invocations};
pub use invoke::{Invoked, Phases};
pub use keys::{Key, Keys};
pub use logs::Line;
pub use outbox::{Outbox, Posted};
pub use problem::Problem;

use query::Query;

/// What all paths of the admin API begin with. No bucket can be called so.
pub const PREFIX: &str = "/_fulmar/";

/// A deployment says where a template is, not what is in it.
const LARGEST_REQUEST: ByteSize = ByteSize::mib(1);

/// What the API works with.
pub struct Parts {
    pub functions: Functions,
    pub ledger: Ledger,
    pub deployer: Deployer,
    pub clock: Timekeeper,
    pub topics: Topics,
    pub keys: Keyring,
    /// Whose functions a name without more means.
    pub space: Space,
    /// What every request must show.
    pub token: String,
    /// Why the store refuses writes, if it does.
    pub failure: Box<dyn Fn() -> Option<String> + Send + Sync>,
    /// What the servers count, by their names.
    pub meters: Vec<(&'static str, wire::Meter)>,
    /// Ends whoever follows something.
    pub stop: CancellationToken,
}

/// The API's handle. Clones share it.
#[derive(Clone)]
pub struct Console {
    parts: Arc<Parts>,
}

impl Console {
    pub fn new(parts: Parts) -> Self {
        Self {
            parts: Arc::new(parts),
        }
    }

    async fn answer(&self, request: Request) -> Response {
        let (head, body) = request.into_parts();
        match self.route(&head, body).await {
            Ok(response) => response,
            Err(problem) => problem.print(),
        }
    }

    async fn route(&self, head: &Head, body: Body) -> Result<Response, Problem> {
        let parts = &self.parts;
        let path = head.uri.path().strip_prefix(PREFIX).unwrap_or_default();
        if path == "health" {
            return Ok(health::get(parts));
        }
        self.check_token(head)?;
        let query = Query::of(head);
        match (&head.method, path) {
            (&Method::GET, "logs") => logs::get(parts, &query).await,
            (&Method::GET, "invocations") => invocations::get(parts, &query).await,
            (&Method::POST, "invoke") => invoke::post(parts, &query, body).await,
            (&Method::POST, "deploy") => deployments::post(parts, body).await,
            (&Method::GET, "clock") => Ok(clock::get(parts)),
            (&Method::POST, path) if path.starts_with("clock/") => {
                clock::post(parts, &path["clock/".len()..], &query).await
            }
            (&Method::GET, "stacks") => deployments::get(parts),
            (&Method::GET, "metrics") => Ok(metrics::get(parts)),
            (&Method::GET, "forks") => forks::get(parts),
            (&Method::GET, "outbox") => outbox::get(parts, &query),
            (&Method::GET, "keys") => keys::get(parts, &query),
            (&Method::DELETE, path) if path.starts_with("stacks/") => {
                deployments::delete(parts, &path["stacks/".len()..]).await
            }
            _ => Err(Problem::missing(format!(
                "the admin API has no {} {}",
                head.method,
                head.uri.path()
            ))),
        }
    }

    fn check_token(&self, head: &Head) -> Result<(), Problem> {
        let shown = head.headers.get(header::AUTHORIZATION);
        let shown = shown.and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        let wanted = self.parts.token.as_bytes();
        match shown.map(|shown| constant_time::verify_slices_are_equal(shown, wanted)) {
            Some(Ok(())) => Ok(()),
            _ => Err(Problem::denied()),
        }
    }
}

impl Service for Console {
    fn call(&self, request: Request) -> ServiceFuture<'_> {
        Box::pin(self.answer(request))
    }
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Console")
    }
}

fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let text = serde_json::to_string(body).expect("answers are plain structs");
    let mut response = Response::new(wire::full(text));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

/// As RFC 3339 has it, in UTC.
fn shown(at: base::Timestamp) -> String {
    let micros = i64::try_from(at.as_micros()).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::MAX);
    format!("{at:.6}")
}
