//! `CreateBackup`, `DescribeBackup`, `ListBackups` and `DeleteBackup`.

use base::Space;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use tables::{Direction, Error, Progress, Settings, State, Transfer};

use super::{Failure, LOOKED_THROUGH, Transfers, check_account, first, named};
use crate::dynamodb::error::{fault, invalid};
use crate::dynamodb::{Asked, kept, settings, table};
use crate::moment::seconds;
use crate::protocol::Fault;

/// Besides the table's ARN, which the id follows.
const PATH: &str = "/backup/";
/// The largest page, and the one unless the caller wants less.
const PAGE: u64 = 100;

/// What is kept of a table besides its items.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Kept {
    backup_name: String,
    table_arn: String,
    source_table_details: Json,
    source_table_feature_details: Json,
    /// As a request to make such a table has it.
    pub(super) creation: Map<String, Json>,
}

impl Transfers {
    pub(super) async fn set_aside(
        &self,
        space: &Space,
        transfer: &mut Transfer,
    ) -> Result<(), Failure> {
        let frozen = self.frozen(space, transfer)?;
        Ok(self.tables.set_aside(transfer, frozen).await?)
    }
}

/// The table is copied as it is when this is asked.
pub(in crate::dynamodb) async fn create(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Input {
        table_name: String,
        backup_name: String,
    }
    settings::only(&asked.call, &["TableName", "BackupName"])?;
    let input: Input = asked.call.read()?;
    let name = table::name(asked.context, &input.table_name)?;
    let frozen = asked.tables.freeze(asked.space(), name);
    let frozen = frozen.map_err(|error| table::not_found(error, name))?;
    let description = &frozen.description;
    if description.settings.filled_by.is_some() {
        return Err(not_yet(&description.settings, name));
    }
    let printed = table::print(asked.context, description, "ACTIVE");
    let expiry = description.table.expiry.as_ref();
    let kept = json!({
        "BackupName": input.backup_name,
        "TableArn": printed["TableArn"],
        "SourceTableDetails": details(&printed),
        "SourceTableFeatureDetails": features(&printed, expiry.map(|expiry| &*expiry.attribute)),
        "Creation": super::restore::creation(&printed),
    });
    let transfer = Transfer {
        id: asked.transfers.id(),
        direction: Direction::Aside,
        table: name.to_owned(),
        table_id: asked.transfers.random.uuid(),
        at: frozen.at,
        started: frozen.at,
        ended: None,
        asked: kept.to_string(),
        token: None,
        state: State::Running,
        progress: Progress {
            bytes: description.count.bytes,
            ..Progress::default()
        },
    };
    let begun = asked.transfers.begin(asked.space(), &transfer, frozen);
    let begun = begun.await.map_err(fault)?;
    let told = backup(&begun, &Kept::of(&begun)?);
    Ok(asked.answer(&json!({ "BackupDetails": told })))
}

pub(in crate::dynamodb) fn describe(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &["BackupArn"])?;
    let input: Named = asked.call.read()?;
    let found = find(&asked, &input.backup_arn)?;
    let told = description(&found, &Kept::of(&found)?);
    Ok(asked.answer(&json!({ "BackupDescription": told })))
}

pub(in crate::dynamodb) async fn delete(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &["BackupArn"])?;
    let input: Named = asked.call.read()?;
    let found = find(&asked, &input.backup_arn)?;
    let dropped = asked.tables.drop_copy(asked.space(), &found.id).await;
    let dropped = dropped.map_err(|error| match error {
        Error::NoSuchCopy(_) => not_found(&input.backup_arn),
        Error::CopyInUse(_) if found.state == State::Done => Fault::new(
            "BackupInUseException",
            format!(
                "Backup is being used to restore table: {}",
                input.backup_arn
            ),
        ),
        error => fault(error),
    })?;
    let mut told = description(&dropped, &Kept::of(&dropped)?);
    told["BackupDetails"]["BackupStatus"] = "DELETED".into();
    Ok(asked.answer(&json!({ "BackupDescription": told })))
}

