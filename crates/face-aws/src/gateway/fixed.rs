//! Routes that are answered without a function. There is nothing to wait for, so most of them are answered at once.

use functions::GatewayKind;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use http_body::Body as _;
use triggers::{Admission, Backend, Considered, FixedAnswer, Found, Gateway, KeySource, Route};
use wire::{Request, Response};

use super::{Address, Gateways, check, cors, event, ids, refusal, stage};

impl Gateways {
    /// The answer to a request for which nothing has to be waited; none for all others, and for what is refused.
    pub(crate) fn at_once(&self, address: &Address, request: &Request) -> Option<Response> {
        let has_body = !request.body().is_end_stream();
        if has_body || request.method() == Method::OPTIONS {
            return None;
        }
        let gateway = self.triggers.gateway(&address.gateway).ok()??;
        check::check_headers(gateway.kind, request.headers()).ok()?;
        let (stage, path) = stage(&gateway, &address.path)?;
        let Found::Route(route, _) = gateway.find(request.method().as_str(), &path) else {
            return None;
        };
        let Backend::Fixed(answer) = &route.backend else {
            return None;
        };
        let is_let_in = route.takes_any_holder()
            && (!route.needs_key || self.holds_key(&gateway, &stage.name, route, request));
        if !is_let_in {
            return None;
        }
        let mut room = ids::EMPTY;
        let request_id = ids::new(&self.random, gateway.kind, &mut room);
        let mut response = print(answer, gateway.kind, request_id);
        let origin = request.headers().get(header::ORIGIN);
        if let (Some(cors), Some(origin)) = (&gateway.cors, origin) {
            cors::allow(cors, origin, response.headers_mut());
        }
        Some(response)
    }

    /// Whether the caller may pass by a key whose use is not written down.
    fn holds_key(&self, gateway: &Gateway, stage: &str, route: &Route, request: &Request) -> bool {
        let given = request.headers().get("x-api-key");
        let Some(value) = given.and_then(|value| value.to_str().ok()) else {
            return false;
        };
        if gateway.key_source != KeySource::Header {
            return false;
        }
        let name = || event::route_name(route.method.as_deref(), route.path.as_deref());
        let considered = self.triggers.consider(&gateway.id, stage, name, value);
        matches!(considered, Ok(Considered::Decided(Admission::Admitted(_))))
    }
}

pub(super) fn print(answer: &FixedAnswer, kind: GatewayKind, request_id: &str) -> Response {
    let mut response = Response::new(wire::full(answer.body.clone()));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (
            HeaderName::try_from(name.as_str()),
            HeaderValue::from_str(value),
        ) {
            headers.insert(name, value);
        }
    }
    refusal::identify(headers, kind, request_id);
    response
}
