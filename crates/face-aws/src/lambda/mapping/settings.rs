//! The settings of a mapping, as they are given.

use std::time::Duration;

use serde::Deserialize;
use triggers::{Destination, MappingSettings};

use super::super::error::invalid;
use crate::destination;
use crate::protocol::{Call, Fault};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Settings {
    batch_size: Option<u32>,
    maximum_batching_window_in_seconds: Option<u64>,
    parallelization_factor: Option<u32>,
    maximum_retry_attempts: Option<i64>,
    maximum_record_age_in_seconds: Option<i64>,
    bisect_batch_on_function_error: Option<bool>,
    tumbling_window_in_seconds: Option<u64>,
    function_response_types: Option<Vec<String>>,
    filter_criteria: Option<FilterCriteria>,
    destination_config: Option<DestinationConfig>,
    scaling_config: Option<ScalingConfig>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ScalingConfig {
    maximum_concurrency: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FilterCriteria {
    filters: Option<Vec<Filter>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    pattern: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DestinationConfig {
    on_success: Option<Given>,
    on_failure: Option<Given>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    destination: Option<String>,
}

impl Given {
    fn arn(&self) -> Option<&str> {
        self.destination.as_deref().filter(|arn| !arn.is_empty())
    }
}

/// The published quota.
const MOST_FILTERS: usize = 5;
const LEAST_AGE: i64 = 60;

/// Batches of a queue that are not waited for, at most, and all others.
const LARGEST_UNWAITED: u32 = 10;

/// What is about streams only.
const STREAMS: [&str; 7] = [
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "StartingPosition",
    "TumblingWindowInSeconds",
];

/// What the service has for other sources than streams of tables and queues.
const OTHERS: [&str; 9] = [
    "Topics",
    "Queues",
    "SourceAccessConfigurations",
    "SelfManagedEventSource",
    "SelfManagedKafkaEventSourceConfig",
    "AmazonManagedKafkaEventSourceConfig",
    "DocumentDBEventSourceConfig",
    "ProvisionedPollerConfig",
    "StartingPositionTimestamp",
];

/// What could be set but is not obeyed here.
const LATER: [&str; 3] = ["KMSKeyArn", "MetricsConfig", "LoggingConfig"];

/// `of_queue` says what the source is.
pub(super) fn refuse_unbuilt(call: &Call<'_>, of_queue: bool) -> Result<(), Fault> {
    if call.input.contains_key("SelfManagedEventSource") {
        return Err(Fault::not_implemented(
            "event source mappings of self-managed Kafka",
        ));
    }
    let alien: &[&str] = if of_queue {
        &STREAMS
    } else {
        &["ScalingConfig"]
    };
    let mut aliens = OTHERS.iter().chain(alien);
    if of_queue && call.input.contains_key("ProvisionedPollerConfig") {
        return Err(call.not_built("ProvisionedPollerConfig"));
    }
    if let Some(other) = aliens.find(|name| call.input.contains_key(**name)) {
        let mut letters = other.chars();
        let first = letters.next().unwrap_or_default().to_ascii_lowercase();
        let rest = letters.as_str();
        return Err(invalid(format!(
            "Unsupported '{first}{rest}' parameter for given event source mapping type."
        )));
    }
    match LATER.iter().find(|name| call.input.contains_key(**name)) {
        Some(later) => Err(call.not_built(later)),
        None => Ok(()),
    }
}

pub(super) fn defaults() -> MappingSettings {
    MappingSettings {
        batch: 100,
        wait: Duration::ZERO,
        lanes: 1,
        retries: None,
        age: None,
        bisect: false,
        partial: false,
        tumbling: None,
        filters: Vec::new(),
        on_failure: None,
    }
}

pub(super) fn defaults_of_queue() -> MappingSettings {
    MappingSettings {
        batch: 10,
        lanes: 0,
        ..defaults()
    }
}

/// What a queue's settings must be together.
pub(super) fn check_queue(settings: &MappingSettings, ordered: bool) -> Result<(), Fault> {
    let MappingSettings {
        batch, wait, lanes, ..
    } = settings;
    if ordered && *batch > LARGEST_UNWAITED {
        return Err(invalid(format!(
            "1 validation error detected: Value '{batch}' at 'batchSize' failed to satisfy constraint: Member must have value less than or equal to 10"
        )));
    }
    if ordered && !wait.is_zero() {
        return Err(invalid("Batching window is not supported for FIFO queues."));
    }
    if *batch > LARGEST_UNWAITED && wait.is_zero() {
        return Err(invalid(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
        ));
    }
    if *lanes == 1 {
        return Err(invalid(
            "1 validation error detected: Value '1' at 'scalingConfig.maximumConcurrency' failed to satisfy constraint: Member must have value greater than or equal to 2",
        ));
    }
    Ok(())
}

impl Settings {
    /// Sets what is given. The model has seen to the ranges.
    pub(super) fn apply(&self, settings: &mut MappingSettings) -> Result<(), Fault> {
        if let Some(batch) = self.batch_size {
            settings.batch = batch;
        }
        if let Some(seconds) = self.maximum_batching_window_in_seconds {
            settings.wait = Duration::from_secs(seconds);
        }
        if let Some(lanes) = self.parallelization_factor {
            settings.lanes = lanes;
        }
        if let Some(retries) = self.maximum_retry_attempts {
            settings.retries = u32::try_from(retries).ok();
        }
        if let Some(age) = self.maximum_record_age_in_seconds {
            settings.age = record_age(age)?;
        }
        if let Some(bisect) = self.bisect_batch_on_function_error {
            settings.bisect = bisect;
        }
        if let Some(seconds) = self.tumbling_window_in_seconds {
            settings.tumbling = (seconds > 0).then(|| Duration::from_secs(seconds));
        }
        if let Some(types) = &self.function_response_types {
            settings.partial = !types.is_empty();
        }
        if let Some(criteria) = &self.filter_criteria {
            settings.filters = criteria.patterns()?;
        }
        if let Some(scaling) = &self.scaling_config {
            settings.lanes = scaling.maximum_concurrency.unwrap_or(0);
        }
        if let Some(config) = &self.destination_config {
            settings.on_failure = config.read()?;
        }
        Ok(())
    }
}

fn record_age(seconds: i64) -> Result<Option<Duration>, Fault> {
    match u64::try_from(seconds) {
        Err(_) => Ok(None),
        Ok(_) if seconds < LEAST_AGE => Err(invalid(format!(
            "1 validation error detected: Value '{seconds}' at 'maximumRecordAgeInSeconds' failed to satisfy constraint: Member must be -1 or have value greater than or equal to {LEAST_AGE}"
        ))),
        Ok(seconds) => Ok(Some(Duration::from_secs(seconds))),
    }
}

impl FilterCriteria {
    fn patterns(&self) -> Result<Vec<String>, Fault> {
        let filters = self.filters.as_deref().unwrap_or_default();
        if filters.len() > MOST_FILTERS {
            return Err(invalid(format!(
                "The number of filters exceeds the limit of {MOST_FILTERS}."
            )));
        }
        let pattern = |filter: &Filter| match &filter.pattern {
            Some(pattern) => Ok(pattern.clone()),
            None => Err(invalid("Invalid filter pattern definition.")),
        };
        filters.iter().map(pattern).collect()
    }
}

impl DestinationConfig {
    fn read(&self) -> Result<Option<Destination>, Fault> {
        if self.on_success.as_ref().and_then(Given::arn).is_some() {
            return Err(invalid(
                "Unsupported DestinationConfig parameter for given event source mapping type.",
            ));
        }
        let Some(arn) = self.on_failure.as_ref().and_then(Given::arn) else {
            return Ok(None);
        };
        match destination::read(arn) {
            Some(
                place @ (Destination::Bucket(_) | Destination::Queue(_) | Destination::Topic(_)),
            ) => Ok(Some(place)),
            _ if arn.starts_with("kafka://") => Err(Fault::not_implemented(
                "a topic of Kafka as the destination of an event source mapping",
            )),
            _ => Err(invalid(format!(
                "The provided destination is not supported: {arn}"
            ))),
        }
    }
}
