//! Where a caller is sent.

use http::{HeaderValue, StatusCode, header};
use triggers::balancer::{Asked, Redirect};
use wire::Response;

use super::page;

/// How the request came.
pub(super) struct Came<'a> {
    pub(super) asked: &'a Asked<'a>,
    pub(super) secure: bool,
    /// The caller's: here all listeners share one.
    pub(super) port: u16,
}

pub(super) fn print(redirect: &Redirect, came: &Came<'_>) -> Response {
    let status = StatusCode::from_u16(redirect.status).unwrap_or(StatusCode::FOUND);
    let mut response = page::print(status);
    if let Ok(location) = HeaderValue::from_str(&location(redirect, came)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

pub(super) fn location(redirect: &Redirect, came: &Came<'_>) -> String {
    let asked = came.asked;
    let port = came.port.to_string();
    let filled = |text: &str| {
        text.replace("#{protocol}", if came.secure { "https" } else { "http" })
            .replace("#{host}", asked.host)
            .replace("#{port}", &port)
            .replace("#{path}", asked.path.trim_start_matches('/'))
            .replace("#{query}", asked.query)
    };
    let query = filled(&redirect.query);
    let query = match query.is_empty() {
        true => query,
        false => format!("?{query}"),
    };
    let protocol = filled(&redirect.protocol).to_ascii_lowercase();
    let (host, port) = (filled(&redirect.host), filled(&redirect.port));
    format!(
        "{protocol}://{host}:{port}{}{query}",
        filled(&redirect.path)
    )
}
