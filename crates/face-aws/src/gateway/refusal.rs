//! What a caller is told when no function answered, in the words of each kind of gateway.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use functions::GatewayKind;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use wire::Response;

use super::ids;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No gateway, or no stage, has this address.
    NoGateway,
    NoRoute,
    TooLarge,
    /// The body is not too large, but what the function would be handed is.
    EventTooLarge,
    HeadersTooLong,
    Truncated,
    /// The caller paused too long before its request's end.
    TooSlow,
    Throttled,
    TimedOut,
    /// The server that is to answer cannot be reached, or breaks off.
    Unreachable,
    /// The function failed, or what it answered is no answer.
    Failed,
    /// We could not run it.
    Broken,
    /// Nothing says who the caller is, or what does is not good; with what he could do about it.
    Unauthorized(Option<String>),
    /// The caller is known and may not do this: a policy says so, or none says that he may.
    Denied {
        explicit: bool,
    },
    /// The caller's token is good, but not for this.
    Insufficient(String),
    Unsigned,
    /// Somebody says who he is, but not in the form of a signature.
    NoSignature(String),
    BadSignature(String),
    UnknownSigner,
    ExpiredSession,
    /// The authorizer failed.
    GuardFailed,
    /// The authorizer answered, but no answer to what it was asked.
    GuardBroken,
    /// A key is wanted, and there is none or none that is good here.
    KeyForbidden,
    TooFast,
    UsedUp,
    LacksParameters(Vec<String>),
    /// No template is for the body's media type.
    UnknownMediaType,
    /// The body is not what the route's model asks for; how.
    BadBody(String),
}

/// A refusal as it looks when nobody has said how it should look.
#[derive(Debug)]
pub(crate) struct Usual {
    pub(crate) status: u16,
    pub(crate) message: Option<String>,
    /// What it is called in a header; empty for none.
    error: &'static str,
    /// Under which name the message stands.
    field: &'static str,
    /// What it is called where one says how it should look; empty where nobody can.
    pub(crate) response_type: &'static str,
}

impl Refusal {
    /// For a caller who is not let in, or not known: `otherwise`, unless there is a header that should be a signature.
    pub(super) fn unsigned(headers: &HeaderMap, otherwise: Self) -> Self {
        let header = headers.get(header::AUTHORIZATION);
        let header = header.and_then(|value| value.to_str().ok()).map(str::trim);
        match header {
            Some(header) if !header.is_empty() && !header.starts_with("AWS4-") => {
                Self::NoSignature(lacking(header, headers))
            }
            _ => otherwise,
        }
    }

