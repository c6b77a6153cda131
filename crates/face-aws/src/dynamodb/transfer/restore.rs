//! `RestoreTableFromBackup`, and what it shares with `RestoreTableToPointInTime`.

use base::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use tables::{Direction, Error, NewTable, Progress, State, Transfer};

use super::backup::{Kept, find, index, not_found, some_of};
use super::overrides::{BOUNDS, GLOBAL, LOCAL, MODE, OVERRIDES, PROVISIONED, THROUGHPUT, changed};
use crate::dynamodb::create::NewInput;
use crate::dynamodb::error::fault;
use crate::dynamodb::{Asked, kept, settings, table};
use crate::moment::seconds;
use crate::protocol::Fault;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    target_table_name: String,
    backup_arn: String,
}

/// The table is there at once and fills in the background. As in the real service it has neither tags nor a stream,
/// nothing in it ends, it is not protected, and its class is the standard one.
pub(in crate::dynamodb) async fn restore(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    let mut known = vec!["TargetTableName", "BackupArn"];
    known.extend(OVERRIDES.map(|(name, _)| name));
    settings::only(&asked.call, &known)?;
    let given = asked.call.input.clone();
    let input: Input = asked.call.read()?;
    let copy = find(&asked, &input.backup_arn)?;
    let kept = Kept::of(&copy)?;
    let now = asked.transfers.clock.now();
    let summary = json!({
        "SourceBackupArn": input.backup_arn,
        "SourceTableArn": table::arn(asked.context, &copy.table),
        "RestoreDateTime": seconds(now),
    });
    let creation = changed(kept.creation, &given)?;
    let new = target(&asked, creation, input.target_table_name, &summary)?;
    let name = new.name.clone();
    let transfer = Transfer {
        table_id: copy.table_id,
        started: now,
        ..filling(&asked, Direction::Back, &new, copy.at)
    };
    let begun = asked
        .tables
        .create_from(asked.space(), new, &transfer, &copy.id);
    begun.await.map_err(|error| match error {
        Error::TableExists(name) => in_the_way(&asked, &name),
        Error::NoSuchCopy(_) => not_found(&input.backup_arn),
        error => fault(error),
    })?;
    told(&asked, &name)
}

/// The table that is to be, which is said to be restored of what `summary` tells.
pub(super) fn target(
    asked: &Asked<'_>,
    mut creation: Map<String, Json>,
    name: String,
    summary: &Json,
) -> Result<NewTable, Fault> {
    creation.insert("TableName".to_owned(), name.into());
    let mut new = NewInput::read(creation.into())?.checked(asked.context)?;
    new.kept
        .insert(kept::RESTORED.to_owned(), summary.to_string());
    Ok(new)
}

/// What fills a restored table with what there was at that moment.
pub(super) fn filling(
    asked: &Asked<'_>,
    direction: Direction,
    new: &NewTable,
    at: Timestamp,
) -> Transfer {
    Transfer {
        id: asked.transfers.id(),
        direction,
        table: new.name.clone(),
        table_id: Default::default(),
        at,
        started: at,
        ended: None,
        asked: new.kept.get(kept::RESTORED).cloned().unwrap_or_default(),
        token: None,
        state: State::Running,
        progress: Progress::default(),
    }
}

pub(super) fn told(asked: &Asked<'_>, name: &str) -> Result<wire::Response, Fault> {
    let made = asked.tables.describe(asked.space(), name).map_err(fault)?;
    let printed = table::print(asked.context, &made, "ACTIVE");
    Ok(asked.answer(&json!({ "TableDescription": printed })))
}

/// A table of that name is there, or is just being restored.
pub(super) fn in_the_way(asked: &Asked<'_>, name: &str) -> Fault {
    let found = asked.tables.settings(asked.space(), name);
    let summary = found.ok().as_ref().and_then(kept::restored_from);
    match summary
        .as_ref()
        .and_then(|of| of["SourceBackupArn"].as_str())
    {
        Some(arn) => {
            let message = format!("Table: {name} is already being restored from backup: {arn}");
            Fault::new("TableInUseException", message)
        }
        None => Fault::new(
            "TableAlreadyExistsException",
            format!("Table already exists: {name}"),
        ),
    }
}

/// The request that would make a table as this one is, but for its name.
pub(super) fn creation(printed: &Json) -> Json {
    let mut creation = some_of(
        printed,
        &["AttributeDefinitions", "KeySchema", BOUNDS, THROUGHPUT],
    );
    creation.insert(MODE.to_owned(), billing_mode(printed).into());
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
    creation.into()
}

pub(super) fn billing_mode(printed: &Json) -> &str {
    let mode = printed["BillingModeSummary"]["BillingMode"].as_str();
    mode.unwrap_or(PROVISIONED)
}
