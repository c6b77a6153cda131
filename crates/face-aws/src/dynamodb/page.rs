//! What scans and queries have in common.

use serde::{Deserialize, Serialize};
use tables::Page;

use super::Asked;
use super::attribute::PrintedItem;
use super::capacity::{Consumed, Wanted};
use super::error::invalid;
use crate::protocol::Fault;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Select {
    #[default]
    AllAttributes,
    AllProjectedAttributes,
    SpecificAttributes,
    Count,
}

/// How a page is to be told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Telling<'a> {
    pub(super) table: &'a str,
    pub(super) select: Select,
    pub(super) consistent: bool,
    pub(super) capacity: Wanted,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Vec<PrintedItem<'a>>>,
    count: usize,
    scanned_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_evaluated_key: Option<PrintedItem<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consumed_capacity: Option<Consumed>,
}

impl Select {
    /// Refuses what only goes with an index or with a choice of attributes, both of which are refused already.
    pub(super) fn check(self) -> Result<(), Fault> {
        match self {
            Self::AllAttributes | Self::Count => Ok(()),
            Self::AllProjectedAttributes => Err(invalid(
                "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
            )),
            Self::SpecificAttributes => Err(invalid(
                "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
            )),
        }
    }
}

pub(super) fn answer(asked: &Asked<'_>, page: &Page, telling: Telling<'_>) -> wire::Response {
    let items = || page.items.iter().map(PrintedItem).collect();
    asked.answer(&Output {
        items: (telling.select != Select::Count).then(items),
        count: page.items.len(),
        scanned_count: page.items.len(),
        last_evaluated_key: page.last.as_ref().map(PrintedItem),
        consumed_capacity: telling
            .capacity
            .read(telling.table, page.bytes, telling.consistent),
    })
}
