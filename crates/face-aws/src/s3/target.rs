//! What a request's address names.

use http::{HeaderMap, Uri};

use super::call::host_of;
use super::{host, query};

#[derive(Debug, Default)]
pub(super) struct Target {
    pub(super) bucket: Option<String>,
    pub(super) key: Option<String>,
    /// The bucket is in the host's name.
    pub(super) is_virtual: bool,
}

impl Target {
    pub(super) fn of(headers: &HeaderMap, uri: &Uri) -> Self {
        let path = query::decode(uri.path()).unwrap_or_else(|| uri.path().to_owned());
        let path = path.trim_start_matches('/');
        let named = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        if let Some(bucket) = host::bucket(host_of(headers, uri)) {
            return Self {
                bucket: Some(bucket.to_ascii_lowercase()),
                key: named(path),
                is_virtual: true,
            };
        }
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        Self {
            bucket: named(bucket),
            key: named(key),
            is_virtual: false,
        }
    }

    /// As errors call it.
    pub(super) fn kind(&self) -> &'static str {
        match (&self.bucket, &self.key) {
            (None, _) => "SERVICE",
            (Some(_), None) => "BUCKET",
            (Some(_), Some(_)) => "OBJECT",
        }
    }
}
