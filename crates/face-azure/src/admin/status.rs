//! How the host is.

use http::StatusCode;
use serde_json::json;
use wire::Response;

use super::{Asked, json_of};

/// The host that this one behaves as.
const VERSION: &str = "4.1040.0.0";

pub(super) fn get(_asked: &Asked<'_>) -> Response {
    json_of(
        StatusCode::OK,
        &json!({
            "id": "fulmar-local",
            "state": "Running",
            "version": VERSION,
            "versionDetails": format!("{VERSION} Fulmar {}", env!("CARGO_PKG_VERSION")),
            "errors": [],
        }),
    )
}
