//! One request to a function, and its answer, which goes to the caller while it is made.

use base::ByteSize;
use functions::{
    Error, Event, GatewayKind, HttpAnswer, HttpBegun, HttpForm, HttpRequest, HttpRoute, Invoke,
    NoAnswer,
};
use futures_util::TryStreamExt as _;
use http::request::Parts as Head;
use http::{HeaderName, HeaderValue, StatusCode, header};
use triggers::Parameters;
use wire::{Body, BodyError, Peer, Response};

use crate::front::Parts;
use crate::origins;
use crate::refusal::Refusal;
use crate::routes::Route;

/// The published limit.
const LARGEST_BODY: ByteSize = ByteSize::mib(100);
/// How a message is framed is the front's business.
const FRAMING: [HeaderName; 4] = [
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
];

pub(crate) async fn call(
    parts: &Parts,
    head: &Head,
    body: Body,
    route: &Route,
    parameters: Parameters,
) -> Result<Response, Refusal> {
    let body = wire::collect(body, LARGEST_BODY).await;
    let body = body.map_err(|error| match error {
        BodyError::TooLarge(_) => Refusal::TooLarge,
        BodyError::Truncated(_) | BodyError::Source(_) => Refusal::Truncated,
    })?;
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
    let mut response = printed(begun).map_err(|why| malformed(function, &why))?;
    for (name, value) in &route.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    origins::allow(head, route, response.headers_mut());
    Ok(response)
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

fn request(parts: &Parts, head: &Head, body: bytes::Bytes, parameters: Parameters) -> HttpRequest {
    let peer = head.extensions.get::<Peer>();
    HttpRequest {
        request_id: parts.random.uuid().to_string(),
        space: crate::space(),
        at: parts.clock.now(),
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: headers(head, body.len()),
        body,
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
fn headers(head: &Head, length: usize) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let sent = head
        .headers
        .iter()
        .filter(|(name, _)| !FRAMING.contains(name))
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
    all
}

fn printed(begun: HttpBegun) -> Result<Response, String> {
    let HttpAnswer {
        status,
        headers,
        body,
    } = begun.answer;
    let status = StatusCode::from_u16(status).map_err(|why| why.to_string())?;
    if status.is_informational() {
        return Err(format!("{status} ends no request"));
    }
    let mut response = Response::new(match begun.rest {
        None => wire::full(body),
        Some(answering) => {
            let pieces = answering.rest(body);
            wire::stream(pieces.map_err(|why| BodyError::Source(why.into())))
        }
    });
    *response.status_mut() = status;
    for (name, value) in headers {
        let name = HeaderName::try_from(name).map_err(|why| why.to_string())?;
        let value = HeaderValue::try_from(value).map_err(|why| why.to_string())?;
        if !FRAMING.contains(&name) {
            response.headers_mut().append(name, value);
        }
    }
    Ok(response)
}
