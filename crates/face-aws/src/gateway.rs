//! API Gateway and function URLs: requests over HTTP that functions answer.
//!
//! Which route a request takes is decided in `triggers`; here are the addresses under which gateways are reached, the
//! events that functions get, what their answers mean, and what a caller is told when there is none. The kinds of
//! gateway are called here what they are called in this cloud: a *classic* one is a REST API, a *simple* one an HTTP API,
//! a *direct* one a function URL.

mod address;
pub(crate) mod answer;
mod authorize;
mod check;
mod cors;
mod denial;
pub(crate) mod event;
mod fixed;
mod refusal;
mod schema;
mod socket;
mod stream;
mod told;
mod variables;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use access::Access;
use base::{ByteSize, Clock, Random};
use functions::{
    CallerKey, Error, Event, Functions, GatewayKind, HttpForm, HttpRequest, HttpRoute, Invoke,
};
use http::request::Parts as Head;
use http::{HeaderMap, Method, header};
use tokio_util::task::TaskTracker;
use triggers::{
    Admission, Backend, Found, FunctionBackend, Gateway, KeySource, Route, Stage, Triggers,
};
use wire::{Body, BodyError, Holding, Peer, Request, Response};

pub(crate) use address::Address;

use authorize::{Issuers, Remembered};
use denial::Denied;
use refusal::Refusal;

use crate::signature::SigningKeys;
use crate::trace;
use socket::Connections;

/// Of gateways; function URLs take what functions take.
const LARGEST_BODY: ByteSize = ByteSize::mib(10);
/// What a function is handed at most, the envelope around the body included.
const LARGEST_EVENT: usize = 6 << 20;
/// A byte is at most six in JSON, and all headers together are far below what this leaves.
const SURELY_FITS: usize = LARGEST_EVENT / 8;

/// The service's handle. Clones share it.
#[derive(Clone)]
pub(crate) struct Gateways {
    triggers: Triggers,
    functions: Functions,
    access: Access,
    clock: Arc<dyn Clock>,
    random: Random,
    remembered: Arc<Remembered>,
    issuers: Arc<Issuers>,
    connections: Arc<Connections>,
    /// Connections that are attended to.
    running: TaskTracker,
    signing_keys: Arc<SigningKeys>,
    holding: Holding,
}

impl Gateways {
    pub(crate) fn new(
        triggers: Triggers,
        functions: Functions,
        access: Access,
        clock: Arc<dyn Clock>,
        random: Random,
        holding: Holding,
    ) -> Self {
        Self {
            triggers,
            functions,
            access,
            issuers: Arc::new(Issuers::new(clock.clone())),
            clock,
            random,
            remembered: Arc::default(),
            connections: Arc::default(),
            running: TaskTracker::new(),
            signing_keys: Arc::default(),
            holding,
        }
    }

    /// Answers a request to a gateway's address.
    pub(crate) async fn call(&self, address: Address, request: Request) -> Response {
        let request_id = self.random.uuid().to_string();
        let gateway = match self.triggers.gateway(&address.gateway) {
            Ok(Some(gateway)) => gateway,
            Ok(None) => return Refusal::NoGateway.print(GatewayKind::Simple, &request_id),
            Err(error) => {
                tracing::error!(%error, "a gateway could not be looked up");
                return Refusal::Broken.print(GatewayKind::Simple, &request_id);
            }
        };
        let kind = gateway.kind;
        if kind == GatewayKind::Socket {
            let gateway = Arc::unwrap_or_clone(gateway);
            return self.socket(gateway, &address, request, &request_id).await;
        }
        let (head, body) = request.into_parts();
        let origin = head.headers.get(header::ORIGIN).cloned();
        // Kept only for whoever may want to speak about it.
        let asked = (!gateway.refusals.is_empty()).then(|| head.clone());
        let served = self
            .serve(&gateway, &address, head, body, &request_id)
            .await;
        let mut response = served.unwrap_or_else(|refusal| match &asked {
            None => refusal.print(kind, &request_id),
            Some(head) => deny(&gateway, &address, &refusal, head, &request_id),
        });
        // REST APIs have routes for what browsers ask before they send; their functions say the rest themselves.
        if let (Some(cors), Some(origin)) = (&gateway.cors, origin) {
            cors::allow(cors, &origin, response.headers_mut());
        }
        response
    }

