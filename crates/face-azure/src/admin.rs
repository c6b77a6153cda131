//! The host's own affairs, under `/admin/`: what the vendor's tools ask it. All but `ping` want the master key.

mod functions;
mod keys;
mod status;

use base::ByteSize;
use http::request::Parts as Head;
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};
use wire::{Body, Response};

use crate::authorize;
use crate::front::Azure;
use crate::refusal::{self, Refusal};

const LARGEST_REQUEST: ByteSize = ByteSize::mib(6);

/// What is behind `/admin/`, if that is where it goes.
pub(crate) fn path(path: &str) -> Option<&str> {
    let prefix = path.get(..7)?;
    prefix.eq_ignore_ascii_case("/admin/").then(|| &path[7..])
}

pub(crate) async fn serve(
    azure: &Azure,
    head: &Head,
    path: &str,
    body: Body,
) -> Result<Response, Refusal> {
    let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    if parts == ["host", "ping"] {
        return Ok(refusal::status(StatusCode::OK));
    }
    authorize::check_master(&azure.parts.keys, head)?;
    let body = wire::collect(body, LARGEST_REQUEST).await;
    let body = body.map_err(|_| Refusal::TooLarge)?;
    let asked = Asked {
        azure,
        head,
        body: &body,
    };
    match (&head.method, parts.as_slice()) {
        (&Method::GET, ["host", "status"]) => Ok(status::get(&asked)),
        (&Method::GET, ["functions"]) => Ok(functions::list(&asked)),
        (&Method::GET, ["functions", name]) => functions::get(&asked, name),
        (&Method::GET, ["functions", name, "status"]) => functions::status(&asked, name),
        (&Method::POST, ["functions", name]) => functions::run(&asked, name).await,
        (_, ["functions", name, "keys", key @ ..]) => {
            let route = azure.routes();
            let route = route.named(name).ok_or(Refusal::NoRoute)?;
            keys::serve(&asked, &authorize::ring_of(&route.function), key).await
        }
        (_, ["host", "keys" | "functionkeys", key @ ..]) => {
            keys::serve(&asked, authorize::HOST, key).await
        }
        (_, ["host", "systemkeys", key @ ..]) => keys::serve(&asked, authorize::SYSTEM, key).await,
        _ => Ok(not_built(head)),
    }
}

struct Asked<'a> {
    azure: &'a Azure,
    head: &'a Head,
    body: &'a [u8],
}

impl Asked<'_> {
    /// Where the caller reached us.
    fn address(&self) -> String {
        let host = self.head.headers.get(header::HOST);
        let host = host.and_then(|host| host.to_str().ok());
        format!("http://{}", host.unwrap_or("localhost"))
    }
}

/// There may be such an operation in the real host, but there is none here.
fn not_built(head: &Head) -> Response {
    let operation = format!("{} {}", head.method, head.uri.path());
    let message = format!("{operation} is not implemented");
    json_of(StatusCode::NOT_IMPLEMENTED, &json!({ "error": message }))
}

fn json_of(status: StatusCode, value: &Value) -> Response {
    let mut response = Response::new(wire::full(value.to_string()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
