//! What is set for a topic.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use topics::{Kind, Ordering, Topic};
use triggers::Named;

use super::error::{invalid, of_topics, of_triggers};
use super::{Answer, Asked, arn, delivery, policy};
use crate::place::Place;
use crate::protocol::{Call, Fault};

pub(crate) const SIGNATURE_VERSION: &str = "SignatureVersion";
const CONTENT: &str = "ContentBasedDeduplication";
const SCOPE: &str = "FifoThroughputScope";

/// A topic's attributes, read.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    pub(super) fifo: bool,
    pub(super) ordering: Ordering,
    pub(super) others: BTreeMap<String, String>,
}

/// Reads one attribute. Whether a topic is FIFO is only said when it is `new`.
pub(super) fn apply(
    call: &Call<'_>,
    settings: &mut Settings,
    name: &str,
    value: &str,
    new: bool,
) -> Result<(), Fault> {
    let truth = || match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(bad(name)),
    };
    match name {
        "FifoTopic" if new => settings.fifo = truth()?,
        CONTENT => settings.ordering.by_content = truth()?,
        SCOPE => {
            settings.ordering.per_group = match value {
                "Topic" => false,
                "MessageGroup" => true,
                _ => return Err(bad(name)),
            }
        }
        "DisplayName" if value.chars().count() > 100 => return Err(bad(name)),
        "Policy" if !value.is_empty() => {
            serde_json::from_str::<BTreeMap<String, Value>>(value)
                .map_err(|_| invalid("Policy Error: null"))?;
            keep(settings, name, value);
        }
        "DeliveryPolicy" if !value.is_empty() => {
            delivery::check_topic(call, value)?;
            keep(settings, name, value);
        }
        SIGNATURE_VERSION if !["1", "2"].contains(&value) => return Err(bad(name)),
        "TracingConfig" if value == "Active" => return Err(call.not_built("TracingConfig Active")),
        "TracingConfig" if value != "PassThrough" => return Err(bad(name)),
        // Nothing is encrypted here, as the documentation says; the name is kept for whoever asks.
        "DisplayName" | "Policy" | "DeliveryPolicy" | "KmsMasterKeyId" | SIGNATURE_VERSION
        | "TracingConfig" => keep(settings, name, value),
        "ArchivePolicy" | "DataProtectionPolicy" => return Err(call.not_built(name)),
        feedback if is_feedback(feedback) => return Err(call.not_built(name)),
        _ => return Err(invalid("AttributeName")),
    }
    Ok(())
}

fn keep(settings: &mut Settings, name: &str, value: &str) {
    // What is empty is as if it had never been said.
    match value.is_empty() {
        true => drop(settings.others.remove(name)),
        false => drop(settings.others.insert(name.to_owned(), value.to_owned())),
    }
}

fn bad(name: &str) -> Fault {
    invalid(format!("Attributes Reason: {name}"))
}

/// Logs of deliveries, which are not kept.
fn is_feedback(name: &str) -> bool {
    let protocols = ["HTTP", "SQS", "Lambda", "Firehose", "Application"];
    let rest = protocols
        .iter()
        .find_map(|protocol| name.strip_prefix(protocol));
    rest.is_some_and(|rest| {
        [
            "SuccessFeedbackRoleArn",
            "SuccessFeedbackSampleRate",
            "FailureFeedbackRoleArn",
        ]
        .contains(&rest)
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Set {
    topic_arn: String,
    attribute_name: String,
    #[serde(default)]
    attribute_value: String,
}

pub(super) async fn set(mut asked: Asked<'_>) -> Answer {
    let input: Set = asked.call.read()?;
    let topic = arn::topic(&input.topic_arn, "TopicArn")?;
    let (name, value) = (&input.attribute_name, &input.attribute_value);
    let call = &asked.call;
    let found = asked.parts.topics.topic(&topic.space, &topic.name);
    check_kind(&found.map_err(of_topics)?, name)?;
    // Here, for the change may run twice; and what is wrong is so for any topic.
    apply(call, &mut Settings::default(), name, value, false)?;
    let changed = asked
        .parts
        .topics
        .change(&topic.space, &topic.name, |topic| {
            let mut settings = read(topic);
            if apply(call, &mut settings, name, value, false).is_ok() {
                if let Kind::Ordered(ordering) = &mut topic.kind {
                    *ordering = settings.ordering;
                }
                topic.settings = settings.others;
            }
            Ok::<_, topics::Error>(())
        });
    changed.await.map_err(of_topics)?;
    Ok(json!({}))
}

fn check_kind(topic: &Topic, name: &str) -> Result<(), Fault> {
    let ordered = matches!(topic.kind, Kind::Ordered(_));
    match name {
        CONTENT if !ordered => Err(invalid(
            "Content-based deduplication can only be set for FIFO topics",
        )),
        SCOPE if !ordered => Err(invalid(
            "FifoThroughputScope can only be set for FIFO topics",
        )),
        _ => Ok(()),
    }
}

fn read(topic: &Topic) -> Settings {
    Settings {
        fifo: matches!(topic.kind, Kind::Ordered(_)),
        ordering: match topic.kind {
            Kind::Ordered(ordering) => ordering,
            Kind::Standard => Ordering::default(),
        },
        others: topic.settings.clone(),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Get {
    topic_arn: String,
}

pub(super) fn get(mut asked: Asked<'_>) -> Answer {
    let input: Get = asked.call.read()?;
    let named = arn::topic(&input.topic_arn, "TopicArn")?;
    let found = asked.parts.topics.topic(&named.space, &named.name);
    let topic = found.map_err(of_topics)?;
    let counted = asked.parts.triggers.count_subscriptions(&named);
    let (confirmed, pending) = counted.map_err(of_triggers)?;
    let mut attributes = printed(&topic, &named);
    attributes["SubscriptionsConfirmed"] = confirmed.to_string().into();
    attributes["SubscriptionsPending"] = pending.to_string().into();
    // Nobody remembers those that are gone.
    attributes["SubscriptionsDeleted"] = "0".into();
    Ok(json!({ "Attributes": attributes }))
}

fn printed(topic: &Topic, named: &Named) -> Value {
    let place = Place::of(&named.space);
    let mut attributes = json!({
        "TopicArn": place.topic_arn(&named.name),
        "Owner": place.account,
        "DisplayName": "",
        "Policy": policy::usual(topic),
        "EffectiveDeliveryPolicy": delivery::effective(topic.settings.get("DeliveryPolicy")),
    });
    if let Kind::Ordered(ordering) = topic.kind {
        attributes["FifoTopic"] = "true".into();
        attributes[CONTENT] = ordering.by_content.to_string().into();
        let scope = if ordering.per_group {
            "MessageGroup"
        } else {
            "Topic"
        };
        attributes[SCOPE] = scope.into();
    }
    for (name, value) in &topic.settings {
        attributes[name] = value.clone().into();
    }
    attributes
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Protection {
    resource_arn: String,
}

/// No topic has one.
pub(super) fn data_protection(mut asked: Asked<'_>) -> Answer {
    let input: Protection = asked.call.read()?;
    let topic = arn::topic(&input.resource_arn, "ResourceArn")?;
    let found = asked.parts.topics.topic(&topic.space, &topic.name);
    found.map_err(of_topics)?;
    Ok(json!({ "DataProtectionPolicy": "" }))
}
