//! Integrations that pass a request on to another's server, and its answer back, as they are but for what is said otherwise.

use std::net::Ipv6Addr;

use functions::{GatewayKind, HttpRequest};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use triggers::{ForwardedBackend, Forwarding};
use wire::Response;

use super::service::{Answered, Outgoing};
use super::web::{self, Destination};
use super::{put_parameters, selection};
use crate::gateway::{Gateways, Refusal, event, invoke, refusal, reserved, variables};
use crate::trace;

/// Of the caller's connection; the server's has its own.
const CONNECTION: [&str; 4] = ["content-length", "host", "keep-alive", "proxy-connection"];
/// What HTTP APIs say in one header, which is a standard.
const FORWARDED: [&str; 4] = [
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
];
const VIA: &str = "HTTP/1.1 AmazonAPIGateway";
const REQUEST_ID: &str = "x-amzn-requestid";
const OTHER_REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-remapped-x-amzn-requestid");

impl Gateways {
    pub(in crate::gateway) async fn forward(
        &self,
        backend: &ForwardedBackend,
        request: &HttpRequest,
    ) -> Result<Response, Refusal> {
        let forwarding = &backend.forwarding;
        let to = variables::filled(&forwarding.to, &request.route.stage_variables);
        let (destination, outgoing) = changed(forwarding, &to, request);
        let answered = web::ask(&destination, outgoing, backend.timeout).await?;
        print(forwarding, request, answered)
    }
}

/// The request as the server gets it.
fn changed<'a>(
    forwarding: &Forwarding,
    to: &'a str,
    request: &HttpRequest,
) -> (Destination<'a>, Outgoing) {
    let kind = request.route.kind;
    let mut outgoing = Outgoing {
        method: forwarding
            .method
            .as_ref()
            .unwrap_or(&request.method)
            .clone(),
        headers: headers(request),
        query: event::pairs(&request.query),
        path: request.route.parameters.clone(),
        body: request.body.clone(),
    };
    let asked = outgoing.query.clone();
    let mut path = None;
    if kind == GatewayKind::Classic {
        put_parameters(&mut outgoing, &forwarding.parameters, request);
    } else {
        // What is a route for all has no place in the address for the path.
        path = request
            .route
            .template
            .is_none()
            .then(|| appended(to, request));
        for (target, text) in &forwarding.parameters {
            let value = selection::of_request(request, text);
            match target.as_str() {
                "overwrite:path" => path = value.or(path),
                _ => change(&mut outgoing, target, value),
            }
        }
    }
    // As the caller has written it, if nothing is to be said otherwise.
    let query = match outgoing.query == asked {
        true => request.query.clone(),
        false => outgoing.query_text(),
    };
    (Destination { to, path, query }, outgoing)
}

/// The request's path behind that of the address.
fn appended(to: &str, request: &HttpRequest) -> String {
    let address = to.split('?').next().unwrap_or_default();
    let address = address.split_once("://").map_or("", |(_, rest)| rest);
    let own = address.find('/').map_or("", |at| &address[at..]);
    format!("{}{}", own.trim_end_matches('/'), request.path)
}

fn headers(request: &HttpRequest) -> Vec<(String, String)> {
    let is_simple = request.route.kind != GatewayKind::Classic;
    let goes = |name: &str| !(CONNECTION.contains(&name) || is_simple && FORWARDED.contains(&name));
    let told = event::all_headers(request).filter(|(name, _)| goes(name));
    let mut headers: Vec<(String, String)> = told
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    if is_simple {
        headers.push(("content-length".into(), request.body.len().to_string()));
        add(&mut headers, "forwarded", &forwarded(request));
        add(&mut headers, "via", VIA);
        return headers;
    }
    let id = &request.route.gateway;
    Outgoing::set(&mut headers, "x-amzn-apigateway-api-id", id.clone());
    if event::header(request, "user-agent").is_none() {
        headers.push(("user-agent".into(), format!("AmazonAPIGateway_{id}")));
    }
    headers
}

