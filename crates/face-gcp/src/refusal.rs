//! What a caller is told when no function answered, in the words of the service in front of them.

use http::{HeaderValue, StatusCode, header};
use wire::Response;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NoFunction,
    TooLarge,
    Truncated,
    TooSlow,
    Throttled,
    TimedOut,
    /// Its instance did not come up.
    NotStarted,
    /// Its instance ended instead of answering, or said something that is no answer.
    Crashed,
    /// We could not run it.
    Broken,
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::NoFunction => StatusCode::NOT_FOUND,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Truncated => StatusCode::BAD_REQUEST,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Throttled => StatusCode::TOO_MANY_REQUESTS,
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Self::NotStarted | Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Crashed => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::NoFunction => "Page not found",
            Self::TooLarge => "Request Entity Too Large",
            Self::Truncated => "Bad Request",
            Self::TooSlow => "Request Timeout",
            Self::Throttled => "Rate exceeded.",
            Self::TimedOut => "upstream request timeout",
            Self::NotStarted | Self::Broken => "Internal Server Error",
            Self::Crashed => "Service Unavailable",
        }
    }

    pub(crate) fn print(self) -> Response {
        let mut response = Response::new(wire::full(self.text()));
        *response.status_mut() = self.status();
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, plain);
        response
    }
}
