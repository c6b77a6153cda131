//! What pages of other origins may do, for the gateways that answer for their functions.

use functions::GatewayKind;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use triggers::Cors;
use wire::Response;

/// The answer to a browser that asks before it sends; whose origin is looked at by [`allow`].
pub(crate) fn preflight(cors: &Cors, routed: &[&str], kind: GatewayKind) -> Response {
    let mut response = Response::new(wire::empty());
    *response.status_mut() = match kind {
        GatewayKind::Simple => StatusCode::NO_CONTENT,
        GatewayKind::Classic | GatewayKind::Direct | GatewayKind::Socket => StatusCode::OK,
    };
    let headers = response.headers_mut();
    let methods = match cors.methods.is_empty() {
        true => routed.join(","),
        false => cors.methods.join(","),
    };
    set(headers, header::ACCESS_CONTROL_ALLOW_METHODS, &methods);
    set(
        headers,
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        &cors.headers.join(","),
    );
    if let Some(age) = cors.max_age {
        set(
            headers,
            header::ACCESS_CONTROL_MAX_AGE,
            &age.as_secs().to_string(),
        );
    }
    response
}

/// Tells the browser that the page may read the answer, if it may.
pub(crate) fn allow(cors: &Cors, origin: &HeaderValue, headers: &mut HeaderMap) {
    let asked = origin.to_str().unwrap_or_default();
    let allowed = cors.origins.iter().find(|allowed| fits(allowed, asked));
    let Some(allowed) = allowed else {
        return;
    };
    // With credentials a star would not count.
    let told = if allowed == "*" && !cors.credentials {
        "*"
    } else {
        asked
    };
    set(headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, told);
    if told != "*" {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    if cors.credentials {
        set(headers, header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    }
    set(
        headers,
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        &cors.exposed.join(","),
    );
}

/// `*`, an origin, or one with a star in it: `https://*`.
fn fits(allowed: &str, origin: &str) -> bool {
    match allowed.split_once('*') {
        Some((front, back)) => {
            origin.len() >= front.len() + back.len()
                && origin.starts_with(front)
                && origin.ends_with(back)
        }
        None => allowed == origin,
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if !value.is_empty()
        && let Ok(value) = HeaderValue::from_str(value)
    {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_fit_whole_or_by_a_star() {
        assert!(fits("*", "https://a.example"));
        assert!(fits("https://a.example", "https://a.example"));
        assert!(!fits("https://a.example", "https://b.example"));
        assert!(fits("https://*", "https://b.example"));
        assert!(fits("https://*.example", "https://b.example"));
        assert!(!fits("http://*", "https://b.example"));
    }
}
