//! Headers that are not a function's to say. REST APIs and function URLs tell them under another name; HTTP APIs drop
//! those that are about the connection and let the others through.

use functions::GatewayKind;
use http::header::{self, Entry, HeaderMap, HeaderName};

const RENAMED: [(HeaderName, &str); 14] = [
    (header::AUTHORIZATION, "x-amzn-remapped-authorization"),
    (header::CONNECTION, "x-amzn-remapped-connection"),
    (header::CONTENT_LENGTH, "x-amzn-remapped-content-length"),
    (
        HeaderName::from_static("content-md5"),
        "x-amzn-remapped-content-md5",
    ),
    (header::DATE, "x-amzn-remapped-date"),
    (header::EXPECT, "x-amzn-remapped-expect"),
    (header::HOST, "x-amzn-remapped-host"),
    (header::MAX_FORWARDS, "x-amzn-remapped-max-forwards"),
    (
        header::PROXY_AUTHENTICATE,
        "x-amzn-remapped-proxy-authenticate",
    ),
    (header::SERVER, "x-amzn-remapped-server"),
    (header::TRAILER, "x-amzn-remapped-trailer"),
    (header::UPGRADE, "x-amzn-remapped-upgrade"),
    (header::USER_AGENT, "x-amzn-remapped-user-agent"),
    (header::WWW_AUTHENTICATE, "x-amzn-remapped-www-authenticate"),
];

/// What is about the connection, which is ours.
const OURS: [HeaderName; 5] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Leaves of an answer's headers what a gateway of this kind lets through.
pub(super) fn settle(headers: &mut HeaderMap, kind: GatewayKind) {
    match kind {
        GatewayKind::Classic | GatewayKind::Direct => rename(headers),
        GatewayKind::Simple | GatewayKind::Socket => drop(headers.remove(header::DATE)),
    }
    drop_ours(headers);
}

pub(crate) fn drop_ours(headers: &mut HeaderMap) {
    for name in &OURS {
        headers.remove(name);
    }
}

fn rename(headers: &mut HeaderMap) {
    for (name, other) in &RENAMED {
        let Entry::Occupied(said) = headers.entry(name) else {
            continue;
        };
        let (_, values) = said.remove_entry_mult();
        let values: Vec<_> = values.collect();
        for value in values {
            headers.append(*other, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_becomes_of_reserved_headers() {
        use GatewayKind::{Classic, Direct, Simple};
        const RENAMED_BY: &[GatewayKind] = &[Classic, Direct];
        const ALL: &[GatewayKind] = &[Classic, Direct, Simple];
        // The kinds that rename it, and those that let it through.
        for (name, renamed, kept) in [
            ("www-authenticate", RENAMED_BY, &[Simple][..]),
            ("server", RENAMED_BY, &[Simple]),
            ("date", RENAMED_BY, &[]),
            ("content-length", RENAMED_BY, &[]),
            ("connection", RENAMED_BY, &[]),
            ("transfer-encoding", &[], &[]),
            ("x-own", &[], ALL),
        ] {
            for kind in ALL {
                let mut headers = HeaderMap::new();
                headers.append(name, HeaderValue::from_static("a"));
                headers.append(name, HeaderValue::from_static("b"));
                settle(&mut headers, *kind);
                let other = format!("x-amzn-remapped-{name}");
                for (name, is_there) in [
                    (other.as_str(), renamed.contains(kind)),
                    (name, kept.contains(kind)),
                ] {
                    let count = headers.get_all(name).iter().count();
                    assert_eq!(count, if is_there { 2 } else { 0 }, "{name} {kind:?}");
                }
            }
        }
    }
}
