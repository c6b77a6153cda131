use serde::Deserialize;
use tables::{Error, Query, Value};

use super::capacity::Wanted;
use super::error::{fault, invalid};
use super::page::{self, Select, Telling};
use super::placeholders::Placeholders;
use super::{Asked, attribute, condition, settings, table};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    table_name: String,
    key_condition_expression: String,
    limit: Option<usize>,
    #[serde(default)]
    select: Select,
    #[serde(default = "forwards")]
    scan_index_forward: bool,
    #[serde(default)]
    consistent_read: bool,
    #[serde(default)]
    return_consumed_capacity: Wanted,
}

fn forwards() -> bool {
    true
}

const KNOWN: [&str; 8] = [
    "TableName",
    "KeyConditionExpression",
    "Limit",
    "Select",
    "ScanIndexForward",
    "ExclusiveStartKey",
    "ConsistentRead",
    "ReturnConsumedCapacity",
];

pub(super) fn query(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &KNOWN)?;
    if !asked.call.input.contains_key("KeyConditionExpression") {
        let missing = "FilterExpression and KeyConditionExpression are null";
        settings::no_placeholders(&asked.call, missing)?;
        return Err(Fault::validation(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
        ));
    }
    let mut placeholders = Placeholders::take(&mut asked.call)?;
    let after = attribute::take(&mut asked.call, "ExclusiveStartKey")?;
    let input: Input = asked.call.read()?;
    input.select.check()?;
    let conditions = condition::read(&input.key_condition_expression, &mut placeholders)?;
    placeholders.all_used()?;
    let name = table::name(asked.context, &input.table_name)?;
    let table = asked.tables.table(asked.space(), name).map_err(fault)?;
    let (partition, sort) = condition::split(&table.key, conditions)?;
    let query = Query {
        sort: sort.as_ref(),
        limit: input.limit,
        after: after.as_ref(),
        backwards: !input.scan_index_forward,
        ..Query::of(name, &partition)
    };
    let page = asked.tables.query(asked.space(), &query).map_err(|error| {
        let start = after
            .as_ref()
            .and_then(|key| key.get(&table.key.partition.name));
        refusal(error, start, &partition)
    })?;
    let telling = Telling {
        table: name,
        select: input.select,
        consistent: input.consistent_read,
        capacity: input.return_consumed_capacity,
    };
    Ok(page::answer(&asked, &page, telling))
}

/// Here a key can only have been one to start after, and an attribute's type only one in a condition. `start` is the
/// partition of the key to start after.
fn refusal(error: Error, start: Option<&Value>, partition: &Value) -> Fault {
    match error {
        Error::NotAKey => Fault::validation("The provided starting key is invalid"),
        Error::StartOutside if start == Some(partition) => {
            Fault::validation("The provided starting key does not match the range key predicate")
        }
        Error::StartOutside => Fault::validation(
            "The provided starting key is outside query boundaries based on provided conditions",
        ),
        Error::WrongKeyType { .. } => {
            invalid("Condition parameter type does not match schema type")
        }
        error => fault(error),
    }
}
