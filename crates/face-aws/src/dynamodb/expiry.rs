//! `UpdateTimeToLive` and `DescribeTimeToLive`.

use serde::Deserialize;
use serde_json::json;

use super::error::about_table;
use super::{Asked, settings, table};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    table_name: String,
    time_to_live_specification: Option<Specification>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Specification {
    enabled: bool,
    attribute_name: String,
}

pub(super) async fn set(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &["TableName", "TimeToLiveSpecification"])?;
    let input: Input = asked.call.read()?;
    let wanted = input
        .time_to_live_specification
        .ok_or_else(|| table::absent("timeToLiveSpecification"))?;
    let name = table::managed(asked.context, &input.table_name)?;
    let table = asked.tables.table(asked.space(), name);
    let current = table.map_err(about_table)?.expiry.clone();
    let refused = match (&current, wanted.enabled) {
        (Some(current), _) if current.attribute != wanted.attribute_name => Some(format!(
            "TimeToLive is active on a different AttributeName: current AttributeName is {}",
            current.attribute
        )),
        (Some(_), true) => Some("TimeToLive is already enabled".to_owned()),
        (None, false) => Some("TimeToLive is already disabled".into()),
        _ => None,
    };
    if let Some(message) = refused {
        return Err(Fault::validation(message));
    }
    let attribute = wanted.enabled.then_some(wanted.attribute_name.as_str());
    let set = asked.tables.set_expiry(asked.space(), name, attribute);
    set.await.map_err(about_table)?;
    Ok(asked.answer(&json!({
        "TimeToLiveSpecification": {
            "Enabled": wanted.enabled,
            "AttributeName": wanted.attribute_name,
        },
    })))
}

pub(super) fn describe(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &["TableName"])?;
    let input: Input = asked.call.read()?;
    let name = table::managed(asked.context, &input.table_name)?;
    let table = asked.tables.table(asked.space(), name);
    let table = table.map_err(about_table)?;
    let description = match &table.expiry {
        None => json!({ "TimeToLiveStatus": "DISABLED" }),
        Some(expiry) => json!({
            "TimeToLiveStatus": "ENABLED",
            "AttributeName": expiry.attribute,
        }),
    };
    Ok(asked.answer(&json!({ "TimeToLiveDescription": description })))
}