    /// The headers that a function is told.
    fn told(&self, head: &Head, address: &Address) -> Vec<(String, String)> {
        told::headers(&head.headers, address, &source_ip(head), || {
            trace::id(self.clock.now(), self.random.bytes())
        })
    }

    async fn serve(
        &self,
        gateway: &Gateway,
        address: &Address,
        head: Head,
        body: Body,
        request_id: &str,
    ) -> Result<Response, Refusal> {
        let (stage, path) = stage(gateway, &address.path).ok_or(Refusal::NoGateway)?;
        let method = head.method.as_str();
        if let Some(cors) = &gateway.cors
            && head.method == Method::OPTIONS
            && head.headers.contains_key("access-control-request-method")
        {
            return Ok(cors::preflight(cors, &gateway.methods(&path), gateway.kind));
        }
        // A HEAD request is for a GET's headers only where the gateway says so: here it needs a route of its own.
        let (route, parameters) = match gateway.find(method, &path) {
            Found::Route(route, parameters) => (route, parameters),
            Found::OtherMethod | Found::Nothing => return Err(Refusal::NoRoute),
        };
        let body = self.holding.whole(body, LARGEST_BODY).await;
        let body = body.map_err(|error| match error {
            BodyError::TooLarge(_) => Refusal::TooLarge,
            BodyError::TooSlow => Refusal::TooSlow,
            BodyError::Truncated(_) | BodyError::Source(_) => Refusal::Truncated,
        })?;
        // Most such routes look at nothing of the request.
        if let Backend::Fixed(answer) = &route.backend
            && route.takes_anything()
        {
            return Ok(fixed::print(answer, gateway.kind, request_id));
        }
        let form = match &route.backend {
            Backend::Function(function) => function.form,
            Backend::Fixed(_) => HttpForm::Detailed,
        };
        let mut request = HttpRequest {
            request_id: request_id.to_owned(),
            space: gateway.space.clone(),
            at: self.clock.now(),
            method: method.to_owned(),
            path,
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: self.told(&head, address),
            is_text: !is_binary(gateway, &head.headers),
            body,
            held: None,
            version: format!("{:?}", head.version),
            source_ip: source_ip(&head),
            route: HttpRoute {
                gateway: gateway.id.clone(),
                kind: gateway.kind,
                form,
                stage: stage.name.clone(),
                stage_variables: stage.variables.clone(),
                method: route.method.clone(),
                template: route.path.clone(),
                parameters,
            },
            caller: None,
            client_key: None,
            connection: None,
        };
        self.admit(gateway, route, &head, &mut request).await?;
        check::check(&route.wanted, &request)?;
        match &route.backend {
            Backend::Fixed(answer) => Ok(fixed::print(answer, gateway.kind, request_id)),
            Backend::Function(function) => {
                // Most bodies are so small that no envelope makes them too large; only the others are rendered to be
                // measured.
                if request.body.len() > SURELY_FITS && event::render(&request).len() > LARGEST_EVENT
                {
                    return Err(Refusal::TooLarge);
                }
                self.invoke(gateway, function, request, &head.headers).await
            }
        }
    }

    /// Lets the request in, and writes down who sent it.
    async fn admit(
        &self,
        gateway: &Gateway,
        route: &Route,
        head: &Head,
        request: &mut HttpRequest,
    ) -> Result<(), Refusal> {
        let passed = self.authorize(gateway, route, head, request).await?;
        let mut said = None;
        if let Some(passed) = passed {
            request.caller = Some(passed.caller);
            said = passed.client_key;
        }
        if !route.needs_key {
            return Ok(());
        }
        let value = match gateway.key_source {
            KeySource::Header => {
                let given = head.headers.get("x-api-key");
                given
                    .and_then(|value| value.to_str().ok())
                    .map(str::to_owned)
            }
            KeySource::Guard => said,
        };
        let value = value.ok_or(Refusal::KeyForbidden)?;
        let at = &request.route;
        let name = || event::route_key(at);
        let admitted = self
            .triggers
            .admit(&gateway.id, &at.stage, name, &value)
            .await;
        let admitted = admitted.map_err(|error| {
            tracing::error!(%error, "a caller's key could not be looked up");
            Refusal::Broken
        })?;
        match admitted {
            Admission::Admitted(key) => {
                request.client_key = Some(CallerKey {
                    id: key.id.clone(),
                    value: key.value.clone(),
                });
                Ok(())
            }
            Admission::UnknownKey => Err(Refusal::KeyForbidden),
            Admission::TooFast => Err(Refusal::TooFast),
            Admission::UsedUp => Err(Refusal::UsedUp),
        }
    }

