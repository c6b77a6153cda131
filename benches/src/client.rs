//! The least of a client: presigned requests over one blocking connection, so that it adds nothing to what it measures. The signature is written here from the published description, independently of the server's check.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result, bail};
use aws_lc_rs::{digest, hmac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// RFC 3986's unreserved characters stay.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A path with a query that is good for an hour.
pub(crate) fn presign(service: &str, method: &str, host: &str, path: &str) -> String {
    let now = jiff::Timestamp::now()
        .strftime("%Y%m%dT%H%M%SZ")
        .to_string();
    let scope = format!("{}/us-east-1/{service}/aws4_request", &now[..8]);
    let query = format!(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}&X-Amz-Date={now}&X-Amz-Expires=3600&X-Amz-SignedHeaders=host",
        utf8_percent_encode(&format!("test/{scope}"), QUERY)
    );
    let canonical = format!("{method}\n{path}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD");
    let signature = signature(&now, service, &scope, &canonical);
    format!("{path}?{query}&X-Amz-Signature={signature}")
}

/// A whole request with the signature in its headers. It is good for some minutes, again and again: the signature then
/// costs the client nothing. A query must be as it is signed.
pub(crate) fn signed(service: &str, method: &str, host: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let now = jiff::Timestamp::now()
        .strftime("%Y%m%dT%H%M%SZ")
        .to_string();
    let scope = format!("{}/us-east-1/{service}/aws4_request", &now[..8]);
    let hash = hex(digest::digest(&digest::SHA256, body).as_ref());
    let names = "host;x-amz-content-sha256;x-amz-date";
    let (bare, query) = path.split_once('?').unwrap_or((path, ""));
    let canonical = format!(
        "{method}\n{bare}\n{query}\nhost:{host}\nx-amz-content-sha256:{hash}\nx-amz-date:{now}\n\n{names}\n{hash}"
    );
    let signature = signature(&now, service, &scope, &canonical);
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nx-amz-date: {now}\r\nx-amz-content-sha256: {hash}\r\n\
         authorization: AWS4-HMAC-SHA256 Credential=test/{scope}, SignedHeaders={names}, Signature={signature}\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn signature(now: &str, service: &str, scope: &str, canonical: &str) -> String {
    let hashed = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let to_sign = format!("AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashed}");
    let key = signing_key(&now[..8], service);
    hex(&sign(&key, to_sign.as_bytes()))
}

/// The key `test` for a day and a service.
pub(crate) fn signing_key(day: &str, service: &str) -> Vec<u8> {
    [day, "us-east-1", service, "aws4_request"]
        .iter()
        .fold(b"AWS4test".to_vec(), |key, part| {
            sign(&key, part.as_bytes())
        })
}

pub(crate) fn sign(key: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message)
        .as_ref()
        .to_vec()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// One kept-alive connection.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
}

impl Connection {
    pub(crate) fn open(host: &str) -> std::io::Result<Self> {
        let stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
            host: host.to_owned(),
        })
    }

    /// Sends a presigned request and reads its answer to the end; anything but a success is an error.
    pub(crate) fn send(&mut self, method: &str, path: &str, body: &[u8]) -> Result<()> {
        let target = presign("s3", method, &self.host, path);
        self.succeed(&format!("{method} {target}"), "", body)
    }

    /// As [`Connection::send`], for an operation on tables.
    pub(crate) fn ask(&mut self, operation: &str, body: &[u8]) -> Result<()> {
        let target = presign("dynamodb", "POST", &self.host, "/");
        let headers = format!(
            "x-amz-target: DynamoDB_20120810.{operation}\r\ncontent-type: application/x-amz-json-1.0\r\nx-amz-content-sha256: UNSIGNED-PAYLOAD\r\n"
        );
        self.succeed(&format!("POST {target}"), &headers, body)
    }

    fn succeed(&mut self, request: &str, headers: &str, body: &[u8]) -> Result<()> {
        let head = format!(
            "{request} HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\n{headers}\r\n",
            self.host,
            body.len()
        );
        let (status, answer) = self.exchange(&[head.as_bytes(), body].concat())?;
        if status != 200 {
            bail!("{request}: {status} {}", String::from_utf8_lossy(&answer));
        }
        Ok(())
    }

    /// Sends a whole request and reads its answer to the end.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> Result<(u16, Vec<u8>)> {
        self.stream.get_mut().write_all(request)?;
        let mut status = String::new();
        self.stream.read_line(&mut status)?;
        let code = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let code = code.with_context(|| format!("{status:?} is no status"))?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value
                    .trim()
                    .parse()
                    .context("a content length is a number")?;
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer)?;
        Ok((code, answer))
    }
}
