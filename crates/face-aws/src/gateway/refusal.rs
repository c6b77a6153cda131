//! What a caller is told when no function answered, in the words of each kind of gateway.

use functions::GatewayKind;
use http::{HeaderValue, StatusCode, header};
use wire::Response;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No gateway, or no stage, has this address.
    NoGateway,
    NoRoute,
    TooLarge,
    Truncated,
    Throttled,
    TimedOut,
    /// The function failed, or what it answered is no answer.
    Failed,
    /// We could not run it.
    Broken,
}

impl Refusal {
    pub(crate) fn print(self, kind: GatewayKind, request_id: &str) -> Response {
        use GatewayKind::{Classic, Direct, Simple};
        let (status, message, error) = match (kind, self) {
            (Classic, Self::NoGateway) => (403, "Forbidden", "ForbiddenException"),
            (Classic, Self::NoRoute) => (
                403,
                "Missing Authentication Token",
                "MissingAuthenticationTokenException",
            ),
            (Classic, Self::TooLarge) => (413, "Request Too Long", "RequestTooLargeException"),
            (Classic, Self::Truncated) => (400, "Bad Request", "BadRequestException"),
            (Classic, Self::Throttled | Self::Broken) => {
                (500, "Internal server error", "InternalServerErrorException")
            }
            (Classic, Self::TimedOut) => (
                504,
                "Endpoint request timed out",
                "InternalServerErrorException",
            ),
            (Classic, Self::Failed) => {
                (502, "Internal server error", "InternalServerErrorException")
            }
            (Simple | Direct, Self::NoGateway | Self::NoRoute) => (404, "Not Found", ""),
            (Simple | Direct, Self::TooLarge) => (413, "Request Entity Too Large", ""),
            (Simple | Direct, Self::Truncated) => (400, "Bad Request", ""),
            (Direct, Self::Throttled) => (429, "Rate Exceeded.", "TooManyRequestsException"),
            (Direct, Self::Failed | Self::Broken) => (502, "Internal Server Error", ""),
            (Direct, Self::TimedOut) => (504, "Gateway Timeout", ""),
            (Simple, Self::TimedOut | Self::Throttled) => (503, "Service Unavailable", ""),
            (Simple, Self::Failed | Self::Broken) => (500, "Internal Server Error", ""),
        };
        let name = match kind {
            Direct => "Message",
            Classic | Simple => "message",
        };
        let body = serde_json::json!({ name: message }).to_string();
        let mut response = Response::new(wire::full(body));
        *response.status_mut() =
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        if !error.is_empty() {
            headers.insert("x-amzn-errortype", HeaderValue::from_static(error));
        }
        identify(headers, kind, request_id);
        response
    }
}

/// The headers by which a caller names the request when he asks about it.
pub(crate) fn identify(headers: &mut http::HeaderMap, kind: GatewayKind, request_id: &str) {
    let name = match kind {
        GatewayKind::Classic | GatewayKind::Direct => "x-amzn-requestid",
        GatewayKind::Simple => "apigw-requestid",
    };
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(name, id);
    }
}
