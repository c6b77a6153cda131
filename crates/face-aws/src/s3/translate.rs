//! What s3s refuses by itself, in the words of the real service.

use http::Method;
use http_body_util::BodyExt;
use wire::BodyError;

use super::call::{Call, invalid_uri};
use super::fault::Fault;
use super::headers;

/// Gives s3s's own errors the message and the fields of the real service.
pub(super) async fn fault(response: s3s::HttpResponse, call: &Call) -> Fault {
    let status = response.status();
    let body = response
        .into_body()
        .map_err(BodyError::Source)
        .boxed_unsync();
    let xml = wire::collect(body, base::ByteSize::kib(64)).await;
    let xml = String::from_utf8_lossy(&xml.unwrap_or_default()).into_owned();
    let code = element(&xml, "Code").unwrap_or_else(|| "InternalError".into());
    let message = element(&xml, "Message").unwrap_or_default();
    match code.as_str() {
        "InternalError" => Fault::internal(),
        "MalformedXML" => Fault::malformed_xml(),
        "InvalidURI" => invalid_uri(),
        "InvalidBucketName" => {
            Fault::invalid_bucket_name(call.target.bucket.as_deref().unwrap_or_default())
        }
        "KeyTooLongError" => Fault::key_too_long(),
        "MissingRequestBodyError" => Fault::bad(&code, "Request Body is empty"),
        "MethodNotAllowed" => Fault::method_not_allowed(&call.method, &call.target),
        "NotImplemented" => match message.strip_suffix(" is not implemented yet") {
            Some(operation) => Fault::not_implemented(&format!("The operation {operation}")),
            None if call.query.without(|name| name == "x-id").is_empty() => unknown(call),
            None => Fault::not_implemented("This operation"),
        },
        "InvalidArgument" => invalid_argument(&message, call),
        _ => Fault::new(status, &code, message),
    }
}

/// What a resource itself can't be asked to do.
fn unknown(call: &Call) -> Fault {
    if call.method == Method::POST && call.target.kind() == "BUCKET" {
        let why = "Bucket POST must be of the enclosure-type multipart/form-data";
        return Fault::precondition(why);
    }
    Fault::method_not_allowed(&call.method, &call.target)
}

/// s3s says `invalid query: max-keys: many`.
fn invalid_argument(message: &str, call: &Call) -> Fault {
    let copy_source = headers::text(&call.headers, "x-amz-copy-source");
    let copy_source = copy_source.ok().flatten().unwrap_or_default();
    let named = message
        .strip_prefix("invalid query: ")
        .and_then(|rest| rest.split_once(": "));
    match named {
        Some((name, value)) => Fault::invalid_argument(
            name,
            value,
            format!("Provided {name} not an integer or within integer range"),
        ),
        None if message.starts_with("invalid header: x-amz-copy-source:") => {
            Fault::invalid_argument(
                "x-amz-copy-source",
                copy_source,
                "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
            )
        }
        None => Fault::bad("InvalidArgument", message),
    }
}

fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    quick_xml::escape::unescape(text)
        .ok()
        .map(std::borrow::Cow::into_owned)
}
