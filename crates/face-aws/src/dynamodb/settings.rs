//! Parameters that are right but not built are refused; what says nothing, or asks for what is so anyway, is let
//! through, because tools send it.

use serde_json::Value;

use crate::protocol::{Call, Fault};

const NAMES: &str = "ExpressionAttributeNames";
const VALUES: &str = "ExpressionAttributeValues";

/// Refuses every parameter but these.
pub(super) fn only(call: &Call<'_>, known: &[&str]) -> Result<(), Fault> {
    let parameters = call.input.iter().filter(|(name, _)| {
        !known.contains(&name.as_str()) && ![NAMES, VALUES].contains(&name.as_str())
    });
    for (name, value) in parameters {
        if name.ends_with("Expression") && value == "" {
            let message = format!("Invalid {name}: The expression can not be empty;");
            return Err(Fault::validation(message));
        }
        if !harmless(name, value) {
            return Err(call.not_built(name));
        }
    }
    Ok(())
}

/// Refuses placeholders where no expression is that could use them. `missing` says which could be.
pub(super) fn no_placeholders(call: &Call<'_>, missing: &str) -> Result<(), Fault> {
    const ONLY: &str = "can only be specified when using expressions";
    if call.input.contains_key(NAMES) {
        return Err(Fault::validation(format!("{NAMES} {ONLY}")));
    }
    if call.input.contains_key(VALUES) {
        return Err(Fault::validation(format!("{VALUES} {ONLY}: {missing}")));
    }
    Ok(())
}

fn harmless(name: &str, value: &Value) -> bool {
    match name {
        "StreamSpecification" => value["StreamEnabled"] == false,
        "SSESpecification" => value["Enabled"] == false,
        "TableClass" => value == "STANDARD",
        "DeletionProtectionEnabled" => value == false,
        "OnDemandThroughput" => value
            .as_object()
            .is_some_and(|limits| limits.values().all(|limit| limit == -1)),
        "Tags" => value.as_array().is_some_and(Vec::is_empty),
        _ => false,
    }
}
