use serde::{Deserialize, Serialize};
use tables::{Item, Projection, item_size};

use super::attribute::PrintedItem;
use super::capacity::{Consumed, Kind, Spent, Wanted};
use super::checks::Checks;
use super::error::fault;
use super::terms::{Grammar, Terms};
use super::{Asked, attribute, settings, table};
use crate::protocol::{Call, Fault};

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

/// What reads of items by their keys may say.
pub(super) const PROJECTION: Grammar = Grammar {
    with_values: &["ProjectionExpression"],
    with_names: &[],
    legacy: &["AttributesToGet"],
    checks: Checks::Newer,
};

/// A request that was understood.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Request {
    pub(super) table_name: String,
    pub(super) key: Item,
    pub(super) consistent_read: bool,
    pub(super) return_consumed_capacity: Wanted,
    pub(super) projection: Option<Projection>,
}

pub(super) fn get(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    let request = read(&mut asked.call)?;
    request.answer(&asked)
}

pub(super) fn read(call: &mut Call<'_>) -> Result<Request, Fault> {
    let mut terms = Terms::of(&mut call.input, &PROJECTION)?;
    let projection = terms.projection()?;
    terms.done()?;
    settings::only(call, &KNOWN)?;
    let key = attribute::take(&mut call.input, "Key", PROJECTION.checks)?.unwrap_or_default();
    let input: Input = call.read()?;
    Ok(Request {
        table_name: input.table_name,
        key,
        consistent_read: input.consistent_read,
        return_consumed_capacity: input.return_consumed_capacity,
        projection,
    })
}

impl Request {
    pub(super) fn answer(self, asked: &Asked<'_>) -> Result<wire::Response, Fault> {
        let table = table::name(asked.context, &self.table_name)?;
        let item = asked.tables.get(asked.space(), table, &self.key);
        let item = item.map_err(fault)?;
        let consumed_capacity = self.return_consumed_capacity.tell(table, Kind::Any, || {
            Spent::read(item.as_ref().map_or(0, item_size), self.consistent_read)
        });
        let item = match self.projection {
            Some(projection) => item.map(|item| projection.of(&item)),
            None => item,
        };
        Ok(asked.answer(&Output {
            item: item.as_ref().map(PrintedItem),
            consumed_capacity,
        }))
    }
}
