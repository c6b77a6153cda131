//! What the makers of custom resources answer: an object that is put where the cloud's own deployments would look for it.
//! Only deployments give out such addresses (`deploy/custom`), each good for one answer.

use base::ByteSize;
use bytes::Bytes;
use deploy::{Answers, NotTaken};
use http::{HeaderValue, Method, StatusCode, header};
use percent_encoding::percent_decode_str;
use wire::{Request, Response};

/// More than is read of an answer, so that one that is too long is told apart from one that is not JSON.
const LARGEST: ByteSize = ByteSize::kib(64);
const BUCKET: &str = "cloudformation-custom-resource-response-";

/// Whether a request goes to a bucket of answers, by its host or by its path.
pub(crate) fn is_answer(host: &str, path: &str) -> bool {
    let in_path = path.strip_prefix('/').unwrap_or(path);
    host.starts_with(BUCKET) || in_path.starts_with(BUCKET)
}

pub(crate) async fn take(answers: &Answers, request: Request) -> Response {
    let (head, body) = request.into_parts();
    if head.method != Method::PUT {
        return refused(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
        );
    }
    let Ok(body) = wire::collect(body, LARGEST).await else {
        return refused(
            StatusCode::BAD_REQUEST,
            "EntityTooLarge",
            "Your proposed upload exceeds the maximum allowed size",
        );
    };
    let id = request_id(head.uri.path());
    let signature = signature(head.uri.query().unwrap_or_default());
    match answers.take(&id, signature, body).await {
        Ok(()) => Response::new(wire::full(Bytes::new())),
        Err(NotTaken::WrongSignature) => refused(
            StatusCode::FORBIDDEN,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
        ),
        Err(NotTaken::Late) => {
            refused(StatusCode::FORBIDDEN, "AccessDenied", "Request has expired")
        }
        Err(error @ (NotTaken::Unknown | NotTaken::Answered)) => {
            let message = error.to_string();
            refused(StatusCode::FORBIDDEN, "AccessDenied", &message)
        }
        Err(NotTaken::Store(error)) => {
            tracing::error!(%error, "an answer could not be kept");
            refused(
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalError",
                "We encountered an internal error. Please try again.",
            )
        }
    }
}

/// What stands last in the object's key: `<stack>|<logical id>|<request>`.
fn request_id(path: &str) -> String {
    let path = percent_decode_str(path).decode_utf8_lossy();
    let id = path.rsplit('|').next().unwrap_or_default();
    id.to_owned()
}

fn signature(query: &str) -> &str {
    let mut pairs = query.split('&');
    let found = pairs.find_map(|pair| pair.strip_prefix("X-Amz-Signature="));
    found.unwrap_or_default()
}

fn refused(status: StatusCode, code: &str, message: &str) -> Response {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    let mut response = Response::new(wire::full(body));
    *response.status_mut() = status;
    let xml = HeaderValue::from_static("application/xml");
    response.headers_mut().insert(header::CONTENT_TYPE, xml);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_known_by_host_or_path() {
        for (host, path, wanted) in [
            (
                "cloudformation-custom-resource-response-useast1.s3.amazonaws.com",
                "/a",
                true,
            ),
            (
                "127.0.0.1:4566",
                "/cloudformation-custom-resource-response-euwest1/a",
                true,
            ),
            ("127.0.0.1:4566", "/cloudformation/a", false),
            ("photos.s3.amazonaws.com", "/a", false),
        ] {
            assert_eq!(is_answer(host, path), wanted, "{host}{path}");
        }
    }

    #[test]
    fn a_key_ends_in_the_requests_id() {
        let path = "/arn%3Aaws%3Acloudformation%3Aus-east-1%3A1%3Astack/shop/x%7CSeed%7C0-1";
        assert_eq!(request_id(path), "0-1");
        assert_eq!(signature("X-Amz-Expires=1&X-Amz-Signature=ab"), "ab");
        assert_eq!(signature(""), "");
    }
}
