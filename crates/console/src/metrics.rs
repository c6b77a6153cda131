use http::{HeaderValue, header};
use wire::Response;

use crate::Parts;

pub(crate) fn get(parts: &Parts) -> Response {
    let mut lines = String::from(
        "# HELP fulmar_http_requests_total Requests that were answered.\n\
         # TYPE fulmar_http_requests_total counter\n\
         # HELP fulmar_http_request_seconds From a request's head to its answer's.\n\
         # TYPE fulmar_http_request_seconds histogram\n",
    );
    for (server, meter) in &parts.meters {
        meter.print(server, &mut lines);
    }
    let mut response = Response::new(wire::full(lines));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
