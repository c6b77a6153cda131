//! Requests to functions: `/NAME/path` reaches the function of that name with `/path`.

use std::sync::Arc;

use base::{ByteSize, Clock, Random};
use functions::{
    Error, Event, Failed, Function, Functions, GatewayKind, HttpBegun, HttpForm, HttpRequest,
    HttpRoute, Invoke, NoAnswer,
};
use http::request::Parts as Head;
use http::{HeaderValue, header};
use wire::{Body, BodyError, Held, Holding, Peer, Request, Response, Service, ServiceFuture};

use crate::refusal::Refusal;

/// Of a request to a function of the second generation.
const LARGEST_BODY: ByteSize = ByteSize::mib(32);
/// By which a request's lines are known; its form is the frameworks' own, which make one where the platform did not.
const EXECUTION: &str = "function-execution-id";
const EXECUTION_LENGTH: usize = 12;
const LETTERS: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// Enough to know whether there is exactly one.
const SEVERAL: usize = 2;

/// The service's handle. Clones share it.
#[derive(Clone)]
pub struct Google {
    functions: Functions,
    clock: Arc<dyn Clock>,
    random: Random,
    holding: Holding,
}

impl Google {
    /// Large requests wait in `holding` until they are there whole.
    pub fn new(
        functions: Functions,
        clock: Arc<dyn Clock>,
        random: Random,
        holding: Holding,
    ) -> Self {
        Self {
            functions,
            clock,
            random,
            holding,
        }
    }

    /// Whether there is anything to serve.
    pub fn is_used(&self) -> bool {
        let first = self.functions.list(&crate::space(), None, 1);
        first.is_ok_and(|functions| !functions.is_empty())
    }

    async fn answer(&self, request: Request) -> Response {
        let (head, body) = request.into_parts();
        match self.serve(head, body).await {
            Ok(response) => response,
            Err(refusal) => refusal.print(),
        }
    }

    async fn serve(&self, head: Head, body: Body) -> Result<Response, Refusal> {
        let (function, path) = self.function_of(head.uri.path())?;
        // No instance waits for a body that is still to come.
        let body = self.holding.hold(body, LARGEST_BODY).await;
        let body = body.map_err(|error| match error {
            BodyError::TooLarge(_) => Refusal::TooLarge,
            BodyError::TooSlow => Refusal::TooSlow,
            BodyError::Truncated(_) | BodyError::Source(_) => Refusal::Truncated,
        })?;
        let request_id = self.functions.new_request_id();
        let event = self.request(&head, path, body, request_id.clone());
        self.invoke(function, Event::Http(Box::new(event)), request_id)
            .await
    }

    /// Which function a path names, and the rest of the path. Where there is only one function it needs no name, as in
    /// the framework's own server.
    fn function_of(&self, path: &str) -> Result<(Arc<Function>, String), Refusal> {
        let space = crate::space();
        let trimmed = path.strip_prefix('/').unwrap_or(path);
        let (name, rest) = trimmed.split_once('/').unwrap_or((trimmed, ""));
        match self.functions.resolve_call(&space, name, None) {
            Ok(function) => return Ok((function, format!("/{rest}"))),
            Err(Error::NoSuchFunction(_)) => {}
            Err(error) => return Err(broken(name, &error)),
        }
        let there = self.functions.list(&space, None, SEVERAL);
        let mut there = there.map_err(|error| broken(name, &error))?;
        match (there.pop(), there.is_empty()) {
            (Some(only), true) => Ok((Arc::new(only), path.to_owned())),
            _ => Err(Refusal::NoFunction),
        }
    }

