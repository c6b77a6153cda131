//! What is said about a schedule, read and printed.

use std::time::Duration;

use jiff::tz::TimeZone;
use schedules::{DEFAULT, Expression, Retries, Schedule, Settings};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Asked;
use super::error::invalid;
use super::target::Target;
use crate::moment::{moment, seconds};
use crate::protocol::Fault;

const MOST_RETRIES: u32 = 185;
/// How long ago a schedule may have begun when it is made or changed.
const LATEST_START: Duration = Duration::from_secs(300);
const OLDEST: Duration = Duration::from_secs(86_400);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Input {
    pub(super) name: String,
    group_name: Option<String>,
    schedule_expression: String,
    schedule_expression_timezone: Option<String>,
    start_date: Option<f64>,
    end_date: Option<f64>,
    description: Option<String>,
    state: Option<String>,
    kms_key_arn: Option<String>,
    target: Map<String, Value>,
    flexible_time_window: Window,
    action_after_completion: Option<String>,
    pub(super) client_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Window {
    mode: String,
    maximum_window_in_minutes: Option<u64>,
}

impl Input {
    pub(super) fn group(&self) -> &str {
        self.group_name.as_deref().unwrap_or(DEFAULT)
    }

    pub(super) fn settings(&self, asked: &Asked<'_>) -> Result<Settings, Fault> {
        if self.kms_key_arn.is_some() {
            return Err(asked.call.not_built("KmsKeyArn"));
        }
        let expression = &self.schedule_expression;
        let read = Expression::read(expression);
        read.map_err(|_| invalid(format!("Invalid Schedule Expression {expression}.")))?;
        let zone = self.schedule_expression_timezone.as_deref();
        let zone = zone.unwrap_or("UTC");
        TimeZone::get(zone)
            .map_err(|_| invalid(format!("Invalid Schedule Expression Timezone {zone}.")))?;
        let (start, end) = (self.start_date.map(moment), self.end_date.map(moment));
        if let (Some(start), Some(end)) = (start, end)
            && start >= end
        {
            return Err(invalid("The EndDate must be later than the StartDate."));
        }
        let oldest = asked.schedules.now() - LATEST_START;
        if start.is_some_and(|start| start < oldest) {
            return Err(invalid(
                "The StartDate you specify cannot be earlier than 5 minutes ago.",
            ));
        }
        let target = Target::read(self.target.clone(), asked.space())?;
        Ok(Settings {
            expression: expression.clone(),
            zone: zone.to_owned(),
            start,
            end,
            window: self.flexible_time_window.read()?,
            enabled: self.state.as_deref() != Some("DISABLED"),
            ends: self.action_after_completion.as_deref() == Some("DELETE"),
            description: self.description.clone(),
            retries: Retries {
                most: target.retry_policy.attempts().unwrap_or(MOST_RETRIES),
                age: target.retry_policy.age().unwrap_or(OLDEST),
            },
            order: Value::Object(self.target.clone()).to_string().into(),
        })
    }
}

impl Window {
    fn read(&self) -> Result<Option<Duration>, Fault> {
        match (self.mode.as_str(), self.maximum_window_in_minutes) {
            ("FLEXIBLE", Some(minutes)) => Ok(Some(Duration::from_secs(60 * minutes))),
            ("FLEXIBLE", None) => Err(invalid(
                "MaximumWindowInMinutes is required when the mode of FlexibleTimeWindow is FLEXIBLE.",
            )),
            (_, Some(_)) => Err(invalid(
                "MaximumWindowInMinutes must not be set when the mode of FlexibleTimeWindow is OFF.",
            )),
            _ => Ok(None),
        }
    }
}

/// Without its names.
pub(super) fn print(schedule: &Schedule) -> Value {
    let settings = &schedule.settings;
    let mut target: Value = serde_json::from_slice(&settings.order).unwrap_or_default();
    target["RetryPolicy"] = json!({
        "MaximumEventAgeInSeconds": settings.retries.age.as_secs(),
        "MaximumRetryAttempts": settings.retries.most,
    });
    let window = match settings.window {
        None => json!({ "Mode": "OFF" }),
        Some(window) => {
            json!({ "Mode": "FLEXIBLE", "MaximumWindowInMinutes": window.as_secs() / 60 })
        }
    };
    let mut printed = json!({
        "ScheduleExpression": settings.expression,
        "ScheduleExpressionTimezone": settings.zone,
        "State": if settings.enabled { "ENABLED" } else { "DISABLED" },
        "CreationDate": seconds(schedule.created),
        "LastModificationDate": seconds(schedule.modified),
        "Target": target,
        "FlexibleTimeWindow": window,
        "ActionAfterCompletion": if settings.ends { "DELETE" } else { "NONE" },
    });
    let dates = [("StartDate", settings.start), ("EndDate", settings.end)];
    for (name, at) in dates {
        if let Some(at) = at {
            printed[name] = seconds(at).into();
        }
    }
    if let Some(description) = &settings.description {
        printed["Description"] = description.as_str().into();
    }
    printed
}
