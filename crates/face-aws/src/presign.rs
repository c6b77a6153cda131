//! Addresses that carry their own permission: what the owner hands to whoever has no key.

use std::time::Duration;

use access::RootKey;
use aws_lc_rs::{digest, hmac};
use base::Timestamp;
use percent_encoding::{AsciiSet, utf8_percent_encode};

use crate::signature::{UNRESERVED, hex};

/// In a path, the slashes stay too.
const PATH: &AsciiSet = &UNRESERVED.remove(b'/');

/// One request, to be signed.
pub(crate) struct Presign<'a> {
    pub(crate) key: &'a RootKey,
    pub(crate) service: &'a str,
    pub(crate) region: &'a str,
    pub(crate) method: &'a str,
    /// With the port, as the client will send it.
    pub(crate) host: &'a str,
    /// What the client will send besides and is signed too, by small names.
    pub(crate) headers: &'a [(String, String)],
    /// Not encoded yet.
    pub(crate) path: &'a str,
    pub(crate) now: Timestamp,
    pub(crate) good_for: Duration,
}

impl Presign<'_> {
    /// The path and the query.
    pub(crate) fn target(&self) -> String {
        let stamp = stamp(self.now);
        let scope = format!(
            "{}/{}/{}/aws4_request",
            &stamp[..8],
            self.region,
            self.service
        );
        let path = utf8_percent_encode(self.path, PATH);
        let mut headers: Vec<(&str, &str)> = vec![("host", self.host)];
        let more = self.headers.iter();
        headers.extend(more.map(|(name, value)| (name.as_str(), value.trim())));
        headers.sort_unstable();
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let query = format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}&X-Amz-Date={stamp}&X-Amz-Expires={}&X-Amz-SignedHeaders={}",
            utf8_percent_encode(&format!("{}/{scope}", self.key.id), UNRESERVED),
            self.good_for.as_secs(),
            utf8_percent_encode(&names, UNRESERVED),
        );
        let method = self.method;
        let headers: String = headers
            .iter()
            .map(|(name, value)| format!("{name}:{value}\n"))
            .collect();
        // Object storage leaves the body out of what is presigned; elsewhere it is the hash of none.
        let body = match self.service {
            "s3" => "UNSIGNED-PAYLOAD",
            _ => crate::signature::EMPTY_BODY,
        };
        let canonical = format!("{method}\n{path}\n{query}\n{headers}\n{names}\n{body}");
        let hashed = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
        let to_sign = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashed}");
        let secret = format!("AWS4{}", self.key.secret).into_bytes();
        let key = [&stamp[..8], self.region, self.service, "aws4_request"]
            .iter()
            .fold(secret, |key, part| sign(&key, part.as_bytes()));
        format!(
            "{path}?{query}&X-Amz-Signature={}",
            hex(&sign(&key, to_sign.as_bytes()))
        )
    }
}

/// An address to which whoever has it may upload one object: the owner's own permission, good for a week.
pub fn presigned_upload(
    key: &RootKey,
    host: &str,
    region: &str,
    bucket: &str,
    object: &str,
    now: Timestamp,
) -> String {
    let presign = Presign {
        key,
        service: "s3",
        region,
        method: "PUT",
        host,
        headers: &[],
        path: &format!("/{bucket}/{object}"),
        now,
        good_for: Duration::from_secs(7 * 24 * 3_600),
    };
    format!("http://{host}{}", presign.target())
}

fn stamp(now: Timestamp) -> String {
    let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let now = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX);
    now.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn sign(key: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message)
        .as_ref()
        .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the published description of presigned addresses.
    #[test]
    fn the_published_example() {
        let key = RootKey {
            id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
        };
        let presign = Presign {
            key: &key,
            service: "s3",
            region: "us-east-1",
            method: "GET",
            host: "examplebucket.s3.amazonaws.com",
            headers: &[],
            path: "/test.txt",
            // 2013-05-24T00:00:00Z
            now: Timestamp::from_secs(1_369_353_600),
            good_for: Duration::from_secs(86_400),
        };
        let signature = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
        assert!(
            presign.target().ends_with(signature),
            "{}",
            presign.target()
        );
    }
}
