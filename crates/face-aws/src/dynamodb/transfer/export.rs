//! `ExportTableToPointInTime`, `DescribeExport` and `ListExports`.

use serde::Deserialize;
use serde_json::{Value as Json, json};
use tables::{Direction, Error, Progress, State, Transfer};

use super::save::{FULL, folder, manifest_key};
use super::{check_account, check_recoverable, conflict, named};
use crate::dynamodb::error::{fault, invalid};
use crate::dynamodb::{Asked, settings, table};
use crate::moment::seconds;
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    table_arn: String,
    client_token: Option<String>,
    s3_bucket: String,
    s3_bucket_owner: Option<String>,
    s3_prefix: Option<String>,
    s3_sse_algorithm: Option<String>,
    export_format: Option<String>,
    export_type: Option<String>,
}

/// Besides the table's ARN, which the id follows.
const PATH: &str = "/export/";

/// The table is copied as it is when this is asked. A moment before that cannot be asked for: items are not kept as
/// they were.
pub(in crate::dynamodb) async fn export(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    const KNOWN: [&str; 8] = [
        "TableArn",
        "ClientToken",
        "S3Bucket",
        "S3BucketOwner",
        "S3Prefix",
        "S3SseAlgorithm",
        "ExportFormat",
        "ExportType",
    ];
    settings::only(&asked.call, &KNOWN)?;
    for (parameter, built) in [
        ("S3SseAlgorithm", "AES256"),
        ("ExportFormat", "DYNAMODB_JSON"),
        ("ExportType", FULL),
    ] {
        let given = asked.call.input.get(parameter);
        if let Some(given) = given.filter(|given| *given != built) {
            let given = given.as_str().unwrap_or_default();
            return Err(asked.call.not_built(&format!("{parameter}={given}")));
        }
    }
    let input: Input = asked.call.read()?;
    let name = table_of(&asked, &input.table_arn)?.to_owned();
    let frozen = asked.tables.freeze(asked.space(), &name);
    let frozen = frozen.map_err(|error| table::not_found(error, &input.table_arn))?;
    check_recoverable(&frozen)?;
    let at = frozen.at;
    let transfer = Transfer {
        id: asked.transfers.id(),
        direction: Direction::Out,
        table: name.clone(),
        table_id: frozen.description.table.id,
        at,
        started: at,
        ended: None,
        asked: json!({
            "TableArn": table::arn(asked.context, &name),
            "S3Bucket": input.s3_bucket,
            "S3BucketOwner": input.s3_bucket_owner,
            "S3Prefix": input.s3_prefix,
            "S3SseAlgorithm": input.s3_sse_algorithm.as_deref().unwrap_or("AES256"),
            "ExportFormat": input.export_format.as_deref().unwrap_or("DYNAMODB_JSON"),
            "ExportType": input.export_type,
            "Owner": asked.context.account,
        })
        .to_string(),
        token: input.client_token,
        state: State::Running,
        progress: Progress::default(),
    };
    let begun = asked.transfers.begin(asked.space(), &transfer, frozen);
    let begun = begun.await.map_err(|error| match error {
        Error::AnotherTransaction => conflict("Export"),
        error => fault(error),
    })?;
    Ok(asked.answer(&json!({ "ExportDescription": description(&begun) })))
}

/// The table that is to be exported, of which nothing but the ARN will do.
fn table_of<'a>(asked: &Asked<'_>, arn: &'a str) -> Result<&'a str, Fault> {
    if !arn.starts_with("arn:") {
        return Err(invalid("tableArn is not a valid ARN"));
    }
    check_account(asked, arn)?;
    let name = arn.split_once(":table/").map(|(_, name)| name);
    let name = name.filter(|name| !name.contains('/'));
    let name = name.ok_or_else(|| Fault::validation("Invalid Request: Table ARN is invalid."))?;
    match table::arn(asked.context, name) == arn {
        true => Ok(name),
        false => Err(table::not_found(Error::NoSuchTable(name.to_owned()), arn)),
    }
}

pub(in crate::dynamodb) fn describe(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Input {
        export_arn: String,
    }
    settings::only(&asked.call, &["ExportArn"])?;
    let input: Input = asked.call.read()?;
    let arn = &input.export_arn;
    if !arn.contains(PATH) {
        return Err(Fault::validation("Invalid Export ARN"));
    }
    let found = named(&asked, Direction::Out, PATH, arn)?.ok_or_else(|| {
        Fault::new(
            "ExportNotFoundException",
            // It says so twice.
            format!("Export not found: Export not found: {arn}"),
        )
    })?;
    Ok(asked.answer(&json!({ "ExportDescription": description(&found) })))
}

pub(in crate::dynamodb) fn list(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &["TableArn", "MaxResults", "NextToken"])?;
    let summary = |found: &Transfer| {
        json!({
            "ExportArn": arn(found),
            "ExportStatus": status(&found.state),
            "ExportType": FULL,
        })
    };
    let page = super::list(&mut asked, Direction::Out, "MaxResults", summary)?;
    Ok(asked.answer(&page.printed("ExportSummaries")))
}

fn arn(transfer: &Transfer) -> String {
    let asked: Json = serde_json::from_str(&transfer.asked).unwrap_or_default();
    let table = asked["TableArn"].as_str().unwrap_or_default();
    format!("{table}{PATH}{}", transfer.id)
}

pub(super) fn status(state: &State) -> &'static str {
    match state {
        State::Running => "IN_PROGRESS",
        State::Done => "COMPLETED",
        State::Failed { .. } => "FAILED",
    }
}

fn description(transfer: &Transfer) -> Json {
    let mut printed: Json = serde_json::from_str(&transfer.asked).unwrap_or_default();
    let prefix = printed["S3Prefix"].as_str().map(str::to_owned);
    if let Some(members) = printed.as_object_mut() {
        members.remove("Owner");
        members.retain(|_, member| !member.is_null());
    }
    printed["ExportArn"] = arn(transfer).into();
    printed["ExportTime"] = seconds(transfer.at).into();
    super::outcome(&mut printed, "ExportStatus", transfer);
    if transfer.state == State::Done {
        let folder = folder(prefix.as_deref(), &transfer.id);
        printed["ExportManifest"] = manifest_key(&folder).into();
        printed["ItemCount"] = transfer.progress.items.into();
        printed["BilledSizeBytes"] = transfer.progress.bytes.into();
    }
    printed
}
