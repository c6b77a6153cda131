use serde::{Deserialize, Serialize};
use tables::item_size;

use super::attribute::PrintedItem;
use super::capacity::{Consumed, Wanted};
use super::error::fault;
use super::{Asked, attribute, settings, table};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    table_name: String,
    /// Reads always are; this decides what they cost.
    #[serde(default)]
    consistent_read: bool,
    #[serde(default)]
    return_consumed_capacity: Wanted,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<PrintedItem<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consumed_capacity: Option<Consumed>,
}

const KNOWN: [&str; 4] = [
    "TableName",
    "Key",
    "ConsistentRead",
    "ReturnConsumedCapacity",
];

pub(super) fn get(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &KNOWN)?;
    settings::no_placeholders(&asked.call, "ProjectionExpression is null")?;
    let key = attribute::take(&mut asked.call, "Key")?.unwrap_or_default();
    let input: Input = asked.call.read()?;
    let table = table::name(asked.context, &input.table_name)?;
    let item = asked
        .tables
        .get(asked.space(), table, &key)
        .map_err(fault)?;
    let consumed_capacity = match input.return_consumed_capacity {
        Wanted::None => None,
        wanted => {
            let size = item.as_ref().map_or(0, item_size);
            wanted.read(table, size, input.consistent_read)
        }
    };
    Ok(asked.answer(&Output {
        item: item.as_ref().map(PrintedItem),
        consumed_capacity,
    }))
}
