//! What pages of other origins may do, for the gateways that answer for their functions.

use functions::GatewayKind;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use triggers::Cors;
use wire::Response;

/// The answer to a browser that asks before it sends; whose origin is looked at by [`allow`].
pub(crate) fn preflight(
    cors: &Cors,
    origin: Option<&HeaderValue>,
    routed: &[&str],
    kind: GatewayKind,
) -> Response {
    let mut response = Response::new(wire::empty());
    *response.status_mut() = match kind {
        GatewayKind::Simple => StatusCode::NO_CONTENT,
        GatewayKind::Classic | GatewayKind::Direct | GatewayKind::Socket => StatusCode::OK,
    };
    // Who may not ask learns nothing.
    if origin.and_then(|origin| allowed(cors, origin)).is_none() {
        return response;
    }
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

/// Takes away what a function says itself about pages of other origins: an HTTP API that answers for it is not told
/// otherwise.
pub(crate) fn forget(headers: &mut HeaderMap) {
    for name in [
        header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        header::ACCESS_CONTROL_ALLOW_METHODS,
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        header::ACCESS_CONTROL_MAX_AGE,
    ] {
        headers.remove(name);
    }
}

/// Tells the browser that the page may read the answer, if it may. What a function URL's function says itself stays
/// beside it, as browsers then complain of.
pub(crate) fn allow(cors: &Cors, origin: &HeaderValue, headers: &mut HeaderMap) {
    let Some(allowed) = allowed(cors, origin) else {
        return;
    };
    let asked = origin.to_str().unwrap_or_default();
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

fn allowed<'a>(cors: &'a Cors, origin: &HeaderValue) -> Option<&'a String> {
    let asked = origin.to_str().unwrap_or_default();
    cors.origins.iter().find(|allowed| fits(allowed, asked))
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
        headers.append(name, value);
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

    fn cors() -> Cors {
        Cors {
            origins: vec!["https://a.example".into()],
            methods: vec!["GET".into()],
            headers: vec!["x-a".into()],
            exposed: vec!["x-e".into()],
            max_age: None,
            credentials: true,
        }
    }

    #[test]
    fn who_may_not_ask_learns_nothing() {
        let asked = |origin: &'static str, kind| {
            let origin = HeaderValue::from_static(origin);
            let response = preflight(&cors(), Some(&origin), &[], kind);
            let methods = response.headers().get("access-control-allow-methods");
            (response.status().as_u16(), methods.cloned())
        };
        let methods = Some(HeaderValue::from_static("GET"));
        assert_eq!(
            asked("https://a.example", GatewayKind::Simple),
            (204, methods)
        );
        assert_eq!(asked("https://b.example", GatewayKind::Simple), (204, None));
        assert_eq!(asked("https://b.example", GatewayKind::Direct), (200, None));
    }

    #[test]
    fn what_the_function_says_itself_is_forgotten_or_stays_beside() {
        let origin = HeaderValue::from_static("https://a.example");
        let said = || -> HeaderMap {
            let header = (
                header::ACCESS_CONTROL_ALLOW_ORIGIN,
                HeaderValue::from_static("*"),
            );
            [header].into_iter().collect()
        };
        let origins = |headers: &HeaderMap| {
            let all = headers.get_all("access-control-allow-origin");
            all.iter().cloned().collect::<Vec<_>>()
        };
        let mut of_api = said();
        forget(&mut of_api);
        assert!(of_api.is_empty());
        allow(&cors(), &origin, &mut of_api);
        assert_eq!(origins(&of_api), ["https://a.example"]);
        let mut of_url = said();
        allow(&cors(), &origin, &mut of_url);
        assert_eq!(origins(&of_url), ["*", "https://a.example"]);
    }
}
