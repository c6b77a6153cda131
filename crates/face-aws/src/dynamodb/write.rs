//! Writes of one item.

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use tables::{Condition, Error, Item, Projection, Update, Write, Written};

use super::attribute::PrintedItem;
use super::capacity::{Consumed, Kind, Spent, Wanted};
use super::checks::Checks;
use super::error::{fault, fault_with_item};
use super::terms::{Grammar, Terms};
use super::{Asked, attribute, settings, table};
use crate::protocol::{Call, Fault};

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    table_name: String,
    #[serde(default)]
    return_values: ReturnValues,
    #[serde(default)]
    return_consumed_capacity: Wanted,
    #[serde(default)]
    return_values_on_condition_check_failure: OnFailure,
    #[serde(default)]
    return_item_collection_metrics: Metrics,
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

/// `ReturnValuesOnConditionCheckFailure`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum OnFailure {
    #[default]
    None,
    AllOld,
}

/// `ReturnItemCollectionMetrics`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Metrics {
    #[default]
    None,
    Size,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<PrintedItem<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consumed_capacity: Option<Consumed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_collection_metrics: Option<Json>,
}

/// Besides what the item or key and the expressions are in.
const KNOWN: [&str; 5] = [
    "TableName",
    "ReturnValues",
    "ReturnConsumedCapacity",
    "ReturnItemCollectionMetrics",
    "ReturnValuesOnConditionCheckFailure",
];

const CONDITION: Grammar = Grammar {
    with_values: &["ConditionExpression"],
    with_names: &[],
    legacy: &["Expected", "ConditionalOperator"],
    checks: Checks::Counted,
};
const UPDATE: Grammar = Grammar {
    with_values: &["UpdateExpression", "ConditionExpression"],
    with_names: &[],
    legacy: &["AttributeUpdates", "Expected", "ConditionalOperator"],
    checks: Checks::Counted,
};

/// A request to put an item, understood.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Put {
    input: Input,
    item: Item,
    condition: Option<Condition>,
}

pub(super) async fn put(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    let put = Put::read(&mut asked.call).map_err(|fault| CONDITION.checks.found(fault))?;
    put.answer(&asked).await
}

impl Put {
    pub(super) fn read(call: &mut Call<'_>) -> Result<Self, Fault> {
        let mut terms = Terms::of(&mut call.input, &CONDITION)?;
        let condition = terms.condition()?;
        terms.done()?;
        let item = attribute::take(&mut call.input, "Item", CONDITION.checks)?;
        settings::only(call, &KNOWN)?;
        let input: Input = call.read()?;
        input.only_old()?;
        Ok(Self {
            input,
            item: item.unwrap_or_default(),
            condition,
        })
    }

    /// With no condition, and nothing to be told but what it cost.
    pub(super) fn plain(table_name: String, item: Item, return_consumed_capacity: Wanted) -> Self {
        let input = Input {
            table_name,
            return_values: ReturnValues::default(),
            return_consumed_capacity,
            return_values_on_condition_check_failure: OnFailure::default(),
            return_item_collection_metrics: Metrics::default(),
        };
        Self {
            input,
            item,
            condition: None,
        }
    }

    pub(super) async fn answer(self, asked: &Asked<'_>) -> Result<wire::Response, Fault> {
        let Self {
            input,
            item,
            condition,
        } = self;
        let key = input.key_for_metrics(&item);
        let write = Write::put(table::name(asked.context, &input.table_name)?, item);
        let written = input.write(asked, write.when(condition)).await?;
        let returned = written.old.as_ref().filter(|_| input.returns_old());
        input.answer(asked, &written, returned, key.as_ref())
    }
}

/// A request to delete an item, understood.
struct Delete {
    input: Input,
    key: Item,
    condition: Option<Condition>,
}

pub(super) async fn delete(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    let delete = Delete::read(&mut asked.call).map_err(|fault| CONDITION.checks.found(fault))?;
    delete.answer(&asked).await
}

impl Delete {
    fn read(call: &mut Call<'_>) -> Result<Self, Fault> {
        let mut terms = Terms::of(&mut call.input, &CONDITION)?;
        let condition = terms.condition()?;
        terms.done()?;
        let key = attribute::take(&mut call.input, "Key", CONDITION.checks)?;
        settings::only(call, &KNOWN)?;
        let input: Input = call.read()?;
        input.only_old()?;
        Ok(Self {
            input,
            key: key.unwrap_or_default(),
            condition,
        })
    }

    async fn answer(self, asked: &Asked<'_>) -> Result<wire::Response, Fault> {
        let Self {
            input,
            key,
            condition,
        } = self;
        let for_metrics = input.key_for_metrics(&key);
        let write = Write::delete(table::name(asked.context, &input.table_name)?, key);
        let written = input.write(asked, write.when(condition)).await?;
        let returned = written.old.as_ref().filter(|_| input.returns_old());
        input.answer(asked, &written, returned, for_metrics.as_ref())
    }
}

/// A request to update an item, understood.
struct Updating {
    input: Input,
    key: Item,
    update: Update,
    /// Whether the parameter from before there were expressions says it.
    older: bool,
    condition: Option<Condition>,
}

