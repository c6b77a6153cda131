//! Which bodies are text to a function, and which are handed over in base 64.

use functions::GatewayKind;
use http::{HeaderMap, header};
use triggers::Gateway;

/// REST APIs are told which media types are bytes; the others know text by its type.
pub(super) fn is_binary(gateway: &Gateway, headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    match gateway.kind {
        GatewayKind::Classic => listed(&gateway.binary, kind),
        GatewayKind::Simple | GatewayKind::Direct | GatewayKind::Socket => !is_text(kind),
    }
}

/// These types are text; forms, and what says no type, are not.
pub(crate) fn is_text(kind: &str) -> bool {
    let kind = bare(kind).to_ascii_lowercase();
    let listed = [
        "application/json",
        "application/javascript",
        "application/xml",
    ];
    kind.starts_with("text/") || listed.contains(&kind.as_str())
}

/// Whether a media type is on a list of such types, which may have `*` for either half.
pub(super) fn listed(list: &[String], kind: &str) -> bool {
    let kind = bare(kind);
    list.iter().any(|known| {
        if known == "*/*" {
            return true;
        }
        match known.strip_suffix("/*") {
            Some(front) => kind.split('/').next() == Some(front),
            None => known.eq_ignore_ascii_case(kind),
        }
    })
}

/// Without its parameters.
fn bare(kind: &str) -> &str {
    kind.split(';').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_and_what_has_no_type_are_bytes() {
        for kind in [
            "text/csv",
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/javascript",
            "application/xml",
        ] {
            assert!(is_text(kind), "{kind}");
        }
        for kind in [
            "",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=b",
            "application/a+json",
            "application/octet-stream",
            "image/png",
        ] {
            assert!(!is_text(kind), "{kind}");
        }
    }
}