    async fn invoke(
        &self,
        gateway: &Gateway,
        backend: &FunctionBackend,
        request: HttpRequest,
        headers: &HeaderMap,
    ) -> Result<Response, Refusal> {
        let request_id = request.request_id.clone();
        let target = variables::target(&backend.target, &request.route.stage_variables);
        let chance = self.random.bytes();
        let trace = event::header(&request, trace::HEADER);
        let trace = trace.and_then(|told| trace::handed_on(told, chance));
        let invoke = Invoke {
            space: target.space,
            function: target.function.clone(),
            qualifier: target.qualifier,
            event: Event::Http(Box::new(request)),
            request_id: self.functions.new_request_id(),
            trigger: "http".into(),
            client_context: None,
            trace,
        };
        if backend.streams {
            return stream::answer(&self.functions, invoke, gateway.kind, &request_id).await;
        }
        let function = &target.function;
        let outcome = tokio::select! {
            outcome = self.functions.invoke(invoke) => outcome,
            // The function runs on; its answer is nobody's.
            () = self.clock.host().sleep(backend.timeout) => return Err(Refusal::TimedOut),
        };
        let outcome = outcome.map_err(|error| {
            tracing::warn!(%error, function, "a request got no answer");
            match error {
                Error::Throttled(_) => Refusal::Throttled,
                _ => Refusal::Broken,
            }
        })?;
        let payload = outcome.result.map_err(|failed| {
            tracing::warn!(
                function,
                kind = failed.kind,
                message = failed.message,
                "a request got no answer"
            );
            Refusal::Failed
        })?;
        let answer = answer::read(&payload, gateway.kind, backend.form);
        let answer = answer.map_err(|why| {
            tracing::warn!(function, why, "a function's answer is not one");
            Refusal::Failed
        })?;
        let takes_bytes = answer::takes_bytes(gateway, headers);
        Ok(answer.print(gateway.kind, takes_bytes, &request_id))
    }
}

impl std::fmt::Debug for Gateways {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gateways")
    }
}

fn deny(
    gateway: &Gateway,
    address: &Address,
    refusal: &Refusal,
    head: &Head,
    request_id: &str,
) -> Response {
    let (stage, path) = match stage(gateway, &address.path) {
        Some((stage, path)) => (stage.name.as_str(), path),
        None => ("", address.path.clone()),
    };
    let denied = Denied {
        head,
        stage,
        path: &path,
        request_id,
        source_ip: &source_ip(head),
    };
    denial::print(gateway, refusal, &denied)
}

/// The stage of a request, and the rest of its path.
fn stage<'a>(gateway: &'a Gateway, path: &str) -> Option<(&'a Stage, String)> {
    let trimmed = path.strip_prefix('/').unwrap_or(path);
    let (first, rest) = trimmed.split_once('/').unwrap_or((trimmed, ""));
    if let Some(stage) = gateway.stages.iter().find(|stage| stage.name == first) {
        return Some((stage, format!("/{rest}")));
    }
    let unnamed = gateway
        .stages
        .iter()
        .find(|stage| stage.name == DEFAULT_STAGE)?;
    Some((
        unnamed,
        if path.is_empty() {
            "/".into()
        } else {
            path.to_owned()
        },
    ))
}

/// The stage that needs no name in the path.
pub(crate) const DEFAULT_STAGE: &str = "$default";

pub(crate) fn source_ip(head: &Head) -> String {
    let peer = head.extensions.get::<Peer>();
    peer.map_or_else(|| "127.0.0.1".into(), |peer| peer.0.ip().to_string())
}

/// Whether a body is handed over in base 64. REST APIs are told which media types are; the others know text by its type.
fn is_binary(gateway: &Gateway, headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    match gateway.kind {
        GatewayKind::Classic => answer::listed(&gateway.binary, kind),
        GatewayKind::Simple | GatewayKind::Direct | GatewayKind::Socket => !is_text(kind),
    }
}

fn is_text(kind: &str) -> bool {
    let kind = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    kind.is_empty()
        || kind.starts_with("text/")
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
        || [
            "application/json",
            "application/javascript",
            "application/xml",
            "application/x-www-form-urlencoded",
        ]
        .contains(&kind.as_str())
}
