//! Parameters that are right but not built are refused.

use serde_json::{Map, Value};

use crate::protocol::{Call, Fault};

/// Refuses every parameter but these.
pub(super) fn only(call: &Call<'_>, known: &[&str]) -> Result<(), Fault> {
    call.only(known)
}

/// The same of a part of the input.
pub(super) fn only_of(
    call: &Call<'_>,
    input: &Map<String, Value>,
    known: &[&str],
) -> Result<(), Fault> {
    match input.keys().find(|name| !known.contains(&name.as_str())) {
        Some(other) => Err(call.not_built(other)),
        None => Ok(()),
    }
}
