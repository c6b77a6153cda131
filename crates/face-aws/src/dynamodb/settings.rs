//! Parameters that are right but not built are refused; what says nothing, or asks for what is so anyway, is let
//! through, because tools send it.

use serde_json::{Map, Value};

use crate::protocol::{Call, Fault};

/// Refuses every parameter but these.
pub(super) fn only(call: &Call<'_>, known: &[&str]) -> Result<(), Fault> {
    only_of(call, &call.input, known)
}

/// As [`only`], of a part of the input.
pub(super) fn only_of(
    call: &Call<'_>,
    input: &Map<String, Value>,
    known: &[&str],
) -> Result<(), Fault> {
    for (name, value) in input {
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
        _ => false,
    }
}
