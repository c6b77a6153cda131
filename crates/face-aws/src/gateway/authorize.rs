//! Whether a caller may pass: what the gateway's guards say.

mod function;
mod jwks;
mod policy;
mod signature;
mod token;

use functions::{Caller, GatewayKind, HttpRequest};
use http::request::Parts as Head;
use triggers::{Gateway, Guard, GuardKind, Guarded, Route, Source};

use super::{Gateways, Refusal};
use crate::place::Place;

pub(super) use function::Remembered;
pub(super) use jwks::Issuers;

/// What a guard has found out about somebody whom it lets pass.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Passed {
    pub(super) caller: Caller,
    /// The key by which his use is counted, if the guard says it.
    pub(super) client_key: Option<String>,
}

impl Gateways {
    pub(super) async fn authorize(
        &self,
        gateway: &Gateway,
        route: &Route,
        head: &Head,
        request: &HttpRequest,
    ) -> Result<Option<Passed>, Refusal> {
        let Some(Guarded { by, scopes }) = &route.guard else {
            return Ok(None);
        };
        let Some(guard) = gateway.guards.iter().find(|guard| guard.name == *by) else {
            tracing::error!(
                gateway = gateway.id,
                guard = by,
                "a route's guard is not there"
            );
            return Err(Refusal::GuardBroken);
        };
        let Guard { name, kind } = guard;
        let passed = match kind {
            GuardKind::Signature => self.check_signature(gateway, head, request)?,
            GuardKind::Token(token) => self.check_token(token, scopes, request).await?,
            GuardKind::Function(function) => self.ask(gateway, name, function, request).await?,
        };
        Ok(Some(passed))
    }
}

/// What stands at a place in a request; none if it is empty.
fn at(source: &Source, request: &HttpRequest) -> Option<String> {
    let found = match source {
        Source::Header(name) => {
            let all = request.headers.iter();
            let values = all.filter(|(known, _)| known.eq_ignore_ascii_case(name));
            let values: Vec<&str> = values.map(|(_, value)| value.as_str()).collect();
            (!values.is_empty()).then(|| values.join(","))
        }
        Source::Query(name) => super::event::pairs(&request.query)
            .into_iter()
            .find_map(|(known, value)| (known == *name).then_some(value)),
        Source::StageVariable(name) => request.route.stage_variables.get(name).cloned(),
        Source::Context(name) => context(name, request),
    };
    found.filter(|value| !value.is_empty())
}

fn context(name: &str, request: &HttpRequest) -> Option<String> {
    let route = &request.route;
    Some(match name {
        "identity.sourceIp" => request.source_ip.clone(),
        "identity.userAgent" => {
            let mut all = request.headers.iter();
            all.find(|(name, _)| name == "user-agent")?.1.clone()
        }
        "httpMethod" => request.method.clone(),
        "path" => request.path.clone(),
        "resourcePath" => route.template.clone()?,
        "routeKey" => super::event::route_key(route),
        "stage" => route.stage.clone(),
        "apiId" => route.gateway.clone(),
        "domainName" => super::event::domain(request),
        "protocol" => request.version.clone(),
        _ => return None,
    })
}

/// What a policy speaks about.
fn arn(request: &HttpRequest) -> String {
    let Place { account, region } = Place::of(&request.space);
    let route = &request.route;
    if let (GatewayKind::Socket, Some(key)) = (route.kind, &route.template) {
        let (api, stage) = (&route.gateway, &route.stage);
        return format!("arn:aws:execute-api:{region}:{account}:{api}/{stage}/{key}");
    }
    let path = request.path.strip_prefix('/').unwrap_or(&request.path);
    format!(
        "arn:aws:execute-api:{region}:{account}:{}/{}/{}/{path}",
        route.gateway, route.stage, request.method
    )
}
