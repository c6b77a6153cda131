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
mod ids;
mod invoke;
mod mapping;
pub(crate) mod media;
mod refusal;
pub(crate) mod reserved;
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
use functions::{CallerKey, Functions, GatewayKind, HttpForm, HttpRequest, HttpRoute};
use http::request::Parts as Head;
use http::{Method, header};
use tokio_util::task::TaskTracker;
use triggers::{
    Admission, Backend, Conversions, Found, Gateway, KeySource, Route, Stage, Triggers,
};
use wire::{Body, BodyError, Holding, Peer, Request, Response};

pub(crate) use address::Address;

use authorize::{Issuers, Remembered};
use denial::Denied;
use refusal::Refusal;

use crate::callees::Callees;
use crate::signature::SigningKeys;
use crate::trace;
use socket::Connections;

/// Of gateways; function URLs take what functions take.
const LARGEST_BODY: ByteSize = ByteSize::mib(10);
/// What a function is handed at most, the envelope around the body included.
const LARGEST_EVENT: usize = 6 << 20;
/// A byte is at most six in JSON, and all headers together are far below what this leaves.
const SURELY_FITS: usize = LARGEST_EVENT / 8;
/// Of all headers of a request to a gateway together, names and values.
const LONGEST_HEADERS: usize = 10_240;

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
    callees: Callees,
}

/// What gateways work with.
pub(crate) struct Parts {
    pub(crate) triggers: Triggers,
    pub(crate) functions: Functions,
    pub(crate) access: Access,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Random,
    pub(crate) holding: Holding,
    /// The services that answer instead of functions.
    pub(crate) callees: Callees,
}

impl Gateways {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts {
            triggers,
            functions,
            access,
            clock,
            random,
            holding,
            callees,
        } = parts;
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
            callees,
        }
    }

    /// Answers a request to a gateway's address.
    pub(crate) async fn call(&self, address: Address, request: Request) -> Response {
        let found = self.triggers.gateway(&address.gateway);
        let kind = match &found {
            Ok(Some(gateway)) => gateway.kind,
            Ok(None) | Err(_) => GatewayKind::Simple,
        };
        let mut room = ids::EMPTY;
        let request_id = ids::new(&self.random, kind, &mut room);
        let gateway = match found {
            Ok(Some(gateway)) => gateway,
            Ok(None) => return Refusal::NoGateway.print(kind, request_id),
            Err(error) => {
                tracing::error!(%error, "a gateway could not be looked up");
                return Refusal::Broken.print(kind, request_id);
            }
        };
        if kind == GatewayKind::Socket {
            let gateway = Arc::unwrap_or_clone(gateway);
            return self.socket(gateway, &address, request, request_id).await;
        }
        let (head, body) = request.into_parts();
        let origin = head.headers.get(header::ORIGIN).cloned();
        // Kept only for whoever may want to speak about it.
        let asked = (!gateway.refusals.is_empty()).then(|| head.clone());
        let served = self.serve(&gateway, &address, head, body, request_id).await;
        let mut response = served.unwrap_or_else(|refusal| match &asked {
            None => refusal.print(kind, request_id),
            Some(head) => deny(&gateway, &address, &refusal, head, request_id),
        });
        // REST APIs have routes for what browsers ask before they send; their functions say the rest themselves.
        if let (Some(cors), Some(origin)) = (&gateway.cors, origin) {
            cors::allow(cors, &origin, response.headers_mut());
        }
        response
    }

    /// The headers that a function is told.
    fn told(&self, head: &Head, address: &Address, kind: GatewayKind) -> Vec<(String, String)> {
        told::headers(&head.headers, address, kind, &source_ip(head), || {
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
        check::check_headers(gateway.kind, &head.headers)?;
        if let Some(cors) = &gateway.cors
            && head.method == Method::OPTIONS
            && head.headers.contains_key("access-control-request-method")
        {
            let origin = head.headers.get(header::ORIGIN);
            let routed = gateway.methods(&path);
            return Ok(cors::preflight(cors, origin, &routed, gateway.kind));
        }
        // A HEAD request is for a GET's headers only where the gateway says so: here it needs a route of its own.
        let (route, parameters) = match gateway.find(method, &path) {
            Found::Route(route, parameters) => (route, parameters),
            Found::OtherMethod | Found::Nothing => {
                return Err(Refusal::unsigned(&head.headers, Refusal::NoRoute));
            }
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
        let mut headers = self.told(&head, address, gateway.kind);
        told::add_length(&mut headers, gateway.kind, body.len());
        let form = match &route.backend {
            Backend::Function(function) => function.form,
            Backend::Fixed(_)
            | Backend::Mapped(_)
            | Backend::Forwarded(_)
            | Backend::Converted(..) => HttpForm::Detailed,
        };
        let mut request = HttpRequest {
            request_id: request_id.to_owned(),
            space: gateway.space.clone(),
            at: self.clock.now(),
            method: method.to_owned(),
            path,
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers,
            is_text: !media::is_binary(gateway, &head.headers),
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
        let mut response = match &route.backend {
            Backend::Fixed(answer) => return Ok(fixed::print(answer, gateway.kind, request_id)),
            Backend::Mapped(mapped) => {
                let nothing = Conversions::default();
                return self.map(gateway, mapped, &nothing, &request).await;
            }
            Backend::Converted(mapped, conversions) => {
                return self.map(gateway, mapped, conversions, &request).await;
            }
            Backend::Forwarded(forwarded) => self.forward(forwarded, &request).await?,
            Backend::Function(function) => {
                // Most bodies are so small that no envelope makes them too large; only the others are rendered to be
                // measured.
                if request.body.len() > SURELY_FITS && event::render(&request).len() > LARGEST_EVENT
                {
                    return Err(Refusal::EventTooLarge);
                }
                let answered = self.invoke(gateway, function, request, &head.headers);
                answered.await?
            }
        };
        if gateway.cors.is_some() && gateway.kind == GatewayKind::Simple {
            cors::forget(response.headers_mut());
        }
        Ok(response)
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
