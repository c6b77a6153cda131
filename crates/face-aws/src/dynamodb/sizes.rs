//! Sizes that the newer checks look at before all else. What is wrong is told alone, and without what was given.

use serde_json::{Map, Value};

use crate::protocol::{Fault, Operation};

const MOST_KEYS: usize = 100;

pub(super) fn check(operation: &Operation, input: &Map<String, Value>) -> Result<(), Fault> {
    let has = |name: &str| input.contains_key(name);
    match operation.name {
        "PutItem" if has("Item") => table_name(input),
        // With no key it is the older checks that answer.
        "UpdateItem" | "DeleteItem" if has("Key") => table_name(input),
        "Query" | "Scan" => limit(input),
        "BatchGetItem" => keys(input),
        _ => Ok(()),
    }
}

fn table_name(input: &Map<String, Value>) -> Result<(), Fault> {
    match input.get("TableName").and_then(Value::as_str) {
        Some("") => Err(bound("TableName", "length greater than or equal to 1")),
        _ => Ok(()),
    }
}

fn limit(input: &Map<String, Value>) -> Result<(), Fault> {
    match input.get("Limit").and_then(Value::as_i64) {
        Some(..=0) => Err(bound("Limit", "value greater than or equal to 1")),
        _ => Ok(()),
    }
}

fn keys(input: &Map<String, Value>) -> Result<(), Fault> {
    const REQUESTS: &str = "RequestItems";
    let Some(Value::Object(requests)) = input.get(REQUESTS) else {
        return Ok(());
    };
    if requests.is_empty() {
        return Err(bound(REQUESTS, "length greater than or equal to 1"));
    }
    for (table, request) in requests {
        let at = || format!("{REQUESTS}.{table}.member.Keys");
        match request["Keys"].as_array().map(Vec::len) {
            Some(0) => return Err(bound(&at(), "length greater than or equal to 1")),
            Some(count) if count > MOST_KEYS => {
                let most = format!("length less than or equal to {MOST_KEYS}");
                return Err(bound(&at(), &most));
            }
            _ => {}
        }
    }
    Ok(())
}

fn bound(at: &str, must: &str) -> Fault {
    Fault::detected(&[format!(
        "Value at '{at}' failed to satisfy constraint: Member must have {must}"
    )])
}
