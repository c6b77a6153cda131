//! Chains of calls. SDKs inside functions pass the trace of the call that they run in on to what they call; in it is told
//! how often the chain has come by which function, as the real service tells it: `Lineage=<function>:<times>|…`.

use aws_lc_rs::digest;
use functions::{Function, Looping, Recursion};

use crate::place::Place;

/// How often one chain may come by a function. The published number is approximate.
const MOST: u32 = 16;
/// How many functions are told of.
const REMEMBERED: usize = 3;

/// The trace to be handed to the function, or that the chain has been cut.
pub(crate) fn follow(trace: Option<&str>, function: &Function) -> Result<Option<String>, Looping> {
    let Some(trace) = trace else {
        return Ok(None);
    };
    // The function that was called last comes first.
    let (mut lineage, mut fields) = (Vec::new(), Vec::new());
    for field in trace.split(';').filter(|field| !field.is_empty()) {
        match field.trim().strip_prefix("Lineage=") {
            Some(told) => lineage.extend(told.split('|').filter_map(read)),
            None => fields.push(field.trim().to_owned()),
        }
    }
    let own = mark(function);
    let times = match lineage.iter().position(|(other, _)| *other == own) {
        Some(at) => lineage.remove(at).1.saturating_add(1),
        None => 1,
    };
    if times > MOST && function.recursion == Recursion::Terminate {
        return Err(Looping);
    }
    lineage.insert(0, (own, times));
    let told: Vec<String> = lineage
        .iter()
        .take(REMEMBERED)
        .map(|(mark, times)| format!("{mark}:{times}"))
        .collect();
    fields.push(format!("Lineage={}", told.join("|")));
    Ok(Some(fields.join(";")))
}

fn read(told: &str) -> Option<(String, u32)> {
    let (mark, times) = told.split_once(':')?;
    Some((mark.to_owned(), times.parse().ok()?))
}

fn mark(function: &Function) -> String {
    let arn = Place::of(&function.space).function_arn(&function.name, None);
    let hash = digest::digest(&digest::SHA256, arn.as_bytes());
    let start = hash.as_ref().iter().take(4);
    start.map(|byte| format!("{byte:02x}")).collect()
}
