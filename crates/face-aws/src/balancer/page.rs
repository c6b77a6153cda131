//! What callers see where the balancer itself answers.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use triggers::FixedAnswer;
use wire::Response;

/// The page for a status, as the service shows it.
pub(super) fn print(status: StatusCode) -> Response {
    let phrase = phrase(status);
    let title = format!("{} {phrase}", status.as_u16());
    let body = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    );
    let mut response = Response::new(wire::full(body));
    *response.status_mut() = status;
    wire::say_reason(&mut response, phrase);
    let html = HeaderValue::from_static("text/html");
    response.headers_mut().insert(header::CONTENT_TYPE, html);
    sign(response.headers_mut());
    response
}

fn phrase(status: StatusCode) -> &'static str {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => "Request Entity Too Large",
        StatusCode::SERVICE_UNAVAILABLE => "Service Temporarily Unavailable",
        other => other.canonical_reason().unwrap_or_default(),
    }
}

pub(super) fn fixed(answer: &FixedAnswer) -> Response {
    let mut response = Response::new(wire::full(answer.body.clone()));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    for (name, value) in &answer.headers {
        let name = HeaderName::try_from(name.as_str());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    sign(response.headers_mut());
    response
}

pub(super) fn sign(headers: &mut HeaderMap) {
    let server = HeaderValue::from_static("awselb/2.0");
    headers.entry(header::SERVER).or_insert(server);
}
