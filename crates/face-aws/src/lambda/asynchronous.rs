//! How asynchronous invocations are treated.

use std::time::Duration;

use functions::AsyncSettings;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use triggers::Destination as Place;

use super::error::{fault, invalid, missing};
use super::name::{LATEST, Named};
use super::page::Page;
use super::{Answer, Asked};
use crate::destination;
use crate::dialect::version_name;
use crate::place::Place as At;
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    function_name: String,
    qualifier: Option<String>,
    maximum_retry_attempts: Option<u32>,
    maximum_event_age_in_seconds: Option<u64>,
    destination_config: Option<DestinationConfig>,
    marker: Option<String>,
    max_items: Option<usize>,
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

const NO_FUNCTION: &str = "The function doesn't exist.";

/// Sets everything: what is not said is not set any more.
pub(super) async fn put(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    change(&asked, &input, &AsyncSettings::default()).await
}

/// Sets what is said.
pub(super) async fn update(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let named = Named::read(&asked, &input.function_name, input.qualifier.as_deref())?;
    let settings = configured(&asked, &named)?;
    change(&asked, &input, &settings).await
}

pub(super) fn get(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let named = Named::read(&asked, &input.function_name, input.qualifier.as_deref())?;
    let arn = arn(&asked, &named);
    Ok(Answer::Json(print(&configured(&asked, &named)?, &arn)))
}

pub(super) async fn delete(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let named = Named::read(&asked, &input.function_name, input.qualifier.as_deref())?;
    configured(&asked, &named)?;
    set(&asked, &named, AsyncSettings::default()).await?;
    Ok(Answer::Empty(StatusCode::NO_CONTENT))
}

async fn change(asked: &Asked<'_>, input: &Input, from: &AsyncSettings) -> Result<Answer, Fault> {
    let named = Named::read(asked, &input.function_name, input.qualifier.as_deref())?;
    let said = input.maximum_retry_attempts.is_some()
        || input.maximum_event_age_in_seconds.is_some()
        || input.destination_config.is_some();
    if !said {
        return Err(invalid(
            "You must specify at least one of error handling or destination setting.",
        ));
    }
    let found = (asked.parts.functions).resolve(&asked.context.space, &named.name, named.version());
    found.map_err(|error| match error {
        functions::Error::NoSuchFunction(_) => missing(NO_FUNCTION),
        error => fault(asked.context, &named, error),
    })?;
    let config = input.destination_config.as_ref();
    let on_success = config.and_then(|config| config.on_success.as_ref());
    let on_failure = config.and_then(|config| config.on_failure.as_ref());
    let max_age = input.maximum_event_age_in_seconds;
    let max_age = max_age.map(Duration::from_secs);
    let settings = AsyncSettings {
        retries: input.maximum_retry_attempts.or(from.retries),
        max_age: max_age.or(from.max_age),
        modified: Some(asked.parts.clock.now()),
        on_success: place(asked, &named, on_success, from.on_success.as_ref(), true)?,
        on_failure: place(asked, &named, on_failure, from.on_failure.as_ref(), false)?,
    };
    set(asked, &named, settings.clone()).await?;
    Ok(Answer::Json(print(&settings, &arn(asked, &named))))
}

/// The place that is named, or the one that there was; an empty name takes it away.
fn place(
    asked: &Asked<'_>,
    named: &Named,
    given: Option<&Destination>,
    before: Option<&String>,
    success: bool,
) -> Result<Option<String>, Fault> {
    let Some(given) = given else {
        return Ok(before.cloned());
    };
    let Some(arn) = given.destination.as_ref().filter(|arn| !arn.is_empty()) else {
        return Ok(None);
    };
    let unsupported = || {
        let given = format!("(destination={arn})");
        let (success, failure) = match success {
            true => (format!("OnSuccess{given}"), "null".to_owned()),
            false => ("null".to_owned(), format!("OnFailure{given}")),
        };
        invalid(format!(
            "The provided destination config DestinationConfig(onSuccess={success}, onFailure={failure}) is invalid."
        ))
    };
    let place = destination::read(arn).ok_or_else(unsupported)?;
    match &place {
        // The real service puts only what failed into buckets.
        Place::Bucket(_) if success => return Err(unsupported()),
        Place::Function(target)
            if target.function == named.name && target.space == asked.context.space =>
        {
            return Err(invalid(
                "You can't specify the function as a destination for itself.",
            ));
        }
        _ => {}
    }
    let there = asked.parts.triggers.takes(&place);
    there.map_err(|error| match error.kind() {
        base::ErrorKind::Missing | base::ErrorKind::Invalid => {
            invalid(format!("The destination ARN {arn} is invalid."))
        }
        _ => {
            tracing::error!(%error, "a destination could not be looked at");
            Fault::internal("ServiceException")
        }
    })?;
    Ok(Some(arn.clone()))
}

