//! What a caller is told when no function answered: mostly a status alone, as the host does.

use http::StatusCode;
use wire::Response;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NoRoute,
    Unauthorized,
    TooLarge,
    Truncated,
    TooSlow,
    Throttled,
    /// It threw, ended, took too long, or said something that is no answer.
    Failed,
    /// We could not run it.
    Broken,
}

impl Refusal {
    pub(crate) fn print(self) -> Response {
        status(match self {
            Self::NoRoute => StatusCode::NOT_FOUND,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Truncated => StatusCode::BAD_REQUEST,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Throttled => StatusCode::TOO_MANY_REQUESTS,
            Self::Failed | Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        })
    }
}

pub(crate) fn status(status: StatusCode) -> Response {
    let mut response = Response::new(wire::empty());
    *response.status_mut() = status;
    response
}
