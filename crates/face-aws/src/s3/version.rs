//! Versions of objects: their names, and what is answered when one is not, or is no object.

use base::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use objects::{Object, ObjectPart, VersionId};

use super::call::Call;
use super::fault::{Fault, Result};
use super::headers;

const VERSION: &str = "x-amz-version-id";
const MARKER: &str = "x-amz-delete-marker";

/// The version that a request names.
pub(super) fn read(text: Option<&str>) -> Result<Option<VersionId>> {
    let Some(text) = text else {
        return Ok(None);
    };
    let why = if text.is_empty() {
        "Version id cannot be the empty string"
    } else {
        "Invalid version id specified"
    };
    let invalid = |_| Fault::invalid_argument("versionId", text, why);
    text.parse().map(Some).map_err(invalid)
}

/// As headers and documents say it.
pub(super) fn text(object: &Object) -> Option<String> {
    object.version().map(|version| version.to_string())
}

/// What is said of an object that was just stored. The service does not name the null version then.
pub(super) fn text_of_stored(object: &Object) -> Option<String> {
    let named = object
        .version()
        .filter(|version| *version != VersionId::Null);
    named.map(|version| version.to_string())
}

pub(super) fn set_stored(fields: &mut HeaderMap, object: &Object) {
    if let Some(version) = text_of_stored(object) {
        headers::set(fields, VERSION, &version);
    }
}

pub(super) fn set(fields: &mut HeaderMap, object: &Object) {
    if let Some(version) = text(object) {
        headers::set(fields, VERSION, &version);
    }
}

/// What a request is about.
pub(super) struct Asked<'a> {
    pub(super) call: &'a Call,
    pub(super) bucket: &'a str,
    pub(super) key: &'a str,
    pub(super) version: Option<VersionId>,
}

impl<'a> Asked<'a> {
    pub(super) fn read(
        call: &'a Call,
        bucket: &'a str,
        key: &'a str,
        version: Option<&str>,
    ) -> Result<Self> {
        Ok(Self {
            call,
            bucket,
            key,
            version: read(version)?,
        })
    }

    pub(super) fn head(&self) -> Result<Object> {
        let objects = &self.call.parts.objects;
        let found = objects.head(self.bucket, self.key, self.version);
        found.map_err(|error| self.fault(error))
    }

    pub(super) fn head_parts(&self) -> Result<(Object, Vec<ObjectPart>)> {
        let objects = &self.call.parts.objects;
        let found = objects.head_parts(self.bucket, self.key, self.version);
        found.map_err(|error| self.fault(error))
    }

    /// A marker may be deleted, and nothing else. What only reads is told that there is nothing, unless it names it.
    pub(super) fn fault(&self, error: objects::Error) -> Fault {
        let method = &self.call.method;
        let reads = *method == http::Method::GET || *method == http::Method::HEAD;
        match error {
            objects::Error::IsMarker { version, at, .. } => {
                marked(not_allowed(method.as_str(), Some(at)), version)
            }
            objects::Error::Deleted { marker, .. } if !reads => {
                marked(not_allowed(method.as_str(), None), marker)
            }
            error => error.into(),
        }
    }
}

fn not_allowed(method: &str, modified: Option<Timestamp>) -> Fault {
    let fault = Fault::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
    )
    .with("Method", method)
    .with("ResourceType", "DeleteMarker")
    .with_header(header::ALLOW, HeaderValue::from_static("DELETE"));
    let date = modified.map(headers::http_date);
    match date.and_then(|date| HeaderValue::from_str(&date).ok()) {
        Some(date) => fault.with_header(header::LAST_MODIFIED, date),
        None => fault,
    }
}

/// Says that it is because of a marker, and of which.
pub(super) fn marked(fault: Fault, marker: VersionId) -> Fault {
    let fault = fault.with_header(
        HeaderName::from_static(MARKER),
        HeaderValue::from_static("true"),
    );
    match HeaderValue::from_str(&marker.to_string()) {
        Ok(marker) => fault.with_header(HeaderName::from_static(VERSION), marker),
        Err(_) => fault,
    }
}
