//! `RestoreTableFromBackup`.

use serde::Deserialize;
use serde_json::{Value as Json, json};
use tables::{Direction, Error, Progress, State, Transfer};

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
        Error::TableExists(name) => in_the_way(&asked, &name),
        Error::NoSuchCopy(_) => not_found(&input.backup_arn),
        error => fault(error),
    })?;
    let made = asked.tables.describe(asked.space(), &name).map_err(fault)?;
    let printed = table::print(asked.context, &made, "ACTIVE");
    Ok(asked.answer(&json!({ "TableDescription": printed })))
}

/// A table of that name is there, or is just being restored.
fn in_the_way(asked: &Asked<'_>, name: &str) -> Fault {
    let found = asked.tables.settings(asked.space(), name);
    match found.ok().as_ref().and_then(kept::restored_from) {
        Some(summary) => {
            let arn = summary["SourceBackupArn"].as_str().unwrap_or_default();
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