/// Adds to a list that may have been begun.
fn add(headers: &mut Vec<(String, String)>, name: &str, value: &str) {
    let known = headers.iter_mut().find(|(known, _)| known == name);
    match known {
        Some((_, list)) => *list = format!("{list}, {value}"),
        None => headers.push((name.to_owned(), value.to_owned())),
    }
}

/// Whom a request came from and by which hands, as RFC 7239 writes it.
fn forwarded(request: &HttpRequest) -> String {
    let way = event::header(request, "x-forwarded-for").unwrap_or_default();
    let hands = way
        .split(',')
        .map(str::trim)
        .map(|hand| match hand.parse::<Ipv6Addr>() {
            Ok(address) => format!("for=\"[{address}]\""),
            Err(_) => format!("for={hand}"),
        });
    let hands = hands.collect::<Vec<_>>().join(", ");
    let host = event::header(request, "host").unwrap_or_default();
    // A host with a port is no word.
    let quote = if host.contains(':') { "\"" } else { "" };
    format!("{hands};host={quote}{host}{quote};proto=https")
}

/// `append:header.x`, `overwrite:querystring.y` and their like.
fn change(outgoing: &mut Outgoing, target: &str, value: Option<String>) {
    let Some((verb, place)) = target.split_once(':') else {
        return;
    };
    let (place, name) = place.split_once('.').unwrap_or((place, ""));
    let (list, is_header) = match place {
        "header" => (&mut outgoing.headers, true),
        "querystring" => (&mut outgoing.query, false),
        _ => return,
    };
    let is_it = |known: &str| known == name || is_header && known.eq_ignore_ascii_case(name);
    match (verb, value) {
        ("remove", _) => list.retain(|(known, _)| !is_it(known)),
        ("overwrite", Some(value)) => {
            list.retain(|(known, _)| !is_it(known));
            list.push((name.to_owned(), value));
        }
        ("append", Some(value)) => list.push((name.to_owned(), value)),
        _ => {}
    }
}

fn print(
    forwarding: &Forwarding,
    request: &HttpRequest,
    answered: Answered,
) -> Result<Response, Refusal> {
    let kind = request.route.kind;
    let (status, mut headers) = said_otherwise(forwarding, request, &answered);
    reserved::settle(&mut headers, kind);
    if kind == GatewayKind::Classic
        && let Some(id) = headers.remove(REQUEST_ID)
    {
        headers.insert(OTHER_REQUEST_ID, id);
    }
    refusal::identify(&mut headers, kind, &request.request_id);
    let mut response = Response::new(wire::full(answered.body));
    *response.status_mut() = StatusCode::from_u16(status).map_err(|_| Refusal::Broken)?;
    *response.headers_mut() = headers;
    let trace = event::header(request, trace::HEADER).map(str::to_owned);
    Ok(invoke::tell_trace(response, kind, trace))
}

/// The status and the headers that the caller is told.
fn said_otherwise(
    forwarding: &Forwarding,
    request: &HttpRequest,
    answered: &Answered,
) -> (u16, HeaderMap) {
    let Answered {
        status,
        headers,
        body,
    } = answered;
    let (mut status, mut said) = (*status, headers.clone());
    for (target, text) in forwarding.answers.get(&status).into_iter().flatten() {
        let value = selection::of_answer(request, headers, body, text);
        if target == "overwrite:statuscode" {
            status = value.and_then(|value| value.parse().ok()).unwrap_or(status);
            continue;
        }
        let (verb, name) = target.split_once(":header.").unwrap_or((target, ""));
        let Ok(name) = HeaderName::try_from(name) else {
            continue;
        };
        let value = value.and_then(|value| HeaderValue::from_str(&value).ok());
        match (verb, value) {
            ("remove", _) => drop(said.remove(name)),
            ("overwrite", Some(value)) => drop(said.insert(name, value)),
            ("append", Some(value)) => drop(said.append(name, value)),
            _ => {}
        }
    }
    (status, said)
}
