use serde::Deserialize;
use serde_json::json;

use super::error::fault;
use super::{Asked, settings};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    exclusive_start_table_name: Option<String>,
    limit: Option<usize>,
}

/// The largest page, and the one unless the caller wants less.
const PAGE: usize = 100;

pub(super) fn list(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &["ExclusiveStartTableName", "Limit"])?;
    let input: Input = asked.call.read()?;
    let after = input.exclusive_start_table_name.as_deref();
    let limit = input.limit.unwrap_or(PAGE);
    let found = asked
        .tables
        .list(asked.space(), after, limit)
        .map_err(fault)?;
    let mut output = json!({ "TableNames": found.names });
    if let (true, Some(last)) = (found.more, found.names.last()) {
        output["LastEvaluatedTableName"] = last.as_str().into();
    }
    Ok(asked.answer(&output))
}
