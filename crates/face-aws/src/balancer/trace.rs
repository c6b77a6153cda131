//! The header by which a request is followed.

use base::Timestamp;

pub(super) const HEADER: &str = "x-amzn-trace-id";

pub(super) fn id(now: Timestamp, chance: [u8; 12]) -> String {
    let hex: String = chance.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("1-{:08x}-{hex}", now.as_secs())
}

/// A request that has a root already is told whose hands it went through; one that has none gets one.
pub(super) fn continued(given: Option<&str>, fresh: impl FnOnce() -> String) -> String {
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