pub(super) async fn update(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    let update = Updating::read(&mut asked.call).map_err(|fault| UPDATE.checks.found(fault))?;
    update.answer(&asked).await
}

impl Updating {
    fn read(call: &mut Call<'_>) -> Result<Self, Fault> {
        let older = call.input.contains_key("AttributeUpdates");
        let mut terms = Terms::of(&mut call.input, &UPDATE)?;
        let update = terms.update()?;
        let condition = terms.condition()?;
        terms.done()?;
        let key = attribute::take(&mut call.input, "Key", UPDATE.checks)?;
        settings::only(call, &KNOWN)?;
        Ok(Self {
            input: call.read()?,
            key: key.unwrap_or_default(),
            update,
            older,
            condition,
        })
    }

    async fn answer(self, asked: &Asked<'_>) -> Result<wire::Response, Fault> {
        let Self {
            input,
            key,
            update,
            older,
            condition,
        } = self;
        let parts: Projection = update.parts();
        let for_metrics = input.key_for_metrics(&key);
        let write = Write::update(table::name(asked.context, &input.table_name)?, key, update);
        let written = asked
            .tables
            .write(asked.space(), &write.when(condition))
            .await;
        let written = written.map_err(|error| match error {
            Error::WrongOperand if older => mismatch(),
            error => input.refusal(error),
        })?;
        let part = |item: &Option<Item>| item.as_ref().map(|item| parts.of(item));
        let returned = match input.return_values {
            ReturnValues::None => None,
            ReturnValues::AllOld => written.old.clone(),
            ReturnValues::AllNew => written.new.clone(),
            ReturnValues::UpdatedOld => part(&written.old).filter(|part| !part.is_empty()),
            ReturnValues::UpdatedNew => part(&written.new).filter(|part| !part.is_empty()),
        };
        input.answer(asked, &written, returned.as_ref(), for_metrics.as_ref())
    }
}

/// What an older parameter adds is of another type than what is there, or what it deletes.
fn mismatch() -> Fault {
    Fault::validation("Type mismatch for attribute to update")
}

impl Input {
    fn only_old(&self) -> Result<(), Fault> {
        match self.return_values {
            ReturnValues::None | ReturnValues::AllOld => Ok(()),
            ReturnValues::AllNew | ReturnValues::UpdatedOld | ReturnValues::UpdatedNew => Err(
                Fault::validation("ReturnValues can only be ALL_OLD or NONE"),
            ),
        }
    }

    fn returns_old(&self) -> bool {
        self.return_values == ReturnValues::AllOld
    }

    async fn write(&self, asked: &Asked<'_>, write: Write) -> Result<Written, Fault> {
        let written = asked.tables.write(asked.space(), &write).await;
        written.map_err(|error| self.refusal(error))
    }

    fn refusal(&self, error: Error) -> Fault {
        match self.return_values_on_condition_check_failure {
            OnFailure::None => fault(error),
            OnFailure::AllOld => fault_with_item(error),
        }
    }

    fn answer(
        &self,
        asked: &Asked<'_>,
        written: &Written,
        returned: Option<&Item>,
        key: Option<&Item>,
    ) -> Result<wire::Response, Fault> {
        let table = table::name(asked.context, &self.table_name)?;
        let item_collection_metrics = match key {
            Some(key) => self.return_item_collection_metrics.of(asked, table, key)?,
            None => None,
        };
        let consumed_capacity = self
            .return_consumed_capacity
            .tell(table, Kind::Any, || Spent::written(written));
        Ok(asked.answer(&Output {
            attributes: returned.map(PrintedItem),
            consumed_capacity,
            item_collection_metrics,
        }))
    }

    /// The item or key, if it is needed after the write for what is told of its partition.
    fn key_for_metrics(&self, item: &Item) -> Option<Item> {
        (self.return_item_collection_metrics != Metrics::None).then(|| item.clone())
    }
}

impl Metrics {
    /// What is told of the partition of an item that was written. Sizes are told as between two whole gigabytes.
    pub(super) fn of(
        self,
        asked: &Asked<'_>,
        table: &str,
        item: &Item,
    ) -> Result<Option<Json>, Fault> {
        if self == Self::None {
            return Ok(None);
        }
        let schema = match asked.tables.table(asked.space(), table) {
            Ok(schema) => schema.key.clone(),
            Err(Error::NoSuchTable(_)) => return Ok(None),
            Err(error) => return Err(fault(error)),
        };
        let name = &schema.partition.name;
        let Some(partition) = item.get(name) else {
            return Ok(None);
        };
        let size = asked
            .tables
            .collection_size(asked.space(), table, partition);
        let Some(size) = size.map_err(fault)? else {
            return Ok(None);
        };
        let whole = u32::try_from(size >> 30).unwrap_or(u32::MAX);
        let key: Item = [(name.clone(), partition.clone())].into();
        Ok(Some(json!({
            "ItemCollectionKey": PrintedItem(&key),
            "SizeEstimateRangeGB": [f64::from(whole), f64::from(whole) + 1.0],
        })))
    }
}
