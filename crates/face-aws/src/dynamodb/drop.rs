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

pub(super) async fn drop(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &["TableName"])?;
    let input: Input = asked.call.read()?;
    let name = table::name(asked.context, &input.table_name)?;
    let dropped = asked.tables.drop_table(asked.space(), name).await;
    let printed = table::print(asked.context, &dropped.map_err(about_table)?, "DELETING");
    Ok(asked.answer(&json!({ "TableDescription": printed })))
}
