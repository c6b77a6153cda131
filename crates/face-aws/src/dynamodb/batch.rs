//! Several independent reads or writes in one request.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use tables::{Error, Item, Projection, Write, item_size};

use super::attribute::PrintedItem;
use super::capacity::{Consumed, Kind, Spent, Wanted};
use super::error::fault;
use super::get::PROJECTION;
use super::terms::Terms;
use super::write::Metrics;
use super::{Asked, attribute, settings, table};
use crate::protocol::Fault;

/// Items that one request reads, and writes.
const MOST_READS: usize = 100;
const MOST_WRITES: usize = 25;
/// An answer of reads ends with the item that brings it to this many bytes.
const MAX_ANSWER: usize = 16 << 20;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Settings {
    #[serde(default)]
    return_consumed_capacity: Wanted,
    #[serde(default)]
    return_item_collection_metrics: Metrics,
}

// ---- reads

/// What is read of one table.
struct Wants {
    /// As the caller names it, and as it is called.
    given: String,
    name: String,
    keys: Vec<Item>,
    projection: Option<Projection>,
    consistent: bool,
    /// To be sent back with the keys that are left.
    asked: Map<String, Json>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Read {
    responses: Map<String, Json>,
    unprocessed_keys: Map<String, Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consumed_capacity: Option<Vec<Consumed>>,
}

pub(super) fn get(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &["RequestItems", "ReturnConsumedCapacity"])?;
    let requests = take_requests(&mut asked);
    let settings: Settings = asked.call.read()?;
    let count = |request: &Json| request["Keys"].as_array().map_or(0, Vec::len);
    if requests.values().map(count).sum::<usize>() > MOST_READS {
        return Err(Fault::validation(
            "Too many items requested for the BatchGetItem call",
        ));
    }
    let tables: Vec<Wants> = requests
        .into_iter()
        .map(|(given, request)| Wants::read(&asked, given, request))
        .collect::<Result<_, _>>()?;
    let keys = tables
        .iter()
        .flat_map(|wants| wants.keys.iter().map(|key| (wants.name.as_str(), key)));
    let mut bytes = 0;
    let found = asked.tables.get_many(asked.space(), keys, |item| {
        bytes += item.map_or(0, item_size);
        bytes < MAX_ANSWER
    });
    let found = found.map_err(|error| match error {
        Error::RepeatedItem => repeated(),
        error => fault(error),
    })?;
    let mut found = found.into_iter();
    let mut answer = Read {
        responses: Map::new(),
        unprocessed_keys: Map::new(),
        consumed_capacity: None,
    };
    let mut consumed = Vec::new();
    for mut wants in tables {
        let items: Vec<Option<Item>> = found.by_ref().take(wants.keys.len()).collect();
        consumed.extend(
            settings
                .return_consumed_capacity
                .tell(&wants.name, Kind::Any, || {
                    let mut spent = Spent::default();
                    for item in &items {
                        let bytes = item.as_ref().map_or(0, item_size);
                        spent.add(Spent::read(bytes, wants.consistent));
                    }
                    spent
                }),
        );
        let left: Vec<Json> = wants.keys[items.len()..]
            .iter()
            .map(|key| json!(PrintedItem(key)))
            .collect();
        if !left.is_empty() {
            wants.asked.insert("Keys".into(), left.into());
            let asked = Json::Object(wants.asked);
            answer.unprocessed_keys.insert(wants.given.clone(), asked);
        }
        let printed = items.iter().flatten().map(|item| match &wants.projection {
            Some(projection) => json!(PrintedItem(&projection.of(item))),
            None => json!(PrintedItem(item)),
        });
        answer.responses.insert(wants.given, printed.collect());
    }
    answer.consumed_capacity = (!consumed.is_empty()).then_some(consumed);
    Ok(asked.answer(&answer))
}

impl Wants {
    fn read(asked: &Asked<'_>, given: String, request: Json) -> Result<Self, Fault> {
        let name = table::name(asked.context, &given)?.to_owned();
        let Json::Object(mut input) = request else {
            return Err(Fault::serialization(None));
        };
        let keys = match input.remove("Keys") {
            Some(Json::Array(keys)) => keys,
            _ => Vec::new(),
        };
        let repeat = input.clone();
        let mut terms = Terms::of(&mut input, &PROJECTION)?;
        let projection = terms.projection()?;
        terms.done()?;
        Ok(Self {
            given,
            name,
            keys: keys
                .into_iter()
                .map(attribute::item)
                .collect::<Result<_, _>>()?,
            projection,
            consistent: input.get("ConsistentRead") == Some(&Json::Bool(true)),
            asked: repeat,
        })
    }
}

