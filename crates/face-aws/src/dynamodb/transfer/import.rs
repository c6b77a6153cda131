//! `ImportTable`, `DescribeImport` and `ListImports`.

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use tables::{Direction, Error, Progress, State, Transfer};

use super::{conflict, named};
use crate::dynamodb::create::NewInput;
use crate::dynamodb::error::fault;
use crate::dynamodb::{Asked, kept, settings, table};
use crate::protocol::Fault;

/// Besides the table's ARN, which the id follows.
const PATH: &str = "/import/";

const KNOWN: [&str; 6] = [
    "ClientToken",
    "S3BucketSource",
    "InputFormat",
    "InputFormatOptions",
    "InputCompressionType",
    "TableCreationParameters",
];
/// Of the table to be made.
const KNOWN_OF_TABLE: [&str; 8] = [
    "TableName",
    "AttributeDefinitions",
    "KeySchema",
    "BillingMode",
    "ProvisionedThroughput",
    "OnDemandThroughput",
    "GlobalSecondaryIndexes",
    kept::ENCRYPTION,
];

/// The table is there at once and fills in the background.
pub(in crate::dynamodb) async fn import(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &KNOWN)?;
    let input = std::mem::take(&mut asked.call.input);
    for (parameter, built) in [
        ("InputFormat", &["DYNAMODB_JSON", "CSV"][..]),
        ("InputCompressionType", &["NONE", "GZIP"]),
    ] {
        let given = input.get(parameter).and_then(Json::as_str);
        if let Some(given) = given.filter(|given| !built.contains(given)) {
            return Err(asked.call.not_built(&format!("{parameter}={given}")));
        }
    }
    if input["InputFormat"] != "CSV" && input.contains_key("InputFormatOptions") {
        let format = input["InputFormat"].as_str().unwrap_or_default();
        return Err(Fault::validation(format!(
            "Invalid Request: Unsupported InputFormatOptions for the given input format: {format}."
        )));
    }
    let parameters = input["TableCreationParameters"].as_object();
    let parameters: Map<String, Json> = parameters.cloned().unwrap_or_default();
    settings::only_of(&asked.call, &parameters, &KNOWN_OF_TABLE)?;
    let new = NewInput::read(Json::Object(parameters))?.checked(asked.context)?;
    let token = input.get("ClientToken").and_then(Json::as_str);
    // Clients make one up, whatever the model says.
    let token = token.ok_or_else(|| table::absent("clientToken"))?;
    let token = Some(token.to_owned());
    let mut kept = Json::Object(input);
    if let Some(members) = kept.as_object_mut() {
        members.remove("ClientToken");
    }
    kept["TableArn"] = table::arn(asked.context, &new.name).into();
    kept["Owner"] = asked.context.account.as_str().into();
    let now = asked.transfers.clock.now();
    let transfer = Transfer {
        id: asked.transfers.id(),
        direction: Direction::In,
        table: new.name.clone(),
        // The table that is made has one.
        table_id: uuid::Uuid::nil(),
        at: now,
        started: now,
        ended: None,
        asked: kept.to_string(),
        token,
        state: State::Running,
        progress: Progress::default(),
    };
    let begun = asked.tables.create_filled(asked.space(), new, transfer);
    let begun = begun.await.map_err(|error| match error {
        Error::AnotherTransaction => conflict("Import"),
        error => fault(error),
    })?;
    Ok(asked.answer(&json!({ "ImportTableDescription": description(&begun) })))
}

pub(in crate::dynamodb) fn describe(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Input {
        import_arn: String,
    }
    settings::only(&asked.call, &["ImportArn"])?;
    let input: Input = asked.call.read()?;
    let arn = &input.import_arn;
    if !arn.contains(PATH) {
        return Err(Fault::validation("Invalid Import ARN"));
    }
    let found = named(&asked, Direction::In, PATH, arn)?.ok_or_else(|| {
        Fault::new(
            "ImportNotFoundException",
            format!("Import not found: {arn}"),
        )
    })?;
    Ok(asked.answer(&json!({ "ImportTableDescription": description(&found) })))
}

pub(in crate::dynamodb) fn list(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &["TableArn", "PageSize", "NextToken"])?;
    let summary = |found: &Transfer| {
        let described = description(found);
        let told = [
            "ImportArn",
            "ImportStatus",
            "TableArn",
            "S3BucketSource",
            "InputFormat",
            "StartTime",
            "EndTime",
        ];
        let told = told
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), described.get(name)?.clone())));
        Json::Object(told.collect())
    };
    let page = super::list(&mut asked, Direction::In, "PageSize", summary)?;
    Ok(asked.answer(&page.printed("ImportSummaryList")))
}

fn description(transfer: &Transfer) -> Json {
    let mut printed: Json = serde_json::from_str(&transfer.asked).unwrap_or_default();
    let owner = printed.as_object_mut().and_then(|all| all.remove("Owner"));
    // Both are told although nobody said them.
    let told_owner = &mut printed["S3BucketSource"]["S3BucketOwner"];
    if told_owner.is_null() {
        *told_owner = owner.unwrap_or_default();
    }
    if printed["InputCompressionType"].is_null() {
        printed["InputCompressionType"] = "NONE".into();
    }
    let table = printed["TableArn"].as_str().unwrap_or_default();
    printed["ImportArn"] = format!("{table}{PATH}{}", transfer.id).into();
    super::outcome(&mut printed, "ImportStatus", transfer);
    // Nothing is told of how far it is until it ends.
    let progress = match transfer.state {
        State::Running => Progress::default(),
        State::Done | State::Failed { .. } => transfer.progress.clone(),
    };
    printed["ErrorCount"] = progress.errors.into();
    if progress.bytes > 0 {
        printed["ProcessedSizeBytes"] = progress.bytes.into();
    }
    printed["ProcessedItemCount"] = progress.met.into();
    printed["ImportedItemCount"] = progress.items.into();
    printed
}
