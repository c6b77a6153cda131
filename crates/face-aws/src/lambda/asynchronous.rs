//! How asynchronous invocations are treated.

use std::time::Duration;

use functions::{AsyncSettings, Function};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{fault, missing};
use super::name::{LATEST, Named};
use super::{Answer, Asked};
use crate::place::Place;
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    function_name: String,
    qualifier: Option<String>,
    maximum_retry_attempts: Option<u32>,
    maximum_event_age_in_seconds: Option<u64>,
    destination_config: Option<DestinationConfig>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DestinationConfig {
    on_success: Option<Destination>,
    on_failure: Option<Destination>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Destination {
    destination: Option<String>,
}

/// Sets everything: what is not said gets its default.
pub(super) async fn put(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    change(&asked, &input, &AsyncSettings::default()).await
}

/// Sets what is said.
pub(super) async fn update(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let named = Named::read(
        asked.context,
        &input.function_name,
        input.qualifier.as_deref(),
    )?;
    let function = configured(&asked, &named)?;
    change(&asked, &input, &function.asynchronous).await
}

pub(super) fn get(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let named = Named::read(
        asked.context,
        &input.function_name,
        input.qualifier.as_deref(),
    )?;
    Ok(Answer::Json(print(&configured(&asked, &named)?)))
}

pub(super) async fn delete(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let named = Named::read(
        asked.context,
        &input.function_name,
        input.qualifier.as_deref(),
    )?;
    configured(&asked, &named)?;
    set(&asked, &named, AsyncSettings::default()).await?;
    Ok(Answer::Empty(StatusCode::NO_CONTENT))
}

async fn change(asked: &Asked<'_>, input: &Input, from: &AsyncSettings) -> Result<Answer, Fault> {
    let sends = |destination: &Option<Destination>| {
        destination
            .as_ref()
            .is_some_and(|to| to.destination.is_some())
    };
    if let Some(config) = &input.destination_config
        && (sends(&config.on_success) || sends(&config.on_failure))
    {
        return Err(asked.call.not_built("DestinationConfig"));
    }
    let named = Named::read(
        asked.context,
        &input.function_name,
        input.qualifier.as_deref(),
    )?;
    named.find(asked)?;
    let settings = AsyncSettings {
        retries: input.maximum_retry_attempts.unwrap_or(from.retries),
        max_age: input
            .maximum_event_age_in_seconds
            .map_or(from.max_age, Duration::from_secs),
        modified: Some(asked.parts.clock.now()),
    };
    let function = set(asked, &named, settings).await?;
    Ok(Answer::Json(print(&function)))
}

async fn set(asked: &Asked<'_>, named: &Named, settings: AsyncSettings) -> Result<Function, Fault> {
    let space = &asked.context.space;
    let changed = asked
        .parts
        .functions
        .set_asynchronous(space, &named.name, settings)
        .await;
    changed.map_err(|error| fault(asked.context, named, error))
}

/// The function, if it has settings of its own.
fn configured(asked: &Asked<'_>, named: &Named) -> Result<Function, Fault> {
    let function = named.find(asked)?;
    if function.asynchronous.modified.is_none() {
        let arn = Place::of(&function.space).function_arn(&function.name, Some(LATEST));
        return Err(missing(format!(
            "The function {arn} doesn't have an EventInvokeConfig"
        )));
    }
    Ok(function)
}

fn print(function: &Function) -> Value {
    let settings = &function.asynchronous;
    let arn = Place::of(&function.space).function_arn(&function.name, Some(LATEST));
    json!({
        "LastModified": settings.modified.map(base::Timestamp::as_secs),
        "FunctionArn": arn,
        "MaximumRetryAttempts": settings.retries,
        "MaximumEventAgeInSeconds": settings.max_age.as_secs(),
        "DestinationConfig": { "OnSuccess": {}, "OnFailure": {} },
    })
}
