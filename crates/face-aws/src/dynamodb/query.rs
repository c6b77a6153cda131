use serde::Deserialize;
use tables::{Condition, Error, KeyParts, Query};

use super::capacity::Wanted;
use super::checks::Checks;
use super::error::{fault, invalid};
use super::page::{self, Reading, Select};
use super::terms::{Grammar, Terms};
use super::{Asked, attribute, expression, settings, table};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    table_name: String,
    index_name: Option<String>,
    limit: Option<usize>,
    select: Option<Select>,
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
    "IndexName",
    "Limit",
    "Select",
    "ScanIndexForward",
    "ExclusiveStartKey",
    "ConsistentRead",
    "ReturnConsumedCapacity",
];

const GRAMMAR: Grammar = Grammar {
    with_values: &["FilterExpression", "KeyConditionExpression"],
    with_names: &["ProjectionExpression"],
    legacy: &[
        "AttributesToGet",
        "QueryFilter",
        "ConditionalOperator",
        "KeyConditions",
    ],
    checks: Checks::Newer,
};

pub(super) fn query(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    let by_expression = asked.call.input.contains_key("ProjectionExpression");
    let legacy_filter = asked.call.input.contains_key("QueryFilter");
    let legacy_keys = asked.call.input.contains_key("KeyConditions");
    let mut terms = Terms::of(&mut asked.call.input, &GRAMMAR)?;
    let projection = terms.projection()?;
    let filter = terms.filter("QueryFilter")?;
    let conditions = terms.key_conditions()?.ok_or_else(|| {
        Fault::validation(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
        )
    })?;
    terms.done()?;
    settings::only(&asked.call, &KNOWN)?;
    let after = attribute::take(&mut asked.call.input, "ExclusiveStartKey", GRAMMAR.checks)?;
    let input: Input = asked.call.read()?;
    let of_index = input.index_name.is_some();
    Select::check(input.select, projection.as_ref(), by_expression, of_index)?;
    let name = table::name(asked.context, &input.table_name)?;
    let table = asked.tables.table(asked.space(), name).map_err(fault)?;
    let index_name = input.index_name.as_deref();
    let index = page::index(&table, index_name, input.consistent_read)?;
    let key = index.map_or_else(|| table.key.parts(), |index| index.key.parts());
    // The words for it are ours.
    if legacy_keys && key.single().is_none() {
        return Err(invalid(
            "KeyConditions cannot be used with an index whose key has several attributes of one role, use KeyConditionExpression",
        ));
    }
    let reading = Reading {
        table: &table,
        index,
        select: input.select,
        projection,
        filter,
        consistent: input.consistent_read,
        capacity: input.return_consumed_capacity,
    };
    reading.check()?;
    let keys = expression::split(key, conditions)?;
    if let Some(filter) = &reading.filter {
        check_filter(key, filter, legacy_filter)?;
        reading.check_filter()?;
    }
    let query = Query {
        table: name,
        index: index_name,
        partition: &keys.partition,
        leading: &keys.leading,
        sort: keys.sort.as_ref(),
        filter: reading.filter.as_ref(),
        whole: reading.whole(),
        limit: input.limit,
        after: after.as_ref(),
        backwards: !input.scan_index_forward,
    };
    let page = asked.tables.query(asked.space(), &query);
    let page = page.map_err(|error| refusal(error, starts_within(key, &query)))?;
    Ok(reading.answer(&asked, &page))
}

/// What is asked of the keys is asked by the key condition.
fn check_filter(key: KeyParts<'_>, filter: &Condition, legacy: bool) -> Result<(), Fault> {
    let mut keys = key.attributes().map(|key| key.name.as_str());
    let Some(name) = keys.find(|key| filter.attributes().contains(key)) else {
        return Ok(());
    };
    let parameter = match legacy {
        true => "QueryFilter",
        false => "Filter Expression",
    };
    Err(Fault::validation(format!(
        "{parameter} can only contain non-primary key attributes: Primary key attribute: {name}"
    )))
}

/// Whether the key to start after is in the partition that is read.
fn starts_within(key: KeyParts<'_>, query: &Query<'_>) -> bool {
    let mut partition = key.partition.iter().zip(query.partition);
    query.after.is_some_and(|after| {
        partition.all(|(attribute, value)| after.get(&attribute.name) == Some(value))
    })
}

/// Here a key can only have been one to start after, and an attribute's type only one in a condition.
fn refusal(error: Error, starts_within: bool) -> Fault {
    match error {
        Error::NotAKey => Fault::validation("The provided starting key is invalid"),
        Error::StartOutside if starts_within => {
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
