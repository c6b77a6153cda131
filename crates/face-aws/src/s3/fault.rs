//! The real service's errors: code, status, message, and the fields that some codes carry.

use base::ByteSize;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use quick_xml::escape::escape;

use super::target::Target;
use super::{checksum, version};

pub(crate) type Result<T> = std::result::Result<T, Fault>;

/// One error answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: String,
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    /// Elements that follow the message, by name.
    pub(crate) fields: Vec<(&'static str, String)>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Fault {
    pub(crate) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            status,
            message: message.into(),
            fields: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// The commonest status.
    pub(crate) fn bad(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(crate) fn invalid_bucket_name(name: &str) -> Self {
        Self::bad("InvalidBucketName", "The specified bucket is not valid.")
            .with("BucketName", name)
    }

    pub(crate) fn denied(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "AccessDenied", message)
    }

    pub(crate) fn invalid_argument(name: &str, value: &str, message: impl Into<String>) -> Self {
        Self::bad("InvalidArgument", message)
            .with("ArgumentName", name)
            .with("ArgumentValue", value)
    }

    fn no_such_key(key: String) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "NoSuchKey",
            "The specified key does not exist.",
        )
        .with("Key", key)
    }

    pub(super) fn no_such_version() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "NoSuchVersion",
            "The specified version does not exist.",
        )
    }

    /// A setting of a bucket that nobody made.
    pub(crate) fn not_set(code: &str, message: &str, bucket: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message).with("BucketName", bucket)
    }

    /// What we refuse rather than store without obeying it.
    pub(crate) fn not_implemented(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_IMPLEMENTED,
            "NotImplemented",
            format!("{what} is not implemented by this server"),
        )
    }

    pub(crate) fn incomplete_body() -> Self {
        Self::bad(
            "IncompleteBody",
            "You did not provide the number of bytes specified by the Content-Length HTTP header",
        )
    }

    pub(crate) fn too_slow() -> Self {
        Self::bad(
            "RequestTimeout",
            "Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed.",
        )
    }

    pub(crate) fn missing_length() -> Self {
        Self::new(
            StatusCode::LENGTH_REQUIRED,
            "MissingContentLength",
            "You must provide the Content-Length HTTP header.",
        )
    }

    pub(crate) fn too_large(proposed: u64, allowed: ByteSize) -> Self {
        Self::bad(
            "EntityTooLarge",
            "Your proposed upload exceeds the maximum allowed size",
        )
        .with("ProposedSize", proposed.to_string())
        .with("MaxSizeAllowed", allowed.as_bytes().to_string())
    }

    pub(crate) fn too_small(proposed: u64, allowed: u64) -> Self {
        Self::bad(
            "EntityTooSmall",
            "Your proposed upload is smaller than the minimum allowed size",
        )
        .with("ProposedSize", proposed.to_string())
        .with("MinSizeAllowed", allowed.to_string())
    }

    pub(crate) fn key_too_long() -> Self {
        Self::bad("KeyTooLongError", "Your key is too long").with("MaxSizeAllowed", "1024")
    }

    pub(super) fn method_not_allowed(method: &Method, target: &Target) -> Self {
        let fault = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
        );
        let allowed = match target.kind() {
            "SERVICE" => "GET",
            "BUCKET" => "DELETE, GET, HEAD, POST, PUT",
            _ => "DELETE, GET, HEAD, PUT",
        };
        fault
            .with("Method", method.as_str())
            .with("ResourceType", target.kind())
            .with_header(header::ALLOW, HeaderValue::from_static(allowed))
    }

    pub(crate) fn precondition(condition: &str) -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold",
        )
        .with("Condition", condition)
    }

    pub(crate) fn malformed_xml() -> Self {
        Self::bad(
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        )
    }

    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalError",
            "We encountered an internal error. Please try again.",
        )
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    #[must_use]
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn to_xml(&self, request_id: &str, host_id: &str) -> String {
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
        let mut element = |name: &str, value: &str| {
            xml.push_str(&format!("<{name}>{}</{name}>", escape(value)));
        };
        element("Code", &self.code);
        element("Message", &self.message);
        for (name, value) in &self.fields {
            element(name, value);
        }
        element("RequestId", request_id);
        element("HostId", host_id);
        xml.push_str("</Error>");
        xml
    }
}

