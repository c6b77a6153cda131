//! The headers that functions are told: those of the request, and how it came.

use functions::GatewayKind;
use http::{HeaderMap, HeaderName, header};

use super::Address;
use crate::trace;

/// What a gateway says itself, whatever the caller says.
const OWN: [&str; 4] = [
    trace::HEADER,
    "x-forwarded-for",
    "x-forwarded-port",
    "x-forwarded-proto",
];

/// Not told to functions: they are about the connection.
const CONNECTION: [&str; 6] = [
    "connection",
    "expect",
    "proxy-authenticate",
    "te",
    "transfer-encoding",
    "upgrade",
];
/// Not told either by REST APIs.
const CLASSIC: [&str; 6] = [
    "content-length",
    "content-md5",
    "max-forwards",
    "server",
    "trailer",
    "www-authenticate",
];

fn is_told(name: &str, kind: GatewayKind) -> bool {
    match kind {
        // Who connects asks for just that.
        GatewayKind::Socket => true,
        GatewayKind::Classic => !CONNECTION.contains(&name) && !CLASSIC.contains(&name),
        GatewayKind::Simple | GatewayKind::Direct => !CONNECTION.contains(&name),
    }
}

/// `fresh` makes a trace's id. A request that comes through other hands is told by them too.
pub(super) fn headers(
    headers: &HeaderMap,
    address: &Address,
    kind: GatewayKind,
    source: &str,
    fresh: impl FnOnce() -> String,
) -> Vec<(String, String)> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let own = |name: &HeaderName| *name == header::HOST || OWN.contains(&name.as_str());
    let mut all: Vec<(String, String)> = headers
        .iter()
        .filter(|(name, _)| !own(name) && is_told(name.as_str(), kind))
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect();
    let given = |name| headers.get_all(name).iter().next_back().map(text);
    let way = match given("x-forwarded-for") {
        Some(way) => format!("{way}, {source}"),
        None => source.to_owned(),
    };
    let followed = trace::continued(given(trace::HEADER).as_deref(), fresh);
    all.extend([
        ("host".into(), address.host.clone()),
        (trace::HEADER.into(), followed),
        ("x-forwarded-for".into(), way),
        ("x-forwarded-port".into(), "443".into()),
        ("x-forwarded-proto".into(), "https".into()),
    ]);
    all
}

/// HTTP APIs always say how long the body is, also where there is none.
pub(super) fn add_length(headers: &mut Vec<(String, String)>, kind: GatewayKind, length: usize) {
    let name = header::CONTENT_LENGTH.as_str();
    if kind == GatewayKind::Simple && !headers.iter().any(|(known, _)| known == name) {
        headers.push((name.to_owned(), length.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn told(given: &[(&'static str, &'static str)], name: &str) -> Vec<String> {
        told_by(GatewayKind::Classic, given, name)
    }

    fn told_by(
        kind: GatewayKind,
        given: &[(&'static str, &'static str)],
        name: &str,
    ) -> Vec<String> {
        let mut map = HeaderMap::new();
        for (name, value) in given {
            map.append(*name, HeaderValue::from_static(value));
        }
        let address = Address {
            gateway: "abc".into(),
            host: "abc.execute-api.localhost:4566".into(),
            path: "/".into(),
        };
        let mut all = headers(&map, &address, kind, "10.0.0.1", || "1-0-f".into());
        add_length(&mut all, kind, 0);
        let found = all.into_iter().filter(|(known, _)| known == name);
        found.map(|(_, value)| value).collect()
    }

    #[test]
    fn how_a_request_came_is_the_gateways_to_say() {
        assert_eq!(told(&[], "x-forwarded-for"), ["10.0.0.1"]);
        assert_eq!(told(&[], "x-amzn-trace-id"), ["Root=1-0-f"]);
        let given = [
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-proto", "http"),
            ("x-amzn-trace-id", "Root=1-a-b"),
            ("host", "else"),
        ];
        assert_eq!(told(&given, "x-forwarded-for"), ["1.2.3.4, 10.0.0.1"]);
        assert_eq!(told(&given, "x-forwarded-proto"), ["https"]);
        assert_eq!(told(&given, "x-amzn-trace-id"), ["Self=1-0-f;Root=1-a-b"]);
        assert_eq!(told(&given, "host"), ["abc.execute-api.localhost:4566"]);
    }

    #[test]
    fn what_is_about_the_connection_is_not_told() {
        use GatewayKind::{Classic, Direct, Simple};
        let given = [
            ("connection", "keep-alive"),
            ("te", "trailers"),
            ("max-forwards", "1"),
            ("content-length", "7"),
            ("x-own", "a"),
        ];
        for (kind, names) in [
            (Classic, &["x-own"][..]),
            (Simple, &["max-forwards", "content-length", "x-own"]),
            (Direct, &["max-forwards", "content-length", "x-own"]),
        ] {
            for (name, value) in &given {
                let expected: &[&str] = if names.contains(name) { &[value] } else { &[] };
                assert_eq!(told_by(kind, &given, name), expected, "{name} {kind:?}");
            }
        }
        assert_eq!(told_by(Simple, &[], "content-length"), ["0"]);
        assert!(told_by(Direct, &[], "content-length").is_empty());
    }
}
