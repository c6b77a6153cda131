use serde::Deserialize;
use tables::{Error, Scan, Segment};

use super::capacity::Wanted;
use super::error::fault;
use super::page::{self, Select, Telling};
use super::{Asked, attribute, settings, table};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    table_name: String,
    limit: Option<usize>,
    #[serde(default)]
    select: Select,
    segment: Option<u32>,
    total_segments: Option<u32>,
    #[serde(default)]
    consistent_read: bool,
    #[serde(default)]
    return_consumed_capacity: Wanted,
}

const KNOWN: [&str; 8] = [
    "TableName",
    "Limit",
    "Select",
    "ExclusiveStartKey",
    "Segment",
    "TotalSegments",
    "ConsistentRead",
    "ReturnConsumedCapacity",
];

pub(super) fn scan(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &KNOWN)?;
    settings::no_placeholders(&asked.call, "FilterExpression is null")?;
    let after = attribute::take(&mut asked.call, "ExclusiveStartKey")?;
    let input: Input = asked.call.read()?;
    input.select.check()?;
    let segment = segment(input.segment, input.total_segments)?;
    let table = table::name(asked.context, &input.table_name)?;
    let scan = Scan {
        table,
        limit: input.limit,
        after: after.as_ref(),
        segment,
        ..Scan::default()
    };
    let page = asked.tables.scan(asked.space(), &scan);
    let page = page.map_err(|error| refusal(error, segment))?;
    let telling = Telling {
        table,
        select: input.select,
        consistent: input.consistent_read,
        capacity: input.return_consumed_capacity,
    };
    Ok(page::answer(&asked, &page, telling))
}

fn segment(index: Option<u32>, of: Option<u32>) -> Result<Option<Segment>, Fault> {
    let message = match (index, of) {
        (None, None) => return Ok(None),
        (Some(index), Some(of)) if index < of => return Ok(Some(Segment { index, of })),
        (Some(index), Some(of)) => format!(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: {index} is not less than TotalSegments: {of}"
        ),
        (Some(_), None) => {
            "The TotalSegments parameter is required but was not present in the request when Segment parameter is present".into()
        }
        (None, Some(_)) => {
            "The Segment parameter is required but was not present in the request when parameter TotalSegments is present".into()
        }
    };
    Err(Fault::validation(message))
}

/// Here a key can only have been one to start after.
fn refusal(error: Error, segment: Option<Segment>) -> Fault {
    match (error, segment) {
        (Error::NotAKey, _) => Fault::validation(
            "The provided starting key is invalid: The provided key element does not match the schema",
        ),
        (Error::StartOutside, Some(Segment { index, of })) => Fault::validation(format!(
            "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment. TotalSegments: {of} Segment: {index}"
        )),
        (error, _) => fault(error),
    }
}
