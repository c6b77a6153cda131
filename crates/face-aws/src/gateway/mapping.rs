//! Integrations with other services, and answers that a template makes.
//!
//! The request is made of parameters and a template in Velocity, the answer is found by a pattern and made of the same.
//! Bodies may become base 64 or bytes before templates see them: `conversion.rs`. HTTP APIs name an operation and its
//! parameters instead: `operation.rs`. What is passed on to another's server as it is,
//! is in `forward.rs`.

mod answer;
mod conversion;
mod expression;
mod forward;
mod json_path;
mod operation;
mod selection;
mod service;
mod values;
mod web;

use std::collections::BTreeMap;

use bytes::Bytes;
use functions::{GatewayKind, HttpRequest};
use triggers::{Asked, Callee, Conversions, Gateway, MappedBackend, Translation, Unmapped};
use velocity::Template;
use wire::Response;

use super::{Gateways, Refusal, event, variables};
use crate::trace;
use service::{Answered, Outgoing};
use values::Values;
use web::Destination;

/// What says nothing about its type is taken for JSON.
const JSON: &str = "application/json";

impl Gateways {
    pub(super) async fn map(
        &self,
        gateway: &Gateway,
        backend: &MappedBackend,
        conversions: &Conversions,
        request: &HttpRequest,
    ) -> Result<Response, Refusal> {
        let mapping = &backend.translation;
        if gateway.kind != GatewayKind::Classic {
            let answering = self.operate(mapping, request);
            return tokio::select! {
                answer = answering => answer,
                () = self.clock.host().sleep(backend.timeout) => Err(Refusal::TimedOut),
            };
        }
        // Whatever a template holds is done with before anything is waited for.
        let (outgoing, overridden) = {
            let values = Values::new(request);
            let body = conversion::of_request(gateway, request, conversions.request)?;
            let outgoing = outgoing(mapping, request, body, &values)?;
            (outgoing, answer::overridden(&values))
        };
        let said = match &mapping.to {
            None => answer::mocked(&outgoing.body)?,
            Some(to) => {
                let to = variables::callee(to, &request.route.stage_variables);
                let answered = self.ask_backend(backend, request, &to, outgoing).await?;
                answer::said(&to.service, answered)?
            }
        };
        let picked = answer::picked(mapping, conversions, said)?;
        let said = conversion::of_answer(gateway, request, picked.said, picked.conversion)?;
        answer::print(picked.answer, request, &said, overridden)
    }

    async fn ask_backend(
        &self,
        backend: &MappedBackend,
        request: &HttpRequest,
        to: &Callee,
        outgoing: Outgoing,
    ) -> Result<Answered, Refusal> {
        if let Asked::Address(address) = &to.asked {
            let destination = Destination {
                to: address,
                path: None,
                query: outgoing.query_text(),
            };
            let outgoing = to_server(outgoing, request);
            return web::ask(&destination, outgoing, backend.timeout).await;
        }
        tokio::select! {
            answered = self.ask_service(&request.space, to, outgoing) => answered,
            () = self.clock.host().sleep(backend.timeout) => Err(Refusal::TimedOut),
        }
    }
}

/// With what every server is told.
fn to_server(outgoing: Outgoing, request: &HttpRequest) -> Outgoing {
    let id = &request.route.gateway;
    let kind = event::header(request, "content-type").unwrap_or(JSON);
    let mut outgoing = outgoing
        .with_usual("accept", JSON)
        .with_usual("content-type", kind)
        .with_usual("user-agent", &format!("AmazonAPIGateway_{id}"))
        .with_usual("x-amzn-apigateway-api-id", id);
    if let Some(trace) = event::header(request, trace::HEADER) {
        outgoing = outgoing.with_usual(trace::HEADER, trace);
    }
    // Servers are asked for something then, whatever came along.
    if ["GET", "HEAD", "OPTIONS"].contains(&outgoing.method.as_str()) {
        outgoing.body = Bytes::new();
    }
    outgoing
}

fn outgoing(
    mapping: &Translation,
    request: &HttpRequest,
    body: Bytes,
    values: &Values,
) -> Result<Outgoing, Refusal> {
    let kind = event::header(request, "content-type").unwrap_or(JSON);
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let body = match (mapping.templates.get(kind), mapping.unmapped) {
        (Some(template), _) => rendered(template, request, &body, values)?.into(),
        (None, Unmapped::Refused) => return Err(Refusal::UnknownMediaType),
        (None, Unmapped::PassedAlone) if !mapping.templates.is_empty() => {
            return Err(Refusal::UnknownMediaType);
        }
        (None, _) => body,
    };
    let method = match mapping.method.as_str() {
        "ANY" => &request.method,
        _ => &mapping.method,
    };
    let mut outgoing = Outgoing {
        method: method.clone(),
        body,
        ..Outgoing::default()
    };
    put_parameters(&mut outgoing, &mapping.parameters, request);
    for place in ["header", "path", "querystring"] {
        for (name, value) in values.overridden("requestOverride", place) {
            put(&mut outgoing, place, &name, value);
        }
    }
    Ok(outgoing)
}

fn put_parameters(
    outgoing: &mut Outgoing,
    parameters: &BTreeMap<String, String>,
    request: &HttpRequest,
) {
    for (target, expression) in parameters {
        let place = target.strip_prefix("integration.request.");
        let Some((place, name)) = place.and_then(|place| place.split_once('.')) else {
            continue;
        };
        if let Some(value) = expression::of_request(request, expression) {
            put(outgoing, place, name, value);
        }
    }
}

fn put(outgoing: &mut Outgoing, place: &str, name: &str, value: String) {
    let place = match place {
        "header" => &mut outgoing.headers,
        "querystring" => &mut outgoing.query,
        "path" => &mut outgoing.path,
        _ => return,
    };
    Outgoing::set(place, name, value);
}

fn rendered(
    template: &str,
    request: &HttpRequest,
    body: &[u8],
    values: &Values,
) -> Result<String, Refusal> {
    let broken = |why: String| {
        let api = &request.route.gateway;
        tracing::warn!(api, why, "a mapping template failed");
        Refusal::Broken
    };
    let template = Template::read(template).map_err(|error| broken(error.to_string()))?;
    let names = values.with_input(request, body);
    let rendered = template.render(names);
    rendered.map_err(|error| broken(error.to_string()))
}

/// What a service said, as answers are picked by it.
struct Said {
    /// What patterns are for.
    picked_by: Option<String>,
    headers: http::HeaderMap,
    body: Bytes,
}

impl From<Answered> for Said {
    fn from(answered: Answered) -> Self {
        Self {
            picked_by: Some(answered.status.to_string()),
            headers: answered.headers,
            body: answered.body,
        }
    }
}
