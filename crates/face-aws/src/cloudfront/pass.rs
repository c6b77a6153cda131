//! What of a caller's request reaches the origin.

use triggers::edge::{Behavior, Origin, Passed, Server};

use super::event::Asked;
use super::headers::{Header, set, value};
use super::refused::VIA;

/// Left out where nothing says that they pass ("HTTP request headers and CloudFront behavior").
const LEFT_OUT: [&str; 9] = [
    "accept",
    "accept-charset",
    "accept-language",
    "cookie",
    "referer",
    "te",
    "user-agent",
    "x-http-method-override",
    "x-real-ip",
];
/// Pass whatever is said.
const NEEDED: [&str; 11] = [
    "content-encoding",
    "content-length",
    "content-type",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "range",
    "transfer-encoding",
    "x-forwarded-for",
];

/// The request as it goes on from the caller's to the origin's side.
pub(super) fn on(mut asked: Asked, behavior: &Behavior, origin: &Origin) -> Asked {
    let agent = value(&asked.headers, "user-agent").map(str::to_owned);
    let cookies = cookies(&asked.headers, &behavior.cookies);
    let method = asked.method.clone();
    asked
        .headers
        .retain(|header| passes(header, behavior, &method));
    if let Some(cookies) = cookies {
        set(&mut asked.headers, "cookie", cookies);
    }
    if agent.is_some() && value(&asked.headers, "user-agent").is_none() {
        set(&mut asked.headers, "user-agent", "Amazon CloudFront");
    }
    // Buckets are known by their own host, whatever passes.
    let is_bucket = matches!(origin.server, Server::Bucket { .. });
    if is_bucket || value(&asked.headers, "host").is_none() {
        set(&mut asked.headers, "host", origin.domain.clone());
    }
    let from =
        value(&asked.headers, "x-forwarded-for").map(|known| format!("{known}, {}", asked.client));
    let from = from.unwrap_or_else(|| asked.client.clone());
    set(&mut asked.headers, "x-forwarded-for", from);
    set(&mut asked.headers, "via", VIA);
    asked.query = query(&asked.query, &behavior.query);
    asked
}

fn passes(header: &Header, behavior: &Behavior, method: &str) -> bool {
    let name = header.name.as_str();
    if NEEDED.contains(&name) {
        return true;
    }
    match (&behavior.headers, name) {
        (_, "cookie") => false,
        (Passed::Usual, "host") => false,
        (Passed::Usual, "authorization") => !["GET", "HEAD", "OPTIONS"].contains(&method),
        (Passed::Usual, _) => !LEFT_OUT.contains(&name),
        (passed, _) => passed.passes(name),
    }
}

fn cookies(headers: &[Header], passed: &Passed) -> Option<String> {
    let all = headers.iter().filter(|header| header.name == "cookie");
    let all = all
        .flat_map(|header| header.value.split(';'))
        .map(str::trim);
    let kept: Vec<&str> = all
        .filter(|cookie| passed.passes(cookie.split('=').next().unwrap_or_default()))
        .collect();
    (!kept.is_empty()).then(|| kept.join("; "))
}

fn query(query: &str, passed: &Passed) -> String {
    let pairs = query.split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !pair.is_empty() && passed.passes(name)
    });
    pairs.collect::<Vec<_>>().join("&")
}
