//! What is asked about the service and not about items.

use serde::Deserialize;
use serde_json::json;
use tables::Settings;

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
    point_in_time_recovery_specification: Option<Recovery>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Recovery {
    point_in_time_recovery_enabled: bool,
    recovery_period_in_days: Option<u32>,
}

/// The longest period, and the one unless the caller wants less.
const LONGEST: u32 = 35;

pub(super) fn backups(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &["TableName"])?;
    let input: Input = asked.call.read()?;
    let name = table::managed(asked.context, &input.table_name)?;
    let found = asked.tables.settings(asked.space(), name);
    let found = found.map_err(|error| table::not_found(error, name))?;
    Ok(answer(&asked, &found))
}

/// What is wanted is kept, and an export asks for it; items are not kept as they were.
pub(super) async fn set_backups(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    const SPECIFICATION: &str = "PointInTimeRecoverySpecification";
    settings::only(&asked.call, &["TableName", SPECIFICATION])?;
    let input: Input = asked.call.read()?;
    let wanted = input
        .point_in_time_recovery_specification
        .ok_or_else(|| table::absent("pointInTimeRecoverySpecification"))?;
    let name = table::managed(asked.context, &input.table_name)?;
    let days = wanted.recovery_period_in_days;
    if days.is_some() && !wanted.point_in_time_recovery_enabled {
        return Err(Fault::validation(
            "Invalid Request: Cannot specify RecoveryPeriodInDays when disabling point-in-time recovery.",
        ));
    }
    let enabled = wanted.point_in_time_recovery_enabled;
    let days = enabled.then(|| days.unwrap_or(LONGEST));
    let kept = asked.tables.set_recovery(asked.space(), name, days).await;
    let kept = kept.map_err(|error| table::not_found(error, name))?;
    Ok(answer(&asked, &kept))
}

fn answer(asked: &Asked<'_>, settings: &Settings) -> wire::Response {
    let recovery = match &settings.recovery {
        None => json!({ "PointInTimeRecoveryStatus": "DISABLED" }),
        // Items are not kept as they were: there is no other moment than this one.
        Some(recovery) => json!({
            "PointInTimeRecoveryStatus": "ENABLED",
            "RecoveryPeriodInDays": recovery.days,
        }),
    };
    asked.answer(&json!({
        "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": recovery,
        },
    }))
}
