//! Several reads or writes in one moment.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use tables::{Error, Item, MAX_TRANSACTION, Once, Projection, Transacted, Write, item_size};

use super::attribute::PrintedItem;
use super::batch::told;
use super::capacity::{Kind, Spent, Wanted};
use super::checks::Checks;
use super::error::{cancelled, fault};
use super::get::PROJECTION;
use super::terms::{Grammar, Terms};
use super::write::Metrics;
use super::{Asked, attribute, settings, table};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Settings {
    #[serde(default)]
    return_consumed_capacity: Wanted,
    #[serde(default)]
    return_item_collection_metrics: Metrics,
    client_request_token: Option<String>,
}

const CONDITION: Grammar = Grammar {
    with_values: &["ConditionExpression"],
    with_names: &[],
    legacy: &[],
    checks: Checks::Older,
};
const UPDATE: Grammar = Grammar {
    with_values: &["UpdateExpression", "ConditionExpression"],
    with_names: &[],
    legacy: &[],
    checks: Checks::Older,
};
const GET: Grammar = Grammar {
    checks: Checks::Older,
    ..PROJECTION
};

/// One write of a transaction.
struct Part {
    table: String,
    /// The item, or its key.
    item: Item,
    write: Write,
    /// The item is to be told if the condition fails.
    tell: bool,
}

pub(super) async fn write(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    const KNOWN: [&str; 4] = [
        "TransactItems",
        "ReturnConsumedCapacity",
        "ReturnItemCollectionMetrics",
        "ClientRequestToken",
    ];
    settings::only(&asked.call, &KNOWN)?;
    let items = take_items(&mut asked);
    let settings: Settings = asked.call.read()?;
    let once = settings.client_request_token.clone().map(|token| Once {
        token,
        digest: digest(&SHA256, Json::Array(items.clone()).to_string().as_bytes())
            .as_ref()
            .to_vec(),
    });
    let parts: Vec<Part> = items
        .into_iter()
        .map(|item| Part::read(&asked, item))
        .collect::<Result<_, _>>()?;
    let writes: Vec<Write> = parts.iter().map(|part| part.write.clone()).collect();
    let done = asked.tables.transact(asked.space(), once.as_ref(), &writes);
    let done = done.await.map_err(|error| match error {
        Error::Cancelled(reasons) => {
            let tell: Vec<bool> = parts.iter().map(|part| part.tell).collect();
            cancelled(&reasons, &tell)
        }
        error => fault(error),
    })?;
    let wanted = settings.return_consumed_capacity;
    let told = match &done {
        Transacted::Done(written) => told(wanted, Kind::Writes, || {
            let each = parts.iter().zip(written);
            each.map(|(part, written)| (part.table.clone(), Spent::written(written).twice()))
        }),
        // What was done before is only looked at.
        Transacted::Before => told(wanted, Kind::Reads, || {
            let spent = |part: &Part| Spent::read(item_size(&part.item), true).twice();
            parts
                .iter()
                .map(move |part| (part.table.clone(), spent(part)))
        }),
    };
    let mut output = json!({});
    if let Some(told) = told {
        output["ConsumedCapacity"] = json!(told);
    }
    let mut metrics: BTreeMap<&str, Vec<Json>> = BTreeMap::new();
    for part in &parts {
        let told = settings.return_item_collection_metrics;
        if let Some(told) = told.of(&asked, &part.table, &part.item)? {
            let known = metrics.entry(&part.table).or_default();
            if !known.contains(&told) {
                known.push(told);
            }
        }
    }
    if !metrics.is_empty() {
        output["ItemCollectionMetrics"] = json!(metrics);
    }
    Ok(asked.answer(&output))
}

