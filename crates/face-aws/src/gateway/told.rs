//! The headers that functions are told: those of the request, and how it came.

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

/// `fresh` makes a trace's id. A request that comes through other hands is told by them too.
pub(super) fn headers(
    headers: &HeaderMap,
    address: &Address,
    source: &str,
    fresh: impl FnOnce() -> String,
) -> Vec<(String, String)> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let own = |name: &HeaderName| *name == header::HOST || OWN.contains(&name.as_str());
    let mut all: Vec<(String, String)> = headers
        .iter()
        .filter(|(name, _)| !own(name))
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

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn told(given: &[(&'static str, &'static str)], name: &str) -> Vec<String> {
        let mut map = HeaderMap::new();
        for (name, value) in given {
            map.append(*name, HeaderValue::from_static(value));
        }
        let address = Address {
            gateway: "abc".into(),
            host: "abc.execute-api.localhost:4566".into(),
            path: "/".into(),
        };
        let all = headers(&map, &address, "10.0.0.1", || "1-0-f".into());
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
}
