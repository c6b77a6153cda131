//! Services that the cloud has and we have not. The answer names the operation, in whichever form the client reads.

use base::ByteSize;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use wire::{Request, Response};

/// Enough to find the operation's name in a form.
const LARGEST: ByteSize = ByteSize::mib(1);
const CODE: &str = "NotImplementedException";

pub(crate) async fn answer(service: &str, request: Request, request_id: &str) -> Response {
    let (head, body) = request.into_parts();
    let target = head.headers.get("x-amz-target");
    let target = target.and_then(|target| target.to_str().ok());
    let kind = head.headers.get(header::CONTENT_TYPE);
    let is_form = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form"));
    let (operation, content_type) = match target {
        Some(target) => {
            let operation = target.rsplit('.').next().unwrap_or(target);
            (
                format!("{service}.{operation}"),
                "application/x-amz-json-1.1",
            )
        }
        None if is_form => {
            let form = wire::collect(body, LARGEST).await.unwrap_or_default();
            (format!("{service}.{}", action(&form)), "text/xml")
        }
        None => {
            let (method, path) = (&head.method, head.uri.path());
            (format!("{service}: {method} {path}"), "application/json")
        }
    };
    let message = format!("Fulmar does not implement {operation} yet");
    let body = match content_type {
        "text/xml" => xml(&message, request_id),
        _ => json!({ "__type": CODE, "message": message }).to_string(),
    };
    let mut response = Response::new(wire::full(body));
    *response.status_mut() = StatusCode::NOT_IMPLEMENTED;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert("x-amzn-errortype", HeaderValue::from_static(CODE));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

fn action(form: &[u8]) -> String {
    let form = String::from_utf8_lossy(form);
    let action = form
        .split('&')
        .find_map(|pair| pair.strip_prefix("Action="));
    action.unwrap_or("an unnamed action").to_owned()
}

fn xml(message: &str, request_id: &str) -> String {
    let message = quick_xml::escape::escape(message);
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{CODE}</Code><Message>{message}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sent(headers: &[(&str, &str)], body: &'static str) -> (StatusCode, String) {
        let mut request = http::Request::builder().method("POST").uri("/v2/apis");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(wire::full(body)).unwrap();
        let response = answer("sns", request, "id").await;
        let status = response.status();
        let body = wire::collect(response.into_body(), LARGEST).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn the_operation_is_named_in_every_protocol() {
        let (status, said) = sent(&[("x-amz-target", "AmazonSQS.SendMessage")], "{}").await;
        assert_eq!(status, StatusCode::NOT_IMPLEMENTED);
        assert!(said.contains("implement sns.SendMessage yet"), "{said}");
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let (_, said) = sent(&form, "Version=1&Action=Publish&Message=a").await;
        assert!(
            said.contains("<Message>Fulmar does not implement sns.Publish yet<"),
            "{said}"
        );
        let (_, said) = sent(&[], "").await;
        assert!(said.contains("sns: POST /v2/apis"), "{said}");
    }
}
