use serde::Deserialize;
use serde_json::json;

use super::error::about_table;
use super::{Asked, settings, table};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    table_name: String,
}

pub(super) fn describe(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &["TableName"])?;
    let input: Input = asked.call.read()?;
    let name = table::managed(asked.context, &input.table_name)?;
    let description = asked
        .tables
        .describe(asked.space(), name)
        .map_err(about_table)?;
    let printed = table::print(asked.context, &description, "ACTIVE");
    Ok(asked.answer(&json!({ "Table": printed })))
}
