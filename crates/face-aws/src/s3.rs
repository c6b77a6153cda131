//! Object storage as S3 speaks it.
//!
//! A request passes four steps: its signature is verified and its body put under a [`payload::Payload`] that checks
//! length, hash and chunks while it streams; s3s names the operation and reads its input; a file of this folder does
//! the operation with `objects`; and errors are printed here, with the fields that the real service gives.
//!
//! s3s is used for routing, shapes and XML only. Its own signature check accepts version 2 in headers without looking at
//! the date, does not ask which headers are signed, holds a whole chunk in memory, and has other error codes than the
//! service, so a request is handed to it as if it were anonymous. Forms that browsers post never reach it.

mod acl;
mod attributes;
mod barriers;
mod buckets;
mod call;
mod checksum;
mod conditions;
mod copy;
mod cors;
mod delete;
mod encoded_word;
mod encryption;
mod facts;
mod fault;
mod get;
mod headers;
mod host;
mod ids;
mod lifecycle;
mod list;
mod multipart;
mod notification;
mod operations;
mod ownership;
mod payload;
mod policy;
mod post;
mod preflight;
mod put;
mod query;
mod refuse;
mod signature;
mod signature_v2;
mod site;
mod tagging;
mod tags;
mod target;
mod translate;
mod version;
mod versioning;
mod versions;
mod website;
mod xml;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use access::Access;
use base::Random;
use functions::Functions;
use objects::Objects;
use triggers::Triggers;

pub(crate) use site::Address as SiteAddress;

/// The service's handle. Clones share it.
#[derive(Clone)]
pub struct S3 {
    parts: Arc<Parts>,
}

/// What the service works with.
pub struct Parts {
    pub objects: Objects,
    pub access: Access,
    /// Where notification configurations are kept.
    pub triggers: Triggers,
    /// Only to see whether a notification's function is there.
    pub functions: Functions,
    pub random: Random,
}

impl S3 {
    pub fn new(parts: Parts) -> Self {
        Self {
            parts: Arc::new(parts),
        }
    }

    /// Answers a request, whatever it is.
    pub async fn call(&self, request: wire::Request) -> wire::Response {
        call::answer(&self.parts, request).await
    }

    /// Answers a visitor of a bucket's website.
    pub(crate) async fn visit(
        &self,
        address: SiteAddress,
        request: wire::Request,
    ) -> wire::Response {
        site::answer(&self.parts, &address, request).await
    }

    /// Whether there is a bucket, be it a website or not.
    pub(crate) fn has_bucket(&self, name: &str) -> bool {
        self.parts.objects.bucket(name).is_ok()
    }

    /// Whether a `Host` header is one of this service's, with a bucket in front or not: for whoever routes.
    pub fn is_host(host: &str) -> bool {
        host::bucket(host).is_some() || host::is_service(host)
    }
}

/// The bucket in a host name of this service.
pub(crate) fn bucket_of_host(host: &str) -> Option<&str> {
    host::bucket(host)
}

impl std::fmt::Debug for S3 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("S3")
    }
}
