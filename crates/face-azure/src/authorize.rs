//! Whether whoever calls has shown a key that opens what he calls.

use access::Keyring;
use http::request::Parts as Head;
use percent_encoding::percent_decode_str;

use crate::refusal::Refusal;
use crate::routes::{Level, Route};

pub(crate) const HOST: &str = "host";
pub(crate) const SYSTEM: &str = "system";
pub(crate) const MASTER: &str = "master";
const HEADER: &str = "x-functions-key";
const PARAMETER: &str = "code";

/// The ring of a function's own keys.
pub(crate) fn ring_of(function: &str) -> String {
    format!("function/{}", function.to_lowercase())
}

pub(crate) fn check(keys: &Keyring, head: &Head, route: &Route) -> Result<(), Refusal> {
    let own = ring_of(&route.function);
    match route.level {
        Level::Anonymous => Ok(()),
        Level::Function => opens(keys, head, &[&own, HOST, MASTER]),
        Level::Admin => opens(keys, head, &[MASTER]),
    }
}

/// For the host's own affairs.
pub(crate) fn check_master(keys: &Keyring, head: &Head) -> Result<(), Refusal> {
    opens(keys, head, &[MASTER])
}

fn opens(keys: &Keyring, head: &Head, rings: &[&str]) -> Result<(), Refusal> {
    let shown = shown(head).ok_or(Refusal::Unauthorized)?;
    match keys.opens(&crate::space(), rings, &shown) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Refusal::Unauthorized),
        Err(error) => {
            tracing::warn!(%error, "keys cannot be read");
            Err(Refusal::Broken)
        }
    }
}

/// In a header, or in the address.
fn shown(head: &Head) -> Option<String> {
    let header = head
        .headers
        .get(HEADER)
        .and_then(|value| value.to_str().ok());
    if let Some(header) = header.filter(|header| !header.is_empty()) {
        return Some(header.to_owned());
    }
    let mut pairs = head.uri.query()?.split('&');
    let value = pairs.find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.eq_ignore_ascii_case(PARAMETER).then_some(value)
    })?;
    let value = value.replace('+', " ");
    Some(percent_decode_str(&value).decode_utf8_lossy().into_owned())
}