async fn set(asked: &Asked<'_>, named: &Named, settings: AsyncSettings) -> Result<(), Fault> {
    let space = &asked.context.space;
    let changed = asked
        .parts
        .functions
        .set_asynchronous(space, &named.name, named.version(), settings)
        .await;
    changed.map_err(|error| fault(asked.context, named, error))
}

/// Those of every qualifier that has its own.
pub(super) fn list(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let named = Named::read(&asked, &input.function_name, None)?;
    let refused = |error| fault(asked.context, &named, error);
    let (functions, space) = (&asked.parts.functions, &asked.context.space);
    let latest = functions
        .get(space, &named.name)
        .map_err(|error| match error {
            functions::Error::NoSuchFunction(_) => missing(NO_FUNCTION),
            error => refused(error),
        })?;
    let versions = functions.versions(space, &named.name, None, usize::MAX);
    let aliases = functions.aliases(space, &named.name).map_err(refused)?;
    let versions = versions.map_err(refused)?.into_iter();
    let all = [(LATEST.to_owned(), latest.asynchronous)]
        .into_iter()
        .chain(versions.map(|one| (version_name(one.version), one.asynchronous)))
        .chain(aliases.into_iter().map(|one| (one.name, one.asynchronous)));
    let place = At::of(space);
    let configured: Vec<Value> = all
        .filter(|(_, settings)| settings.modified.is_some())
        .map(|(qualifier, settings)| {
            print(
                &settings,
                &place.function_arn(&named.name, Some(&qualifier)),
            )
        })
        .collect();
    let page = Page::read(input.marker.as_deref(), input.max_items)?;
    Ok(Answer::Json(
        page.print("FunctionEventInvokeConfigs", configured),
    ))
}

/// The settings of what is named, if it is there and has any of its own.
fn configured(asked: &Asked<'_>, named: &Named) -> Result<AsyncSettings, Fault> {
    let (functions, space) = (&asked.parts.functions, &asked.context.space);
    let settings = match functions.resolve(space, &named.name, named.version()) {
        Ok(found) => found.asynchronous,
        Err(functions::Error::NoSuchFunction(_)) => AsyncSettings::default(),
        Err(error) => return Err(fault(asked.context, named, error)),
    };
    if settings.modified.is_none() {
        return Err(missing(format!(
            "The function {} doesn't have an EventInvokeConfig",
            arn(asked, named)
        )));
    }
    Ok(settings)
}

fn arn(asked: &Asked<'_>, named: &Named) -> String {
    let qualifier = named.version().unwrap_or(LATEST);
    At::of(&asked.context.space).function_arn(&named.name, Some(qualifier))
}

/// What was set, and no defaults; but the places always, as the service does.
fn print(settings: &AsyncSettings, arn: &str) -> Value {
    let mut output = json!({
        "LastModified": settings.modified.map(base::Timestamp::as_secs),
        "FunctionArn": arn,
        "DestinationConfig": {
            "OnSuccess": named(settings.on_success.as_ref()),
            "OnFailure": named(settings.on_failure.as_ref()),
        },
    });
    if let Some(retries) = settings.retries {
        output["MaximumRetryAttempts"] = retries.into();
    }
    if let Some(max_age) = settings.max_age {
        output["MaximumEventAgeInSeconds"] = max_age.as_secs().into();
    }
    output
}

fn named(place: Option<&String>) -> Value {
    place.map_or_else(|| json!({}), |place| json!({ "Destination": place }))
}
