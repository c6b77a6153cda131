//! The header by which a request is followed.

use base::Timestamp;

use crate::signature;

pub(crate) const HEADER: &str = "x-amzn-trace-id";

pub(crate) fn id(now: Timestamp, chance: [u8; 12]) -> String {
    let hex = signature::hex(&chance);
    format!("1-{:08x}-{hex}", now.as_secs())
}

/// A request that has a root already is told whose hands it went through; one that has none gets one.
pub(crate) fn continued(given: Option<&str>, fresh: impl FnOnce() -> String) -> String {
    let Some(given) = given else {
        return format!("Root={}", fresh());
    };
    let fields = given.split(';').map(str::trim);
    let others: Vec<&str> = fields
        .filter(|field| !field.is_empty() && !field.starts_with("Self="))
        .collect();
    let name = match others.iter().any(|field| field.starts_with("Root=")) {
        true => "Self",
        false => "Root",
    };
    let own = format!("{name}={}", fresh());
    let all = std::iter::once(own.as_str()).chain(others);
    all.collect::<Vec<_>>().join(";")
}

/// What a function is handed as its own call's trace, when its request was told this: the same root.
pub(crate) fn handed_on(told: &str, chance: [u8; 8]) -> Option<String> {
    let mut fields = told.split(';').map(str::trim);
    let root = fields.find(|field| field.starts_with("Root="))?;
    let parent = signature::hex(&chance);
    Some([root, ";Parent=", &parent, ";Sampled=0"].concat())
}
