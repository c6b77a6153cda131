use http::StatusCode;
use serde_json::json;
use wire::Response;

use crate::Parts;

pub(crate) fn get(parts: &Parts) -> Response {
    let version = env!("CARGO_PKG_VERSION");
    match (parts.failure)() {
        None => crate::json(
            StatusCode::OK,
            &json!({ "status": "ok", "version": version }),
        ),
        Some(why) => crate::json(
            StatusCode::SERVICE_UNAVAILABLE,
            &json!({ "status": "failed", "version": version, "reason": why }),
        ),
    }
}
