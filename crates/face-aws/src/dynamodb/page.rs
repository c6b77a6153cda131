//! What scans and queries have in common.

use serde::{Deserialize, Serialize};
use tables::{Condition, Index, Item, Page, Projected, Projection, Table};

use super::Asked;
use super::attribute::PrintedItem;
use super::capacity::{Consumed, Kind, Spent, Wanted};
use super::error::invalid;
use crate::protocol::Fault;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Select {
    AllAttributes,
    AllProjectedAttributes,
    SpecificAttributes,
    Count,
}

/// What is to be read, and how it is to be told.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    pub(super) table: &'a Table,
    pub(super) index: Option<&'a Index>,
    pub(super) select: Option<Select>,
    pub(super) projection: Option<Projection>,
    pub(super) filter: Option<Condition>,
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

/// The index with this name. A table's own name must not be in the way of what is wrong with it.
pub(super) fn index<'a>(
    table: &'a Table,
    name: Option<&str>,
    consistent: bool,
) -> Result<Option<&'a Index>, Fault> {
    let Some(name) = name else {
        return Ok(None);
    };
    let index = table.index(name).ok_or_else(|| {
        Fault::validation(format!(
            "The table does not have the specified index: {name}"
        ))
    })?;
    if consistent && !index.local {
        return Err(Fault::validation(
            "Consistent reads are not supported on global secondary indexes",
        ));
    }
    Ok(Some(index))
}

/// Those of the attributes that an index has not, each once and in their order.
pub(super) fn missing<'a>(
    table: &Table,
    index: &Index,
    names: impl IntoIterator<Item = &'a str>,
) -> Vec<&'a str> {
    let only = match &index.projected {
        Projected::All => return Vec::new(),
        Projected::Keys => &[][..],
        Projected::Only(names) => names,
    };
    let has = |name: &str| {
        let mut keys = index.key.attributes().chain(table.key.attributes());
        keys.any(|key| key.name == name) || only.iter().any(|each| each == name)
    };
    let mut missing = Vec::new();
    for name in names {
        if !has(name) && !missing.contains(&name) {
            missing.push(name);
        }
    }
    missing
}

/// Refuses to select what a global index has not.
pub(super) fn selects(index: &Index, missing: &[&str]) -> Result<(), Fault> {
    let name = &index.name;
    let message = format!("Global secondary index {name} does not project");
    has_all(&message, missing)
}

/// Refuses to filter by what an index has not.
pub(super) fn filters(index: &Index, missing: &[&str]) -> Result<(), Fault> {
    let name = &index.name;
    let message = format!("Secondary index {name} does not project one or more filter attributes:");
    has_all(&message, missing)
}

fn has_all(message: &str, missing: &[&str]) -> Result<(), Fault> {
    match missing {
        [] => Ok(()),
        missing => Err(invalid(format!("{message} [{}]", missing.join(", ")))),
    }
}

impl Select {
    /// Refuses to choose what does not go with the rest of a request. A projection is one by an expression, or by the
    /// older parameter.
    pub(super) fn check(
        chosen: Option<Self>,
        projection: Option<&Projection>,
        by_expression: bool,
        of_index: bool,
    ) -> Result<(), Fault> {
        let chosen = match (chosen, projection) {
            (None | Some(Self::SpecificAttributes), Some(_)) | (None, None) => return Ok(()),
            (Some(Self::SpecificAttributes), None) => {
                return Err(misfit(
                    "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
                ));
            }
            (Some(Self::AllProjectedAttributes), None) if !of_index => {
                return Err(misfit(
                    "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
                ));
            }
            (Some(_), None) => return Ok(()),
            (Some(Self::AllAttributes), Some(_)) => "ALL_ATTRIBUTES",
            (Some(Self::AllProjectedAttributes), Some(_)) => "ALL_PROJECTED_ATTRIBUTES",
            (Some(Self::Count), Some(_)) => "only the Count",
        };
        let parameter = match by_expression {
            true => "ProjectionExpression",
            false => "AttributesToGet",
        };
        Err(misfit(&format!(
            "Cannot specify the {parameter} when choosing to get {chosen}"
        )))
    }
}

/// These are counted, though nothing else is that reads find.
fn misfit(what: &str) -> Fault {
    Fault::detected(&[what.to_owned()])
}

impl Reading<'_> {
    /// Refuses what the index has not.
    pub(super) fn check(&self) -> Result<(), Fault> {
        match self.index {
            Some(index) if !index.local => self.check_global(index),
            _ => Ok(()),
        }
    }

    /// A global index yields only what it has.
    fn check_global(&self, index: &Index) -> Result<(), Fault> {
        if self.select == Some(Select::AllAttributes) && index.projected != Projected::All {
            return Err(invalid(format!(
                "Select type ALL_ATTRIBUTES is not supported for global secondary index {} because its projection type is not ALL",
                index.name
            )));
        }
        selects(index, &self.unprojected(index))
    }

    /// A query's filter may only be about what the index has. A scan's sees of the items what the index has of them.
    pub(super) fn check_filter(&self) -> Result<(), Fault> {
        let (Some(index), Some(filter)) = (self.index, &self.filter) else {
            return Ok(());
        };
        let mut missing = missing(self.table, index, filter.attributes());
        missing.sort_unstable();
        filters(index, &missing)
    }

    /// The attributes that are asked for and that the index has not.
    fn unprojected(&self, index: &Index) -> Vec<&str> {
        let wanted = self.projection.iter().flat_map(Projection::attributes);
        let mut missing = missing(self.table, index, wanted);
        missing.sort_unstable();
        missing
    }

    /// Whether items are wanted whole from an index that may not have them so.
    pub(super) fn whole(&self) -> bool {
        let missing = |index: &Index| !self.unprojected(index).is_empty();
        self.select == Some(Select::AllAttributes) || self.index.is_some_and(missing)
    }

    pub(super) fn answer(&self, asked: &Asked<'_>, page: &Page) -> wire::Response {
        let picked: Option<Vec<Item>> = self
            .projection
            .as_ref()
            .map(|projection| page.items.iter().map(|item| projection.of(item)).collect());
        let items = || {
            let items = picked.as_ref().unwrap_or(&page.items);
            items.iter().map(PrintedItem).collect()
        };
        let spent = || match self.index {
            None => Spent::read(page.bytes, self.consistent),
            Some(index) => Spent::read_index(index, page.bytes, &page.fetched, self.consistent),
        };
        asked.answer(&Output {
            items: (self.select != Some(Select::Count)).then(items),
            count: page.items.len(),
            scanned_count: page.read,
            last_evaluated_key: page.last.as_ref().map(PrintedItem),
            consumed_capacity: self.capacity.tell(&self.table.name, Kind::Any, spent),
        })
    }
}
