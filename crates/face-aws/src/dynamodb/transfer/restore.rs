//! `RestoreTableFromBackup`.

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use tables::{Direction, Error, Progress, State, Transfer};

use super::backup::{Kept, find, index, not_found, some_of};
use crate::dynamodb::create::NewInput;
use crate::dynamodb::error::{fault, invalid};
use crate::dynamodb::{Asked, kept, settings, table};
use crate::moment::seconds;
use crate::protocol::Fault;

const PER_REQUEST: &str = "PAY_PER_REQUEST";
/// What a restored table may be otherwise, and what of a request to make it that stands for.
const OVERRIDES: [(&str, &str); 6] = [
    ("BillingModeOverride", "BillingMode"),
    ("GlobalSecondaryIndexOverride", GLOBAL),
    ("LocalSecondaryIndexOverride", LOCAL),
    ("ProvisionedThroughputOverride", THROUGHPUT),
    ("OnDemandThroughputOverride", "OnDemandThroughput"),
    ("SSESpecificationOverride", kept::ENCRYPTION),
];
const GLOBAL: &str = "GlobalSecondaryIndexes";
const LOCAL: &str = "LocalSecondaryIndexes";
const THROUGHPUT: &str = "ProvisionedThroughput";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    target_table_name: String,
    backup_arn: String,
}

/// The table is there at once and fills in the background. As in the real service it has neither tags nor a stream,
/// nothing in it ends, and it is not protected.
pub(in crate::dynamodb) async fn restore(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    let mut known = vec!["TargetTableName", "BackupArn"];
    known.extend(OVERRIDES.map(|(name, _)| name));
    settings::only(&asked.call, &known)?;
    let given = asked.call.input.clone();
    let input: Input = asked.call.read()?;
    let copy = find(&asked, &input.backup_arn)?;
    let kept = Kept::of(&copy)?;
    let mut wanted = changed(kept.creation, &given)?;
    wanted.insert("TableName".to_owned(), input.target_table_name.into());
    let mut new = NewInput::read(wanted.into())?.checked(asked.context)?;
    let now = asked.transfers.clock.now();
    let summary = json!({
        "SourceBackupArn": input.backup_arn,
        "SourceTableArn": table::arn(asked.context, &copy.table),
        "RestoreDateTime": seconds(now),
    });
    new.kept
        .insert(kept::RESTORED.to_owned(), summary.to_string());
    let name = new.name.clone();
    let transfer = Transfer {
        id: asked.transfers.id(),
        direction: Direction::Back,
        table: name.clone(),
        table_id: copy.table_id,
        at: copy.at,
        started: now,
        ended: None,
        asked: summary.to_string(),
        token: None,
        state: State::Running,
        progress: Progress::default(),
    };
    let begun = asked
        .tables
        .create_from(asked.space(), new, &transfer, &copy.id);
    begun.await.map_err(|error| match error {
        Error::TableExists(name) => Fault::new(
            "TableAlreadyExistsException",
            format!("Table already exists: {name}"),
        ),
        Error::NoSuchCopy(_) => not_found(&input.backup_arn),
        error => fault(error),
    })?;
    let made = asked.tables.describe(asked.space(), &name).map_err(fault)?;
    let printed = table::print(asked.context, &made, "ACTIVE");
    Ok(asked.answer(&json!({ "TableDescription": printed })))
}

/// The request that would make a table as this one is, but for its name.
pub(super) fn creation(printed: &Json) -> Json {
    let mut creation = some_of(
        printed,
        &[
            "AttributeDefinitions",
            "KeySchema",
            "OnDemandThroughput",
            THROUGHPUT,
        ],
    );
    creation.insert("BillingMode".to_owned(), billing_mode(printed).into());
    for name in [GLOBAL, LOCAL] {
        if let Some(indexes) = printed[name].as_array() {
            let indexes: Vec<Json> = indexes.iter().map(index).collect();
            creation.insert(name.to_owned(), indexes.into());
        }
    }
    if let Some(key) = printed["SSEDescription"].get("KMSMasterKeyArn") {
        let encryption = json!({ "Enabled": true, "SSEType": "KMS", "KMSMasterKeyId": key });
        creation.insert(kept::ENCRYPTION.to_owned(), encryption);
    }
    if let Some(class) = printed["TableClassSummary"].get(kept::CLASS) {
        creation.insert(kept::CLASS.to_owned(), class.clone());
    }
    creation.into()
}

pub(super) fn billing_mode(printed: &Json) -> &str {
    let mode = printed["BillingModeSummary"]["BillingMode"].as_str();
    mode.unwrap_or("PROVISIONED")
}

/// The request with what the caller wants otherwise.
fn changed(
    mut creation: Map<String, Json>,
    given: &Map<String, Json>,
) -> Result<Map<String, Json>, Fault> {
    for (name, member) in OVERRIDES {
        let Some(wanted) = given.get(name) else {
            continue;
        };
        if member == GLOBAL || member == LOCAL {
            check_indexes(name, wanted, creation.get(member))?;
        }
        creation.insert(member.to_owned(), wanted.clone());
    }
    // None is asked for as an empty list, which is nothing that a table can be made with.
    creation.retain(|_, member| member.as_array().is_none_or(|members| !members.is_empty()));
    if creation
        .get("BillingMode")
        .is_some_and(|mode| mode == PER_REQUEST)
    {
        creation.remove(THROUGHPUT);
        let indexes = creation.get_mut(GLOBAL).and_then(Json::as_array_mut);
        for index in indexes.into_iter().flatten() {
            index.as_object_mut().map(|index| index.remove(THROUGHPUT));
        }
    }
    define_only_keys(&mut creation);
    Ok(creation)
}

/// Indexes may be left out, and none may be another.
fn check_indexes(name: &str, wanted: &Json, known: Option<&Json>) -> Result<(), Fault> {
    let known = known.and_then(Json::as_array);
    for wanted in wanted.as_array().into_iter().flatten() {
        let same = |known: &Json| {
            let same = |member: &str| known.get(member) == wanted.get(member);
            ["IndexName", "KeySchema"].into_iter().all(same)
        };
        if !known.into_iter().flatten().any(same) {
            let index = wanted["IndexName"].as_str().unwrap_or_default();
            return Err(invalid(format!(
                "{name}: the backup has no index {index} with these keys"
            )));
        }
    }
    Ok(())
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
