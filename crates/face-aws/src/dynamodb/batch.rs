//! Several independent reads or writes in one request.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use tables::{Error, Item, Projection, Write, item_size};

use super::attribute::PrintedItem;
use super::capacity::{Consumed, Kind, Spent, Wanted};
use super::checks::Checks;
use super::error::fault;
use super::get::PROJECTION;
use super::terms::{Terms, mixed};
use super::write::Metrics;
use super::{Asked, attribute, settings, table};
use crate::context::Context;
use crate::protocol::{Call, Fault};

/// Items that one request reads, and writes.
const MOST_READS: usize = 100;
pub(super) const MOST_WRITES: usize = 25;
/// An answer of reads ends with the item that brings it to this many bytes.
const MAX_ANSWER: usize = 16 << 20;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Settings {
    #[serde(default)]
    pub(super) return_consumed_capacity: Wanted,
    #[serde(default)]
    pub(super) return_item_collection_metrics: Metrics,
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
    let requests = take_requests(&mut asked.call);
    let settings: Settings = asked.call.read()?;
    let count = |request: &Json| request["Keys"].as_array().map_or(0, Vec::len);
    if requests.values().map(count).sum::<usize>() > MOST_READS {
        return Err(Fault::validation(
            "Too many items requested for the BatchGetItem call",
        ));
    }
    check_projections(&requests)?;
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
        Error::Cancelled(_) => fault(Error::NotAKey),
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

/// The old and the new way to say what is wanted do not go together, not for different tables either.
fn check_projections(requests: &Map<String, Json>) -> Result<(), Fault> {
    let old = PROJECTION.legacy;
    let new = PROJECTION.with_values;
    let any = |names: &[&str]| {
        let says = |request: &Json| names.iter().any(|name| request.get(name).is_some());
        requests.values().any(says)
    };
    match any(old) && any(new) {
        true => Err(mixed(old, new)),
        false => Ok(()),
    }
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
                .map(|key| attribute::item(key, PROJECTION.checks))
                .collect::<Result<_, _>>()?,
            projection,
            consistent: input.get("ConsistentRead") == Some(&Json::Bool(true)),
            asked: repeat,
        })
    }
}

// ---- writes

/// Writes of one request, understood.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Writes {
    /// By the tables' names.
    pub(super) tables: Vec<(String, Vec<Change>)>,
    pub(super) settings: Settings,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    Put(Item),
    Delete(Item),
}

pub(super) async fn write(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    let writes = Writes::read(asked.context, &mut asked.call)?;
    writes.answer(&asked).await
}

impl Writes {
    pub(super) fn read(context: &Context, call: &mut Call<'_>) -> Result<Self, Fault> {
        const KNOWN: [&str; 3] = [
            "RequestItems",
            "ReturnConsumedCapacity",
            "ReturnItemCollectionMetrics",
        ];
        settings::only(call, &KNOWN)?;
        let requests = take_requests(call);
        let settings: Settings = call.read()?;
        let count = |requests: &Json| requests.as_array().map_or(0, Vec::len);
        if requests.values().map(count).sum::<usize>() > MOST_WRITES {
            return Err(Fault::validation(
                "Too many items requested for the BatchWriteItem call",
            ));
        }
        let table = |(given, requests): (String, Json)| {
            let name = table::name(context, &given)?.to_owned();
            let Json::Array(requests) = requests else {
                return Err(Fault::serialization(None));
            };
            let changes = requests.into_iter().map(Change::read);
            Ok((name, changes.collect::<Result<_, _>>()?))
        };
        Ok(Self {
            tables: requests
                .into_iter()
                .map(table)
                .collect::<Result<_, Fault>>()?,
            settings,
        })
    }

    pub(super) async fn answer(self, asked: &Asked<'_>) -> Result<wire::Response, Fault> {
        let tells = self.settings.return_item_collection_metrics;
        let mut items: Vec<(String, Item)> = Vec::new();
        let mut writes = Vec::new();
        let mut names = Vec::new();
        for (name, changes) in self.tables {
            for change in changes {
                if tells != Metrics::None {
                    items.push((name.clone(), change.item().clone()));
                }
                writes.push(change.of(&name));
                names.push(name.clone());
            }
        }
        let written = asked.tables.write_many(asked.space(), &writes).await;
        let written = written.map_err(|error| match error {
            Error::RepeatedItem => repeated(),
            // Alone a put would be told which key it misses.
            Error::MissingKey(_) | Error::WrongKeyType { .. } => fault(Error::NotAKey),
            error => fault(error),
        })?;
        let mut metrics: BTreeMap<String, Vec<Json>> = BTreeMap::new();
        for (name, item) in items {
            if let Some(told) = tells.of(asked, &name, &item)? {
                let known = metrics.entry(name).or_default();
                if !known.contains(&told) {
                    known.push(told);
                }
            }
        }
        let each = names.iter().zip(&written);
        let told = told(self.settings.return_consumed_capacity, Kind::Any, || {
            each.map(|(name, written)| (name.clone(), Spent::written(written)))
        });
        Ok(asked.answer(&Done {
            unprocessed_items: Map::new(),
            consumed_capacity: told,
            item_collection_metrics: metrics,
        }))
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Done {
    /// There are none.
    unprocessed_items: Map<String, Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consumed_capacity: Option<Vec<Consumed>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    item_collection_metrics: BTreeMap<String, Vec<Json>>,
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

impl Change {
    fn read(request: Json) -> Result<Self, Fault> {
        let Json::Object(mut request) = request else {
            return Err(Fault::serialization(None));
        };
        let part = |request: Option<Json>, name: &str| match request {
            Some(Json::Object(mut part)) => attribute::take(&mut part, name, Checks::Older),
            _ => Ok(None),
        };
        let item = part(request.remove("PutRequest"), "Item")?;
        let key = part(request.remove("DeleteRequest"), "Key")?;
        match (item, key) {
            (Some(item), None) => Ok(Self::Put(item)),
            (None, Some(key)) => Ok(Self::Delete(key)),
            (None, None) => Err(Fault::validation(
                "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
            )),
            (Some(_), Some(_)) => Err(Fault::validation(
                "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
            )),
        }
    }

    /// The item, or its key.
    fn item(&self) -> &Item {
        match self {
            Self::Put(item) | Self::Delete(item) => item,
        }
    }

    fn of(self, table: &str) -> Write {
        match self {
            Self::Put(item) => Write::put(table, item),
            Self::Delete(key) => Write::delete(table, key),
        }
    }
}

fn take_requests(call: &mut Call<'_>) -> Map<String, Json> {
    match call.input.remove("RequestItems") {
        Some(Json::Object(requests)) => requests,
        _ => Map::new(),
    }
}

fn repeated() -> Fault {
    Fault::validation("Provided list of item keys contains duplicates")
}