/// The latest first.
pub(in crate::dynamodb) fn list(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Input {
        table_name: Option<String>,
        limit: Option<u64>,
        time_range_lower_bound: Option<f64>,
        time_range_upper_bound: Option<f64>,
        exclusive_start_backup_arn: Option<String>,
        backup_type: Option<String>,
    }
    const KNOWN: [&str; 6] = [
        "TableName",
        "Limit",
        "TimeRangeLowerBound",
        "TimeRangeUpperBound",
        "ExclusiveStartBackupArn",
        "BackupType",
    ];
    settings::only(&asked.call, &KNOWN)?;
    let input: Input = asked.call.read()?;
    // There are none but those that users make.
    let none = matches!(input.backup_type.as_deref(), Some("SYSTEM" | "AWS_BACKUP"));
    let of = input.table_name.as_deref();
    let of = of
        .map(|given| table::name(asked.context, given))
        .transpose()?;
    let start = input.exclusive_start_backup_arn.as_deref();
    let before = start.map(|arn| id_after(&asked, arn)).transpose()?;
    if input.time_range_lower_bound > input.time_range_upper_bound
        && input.time_range_upper_bound.is_some()
    {
        return Err(invalid(
            "Time range lower bound must be less than or equal to upper bound",
        ));
    }
    let all = asked
        .tables
        .transfers(asked.space(), Direction::Aside, before, LOOKED_THROUGH);
    let wanted = |found: &&Transfer| {
        let made = seconds(found.at);
        of.is_none_or(|of| of == found.table)
            && input.time_range_lower_bound.is_none_or(|from| made >= from)
            && input.time_range_upper_bound.is_none_or(|to| made < to)
            && !none
    };
    let all = all.map_err(fault)?;
    let most = usize::try_from(input.limit.unwrap_or(PAGE)).unwrap_or(usize::MAX);
    let (page, more) = first(all.iter().filter(wanted), most);
    let told: Vec<Json> = page
        .iter()
        .copied()
        .map(summary)
        .collect::<Result<_, _>>()?;
    let mut answer = json!({ "BackupSummaries": told });
    if let Some(last) = told.last().filter(|_| more) {
        answer["LastEvaluatedBackupArn"] = last["BackupArn"].clone();
    }
    Ok(asked.answer(&answer))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    backup_arn: String,
}

/// Of a table that is being restored nothing is known but its description.
pub(super) fn not_yet(settings: &Settings, name: &str) -> Fault {
    match kept::restored_from(settings) {
        Some(_) => table::not_found(Error::NoSuchTable(name.to_owned()), name),
        None => Fault::new(
            "ContinuousBackupsUnavailableException",
            format!("Backups are being enabled for the table: {name}. Please retry later"),
        ),
    }
}

/// The region in an ARN of a backup, and the backup's id, if it is one of this account's.
fn parts<'a>(asked: &Asked<'_>, arn: &'a str) -> Result<(&'a str, &'a str), Fault> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, service, region, _, resource] = parts.as_slice() else {
        return Err(Fault::validation("Invalid Backup ARN"));
    };
    let Some((_, id)) = resource.split_once(PATH) else {
        return Err(Fault::validation("Invalid Backup ARN"));
    };
    if (*partition, *service) != ("aws", "dynamodb") {
        return Err(Fault::validation("Invalid Request: BackupArn is not valid"));
    }
    check_account(asked, arn)?;
    Ok((region, id))
}

/// Which backup a page begins after.
fn id_after<'a>(asked: &Asked<'_>, arn: &'a str) -> Result<&'a str, Fault> {
    match parts(asked, arn)? {
        (region, id) if region == asked.context.region => Ok(id),
        _ => Err(Fault::validation(
            "Invalid Request: The supplied ExclusiveStartBackupArn does not match the region",
        )),
    }
}

pub(super) fn find(asked: &Asked<'_>, arn: &str) -> Result<Transfer, Fault> {
    parts(asked, arn)?;
    let found = named(asked, Direction::Aside, PATH, arn)?;
    found.ok_or_else(|| not_found(arn))
}

