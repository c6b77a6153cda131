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
pub(crate) const RESTORE_NEXT: &str = "/2018-06-01/runtime/restore/next";
pub(crate) const RESTORE_ERROR: &str = "/2018-06-01/runtime/restore/error";
/// What a worker asks for that takes several calls at once, followed by how many; it is nobody's but ours.
pub(crate) const TOGETHER: &str = "/2018-06-01/runtime/invocation/together/";

pub(crate) const REQUEST_ID: &str = "Lambda-Runtime-Aws-Request-Id";
pub(crate) const DEADLINE: &str = "Lambda-Runtime-Deadline-Ms";
pub(crate) const INVOKED_NAME: &str = "Lambda-Runtime-Invoked-Function-Arn";
pub(crate) const TRACE: &str = "Lambda-Runtime-Trace-Id";
pub(crate) const CLIENT_CONTEXT: &str = "Lambda-Runtime-Client-Context";
/// What a runtime says beside the payload of an error.
pub(crate) const ERROR_KIND: &str = "lambda-runtime-function-error-type";
/// The payload of an error that a streamed response ends with, in base64.
pub(crate) const ERROR_BODY: &str = "lambda-runtime-function-error-body";
/// How a response comes; the only word that there is for it is [`STREAMING`].
pub(crate) const RESPONSE_MODE: &str = "lambda-runtime-function-response-mode";
pub(crate) const STREAMING: &str = "streaming";

/// How programs that speak over TCP find us, and their code.
pub(crate) const VARIABLES: runtimes::Variables = runtimes::Variables {
    address: "AWS_LAMBDA_RUNTIME_API",
    code: "LAMBDA_TASK_ROOT",
    wrapper: "AWS_LAMBDA_EXEC_WRAPPER",
};

pub(crate) const ACCEPTED: &[u8] = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n";

pub(crate) const RESTORED: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n";

/// An answer to a request that a runtime should not have made.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) message: String,
}

/// The states of a runtime, as refusals name them.
pub(crate) const STARTED: &str = "Started";
pub(crate) const READY: &str = "Ready";
pub(crate) const INIT_FAILED: &str = "InitError";
pub(crate) const RESTORING: &str = "RestoreReady";
pub(crate) const RESTORE_FAILED: &str = "RestoreError";
pub(crate) const ANSWERING: &str = "InvocationResponse";
pub(crate) const FAILING: &str = "InvocationErrorResponse";
pub(crate) const ANSWERED: &str = "RuntimeResponseSentState";

pub(crate) fn unknown_id() -> Refusal {
    Refusal {
        status: "400 Bad Request",
        kind: "InvalidRequestID",
        message: "Invalid request ID".into(),
    }
}

pub(crate) fn wrong_state(from: &str, to: &str) -> Refusal {
    Refusal {
        status: "403 Forbidden",
        kind: "InvalidStateTransition",
        message: format!(
            "State transition from {from} to {to} failed for runtime. Error: State transition is not allowed"
        ),
    }
}

pub(crate) fn invalid_mode() -> Refusal {
    Refusal {
        status: "400 Bad Request",
        kind: "InvalidFunctionResponseMode",
        message: "Invalid function response mode".into(),
    }
}

pub(crate) fn too_large(limit: u64) -> Refusal {
    Refusal {
        status: "413 Request Entity Too Large",
        kind: "RequestEntityTooLarge",
        message: format!("Exceeded maximum allowed payload size ({limit} bytes)."),
    }
}

pub(crate) fn no_such_path() -> Refusal {
    Refusal {
        status: "404 Not Found",
        kind: "InvalidRequest",
        message: "No such path".into(),
    }
}

/// The interface of programs that run beside a function.
pub(crate) mod extension {
    use super::Refusal;

    const PREFIX: &str = "/2020-01-01/extension/";
    pub(crate) const REGISTER: &str = "/2020-01-01/extension/register";
    pub(crate) const NEXT: &str = "/2020-01-01/extension/event/next";
    pub(crate) const INIT_ERROR: &str = "/2020-01-01/extension/init/error";
    pub(crate) const EXIT_ERROR: &str = "/2020-01-01/extension/exit/error";
    /// Subscriptions to what happens around a function, in its newer and in its older form.
    pub(crate) const TELEMETRY: &str = "/2022-07-01/telemetry";
    pub(crate) const LOGS: &str = "/2020-08-15/logs";

    pub(crate) const NAME: &str = "lambda-extension-name";
    pub(crate) const ID: &str = "lambda-extension-identifier";
    pub(crate) const ERROR_KIND: &str = "lambda-extension-function-error-type";
    pub(crate) const FEATURES: &str = "lambda-extension-accept-feature";
    /// [`ID`], as it is written in answers.
    pub(crate) const GIVEN_ID: &str = "Lambda-Extension-Identifier";
    pub(crate) const EVENT_ID: &str = "Lambda-Extension-Event-Identifier";
    pub(crate) const ACCOUNT: &str = "accountId";
    pub(crate) const TRACE_TYPE: &str = "X-Amzn-Trace-Id";
    /// Where subscribers listen, as they say it.
    pub(crate) const HOSTS: &[&str] = &["sandbox.localdomain", "sandbox", "127.0.0.1", "localhost"];

    pub(crate) const REGISTERED: &str = "Registered";

    /// Whether a request is to this interface.
    pub(crate) fn is(path: &str) -> bool {
        path.starts_with(PREFIX) || subscription(path).is_some()
    }

    /// The subscription that is asked for by this path.
    pub(crate) fn subscription(path: &str) -> Option<&'static str> {
        let path = path.trim_end_matches('/');
        [TELEMETRY, LOGS].into_iter().find(|known| *known == path)
    }

    pub(crate) fn bad(kind: &'static str, message: &str) -> Refusal {
        Refusal {
            status: "400 Bad Request",
            kind,
            message: message.to_owned(),
        }
    }

    pub(crate) fn forbidden(kind: &'static str, message: &str) -> Refusal {
        Refusal {
            status: "403 Forbidden",
            kind,
            message: message.to_owned(),
        }
    }

    pub(crate) fn no_name() -> Refusal {
        bad("Extension.InvalidExtensionName", "Empty extension name")
    }

    pub(crate) fn no_id() -> Refusal {
        forbidden(
            "Extension.MissingExtensionIdentifier",
            "Missing Lambda-Extension-Identifier header",
        )
    }

    pub(crate) fn unknown_id(id: &str) -> Refusal {
        let message = format!("Unknown extension {id}");
        match id.len() == 36 {
            true => forbidden("Extension.UnknownExtensionIdentifier", &message),
            false => forbidden(
                "Extension.InvalidExtensionIdentifier",
                "Invalid extension id",
            ),
        }
    }

    pub(crate) fn no_kind() -> Refusal {
        bad(
            "Extension.MissingHeader",
            "Lambda-Extension-Function-Error-Type not found",
        )
    }

    pub(crate) fn wrong_state(from: &str, to: &str, id: &str) -> Refusal {
        forbidden(
            "Extension.InvalidExtensionState",
            &format!(
                "State transition from {from} to {to} failed for extension {id}. Error: State transition is not allowed"
            ),
        )
    }
}
