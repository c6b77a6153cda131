//! Requests to the APIs, rendered and signed before anything is timed: the load then costs its sender nothing but
//! the socket. The signature is written from the published description, independently of the server's check.

use aws_lc_rs::digest::{SHA256, digest};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::client::{hex, sign, signing_key};

/// One whole request to the tables' API, good for a quarter of an hour.
pub(crate) fn request(host: &str, operation: &str, body: &str) -> Vec<u8> {
    let target = format!("DynamoDB_20120810.{operation}");
    of_target(host, "dynamodb", &target, "1.0", body)
}

/// The same to the queues' API.
pub(crate) fn of_queues(host: &str, operation: &str, body: &str) -> Vec<u8> {
    let target = format!("AmazonSQS.{operation}");
    of_target(host, "sqs", &target, "1.0", body)
}

/// The same to the buses' API.
pub(crate) fn of_buses(host: &str, operation: &str, body: &str) -> Vec<u8> {
    let target = format!("AWSEvents.{operation}");
    of_target(host, "events", &target, "1.1", body)
}

/// The same to the topics' API, which is asked with a form.
pub(crate) fn of_topics(host: &str, operation: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut form = format!("Action={operation}&Version=2010-03-31");
    for (name, value) in fields {
        let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
        form.push_str(&format!("&{name}={value}"));
    }
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    signed(host, "sns", &headers, &form)
}

fn of_target(host: &str, service: &str, target: &str, version: &str, body: &str) -> Vec<u8> {
    let content_type = format!("application/x-amz-json-{version}");
    let headers = [
        ("content-type", content_type.as_str()),
        ("x-amz-target", target),
    ];
    signed(host, service, &headers, body)
}

fn signed(host: &str, service: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let now = jiff::Timestamp::now()
        .strftime("%Y%m%dT%H%M%SZ")
        .to_string();
    let day = &now[..8];
    let mut headers = headers.to_vec();
    headers.extend([("host", host), ("x-amz-date", &now)]);
    headers.sort_unstable();
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let lines = |end: &str, between: &str| -> String {
        let line = |(name, value): &(&str, &str)| format!("{name}{between}{value}{end}");
        headers.iter().map(line).collect()
    };
    let canonical = format!("POST\n/\n\n{}\n{names}\n{}", lines("\n", ":"), sha256(body));
    let scope = format!("{day}/us-east-1/{service}/aws4_request");
    let to_sign = format!("AWS4-HMAC-SHA256\n{now}\n{scope}\n{}", sha256(&canonical));
    let signature = hex(&sign(&signing_key(day, service), to_sign.as_bytes()));
    format!(
        "POST / HTTP/1.1\r\n{}authorization: AWS4-HMAC-SHA256 Credential=test/{scope}, SignedHeaders={names}, Signature={signature}\r\ncontent-length: {}\r\n\r\n{body}",
        lines("\r\n", ": "),
        body.len()
    )
    .into_bytes()
}

fn sha256(text: &str) -> String {
    hex(digest(&SHA256, text.as_bytes()).as_ref())
}
