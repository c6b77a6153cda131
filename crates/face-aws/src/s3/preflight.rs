//! What browsers ask before they ask: whether a page from elsewhere may. No bucket lets one.

use http::request::Parts as Head;
use http::{StatusCode, header};

use super::Parts;
use super::fault::Fault;
use super::target::Target;

pub(super) fn refuse(parts: &Parts, head: &Head) -> Fault {
    if !head.headers.contains_key(header::ORIGIN) {
        return Fault::bad(
            "BadRequest",
            "Insufficient information. Origin request header needed.",
        );
    }
    let target = Target::of(&head.headers, &head.uri);
    let bucket = target.bucket.as_deref().unwrap_or_default();
    let why = match parts.objects.bucket(bucket) {
        Ok(_) => "CORSResponse: CORS is not enabled for this bucket.",
        Err(objects::Error::NoSuchBucket(_)) => "CORSResponse: Bucket not found",
        Err(error) => return error.into(),
    };
    let asked = head.headers.get(header::ACCESS_CONTROL_REQUEST_METHOD);
    let method = asked.and_then(|method| method.to_str().ok());
    Fault::new(StatusCode::FORBIDDEN, "AccessForbidden", why)
        .with("Method", method.unwrap_or("OPTIONS"))
        .with("ResourceType", target.kind())
}
