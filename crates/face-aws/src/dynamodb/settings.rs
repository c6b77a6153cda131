//! Parameters that are right but not built are refused; what says nothing, or asks for what is so anyway, is let
//! through, because tools send it.

use serde_json::Value;

use crate::protocol::{Call, Fault};

/// Refuses every parameter but these.
pub(super) fn only(call: &Call<'_>, known: &[&str]) -> Result<(), Fault> {
    for (name, value) in &call.input {
        if !known.contains(&name.as_str()) && !harmless(name, value) {
            return Err(call.not_built(name));
        }
    }
    Ok(())
}

fn harmless(name: &str, value: &Value) -> bool {
    match name {
        "SSESpecification" => value["Enabled"] == false,
        "TableClass" => value == "STANDARD",
        "OnDemandThroughput" => value
            .as_object()
            .is_some_and(|limits| limits.values().all(|limit| limit == -1)),
        _ => false,
    }
}