impl Part {
    fn read(asked: &Asked<'_>, item: Json) -> Result<Self, Fault> {
        let (kind, mut input) = only_one(item).ok_or_else(|| {
            Fault::validation("TransactItems can only contain one of Check, Put, Update or Delete")
        })?;
        let given = input.remove("TableName");
        let given = given.as_ref().and_then(Json::as_str).unwrap_or_default();
        let table = table::name(asked.context, given)?.to_owned();
        let tell = input.remove("ReturnValuesOnConditionCheckFailure");
        let tell = tell.is_some_and(|tell| tell == "ALL_OLD");
        let grammar = match kind.as_str() {
            "Update" => &UPDATE,
            _ => &CONDITION,
        };
        let mut terms = Terms::of(&mut input, grammar)?;
        let update = match kind.as_str() {
            "Update" => Some(terms.update()?),
            _ => None,
        };
        let condition = terms.condition()?;
        terms.done()?;
        let name = match kind.as_str() {
            "Put" => "Item",
            _ => "Key",
        };
        let item = attribute::take(&mut input, name, grammar.checks)?.unwrap_or_default();
        let write = match (kind.as_str(), update) {
            (_, Some(update)) => Write::update(&table, item.clone(), update),
            ("Put", _) => Write::put(&table, item.clone()),
            ("Delete", _) => Write::delete(&table, item.clone()),
            (_, _) => Write::check(&table, item.clone()),
        };
        Ok(Self {
            table,
            item,
            write: write.when(condition),
            tell,
        })
    }
}

pub(super) fn get(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &["TransactItems", "ReturnConsumedCapacity"])?;
    let items = take_items(&mut asked);
    let settings: Settings = asked.call.read()?;
    let wants: Vec<(String, Item, Option<Projection>)> = items
        .into_iter()
        .map(|item| {
            let (_, mut input) = only_one(item).ok_or_else(|| Fault::serialization(None))?;
            let given = input.remove("TableName");
            let given = given.as_ref().and_then(Json::as_str).unwrap_or_default();
            let table = table::name(asked.context, given)?.to_owned();
            let mut terms = Terms::of(&mut input, &GET)?;
            let projection = terms.projection()?;
            terms.done()?;
            let key = attribute::take(&mut input, "Key", GET.checks)?.unwrap_or_default();
            Ok((table, key, projection))
        })
        .collect::<Result<_, Fault>>()?;
    let keys = wants.iter().map(|(table, key, _)| (table.as_str(), key));
    let mut bytes = 0;
    let found = asked.tables.get_many(asked.space(), keys, |item| {
        bytes += item.map_or(0, item_size);
        bytes <= MAX_TRANSACTION
    });
    let found = found.map_err(fault)?;
    if bytes > MAX_TRANSACTION {
        return Err(Fault::validation(
            "The aggregate size of the items in the transaction cannot exceed 4 MB",
        ));
    }
    let responses: Vec<Json> = wants
        .iter()
        .zip(&found)
        .map(|((_, _, projection), item)| match (projection, item) {
            (_, None) => json!({}),
            (None, Some(item)) => json!({ "Item": PrintedItem(item) }),
            (Some(projection), Some(item)) => {
                json!({ "Item": PrintedItem(&projection.of(item)) })
            }
        })
        .collect();
    let mut output = json!({ "Responses": responses });
    let told = told(settings.return_consumed_capacity, Kind::Reads, || {
        wants.iter().zip(&found).map(|((table, ..), item)| {
            let bytes = item.as_ref().map_or(0, item_size);
            (table.clone(), Spent::read(bytes, true).twice())
        })
    });
    if let Some(told) = told {
        output["ConsumedCapacity"] = json!(told);
    }
    Ok(asked.answer(&output))
}

/// The one member of an object, which is an object.
fn only_one(item: Json) -> Option<(String, Map<String, Json>)> {
    let Json::Object(members) = item else {
        return None;
    };
    let mut members = members.into_iter();
    match (members.next(), members.next()) {
        (Some((kind, Json::Object(input))), None) => Some((kind, input)),
        _ => None,
    }
}

fn take_items(asked: &mut Asked<'_>) -> Vec<Json> {
    match asked.call.input.remove("TransactItems") {
        Some(Json::Array(items)) => items,
        _ => Vec::new(),
    }
}
