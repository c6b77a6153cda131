//! One request to a function, and its answer, which goes to the caller while it is made.

use base::ByteSize;
use functions::{
    Error, Event, GatewayKind, HttpBegun, HttpForm, HttpRequest, HttpRoute, Invoke, NoAnswer,
};
use http::request::Parts as Head;
use http::{HeaderName, HeaderValue, header};
use triggers::Parameters;
use wire::{Body, BodyError, Encrypted, Held, Peer, Response};

use crate::crowd::Place;
use crate::front::Parts;
use crate::origins;
use crate::refusal::Refusal;
use crate::routes::Route;

/// The published limit.
const LARGEST_BODY: ByteSize = ByteSize::mib(100);
/// By which a function knows how its caller reached the front.
const PROTOCOL: &str = "x-forwarded-proto";

pub(crate) async fn call(
    parts: &Parts,
    head: &Head,
    body: Body,
    route: &Route,
    parameters: Parameters,
    mut place: Option<Place>,
) -> Result<Response, Refusal> {
    // No instance waits for a body that is still to come.
    let body = parts.holding.hold(body, LARGEST_BODY).await;
    let body = body.map_err(|error| match error {
        BodyError::TooLarge(_) => Refusal::TooLarge,
        BodyError::TooSlow => Refusal::TooSlow,
        BodyError::Truncated(_) | BodyError::Source(_) => Refusal::Truncated,
    })?;
    if let Some(place) = &mut place {
        place.wait().await;
    }
    let function = &route.function;
    let trace = head.headers.get("traceparent");
    let invoke = Invoke {
        space: crate::space(),
        function: function.clone(),
        qualifier: None,
        event: Event::Http(Box::new(request(parts, head, body, parameters))),
        request_id: parts.functions.new_request_id(),
        trigger: "http".into(),
        client_context: None,
        trace: trace
            .and_then(|trace| trace.to_str().ok())
            .map(str::to_owned),
    };
    // The function's own time-out ends the wait.
    let answering = parts.functions.invoke_streaming(invoke).await;
    let answering = answering.map_err(|error| refused(function, &error))?;
    let begun = HttpBegun::of(answering).await.map_err(|why| match why {
        NoAnswer::NotRun(error) => refused(function, &error),
        NoAnswer::Failed(failed) => {
            let message = failed.message;
            tracing::warn!(function, message, "a request got no answer");
            Refusal::Failed
        }
        NoAnswer::Malformed(why) => malformed(function, &why),
    })?;
    let mut response = begun.response().map_err(|why| malformed(function, &why))?;
    for (name, value) in &route.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    origins::allow(head, route, response.headers_mut());
    Ok(match place {
        // It runs until its answer has gone.
        Some(place) => response.map(|body| wire::holding(body, place)),
        None => response,
    })
}

fn refused(function: &str, error: &Error) -> Refusal {
    tracing::warn!(%error, function, "a request got no answer");
    match error {
        Error::Throttled(_) => Refusal::Throttled,
        // It was taken away meanwhile.
        Error::NoSuchFunction(_) => Refusal::NoRoute,
        _ => Refusal::Broken,
    }
}

fn malformed(function: &str, why: &str) -> Refusal {
    tracing::warn!(function, why, "a function's answer is not one");
    Refusal::Failed
}

fn request(parts: &Parts, head: &Head, body: Held, parameters: Parameters) -> HttpRequest {
    let peer = head.extensions.get::<Peer>();
    let length = body.length();
    let (body, held) = body.split();
    HttpRequest {
        request_id: parts.random.uuid().to_string(),
        space: crate::space(),
        at: parts.clock.now(),
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: headers(head, length),
        body,
        held,
        is_text: false,
        version: format!("{:?}", head.version),
        source_ip: peer.map_or_else(|| "127.0.0.1".into(), |peer| peer.0.ip().to_string()),
        route: HttpRoute {
            gateway: String::new(),
            kind: GatewayKind::Direct,
            form: HttpForm::Compact,
            stage: String::new(),
            stage_variables: std::collections::BTreeMap::new(),
            method: None,
            template: None,
            parameters,
        },
        caller: None,
        client_key: None,
        connection: None,
    }
}

/// As they came. The body is handed over whole, so its length is known; over HTTP/2 the host is no header.
fn headers(head: &Head, length: u64) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let sent = head
        .headers
        .iter()
        .filter(|(name, _)| !functions::FRAMING.contains(name))
        .map(|(name, value)| (name.as_str().to_owned(), text(value)));
    let mut all: Vec<(String, String)> = sent.collect();
    if head.headers.contains_key(header::CONTENT_LENGTH) || length > 0 {
        all.push(("content-length".into(), length.to_string()));
    }
    if let (false, Some(authority)) = (
        head.headers.contains_key(header::HOST),
        head.uri.authority(),
    ) {
        all.push(("host".into(), authority.to_string()));
    }
    if head.extensions.get::<Encrypted>().is_some() && !head.headers.contains_key(PROTOCOL) {
        all.push((PROTOCOL.into(), "https".into()));
    }
    all
}
