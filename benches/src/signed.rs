//! Requests to the tables' API, rendered and signed before anything is timed: the load then costs its sender nothing but
//! the socket. The signature is written from the published description, independently of the server's check.

use aws_lc_rs::digest::{SHA256, digest};

use crate::client::{hex, sign, signing_key};

const SIGNED: &str = "content-type;host;x-amz-date;x-amz-target";

/// One whole request to the tables' API, good for a quarter of an hour.
pub(crate) fn request(host: &str, operation: &str, body: &str) -> Vec<u8> {
    signed(
        host,
        "dynamodb",
        &format!("DynamoDB_20120810.{operation}"),
        body,
    )
}

/// The same to the queues' API.
pub(crate) fn of_queues(host: &str, operation: &str, body: &str) -> Vec<u8> {
    signed(host, "sqs", &format!("AmazonSQS.{operation}"), body)
}

fn signed(host: &str, service: &str, target: &str, body: &str) -> Vec<u8> {
    let now = jiff::Timestamp::now()
        .strftime("%Y%m%dT%H%M%SZ")
        .to_string();
    let day = &now[..8];
    let canonical = format!(
        "POST\n/\n\ncontent-type:application/x-amz-json-1.0\nhost:{host}\nx-amz-date:{now}\nx-amz-target:{target}\n\n{SIGNED}\n{}",
        sha256(body)
    );
    let scope = format!("{day}/us-east-1/{service}/aws4_request");
    let to_sign = format!("AWS4-HMAC-SHA256\n{now}\n{scope}\n{}", sha256(&canonical));
    let key = signing_key(day, service);
    let signature = hex(&sign(&key, to_sign.as_bytes()));
    format!(
        "POST / HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/x-amz-json-1.0\r\nx-amz-date: {now}\r\nx-amz-target: {target}\r\nauthorization: AWS4-HMAC-SHA256 Credential=test/{scope}, SignedHeaders={SIGNED}, Signature={signature}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn sha256(text: &str) -> String {
    hex(digest(&SHA256, text.as_bytes()).as_ref())
}
