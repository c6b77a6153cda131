//! Bodies in JSON.

use bytes::Bytes;
use http::request::Parts as Head;
use http::{HeaderValue, header};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::SERVICE;
use crate::protocol::Fault;

/// What is wrong with a body, or what it says once its types have been put right.
pub(super) fn checked(head: &Head, body: Bytes) -> Result<Map<String, Value>, Fault> {
    Ok(SERVICE.read(head, body)?.input)
}

pub(super) fn members<T: DeserializeOwned>(members: Map<String, Value>) -> Result<T, Fault> {
    serde_json::from_value(Value::Object(members)).map_err(|cause| {
        let cause = cause.to_string();
        let missing = cause
            .strip_prefix("missing field `")
            .and_then(|rest| rest.strip_suffix('`'));
        match missing {
            Some(name) => super::error::missing_parameter(name),
            None => Fault::serialization(Some(cause)),
        }
    })
}

/// What an operation answers.
pub(super) enum Output {
    Value(Value),
    /// Printed already.
    Json(String),
}

impl From<Value> for Output {
    fn from(value: Value) -> Self {
        Self::Value(value)
    }
}

impl Output {
    /// For whoever prints it otherwise.
    pub(super) fn into_value(self) -> Value {
        match self {
            Self::Value(value) => value,
            Self::Json(text) => serde_json::from_str(&text).unwrap_or_default(),
        }
    }
}

pub(super) fn json(request_id: &str, output: Output) -> wire::Response {
    let body = match output {
        // An operation that says nothing has no body at all.
        Output::Value(Value::Null) => String::new(),
        Output::Value(value) => value.to_string(),
        Output::Json(text) => text,
    };
    let mut response = http::Response::new(wire::full(body));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-amz-json-1.0"),
    );
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}