// ---- writes

pub(super) async fn write(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    const KNOWN: [&str; 3] = [
        "RequestItems",
        "ReturnConsumedCapacity",
        "ReturnItemCollectionMetrics",
    ];
    settings::only(&asked.call, &KNOWN)?;
    let requests = take_requests(&mut asked);
    let settings: Settings = asked.call.read()?;
    let count = |requests: &Json| requests.as_array().map_or(0, Vec::len);
    if requests.values().map(count).sum::<usize>() > MOST_WRITES {
        return Err(Fault::validation(
            "Too many items requested for the BatchWriteItem call",
        ));
    }
    let mut writes = Vec::new();
    let mut names = Vec::new();
    let wants_metrics = settings.return_item_collection_metrics != Metrics::None;
    let mut items: Vec<(String, Item)> = Vec::new();
    for (given, requests) in requests {
        let name = table::name(asked.context, &given)?.to_owned();
        let Json::Array(requests) = requests else {
            return Err(Fault::serialization(None));
        };
        for request in requests {
            let (item, write) = read_write(&name, request)?;
            if wants_metrics {
                items.push((name.clone(), item));
            }
            writes.push(write);
            names.push(name.clone());
        }
    }
    let written = asked.tables.write_many(asked.space(), &writes).await;
    let written = written.map_err(|error| match error {
        Error::RepeatedItem => repeated(),
        error => fault(error),
    })?;
    let mut metrics: BTreeMap<String, Vec<Json>> = BTreeMap::new();
    for (name, item) in items {
        let told = settings.return_item_collection_metrics;
        if let Some(told) = told.of(&asked, &name, &item)? {
            let known = metrics.entry(name).or_default();
            if !known.contains(&told) {
                known.push(told);
            }
        }
    }
    let mut output = json!({ "UnprocessedItems": {} });
    let each = names.iter().zip(&written);
    let told = told(settings.return_consumed_capacity, Kind::Any, || {
        each.map(|(name, written)| (name.clone(), Spent::written(written)))
    });
    if let Some(told) = told {
        output["ConsumedCapacity"] = json!(told);
    }
    if !metrics.is_empty() {
        output["ItemCollectionMetrics"] = json!(metrics);
    }
    Ok(asked.answer(&output))
}

/// What is told of what each table's parts used.
pub(super) fn told<I: Iterator<Item = (String, Spent)>>(
    wanted: Wanted,
    kind: Kind,
    each: impl FnOnce() -> I,
) -> Option<Vec<Consumed>> {
    if wanted == Wanted::None {
        return None;
    }
    let mut tables: BTreeMap<String, Spent> = BTreeMap::new();
    for (name, spent) in each() {
        tables.entry(name).or_default().add(spent);
    }
    let told = tables
        .into_iter()
        .filter_map(|(name, spent)| wanted.tell(&name, kind, || spent));
    Some(told.collect())
}

fn read_write(table: &str, request: Json) -> Result<(Item, Write), Fault> {
    let Json::Object(mut request) = request else {
        return Err(Fault::serialization(None));
    };
    let part = |request: Option<Json>, name: &str| match request {
        Some(Json::Object(mut part)) => attribute::take(&mut part, name),
        _ => Ok(None),
    };
    let item = part(request.remove("PutRequest"), "Item")?;
    let key = part(request.remove("DeleteRequest"), "Key")?;
    match (item, key) {
        (Some(item), None) => Ok((item.clone(), Write::put(table, item))),
        (None, Some(key)) => Ok((key.clone(), Write::delete(table, key))),
        (None, None) => Err(Fault::validation(
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
        )),
        (Some(_), Some(_)) => Err(Fault::validation(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
        )),
    }
}

fn take_requests(asked: &mut Asked<'_>) -> Map<String, Json> {
    match asked.call.input.remove("RequestItems") {
        Some(Json::Object(requests)) => requests,
        _ => Map::new(),
    }
}

fn repeated() -> Fault {
    Fault::validation("Provided list of item keys contains duplicates")
}
