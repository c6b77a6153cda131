use serde_json::{Value, json};
use triggers::{LastResult, Mapping, MappingSource, MappingState, Starting};

use super::source;
use crate::destination;
use crate::place::Place;

pub(super) fn print(mapping: &Mapping, result: Option<LastResult>) -> Value {
    let settings = &mapping.settings;
    let place = Place::of(&mapping.space);
    let target = &mapping.target;
    let responses: &[&str] = if settings.partial {
        &["ReportBatchItemFailures"]
    } else {
        &[]
    };
    let failure = match &settings.on_failure {
        Some(place) => json!({ "Destination": destination::arn(place) }),
        None => json!({}),
    };
    if let MappingSource::Queue { .. } = mapping.source {
        return print_queue(mapping, result, responses);
    }
    let mut printed = json!({
        "UUID": mapping.id,
        "EventSourceMappingArn": arn(mapping),
        "EventSourceArn": source::arn(&mapping.space, &mapping.source),
        "FunctionArn": place.function_arn(&target.function, target.qualifier.as_deref()),
        "StartingPosition": match mapping.starting {
            Starting::Oldest => "TRIM_HORIZON",
            Starting::Newest => "LATEST",
        },
        "BatchSize": settings.batch,
        "MaximumBatchingWindowInSeconds": settings.wait.as_secs(),
        "ParallelizationFactor": settings.lanes,
        "MaximumRetryAttempts": settings.retries.map_or(-1, i64::from),
        "MaximumRecordAgeInSeconds": settings.age.map_or(json!(-1), |age| age.as_secs().into()),
        "BisectBatchOnFunctionError": settings.bisect,
        "TumblingWindowInSeconds": settings.tumbling.map_or(0, |window| window.as_secs()),
        "FunctionResponseTypes": responses,
        "DestinationConfig": { "OnFailure": failure },
        "State": state(mapping.state),
        "StateTransitionReason": "User action",
        "LastModified": seconds(mapping.modified),
        "LastProcessingResult": said(result),
    });
    print_filters(&mut printed, &settings.filters);
    printed
}

/// A queue's has nothing of what is about streams.
fn print_queue(mapping: &Mapping, result: Option<LastResult>, responses: &[&str]) -> Value {
    let settings = &mapping.settings;
    let target = &mapping.target;
    let place = Place::of(&mapping.space);
    let mut printed = json!({
        "UUID": mapping.id,
        "EventSourceMappingArn": arn(mapping),
        "EventSourceArn": source::arn(&mapping.space, &mapping.source),
        "FunctionArn": place.function_arn(&target.function, target.qualifier.as_deref()),
        "BatchSize": settings.batch,
        "MaximumBatchingWindowInSeconds": settings.wait.as_secs(),
        "FunctionResponseTypes": responses,
        "State": state(mapping.state),
        "StateTransitionReason": "USER_INITIATED",
        "LastModified": seconds(mapping.modified),
    });
    if settings.lanes > 0 {
        printed["ScalingConfig"] = json!({ "MaximumConcurrency": settings.lanes });
    }
    if let Some(problem) = result.filter(|result| *result != LastResult::Ok) {
        printed["LastProcessingResult"] = said(Some(problem)).into();
    }
    print_filters(&mut printed, &settings.filters);
    printed
}

fn print_filters(printed: &mut Value, filters: &[String]) {
    if !filters.is_empty() {
        let filters = filters.iter();
        let filters: Vec<Value> = filters.map(|filter| json!({ "Pattern": filter })).collect();
        printed["FilterCriteria"] = json!({ "Filters": filters });
    }
}

fn arn(mapping: &Mapping) -> String {
    let Place { account, region } = Place::of(&mapping.space);
    let id = &mapping.id;
    format!("arn:aws:lambda:{region}:{account}:event-source-mapping:{id}")
}

fn state(state: MappingState) -> &'static str {
    match state {
        MappingState::Creating => "Creating",
        MappingState::Enabling => "Enabling",
        MappingState::Enabled => "Enabled",
        MappingState::Updating => "Updating",
        MappingState::Disabling => "Disabling",
        MappingState::Disabled => "Disabled",
        MappingState::Deleting => "Deleting",
    }
}

/// The first three are the real service's words; for the others it has none that are published.
fn said(result: Option<LastResult>) -> &'static str {
    match result {
        None => "No records processed",
        Some(LastResult::Ok) => "OK",
        Some(LastResult::FunctionFailed) => "PROBLEM: Function call failed",
        Some(LastResult::FunctionThrottled) => "PROBLEM: Function call was throttled",
        Some(LastResult::NotStarted) => "PROBLEM: Function could not be started",
        Some(LastResult::NoFunction) => "PROBLEM: Function not found",
        Some(LastResult::NoSource) => "PROBLEM: Event source not found",
    }
}

#[expect(clippy::cast_precision_loss, reason = "a moment in milliseconds fits")]
fn seconds(at: base::Timestamp) -> f64 {
    at.as_millis() as f64 / 1_000.0
}