pub(super) fn not_found(arn: &str) -> Fault {
    let message = format!("Backup not found: {arn}");
    Fault::new("BackupNotFoundException", message)
}

impl Kept {
    pub(super) fn of(transfer: &Transfer) -> Result<Self, Fault> {
        serde_json::from_str(&transfer.asked).map_err(|cause| {
            tracing::error!(%cause, id = transfer.id, "what is kept of a backup does not read");
            Fault::internal("InternalServerError")
        })
    }
}

fn arn(transfer: &Transfer, kept: &Kept) -> String {
    format!("{}{PATH}{}", kept.table_arn, transfer.id)
}

/// A `BackupDetails`.
fn backup(transfer: &Transfer, kept: &Kept) -> Json {
    json!({
        "BackupArn": arn(transfer, kept),
        "BackupName": kept.backup_name,
        "BackupSizeBytes": transfer.progress.bytes,
        "BackupStatus": match transfer.state {
            State::Running => "CREATING",
            State::Done => "AVAILABLE",
            State::Failed { .. } => "DELETED",
        },
        "BackupType": "USER",
        "BackupCreationDateTime": seconds(transfer.at),
    })
}

fn summary(transfer: &Transfer) -> Result<Json, Fault> {
    let kept = Kept::of(transfer)?;
    let mut summary = backup(transfer, &kept);
    for name in ["TableName", "TableId", "TableArn"] {
        summary[name] = kept.source_table_details[name].clone();
    }
    Ok(summary)
}

fn description(transfer: &Transfer, kept: &Kept) -> Json {
    json!({
        "BackupDetails": backup(transfer, kept),
        "SourceTableDetails": kept.source_table_details,
        "SourceTableFeatureDetails": kept.source_table_feature_details,
    })
}

/// These members of a description, those of them that it has.
pub(super) fn some_of(printed: &Json, names: &[&str]) -> Map<String, Json> {
    let some = names.iter().filter_map(|name| {
        let member = printed.get(name)?;
        Some(((*name).to_owned(), member.clone()))
    });
    some.collect()
}

fn details(printed: &Json) -> Json {
    let names = [
        "TableName",
        "TableId",
        "TableArn",
        "TableSizeBytes",
        "KeySchema",
        "OnDemandThroughput",
        "ItemCount",
    ];
    let mut details = Json::from(some_of(printed, &names));
    details["TableCreationDateTime"] = printed["CreationDateTime"].clone();
    details["ProvisionedThroughput"] = units(&printed["ProvisionedThroughput"]);
    details["BillingMode"] = super::restore::billing_mode(printed).into();
    details
}

fn features(printed: &Json, expires_by: Option<&str>) -> Json {
    let mut features = some_of(printed, &["SSEDescription"]);
    for name in ["LocalSecondaryIndexes", "GlobalSecondaryIndexes"] {
        let indexes = printed[name].as_array();
        let indexes: Vec<Json> = indexes.into_iter().flatten().map(index).collect();
        if !indexes.is_empty() {
            features.insert(name.to_owned(), indexes.into());
        }
    }
    if let Some(stream) = printed.get("StreamSpecification") {
        features.insert("StreamDescription".to_owned(), stream.clone());
    }
    if let Some(attribute) = expires_by {
        let description = json!({ "TimeToLiveStatus": "ENABLED", "AttributeName": attribute });
        features.insert("TimeToLiveDescription".to_owned(), description);
    }
    features.into()
}

/// An index without what it is at the moment.
pub(super) fn index(printed: &Json) -> Json {
    let names = ["IndexName", "KeySchema", "Projection", "OnDemandThroughput"];
    let mut index = some_of(printed, &names);
    if let Some(throughput) = printed.get("ProvisionedThroughput") {
        index.insert("ProvisionedThroughput".to_owned(), units(throughput));
    }
    index.into()
}

fn units(throughput: &Json) -> Json {
    some_of(throughput, &["ReadCapacityUnits", "WriteCapacityUnits"]).into()
}