impl From<objects::Error> for Fault {
    fn from(error: objects::Error) -> Self {
        use objects::Error;
        match error {
            Error::NoSuchBucket(bucket) => Self::new(
                StatusCode::NOT_FOUND,
                "NoSuchBucket",
                "The specified bucket does not exist",
            )
            .with("BucketName", bucket),
            Error::BucketExists { bucket, .. } => Self::new(
                StatusCode::CONFLICT,
                "BucketAlreadyExists",
                "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.",
            )
            .with("BucketName", bucket),
            Error::BucketNotEmpty { bucket, versioned } => Self::new(
                StatusCode::CONFLICT,
                "BucketNotEmpty",
                if versioned {
                    "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
                } else {
                    "The bucket you tried to delete is not empty"
                },
            )
            .with("BucketName", bucket),
            Error::NoSuchKey { key, .. } => Self::no_such_key(key),
            Error::Deleted { key, marker } => version::marked(Self::no_such_key(key), marker),
            Error::NoSuchVersion { key, version } => Self::no_such_version()
                .with("Key", key)
                .with("VersionId", version.to_string()),
            // Only copies come here: what else asks for it knows how it asked.
            Error::IsMarker { .. } => Self::bad(
                "InvalidRequest",
                "The source of a copy request may not specifically refer to a delete marker by version id.",
            ),
            Error::ConditionFailed(condition) => Self::precondition(condition),
            Error::NoSuchUpload(upload) => Self::new(
                StatusCode::NOT_FOUND,
                "NoSuchUpload",
                "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
            )
            .with("UploadId", upload),
            Error::InvalidPart {
                upload,
                number,
                etag,
            } => Self::bad(
                "InvalidPart",
                "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
            )
            .with("UploadId", upload)
            .with("PartNumber", number.to_string())
            .with("ETag", etag),
            Error::InvalidPartOrder(upload) => Self::bad(
                "InvalidPartOrder",
                "The list of parts was not in ascending order. Parts must be ordered by part number.",
            )
            .with("UploadId", upload),
            Error::MissingPartChecksum { algorithm, number } => Self::bad(
                "InvalidRequest",
                format!(
                    "The upload was created using a {} checksum. The complete request must include the checksum for each part. It was missing for part {number} in the request.",
                    checksum::name(algorithm).to_lowercase()
                ),
            ),
            Error::OtherCoverage { composite } => Self::bad(
                "InvalidRequest",
                format!(
                    "The upload was created using the {} checksum mode. The complete request must use the same checksum mode.",
                    checksum::mode(composite)
                ),
            ),
            Error::PartTooSmall {
                number,
                etag,
                size,
                least,
            } => Self::too_small(size, least)
            .with("PartNumber", number.to_string())
            .with("ETag", etag),
            Error::WrongSize { expected, actual } => Self::bad(
                "InvalidRequest",
                format!(
                    "The provided 'x-amz-mp-object-size' header value {expected} does not match what was computed: {actual}"
                ),
            ),
            Error::ChecksumMismatch(algorithm) => checksum::mismatch(algorithm),
            Error::DoesNotCombine(algorithm) => Self::bad(
                "InvalidRequest",
                format!(
                    "The FULL_OBJECT checksum type cannot be used with the {} checksum algorithm.",
                    checksum::name(algorithm).to_lowercase()
                ),
            ),
            Error::Stopped => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "ServiceUnavailable",
                "Please reduce your request rate.",
            ),
            Error::Store(error) => store_fault(&error),
        }
    }
}

fn store_fault(error: &dyn std::error::Error) -> Fault {
    tracing::error!(%error, "the store failed a request");
    Fault::internal()
}
