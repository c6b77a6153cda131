//! `RestoreTableToPointInTime`.

use base::Space;
use serde::Deserialize;
use serde_json::json;
use tables::{Direction, Error, Transfer};

use super::backup::not_yet;
use super::overrides::{OVERRIDES, changed};
use super::restore::{creation, filling, in_the_way, target, told};
use super::{Failure, Transfers, check_recoverable};
use crate::dynamodb::error::fault;
use crate::dynamodb::{Asked, settings, table};
use crate::moment::seconds;
use crate::protocol::Fault;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    source_table_name: Option<String>,
    source_table_arn: Option<String>,
    target_table_name: String,
    #[serde(default)]
    use_latest_restorable_time: bool,
}

impl Transfers {
    pub(super) async fn bring_over(
        &self,
        space: &Space,
        transfer: &mut Transfer,
    ) -> Result<(), Failure> {
        let frozen = self.frozen.lock().remove(&transfer.id);
        let frozen = frozen.ok_or_else(|| {
            tracing::warn!(table = transfer.table, "what a table was to be is lost");
            Failure::new("UNKNOWN", "The server was stopped before it was restored")
        })?;
        Ok(self.tables.bring_over(space, transfer, frozen).await?)
    }
}

/// The latest moment is this one, and there is no other: items are not kept as they were.
pub(in crate::dynamodb) async fn recover(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    let mut known = vec![
        "SourceTableName",
        "SourceTableArn",
        "TargetTableName",
        "UseLatestRestorableTime",
    ];
    known.extend(OVERRIDES.map(|(name, _)| name));
    settings::only(&asked.call, &known)?;
    let given = asked.call.input.clone();
    let input: Input = asked.call.read()?;
    let source = input.source()?;
    let name = table::name(asked.context, source)?;
    let frozen = asked.tables.freeze(asked.space(), name);
    let frozen = frozen.map_err(|error| table::not_found(error, name))?;
    check_recoverable(&frozen)?;
    let description = &frozen.description;
    if description.settings.filled_by.is_some() {
        return Err(not_yet(&description.settings, name));
    }
    let printed = table::print(asked.context, description, "ACTIVE");
    let summary = json!({
        "SourceTableArn": printed["TableArn"],
        "RestoreDateTime": seconds(frozen.at),
    });
    let creation = creation(&printed).as_object().cloned().unwrap_or_default();
    let creation = changed(creation, &given)?;
    let new = target(&asked, creation, input.target_table_name.clone(), &summary)?;
    let transfer = filling(&asked, Direction::Over, &new, frozen.at);
    let (id, name) = (transfer.id.clone(), new.name.clone());
    let begun = asked.tables.create_filled(asked.space(), new, transfer);
    let begun = asked.transfers.hold(&id, frozen, begun);
    begun.await.map_err(|error| match error {
        Error::TableExists(name) => in_the_way(&asked, &name),
        error => fault(error),
    })?;
    told(&asked, &name)
}

impl Input {
    fn source(&self) -> Result<&str, Fault> {
        if !self.use_latest_restorable_time {
            return Err(Fault::validation(
                "Invalid Request: Either RestoreDateTime or UseLatestRestorableTime must be specified",
            ));
        }
        match (&self.source_table_name, &self.source_table_arn) {
            (Some(source), None) | (None, Some(source)) => Ok(source),
            _ => Err(Fault::validation(
                "Invalid Request: Either SourceTableName or SourceTableArn must be specified",
            )),
        }
    }
}
