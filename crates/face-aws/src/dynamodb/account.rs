//! What is asked about the service and not about items.

use serde::Deserialize;
use serde_json::json;

use super::error::about_table;
use super::{Asked, settings, table};
use crate::protocol::Fault;

/// The real service's defaults. Nothing is throttled by them.
pub(super) fn limits(asked: &Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &[])?;
    Ok(asked.answer(&json!({
        "AccountMaxReadCapacityUnits": 80_000,
        "AccountMaxWriteCapacityUnits": 80_000,
        "TableMaxReadCapacityUnits": 40_000,
        "TableMaxWriteCapacityUnits": 40_000,
    })))
}

/// The address at which the caller already is: there is no other.
pub(super) fn endpoints(asked: &Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &[])?;
    let endpoint = json!({ "Address": asked.host, "CachePeriodInMinutes": 1_440 });
    Ok(asked.answer(&json!({ "Endpoints": [endpoint] })))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    table_name: String,
}

/// There are no backups of any moment, and so it is told.
pub(super) fn backups(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &["TableName"])?;
    let input: Input = asked.call.read()?;
    let name = table::name(asked.context, &input.table_name)?;
    asked
        .tables
        .table(asked.space(), name)
        .map_err(about_table)?;
    Ok(asked.answer(&json!({
        "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": { "PointInTimeRecoveryStatus": "DISABLED" },
        },
    })))
}

/// Turning them off is what they are; turning them on would promise what is not kept.
pub(super) fn set_backups(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    const SPECIFICATION: &str = "PointInTimeRecoverySpecification";
    let specification = asked.call.input.remove(SPECIFICATION);
    let enabled = specification
        .as_ref()
        .map(|specification| &specification["PointInTimeRecoveryEnabled"]);
    if enabled != Some(&json!(false)) {
        return Err(asked.call.not_built(SPECIFICATION));
    }
    backups(asked)
}
