//! Delivery policies: when it is tried again to post something.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::invalid;
use crate::protocol::{Call, Fault};

/// The published bounds.
const MOST_RETRIES: u32 = 100;
const LONGEST_DELAY: u32 = 3_600;

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Retry {
    min_delay_target: u32,
    max_delay_target: u32,
    num_retries: u32,
    num_no_delay_retries: u32,
    num_min_delay_retries: u32,
    num_max_delay_retries: u32,
    backoff_function: Backoff,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Backoff {
    #[default]
    Linear,
    Arithmetic,
    Geometric,
    Exponential,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            min_delay_target: 20,
            max_delay_target: 20,
            num_retries: 3,
            num_no_delay_retries: 0,
            num_min_delay_retries: 0,
            num_max_delay_retries: 0,
            backoff_function: Backoff::Linear,
        }
    }
}

/// A topic's.
#[derive(Clone, Debug, Default, Deserialize)]
struct OfTopic {
    #[serde(default)]
    http: Http,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Http {
    default_healthy_retry_policy: Option<Retry>,
    disable_subscription_overrides: bool,
    default_throttle_policy: Option<Value>,
    default_request_policy: Option<Request>,
}

/// A subscription's.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OfSubscription {
    healthy_retry_policy: Option<Retry>,
    throttle_policy: Option<Value>,
    request_policy: Option<Request>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Request {
    header_content_type: Option<String>,
}

impl Retry {
    fn check(&self) -> Result<(), Fault> {
        let wrong = |what: &str| Err(invalid(format!("DeliveryPolicy: {what}")));
        if self.num_retries > MOST_RETRIES {
            return wrong("numRetries must be less than or equal to 100");
        }
        if self.min_delay_target < 1 || self.min_delay_target > LONGEST_DELAY {
            return wrong("minDelayTarget must be from 1 to 3600");
        }
        if self.max_delay_target < self.min_delay_target {
            return wrong("maxDelayTarget must be greater than or equal to minDelayTarget");
        }
        if self.max_delay_target > LONGEST_DELAY {
            return wrong("maxDelayTarget must be less than or equal to 3600");
        }
        let phases = [
            self.num_no_delay_retries,
            self.num_min_delay_retries,
            self.num_max_delay_retries,
        ];
        let sum = phases
            .iter()
            .fold(0_u32, |sum, phase| sum.saturating_add(*phase));
        if sum > self.num_retries {
            return wrong("numRetries must not be less than the sum of the retries of its phases");
        }
        Ok(())
    }

    /// Four phases: at once, after the least delay, backing off, after the greatest delay.
    fn waits(&self) -> Vec<Duration> {
        let own = [
            (self.num_no_delay_retries, 0),
            (self.num_min_delay_retries, self.min_delay_target),
        ];
        let fixed = self.num_no_delay_retries + self.num_min_delay_retries;
        let backing = self
            .num_retries
            .saturating_sub(fixed + self.num_max_delay_retries);
        let mut waits: Vec<f64> = Vec::new();
        for (count, seconds) in own {
            waits.extend((0..count).map(|_| f64::from(seconds)));
        }
        waits.extend((0..backing).map(|at| self.backing_off(at, backing)));
        let last = f64::from(self.max_delay_target);
        waits.extend((0..self.num_max_delay_retries).map(|_| last));
        waits.into_iter().map(Duration::from_secs_f64).collect()
    }

    /// From the least delay to the greatest, as the function's name says; the real curves are not published.
    fn backing_off(&self, at: u32, count: u32) -> f64 {
        let (least, most) = (
            f64::from(self.min_delay_target),
            f64::from(self.max_delay_target),
        );
        let part = match count {
            0 | 1 => 0.0,
            count => f64::from(at) / f64::from(count - 1),
        };
        match self.backoff_function {
            Backoff::Linear => least + (most - least) * part,
            Backoff::Arithmetic => least + (most - least) * part * (1.0 + part) / 2.0,
            Backoff::Geometric => least * (most / least).powf(part),
            Backoff::Exponential => {
                let grown = (2.0_f64.powf(part * 10.0) - 1.0) / 1_023.0;
                least + (most - least) * grown
            }
        }
    }
}

fn read<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|cause| invalid(format!("DeliveryPolicy: {cause}")))
}

pub(super) fn check_topic(call: &Call<'_>, text: &str) -> Result<(), Fault> {
    let policy: OfTopic = read(text)?;
    if policy
        .http
        .default_throttle_policy
        .is_some_and(|set| !set.is_null())
    {
        return Err(call.not_built("DeliveryPolicy defaultThrottlePolicy"));
    }
    policy
        .http
        .default_healthy_retry_policy
        .map_or(Ok(()), |retry| retry.check())
}

