//! The words of the worker protocol.
//!
//! It is a published interface, spoken over HTTP/1.1: others' runtimes and their vendor's own clients use exactly these
//! paths and header names, so they stand here as they are, and only here.

pub(crate) const NEXT: &str = "/2018-06-01/runtime/invocation/next";
/// Followed by the request id and [`RESPONSE`] or [`ERROR`].
pub(crate) const INVOCATION: &str = "/2018-06-01/runtime/invocation/";
pub(crate) const RESPONSE: &str = "/response";
pub(crate) const ERROR: &str = "/error";
pub(crate) const INIT_ERROR: &str = "/2018-06-01/runtime/init/error";

pub(crate) const REQUEST_ID: &str = "Lambda-Runtime-Aws-Request-Id";
pub(crate) const DEADLINE: &str = "Lambda-Runtime-Deadline-Ms";
pub(crate) const INVOKED_NAME: &str = "Lambda-Runtime-Invoked-Function-Arn";
pub(crate) const TRACE: &str = "Lambda-Runtime-Trace-Id";
pub(crate) const CLIENT_CONTEXT: &str = "Lambda-Runtime-Client-Context";
/// What a runtime says beside the payload of an error.
pub(crate) const ERROR_KIND: &str = "lambda-runtime-function-error-type";

pub(crate) const ACCEPTED: &[u8] = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n";
pub(crate) const UNKNOWN_ID: Refusal = Refusal {
    status: "400 Bad Request",
    kind: "InvalidRequestID",
    message: "Invalid request ID",
};
pub(crate) const WRONG_STATE: Refusal = Refusal {
    status: "403 Forbidden",
    kind: "InvalidStateTransition",
    message: "State transition is not allowed",
};
pub(crate) const TOO_LARGE: Refusal = Refusal {
    status: "413 Payload Too Large",
    kind: "RequestEntityTooLarge",
    message: "Exceeded maximum allowed payload size",
};
pub(crate) const NO_SUCH_PATH: Refusal = Refusal {
    status: "404 Not Found",
    kind: "InvalidRequest",
    message: "No such path",
};

/// An answer to a request that a runtime should not have made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) message: &'static str,
}
