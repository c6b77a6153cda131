//! What of a restored table is to be otherwise than in its backup.

use serde_json::{Map, Value as Json};

use crate::dynamodb::kept;
use crate::protocol::Fault;

pub(super) const MODE: &str = "BillingMode";
pub(super) const GLOBAL: &str = "GlobalSecondaryIndexes";
pub(super) const LOCAL: &str = "LocalSecondaryIndexes";
pub(super) const THROUGHPUT: &str = "ProvisionedThroughput";
pub(super) const BOUNDS: &str = "OnDemandThroughput";
pub(super) const PROVISIONED: &str = "PROVISIONED";
const PER_REQUEST: &str = "PAY_PER_REQUEST";
const MODE_OVERRIDE: &str = "BillingModeOverride";
const GLOBAL_OVERRIDE: &str = "GlobalSecondaryIndexOverride";
const THROUGHPUT_OVERRIDE: &str = "ProvisionedThroughputOverride";
const BOUNDS_OVERRIDE: &str = "OnDemandThroughputOverride";

/// What a restored table may be otherwise, and what of a request to make it that stands for.
pub(super) const OVERRIDES: [(&str, &str); 6] = [
    (MODE_OVERRIDE, MODE),
    (GLOBAL_OVERRIDE, GLOBAL),
    ("LocalSecondaryIndexOverride", LOCAL),
    (THROUGHPUT_OVERRIDE, THROUGHPUT),
    (BOUNDS_OVERRIDE, BOUNDS),
    ("SSESpecificationOverride", kept::ENCRYPTION),
];

/// The request with what the caller wants otherwise.
pub(super) fn changed(
    mut creation: Map<String, Json>,
    given: &Map<String, Json>,
) -> Result<Map<String, Json>, Fault> {
    let had = creation.clone();
    for (name, member) in OVERRIDES {
        let Some(wanted) = given.get(name) else {
            continue;
        };
        if member == GLOBAL || member == LOCAL {
            check_indexes(wanted, had.get(member))?;
        }
        creation.insert(member.to_owned(), wanted.clone());
    }
    // None is asked for as an empty list, which is nothing that a table can be made with.
    creation.retain(|_, member| member.as_array().is_none_or(|members| !members.is_empty()));
    if creation.get(MODE).is_some_and(|mode| mode == PER_REQUEST) {
        check_per_request(given)?;
        forget(&mut creation, THROUGHPUT);
    } else {
        check_provisioned(given, &creation)?;
        forget(&mut creation, BOUNDS);
    }
    define_only_keys(&mut creation);
    Ok(creation)
}

fn refused(what: &str) -> Fault {
    Fault::validation(format!("Invalid Request: {what}"))
}

/// Indexes may be left out or called otherwise, and none may be another.
fn check_indexes(wanted: &Json, known: Option<&Json>) -> Result<(), Fault> {
    let known = known.and_then(Json::as_array);
    for wanted in indexes(Some(wanted)) {
        let same = |known: &Json| {
            let same = |member: &str| known.get(member) == wanted.get(member);
            ["KeySchema", "Projection"].into_iter().all(same)
        };
        if !known.into_iter().flatten().any(same) {
            return Err(refused(&format!(
                "Index {} does not match a secondary index that existed in the source table and cannot be created during the restore operation",
                name(wanted)
            )));
        }
    }
    Ok(())
}

fn check_per_request(given: &Map<String, Json>) -> Result<(), Fault> {
    const OVERRIDDEN: &str =
        "Cannot override ProvisionedThroughput if BillingMode is overridden to PAY_PER_REQUEST";
    if given.contains_key(THROUGHPUT_OVERRIDE) {
        return Err(refused(match given.contains_key(MODE_OVERRIDE) {
            true => OVERRIDDEN,
            false => "Cannot override ProvisionedThroughput unless BillingMode is PROVISIONED",
        }));
    }
    for index in indexes(given.get(GLOBAL_OVERRIDE)) {
        if index.get(THROUGHPUT).is_some() {
            return Err(refused(&format!("{OVERRIDDEN} for index {}", name(index))));
        }
    }
    for (unit, most) in bounds(given) {
        if most.as_i64().is_some_and(|most| most < 1) {
            return Err(refused(&format!(
                "Requested {unit} for OnDemandThroughput is outside of valid range"
            )));
        }
    }
    Ok(())
}

fn check_provisioned(given: &Map<String, Json>, creation: &Map<String, Json>) -> Result<(), Fault> {
    const MUST: &str =
        "Must override ProvisionedThroughput if BillingMode is overridden to PROVISIONED";
    if let Some((unit, _)) = bounds(given).next() {
        return Err(refused(&format!(
            "Cannot override {unit} for OnDemandThroughput unless BillingModeOverride is PAY_PER_REQUEST"
        )));
    }
    if given.contains_key(MODE_OVERRIDE) && !given.contains_key(THROUGHPUT_OVERRIDE) {
        return Err(refused(MUST));
    }
    for index in indexes(given.get(GLOBAL_OVERRIDE)) {
        if index.get(THROUGHPUT).is_none() {
            return Err(refused(&format!(
                "Must specify provisioned throughput for index {}",
                name(index)
            )));
        }
    }
    // Indexes of a table that was paid per request have none.
    let mut indexes = indexes(creation.get(GLOBAL));
    match indexes.find(|index| index[THROUGHPUT]["ReadCapacityUnits"] == 0) {
        Some(index) => Err(refused(&format!("{MUST} for index {}", name(index)))),
        None => Ok(()),
    }
}

fn bounds(given: &Map<String, Json>) -> impl Iterator<Item = (&String, &Json)> {
    let bounds = given.get(BOUNDS_OVERRIDE).and_then(Json::as_object);
    bounds.into_iter().flatten()
}

fn indexes(list: Option<&Json>) -> impl Iterator<Item = &Json> {
    list.and_then(Json::as_array).into_iter().flatten()
}

fn name(index: &Json) -> &str {
    index["IndexName"].as_str().unwrap_or_default()
}

/// A member of the table and of its indexes that the other way to pay does not know.
fn forget(creation: &mut Map<String, Json>, member: &str) {
    creation.remove(member);
    let indexes = creation.get_mut(GLOBAL).and_then(Json::as_array_mut);
    for index in indexes.into_iter().flatten() {
        index.as_object_mut().map(|index| index.remove(member));
    }
}

/// Attributes are defined for keys alone, and some may be keys no more.
fn define_only_keys(creation: &mut Map<String, Json>) {
    let indexes = [GLOBAL, LOCAL]
        .into_iter()
        .filter_map(|name| creation.get(name));
    let indexes = indexes.filter_map(Json::as_array).flatten();
    let schemas = indexes.filter_map(|index| index.get("KeySchema"));
    let schemas = creation.get("KeySchema").into_iter().chain(schemas);
    let keys: Vec<Json> = schemas
        .filter_map(Json::as_array)
        .flatten()
        .map(|element| element["AttributeName"].clone())
        .collect();
    let definitions = creation.get_mut("AttributeDefinitions");
    if let Some(definitions) = definitions.and_then(Json::as_array_mut) {
        definitions.retain(|definition| keys.contains(&definition["AttributeName"]));
    }
}
