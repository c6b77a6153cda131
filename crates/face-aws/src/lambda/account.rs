use serde_json::json;

use super::error::fault;
use super::name::Named;
use super::{Answer, Asked};
use crate::protocol::Fault;

pub(super) fn settings(asked: &Asked<'_>) -> Result<Answer, Fault> {
    let (functions, space) = (&asked.parts.functions, &asked.context.space);
    let nobody = Named {
        name: String::new(),
        qualifier: None,
    };
    let all = functions.list(space, None, usize::MAX);
    let all = all.map_err(|error| fault(asked.context, &nobody, error))?;
    let refused = |error| fault(asked.context, &nobody, error);
    let mut size: u64 = 0;
    for function in &all {
        let versions = functions.versions(space, &function.name, None, usize::MAX);
        let versions = versions.map_err(refused)?;
        let all = versions.iter().chain([function]);
        size += all.map(|one| one.code.size.as_bytes()).sum::<u64>();
    }
    for layer in functions.layers(space).map_err(refused)? {
        let versions = functions
            .layer_versions(space, &layer.name)
            .map_err(refused)?;
        size += versions
            .iter()
            .map(|one| one.code.size.as_bytes())
            .sum::<u64>();
    }
    Ok(Answer::Json(json!({
        "AccountLimit": {
            "TotalCodeSize": 80_530_636_800_u64,
            "CodeSizeUnzipped": 262_144_000,
            "CodeSizeZipped": 52_428_800,
            "ConcurrentExecutions": functions.concurrency(),
            "UnreservedConcurrentExecutions": functions.unreserved_concurrency(space),
        },
        "AccountUsage": { "TotalCodeSize": size, "FunctionCount": all.len() },
    })))
}
