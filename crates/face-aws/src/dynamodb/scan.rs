use serde::Deserialize;
use tables::{Error, Scan, Segment};

use super::capacity::Wanted;
use super::checks::Checks;
use super::error::fault;
use super::page::{self, Reading, Select};
use super::terms::{Grammar, Terms};
use super::{Asked, attribute, settings, table};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    table_name: String,
    index_name: Option<String>,
    limit: Option<usize>,
    select: Option<Select>,
    segment: Option<u32>,
    total_segments: Option<u32>,
    #[serde(default)]
    consistent_read: bool,
    #[serde(default)]
    return_consumed_capacity: Wanted,
}

const KNOWN: [&str; 9] = [
    "TableName",
    "IndexName",
    "Limit",
    "Select",
    "ExclusiveStartKey",
    "Segment",
    "TotalSegments",
    "ConsistentRead",
    "ReturnConsumedCapacity",
];

const GRAMMAR: Grammar = Grammar {
    with_values: &["FilterExpression"],
    with_names: &["ProjectionExpression"],
    legacy: &["AttributesToGet", "ScanFilter", "ConditionalOperator"],
    checks: Checks::Newer,
};

pub(super) fn scan(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    let by_expression = asked.call.input.contains_key("ProjectionExpression");
    let mut terms = Terms::of(&mut asked.call.input, &GRAMMAR)?;
    let projection = terms.projection()?;
    let filter = terms.filter("ScanFilter")?;
    terms.done()?;
    settings::only(&asked.call, &KNOWN)?;
    let after = attribute::take(&mut asked.call.input, "ExclusiveStartKey", GRAMMAR.checks)?;
    let input: Input = asked.call.read()?;
    let segment = segment(input.segment, input.total_segments)?;
    let of_index = input.index_name.is_some();
    Select::check(input.select, projection.as_ref(), by_expression, of_index)?;
    let name = table::name(asked.context, &input.table_name)?;
    let table = asked.tables.table(asked.space(), name).map_err(fault)?;
    let index_name = input.index_name.as_deref();
    let reading = Reading {
        table: &table,
        index: page::index(&table, index_name, input.consistent_read)?,
        select: input.select,
        projection,
        filter,
        consistent: input.consistent_read,
        capacity: input.return_consumed_capacity,
    };
    reading.check()?;
    let scan = Scan {
        table: name,
        index: index_name,
        filter: reading.filter.as_ref(),
        whole: reading.whole(),
        limit: input.limit,
        after: after.as_ref(),
        segment,
    };
    let page = asked.tables.scan(asked.space(), &scan);
    let page = page.map_err(|error| refusal(error, segment))?;
    Ok(reading.answer(&asked, &page))
}

fn segment(index: Option<u32>, of: Option<u32>) -> Result<Option<Segment>, Fault> {
    let message = match (index, of) {
        (None, None) => return Ok(None),
        (Some(index), Some(of)) if index < of => return Ok(Some(Segment { index, of })),
        (Some(_), Some(_)) => {
            "The Segment parameter is zero-based and must be less than parameter TotalSegments"
        }
        (Some(_), None) => {
            "The TotalSegments parameter is required but was not present in the request when Segment parameter is present"
        }
        (None, Some(_)) => {
            "The Segment parameter is required but was not present in the request when parameter TotalSegments is present"
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
