//! Whose pages may call, as far as browsers ask: what `Host.CORS` in `local.settings.json` says.

use http::request::Parts as Head;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use wire::Response;

use crate::refusal;
use crate::routes::{Route, Routes};

/// The answer to a browser's question before the request itself, if this is one.
pub(crate) fn preflight(head: &Head, routes: &Routes) -> Option<Response> {
    let asked = head.headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
    if head.method != Method::OPTIONS {
        return None;
    }
    let (route, _) = routes.find(asked.to_str().ok()?, head.uri.path())?;
    let mut response = refusal::status(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    if !allow(head, route, headers) {
        return (!route.origins.is_empty()).then_some(response);
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, asked.clone());
    if let Some(wanted) = head.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    Some(response)
}

/// Tells the browser that the page may read the answer, if it may.
pub(crate) fn allow(head: &Head, route: &Route, headers: &mut HeaderMap) -> bool {
    let Some(origin) = head.headers.get(header::ORIGIN) else {
        return false;
    };
    let all = route.origins.iter().any(|allowed| allowed == "*");
    let named = route
        .origins
        .iter()
        .any(|allowed| allowed.trim_end_matches('/').as_bytes() == origin.as_bytes());
    if !all && !named {
        return false;
    }
    let told = match all && !route.credentials {
        true => HeaderValue::from_static("*"),
        false => origin.clone(),
    };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, told);
    if route.credentials {
        let yes = HeaderValue::from_static("true");
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
    }
    true
}
