//! What writes of one item have in common.

use serde::{Deserialize, Serialize};
use tables::{Item, item_size};

use super::attribute::PrintedItem;
use super::capacity::{Consumed, Wanted};
use super::{Asked, settings};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    pub(super) table_name: String,
    #[serde(default)]
    return_values: ReturnValues,
    #[serde(default)]
    pub(super) return_consumed_capacity: Wanted,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ReturnValues {
    #[default]
    None,
    AllOld,
    AllNew,
    UpdatedOld,
    UpdatedNew,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<PrintedItem<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consumed_capacity: Option<Consumed>,
}

/// Besides the item or key. `ReturnItemCollectionMetrics` is obeyed by saying nothing, as for every table without local
/// indexes; what is to be returned when a condition fails is of no matter without one.
const KNOWN: [&str; 5] = [
    "TableName",
    "ReturnValues",
    "ReturnConsumedCapacity",
    "ReturnItemCollectionMetrics",
    "ReturnValuesOnConditionCheckFailure",
];

/// Refuses what is not built. `what` is the parameter that names the item.
pub(super) fn check(asked: &Asked<'_>, what: &str) -> Result<(), Fault> {
    let mut known = vec![what];
    known.extend(KNOWN);
    settings::only(&asked.call, &known)?;
    settings::no_placeholders(&asked.call, "ConditionExpression is null")
}

impl Input {
    pub(super) fn check(&self) -> Result<(), Fault> {
        match self.return_values {
            ReturnValues::None | ReturnValues::AllOld => Ok(()),
            ReturnValues::AllNew | ReturnValues::UpdatedOld | ReturnValues::UpdatedNew => Err(
                Fault::validation("ReturnValues can only be ALL_OLD or NONE"),
            ),
        }
    }

    /// The size of what is written, if it will be told.
    pub(super) fn size(&self, item: &Item) -> usize {
        match self.return_consumed_capacity {
            Wanted::None => 0,
            Wanted::Total | Wanted::Indexes => item_size(item),
        }
    }

    /// The answer to a write that took the place of `old` and whose new item has `size` bytes.
    pub(super) fn answer(
        &self,
        asked: &Asked<'_>,
        table: &str,
        old: Option<&Item>,
        size: usize,
    ) -> wire::Response {
        let size = size.max(old.map_or(0, |old| self.size(old)));
        let returned = old.filter(|_| self.return_values == ReturnValues::AllOld);
        asked.answer(&Output {
            attributes: returned.map(PrintedItem),
            consumed_capacity: self.return_consumed_capacity.written(table, size),
        })
    }
}
