//! What a wrong signature is called: each protocol has its own codes and statuses.

use http::StatusCode;

use super::Fault;
use super::model::Protocol;
use crate::signature::Error;

pub(super) fn fault(protocol: Protocol, error: &Error) -> Fault {
    let message = match (protocol, error) {
        (Protocol::RestJson, Error::Missing) => "Missing Authentication Token".to_owned(),
        _ => error.to_string(),
    };
    let (code, status) = match protocol {
        Protocol::Query => query(error),
        Protocol::Json { .. } => (json(error), StatusCode::BAD_REQUEST),
        Protocol::RestJson => (json(error), StatusCode::FORBIDDEN),
    };
    Fault::new(code, message).with_status(status)
}

fn json(error: &Error) -> &'static str {
    match error {
        Error::Missing => "MissingAuthenticationTokenException",
        Error::Incomplete(_) => "IncompleteSignatureException",
        Error::Invalid(_) => "InvalidSignatureException",
        Error::UnknownKey => "UnrecognizedClientException",
        Error::ExpiredToken => "ExpiredTokenException",
    }
}

fn query(error: &Error) -> (&'static str, StatusCode) {
    match error {
        Error::Missing => ("MissingAuthenticationToken", StatusCode::FORBIDDEN),
        Error::Incomplete(_) => ("IncompleteSignature", StatusCode::BAD_REQUEST),
        Error::Invalid(_) => ("SignatureDoesNotMatch", StatusCode::FORBIDDEN),
        Error::UnknownKey => ("InvalidClientTokenId", StatusCode::FORBIDDEN),
        Error::ExpiredToken => ("ExpiredToken", StatusCode::FORBIDDEN),
    }
}