    fn request(&self, head: &Head, path: String, body: Held, request_id: String) -> HttpRequest {
        let peer = head.extensions.get::<Peer>();
        let source_ip = peer.map_or_else(|| "127.0.0.1".into(), |peer| peer.0.ip().to_string());
        let length = body.length();
        let (body, held) = body.split();
        HttpRequest {
            headers: self.headers(head, length, &source_ip),
            request_id,
            space: crate::space(),
            at: self.clock.now(),
            method: head.method.as_str().to_owned(),
            path,
            query: head.uri.query().unwrap_or_default().to_owned(),
            body,
            held,
            is_text: false,
            version: format!("{:?}", head.version),
            source_ip,
            route: HttpRoute {
                gateway: String::new(),
                kind: GatewayKind::Direct,
                form: HttpForm::Compact,
                stage: String::new(),
                stage_variables: std::collections::BTreeMap::new(),
                method: None,
                template: None,
                parameters: Vec::new(),
            },
            caller: None,
            client_key: None,
            connection: None,
        }
    }

    /// As they came, with what the platform's front adds. The body is handed over whole, so its length is known.
    fn headers(&self, head: &Head, length: u64, source_ip: &str) -> Vec<(String, String)> {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let mut all: Vec<(String, String)> = Vec::with_capacity(head.headers.len() + 4);
        let came = head.headers.iter();
        all.extend(
            came.filter(|(name, _)| !functions::FRAMING.contains(name))
                .map(|(name, value)| (name.as_str().to_owned(), text(value))),
        );
        let sent = head.headers.contains_key(header::CONTENT_LENGTH);
        if sent || length > 0 {
            all.push(("content-length".into(), length.to_string()));
        }
        if !head.headers.contains_key("x-forwarded-for") {
            all.push(("x-forwarded-for".into(), source_ip.to_owned()));
            all.push(("x-forwarded-proto".into(), "http".into()));
        }
        if !head.headers.contains_key(EXECUTION) {
            let id = self.random.bytes::<EXECUTION_LENGTH>();
            let letters = id.map(|byte| char::from(LETTERS[usize::from(byte) % LETTERS.len()]));
            all.push((EXECUTION.into(), letters.iter().collect()));
        }
        all
    }

    async fn invoke(
        &self,
        function: Arc<Function>,
        event: Event,
        request_id: String,
    ) -> Result<Response, Refusal> {
        let name = &function.name.clone();
        let invoke = Invoke {
            space: function.space.clone(),
            function: name.clone(),
            qualifier: None,
            event,
            request_id,
            trigger: "http".into(),
            client_context: None,
            trace: None,
        };
        // The function's own time-out ends the wait.
        let answering = self
            .functions
            .invoke_resolved_streaming(function, invoke)
            .await;
        let answering = answering.map_err(|error| refused(name, &error))?;
        let begun = HttpBegun::of(answering).await.map_err(|why| match why {
            NoAnswer::NotRun(error) => refused(name, &error),
            NoAnswer::Failed(failed) => unanswered(name, &failed),
            NoAnswer::Malformed(why) => malformed(name, &why),
        })?;
        begun.response().map_err(|why| malformed(name, &why))
    }
}

impl Service for Google {
    fn call(&self, request: Request) -> ServiceFuture<'_> {
        Box::pin(self.answer(request))
    }
}

impl std::fmt::Debug for Google {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Google")
    }
}

fn refused(function: &str, error: &Error) -> Refusal {
    match error {
        Error::Throttled(_) => Refusal::Throttled,
        error => broken(function, error),
    }
}

fn unanswered(function: &str, failed: &Failed) -> Refusal {
    let (kind, message) = (&failed.kind, &failed.message);
    tracing::warn!(function, kind, message, "a request got no answer");
    match kind.as_str() {
        crate::dialect::TIMED_OUT => Refusal::TimedOut,
        crate::dialect::NOT_STARTED => Refusal::NotStarted,
        _ => Refusal::Crashed,
    }
}

fn malformed(function: &str, why: &str) -> Refusal {
    tracing::warn!(function, why, "a function's answer is not one");
    Refusal::Crashed
}

fn broken(function: &str, error: &Error) -> Refusal {
    tracing::warn!(%error, function, "a request got no answer");
    Refusal::Broken
}
