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

/// What is no longer told of a table that goes.
const UNTOLD: [&str; 5] = [
    "AttributeDefinitions",
    "CreationDateTime",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "LocalSecondaryIndexes",
];

pub(super) async fn drop(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &["TableName"])?;
    let input: Input = asked.call.read()?;
    let name = table::managed(asked.context, &input.table_name)?;
    let dropped = asked.tables.drop_table(asked.space(), name).await;
    let mut printed = table::print(asked.context, &dropped.map_err(about_table)?, "DELETING");
    if let Some(members) = printed.as_object_mut() {
        members.retain(|name, _| !UNTOLD.contains(&name.as_str()));
    }
    Ok(asked.answer(&json!({ "TableDescription": printed })))
}
