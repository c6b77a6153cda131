//! By which an answer is told from others.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, header};

use super::{Parts, headers};
use crate::signature::hex;

pub(super) struct Ids {
    pub(super) request: String,
    pub(super) host: String,
}

impl Ids {
    pub(super) fn new(parts: &Parts) -> Self {
        let request = parts.random.bytes::<8>();
        Self {
            request: hex(&request).to_ascii_uppercase(),
            host: STANDARD.encode(parts.random.bytes::<48>()),
        }
    }

    pub(super) fn sign(&self, fields: &mut HeaderMap) {
        headers::set(fields, "x-amz-request-id", &self.request);
        headers::set(fields, "x-amz-id-2", &self.host);
        fields.insert(header::SERVER, HeaderValue::from_static("AmazonS3"));
    }
}