    pub(crate) fn print(&self, kind: GatewayKind, request_id: &str) -> Response {
        let usual = self.usual(kind);
        let mut fields = serde_json::Map::new();
        let message = usual.message.map_or(Value::Null, Value::String);
        fields.insert(usual.field.to_owned(), message);
        if matches!(kind, GatewayKind::Socket) {
            fields.insert("connectionId".into(), json!(request_id));
            fields.insert("requestId".into(), json!(request_id));
        }
        let mut response = Response::new(wire::full(Value::Object(fields).to_string()));
        *response.status_mut() =
            StatusCode::from_u16(usual.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        if !usual.error.is_empty() {
            headers.insert("x-amzn-errortype", HeaderValue::from_static(usual.error));
        }
        if let Self::Unauthorized(Some(challenge)) | Self::Insufficient(challenge) = self
            && let Ok(challenge) = HeaderValue::from_str(challenge)
        {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        identify(headers, kind, request_id);
        response
    }

    pub(crate) fn usual(&self, kind: GatewayKind) -> Usual {
        match kind {
            GatewayKind::Classic => self.classic(),
            GatewayKind::Simple | GatewayKind::Socket => {
                let (status, message) = match (kind, self) {
                    (GatewayKind::Socket, Self::Failed) => (502, "Internal server error"),
                    _ => self.simple(),
                };
                Usual {
                    status,
                    message: Some(message.to_owned()),
                    error: "",
                    field: "message",
                    response_type: "",
                }
            }
            GatewayKind::Direct => self.direct(),
        }
    }

    fn classic(&self) -> Usual {
        const MISSING: &str = "Missing Authentication Token";
        const INTERNAL: &str = "InternalServerErrorException";
        let (status, message, error, response_type) = match self {
            Self::NoGateway => (403, "Forbidden", "ForbiddenException", ""),
            Self::NoRoute | Self::Unsigned => (
                403,
                MISSING,
                "MissingAuthenticationTokenException",
                "MISSING_AUTHENTICATION_TOKEN",
            ),
            Self::TooLarge => (
                413,
                "HTTP content length exceeded 10485760 bytes.",
                "RequestTooLargeException",
                "REQUEST_TOO_LARGE",
            ),
            Self::EventTooLarge => (
                413,
                "Request Too Long",
                "RequestTooLargeException",
                "REQUEST_TOO_LARGE",
            ),
            Self::HeadersTooLong => (
                431,
                "HTTP header is larger than 10240 bytes.",
                "",
                "DEFAULT_4XX",
            ),
            Self::Truncated => (400, "Bad Request", "BadRequestException", "DEFAULT_4XX"),
            Self::TooSlow => (
                408,
                "Request Timeout",
                "RequestTimeoutException",
                "DEFAULT_4XX",
            ),
            Self::Throttled | Self::Broken => (
                500,
                "Internal server error",
                INTERNAL,
                "API_CONFIGURATION_ERROR",
            ),
            Self::TimedOut => (
                504,
                "Endpoint request timed out",
                INTERNAL,
                "INTEGRATION_TIMEOUT",
            ),
            Self::Unreachable => (
                504,
                "Network error communicating with endpoint",
                INTERNAL,
                "INTEGRATION_FAILURE",
            ),
            Self::Failed => (
                502,
                "Internal server error",
                INTERNAL,
                "INTEGRATION_FAILURE",
            ),
            Self::Unauthorized(_) => (401, "Unauthorized", "UnauthorizedException", "UNAUTHORIZED"),
            Self::Denied { explicit } => (
                403,
                match explicit {
                    true => "User is not authorized to access this resource with an explicit deny",
                    false => "User is not authorized to access this resource",
                },
                "AccessDeniedException",
                "ACCESS_DENIED",
            ),
            Self::Insufficient(_) => (403, "Forbidden", "ForbiddenException", "ACCESS_DENIED"),
            Self::NoSignature(message) => (
                403,
                message.as_str(),
                "IncompleteSignatureException",
                "INVALID_SIGNATURE",
            ),
            Self::BadSignature(message) => (
                403,
                message.as_str(),
                "InvalidSignatureException",
                "INVALID_SIGNATURE",
            ),
            Self::UnknownSigner => (
                403,
                "The security token included in the request is invalid.",
                "UnrecognizedClientException",
                "INVALID_SIGNATURE",
            ),
            Self::ExpiredSession => (
                403,
                "The security token included in the request is expired",
                "ExpiredTokenException",
                "EXPIRED_TOKEN",
            ),
            Self::GuardFailed => (500, "", "AuthorizerFailureException", "AUTHORIZER_FAILURE"),
            Self::GuardBroken => (
                500,
                "",
                "AuthorizerConfigurationException",
                "AUTHORIZER_CONFIGURATION_ERROR",
            ),
            Self::KeyForbidden => (403, "Forbidden", "ForbiddenException", "INVALID_API_KEY"),
            Self::TooFast => (
                429,
                "Too Many Requests",
                "TooManyRequestsException",
                "THROTTLED",
            ),
            Self::UsedUp => (
                429,
                "Limit Exceeded",
                "LimitExceededException",
                "QUOTA_EXCEEDED",
            ),
            Self::UnknownMediaType => (
                415,
                "Unsupported Media Type",
                "UnsupportedMediaTypeException",
                "UNSUPPORTED_MEDIA_TYPE",
            ),
            Self::LacksParameters(names) => {
                return Usual {
                    status: 400,
                    message: Some(format!(
                        "Missing required request parameters: [{}]",
                        names.join(", ")
                    )),
                    error: "BadRequestException",
                    field: "message",
                    response_type: "BAD_REQUEST_PARAMETERS",
                };
            }
            Self::BadBody(_) => (
                400,
                "Invalid request body",
                "BadRequestException",
                "BAD_REQUEST_BODY",
            ),
        };
        Usual {
            status,
            // What went wrong with an authorizer is nobody's but its owner's.
            message: (!message.is_empty()).then(|| message.to_owned()),
            error,
            field: match self {
                Self::Denied { .. } => "Message",
                _ => "message",
            },
            response_type,
        }
    }

    fn simple(&self) -> (u16, &'static str) {
        match self {
            Self::NoGateway | Self::NoRoute => (404, "Not Found"),
            Self::TooLarge | Self::EventTooLarge => (413, "Request Entity Too Large"),
            Self::HeadersTooLong => (431, "Request Header Fields Too Large"),
            Self::Truncated | Self::LacksParameters(_) | Self::BadBody(_) => (400, "Bad Request"),
            Self::TooSlow => (408, "Request Timeout"),
            Self::UnknownMediaType => (415, "Unsupported Media Type"),
            Self::TimedOut | Self::Throttled | Self::Unreachable => (503, "Service Unavailable"),
            Self::Failed | Self::Broken | Self::GuardFailed | Self::GuardBroken => {
                (500, "Internal Server Error")
            }
            Self::Unauthorized(_) => (401, "Unauthorized"),
            Self::Denied { .. }
            | Self::Insufficient(_)
            | Self::Unsigned
            | Self::NoSignature(_)
            | Self::BadSignature(_)
            | Self::UnknownSigner
            | Self::ExpiredSession
            | Self::KeyForbidden => (403, "Forbidden"),
            Self::TooFast | Self::UsedUp => (429, "Too Many Requests"),
        }
    }

    fn direct(&self) -> Usual {
        let (status, message, error) = match self {
            Self::Throttled => (429, "Rate Exceeded.", "TooManyRequestsException"),
            Self::Failed | Self::Broken => (502, "Internal Server Error", ""),
            Self::TimedOut => (504, "Gateway Timeout", ""),
            other => match other.simple() {
                (403, message) => (403, message, "AccessDeniedException"),
                (status, message) => (status, message, ""),
            },
        };
        Usual {
            status,
            message: Some(message.to_owned()),
            error,
            field: "Message",
            response_type: "",
        }
    }
}

/// What such a header lacks. It may be somebody's secret, and is not repeated.
fn lacking(header: &str, headers: &HeaderMap) -> String {
    let digest = digest::digest(&digest::SHA256, header.as_bytes());
    let hash = STANDARD.encode(digest);
    // The first word names the algorithm.
    let fields = header.split([',', ' ']).filter(|field| !field.is_empty());
    if fields.skip(1).any(|field| !field.contains('=')) {
        return format!(
            "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with \
             Base64): '{hash}'."
        );
    }
    let mut lacks = ["Credential", "Signature", "SignedHeaders"]
        .map(|name| format!("Authorization header requires '{name}' parameter. "))
        .concat();
    if !headers.contains_key("x-amz-date") && !headers.contains_key(header::DATE) {
        lacks.push_str(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
        );
    }
    format!("{lacks}(Hashed with SHA-256 and encoded with Base64) Authorization={hash}")
}

/// The headers by which a caller names the request when he asks about it.
pub(crate) fn identify(headers: &mut HeaderMap, kind: GatewayKind, request_id: &str) {
    let name = match kind {
        GatewayKind::Classic | GatewayKind::Direct => "x-amzn-requestid",
        GatewayKind::Simple | GatewayKind::Socket => "apigw-requestid",
    };
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(name, id);
    }
    if kind == GatewayKind::Classic
        && let Ok(id) = HeaderValue::from_str(&ids::extended(kind, request_id))
    {
        headers.insert("x-amz-apigw-id", id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_signature_is_told_without_repeating_it() {
        let refused = |given: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(given) = given {
                headers.insert(header::AUTHORIZATION, HeaderValue::from_str(given).unwrap());
            }
            let usual = Refusal::unsigned(&headers, Refusal::NoRoute).usual(GatewayKind::Classic);
            (usual.status, usual.error, usual.message.unwrap())
        };
        let missing = (
            403,
            "MissingAuthenticationTokenException",
            "Missing Authentication Token".to_owned(),
        );
        assert_eq!(refused(None), missing);
        assert_eq!(refused(Some("AWS4-HMAC-SHA256 Credential=a")), missing);
        let (status, error, message) = refused(Some("Bearer x"));
        assert_eq!((status, error), (403, "IncompleteSignatureException"));
        assert_eq!(
            message,
            "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with \
             Base64): 'uTem/WB082UJMN2ajD6lH6UChGpTAddMJSx2iu923No='."
        );
        let (_, _, message) = refused(Some("allow"));
        assert!(message.starts_with("Authorization header requires 'Credential' parameter. "));
        assert!(!message.contains("allow"));
    }
}