pub(super) fn check_subscription(call: &Call<'_>, text: &str) -> Result<(), Fault> {
    let policy: OfSubscription = read(text)?;
    if policy.throttle_policy.is_some_and(|set| !set.is_null()) {
        return Err(call.not_built("DeliveryPolicy throttlePolicy"));
    }
    policy
        .healthy_retry_policy
        .map_or(Ok(()), |retry| retry.check())
}

fn retry(topic: Option<&String>, subscription: Option<&String>) -> (Retry, Option<String>) {
    let topic: OfTopic = topic.and_then(|text| read(text).ok()).unwrap_or_default();
    let own: OfSubscription = subscription
        .filter(|_| !topic.http.disable_subscription_overrides)
        .and_then(|text| read(text).ok())
        .unwrap_or_default();
    let retry = own.healthy_retry_policy;
    let retry = retry.or(topic.http.default_healthy_retry_policy);
    let request = own.request_policy.or(topic.http.default_request_policy);
    let kind = request.and_then(|request| request.header_content_type);
    (retry.unwrap_or_default(), kind)
}

/// Before each further try, by a topic's policy and a subscription's.
pub(crate) fn waits(topic: Option<&String>, subscription: Option<&String>) -> Vec<Duration> {
    retry(topic, subscription).0.waits()
}

/// What a request says that its body is.
pub(crate) fn content_type(topic: Option<&String>, subscription: Option<&String>) -> String {
    let kind = retry(topic, subscription).1;
    kind.unwrap_or_else(|| "text/plain; charset=UTF-8".to_owned())
}

fn printed(retry: &Retry) -> Value {
    json!({
        "minDelayTarget": retry.min_delay_target,
        "maxDelayTarget": retry.max_delay_target,
        "numRetries": retry.num_retries,
        "numMaxDelayRetries": retry.num_max_delay_retries,
        "numNoDelayRetries": retry.num_no_delay_retries,
        "numMinDelayRetries": retry.num_min_delay_retries,
        "backoffFunction": match retry.backoff_function {
            Backoff::Linear => "linear",
            Backoff::Arithmetic => "arithmetic",
            Backoff::Geometric => "geometric",
            Backoff::Exponential => "exponential",
        },
    })
}

/// What holds for a topic.
pub(super) fn effective(topic: Option<&String>) -> String {
    let (retry, _) = retry(topic, None);
    let policy: OfTopic = topic.and_then(|text| read(text).ok()).unwrap_or_default();
    json!({ "http": {
        "defaultHealthyRetryPolicy": printed(&retry),
        "disableSubscriptionOverrides": policy.http.disable_subscription_overrides,
        "defaultRequestPolicy": { "headerContentType": content_type(topic, None) },
    } })
    .to_string()
}

/// What holds for a subscription.
pub(super) fn effective_of(topic: Option<&String>, subscription: Option<&String>) -> String {
    let (retry, _) = retry(topic, subscription);
    json!({
        "healthyRetryPolicy": printed(&retry),
        "requestPolicy": { "headerContentType": content_type(topic, subscription) },
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(policy: &str) -> Vec<u64> {
        let policy = policy.to_owned();
        let waits = waits(None, Some(&policy));
        waits.iter().map(Duration::as_secs).collect()
    }

    #[test]
    fn the_phases_follow_one_another() {
        assert_eq!(seconds("{}"), [20, 20, 20]);
        let phases = r#"{"healthyRetryPolicy": {"minDelayTarget": 1, "maxDelayTarget": 9, "numRetries": 8,
            "numNoDelayRetries": 1, "numMinDelayRetries": 2, "numMaxDelayRetries": 2}}"#;
        assert_eq!(seconds(phases), [0, 1, 1, 1, 5, 9, 9, 9]);
        let steep = r#"{"healthyRetryPolicy": {"minDelayTarget": 1, "maxDelayTarget": 100, "numRetries": 3,
            "backoffFunction": "geometric"}}"#;
        assert_eq!(seconds(steep), [1, 10, 100]);
    }

    #[test]
    fn a_topic_may_forbid_that_subscriptions_have_their_own() {
        let own = r#"{"healthyRetryPolicy": {"numRetries": 1}}"#.to_owned();
        let topic = r#"{"http": {"defaultHealthyRetryPolicy": {"numRetries": 2}, "disableSubscriptionOverrides": true}}"#;
        assert_eq!(waits(Some(&topic.to_owned()), Some(&own)).len(), 2);
        let topic = topic.replace("true", "false");
        assert_eq!(waits(Some(&topic), Some(&own)).len(), 1);
    }

    #[test]
    fn a_policy_that_makes_no_sense_is_refused() {
        let check = |text: &str| serde_json::from_str::<Retry>(text).unwrap().check();
        assert!(check(r#"{"numRetries": 101}"#).is_err());
        assert!(check(r#"{"minDelayTarget": 0}"#).is_err());
        assert!(check(r#"{"maxDelayTarget": 3601}"#).is_err());
        assert!(check(r#"{"numRetries": 1, "numNoDelayRetries": 2}"#).is_err());
        assert!(check("{}").is_ok());
    }
}
