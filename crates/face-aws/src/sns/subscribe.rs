//! Subscribing, agreeing to it, and ending it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;
use topics::{Kind, Topic};
use triggers::{Consent, Destination, NewSubscription, SubscriptionSettings, Way};

use super::error::{invalid, no_subscription, of_topics, of_triggers};
use super::{Answer, Asked, arn, attribute};
use crate::destination;
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Subscribe {
    topic_arn: String,
    protocol: String,
    #[serde(default)]
    endpoint: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    return_subscription_arn: bool,
}

pub(super) async fn subscribe(mut asked: Asked<'_>) -> Answer {
    let input: Subscribe = asked.call.read()?;
    let named = arn::topic(&input.topic_arn, "TopicArn")?;
    let found = asked.parts.topics.topic(&named.space, &named.name);
    let topic = found.map_err(of_topics)?;
    if input.protocol == "firehose" {
        return Err(asked.call.not_built("Protocol firehose"));
    }
    let way = way(&input.protocol, &input.endpoint)?;
    check_kinds(&topic, &way)?;
    let mut settings = SubscriptionSettings::default();
    for (name, value) in &input.attributes {
        let place = attribute::Place {
            topic: &named.name,
            protocol: &input.protocol,
            endpoint: &input.endpoint,
        };
        attribute::apply(&asked.call, place, &mut settings, name, value)?;
    }
    attribute::check(&asked.call, &settings)?;
    let new = NewSubscription {
        topic: named,
        protocol: input.protocol,
        endpoint: input.endpoint,
        asks: matches!(way, Way::Post(_) | Way::Mail { .. }),
        way,
        settings,
    };
    let made = asked.parts.triggers.subscribe(&new).await;
    let made = made.map_err(of_triggers)?;
    let told = input.return_subscription_arn || matches!(made.consent, Consent::Given { .. });
    let name = match told {
        true => arn::of_subscription(&made.topic, &made.id),
        false => "pending confirmation".to_owned(),
    };
    Ok(json!({ "SubscriptionArn": name }))
}

/// Reads an endpoint.
pub(crate) fn way(protocol: &str, endpoint: &str) -> Result<Way, Fault> {
    let mismatch = || invalid("Endpoint must match the specified protocol");
    match protocol {
        "http" | "https" => match endpoint.split_once("://") {
            Some((scheme, rest)) if scheme == protocol && !rest.is_empty() => {
                Ok(Way::Post(endpoint.to_owned()))
            }
            _ => Err(mismatch()),
        },
        "email" | "email-json" => match endpoint.split_once('@') {
            Some((user, host)) if !user.is_empty() && !host.is_empty() => Ok(Way::Mail {
                to: endpoint.to_owned(),
                whole: protocol == "email-json",
            }),
            _ => Err(invalid("Email address")),
        },
        "sms" => match super::text::is_number(endpoint) {
            true => Ok(Way::Text(endpoint.to_owned())),
            false => Err(invalid(format!("Invalid SMS endpoint: {endpoint}"))),
        },
        "sqs" => match destination::read(endpoint) {
            Some(queue @ Destination::Queue(_)) => Ok(Way::Send(queue)),
            _ => Err(invalid("SQS endpoint ARN")),
        },
        "lambda" => match destination::read(endpoint) {
            Some(function @ Destination::Function(_)) => Ok(Way::Send(function)),
            _ => Err(invalid("Lambda endpoint ARN")),
        },
        "application" => {
            let device = arn::endpoint(endpoint, "Application endpoint arn invalid")?;
            Ok(Way::Notice {
                platform: device.platform.to_owned(),
                app: device.app.to_owned(),
                device: device.id.to_owned(),
            })
        }
        other => Err(invalid(format!(
            "Amazon SNS does not support this protocol string: {other}"
        ))),
    }
}

/// What keeps order goes to queues only, and to queues that keep it only from there. A place that is not there is
/// subscribed all the same.
fn check_kinds(topic: &Topic, way: &Way) -> Result<(), Fault> {
    let ordered = matches!(topic.kind, Kind::Ordered(_));
    match way {
        Way::Send(Destination::Queue(queue)) => match queue.name.ends_with(".fifo") {
            true if !ordered => Err(invalid(
                "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
            )),
            _ => Ok(()),
        },
        _ if ordered => Err(invalid(
            "Invalid parameter: Endpoint Reason: FIFO SNS topics can only be subscribed to by SQS queues",
        )),
        _ => Ok(()),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Confirm {
    topic_arn: String,
    token: String,
    authenticate_on_unsubscribe: Option<String>,
}

pub(super) async fn confirm(mut asked: Asked<'_>) -> Answer {
    let input: Confirm = asked.call.read()?;
    let topic = arn::topic(&input.topic_arn, "TopicArn")?;
    let strict = input.authenticate_on_unsubscribe.as_deref() == Some("true");
    let confirmed = asked
        .parts
        .triggers
        .confirm(&topic, &input.token, strict)
        .await;
    let confirmed = confirmed.map_err(|error| match error {
        // A topic that is not there has asked nobody.
        triggers::Error::Topics(topics::Error::NoSuchTopic(_)) => invalid("Token"),
        error => of_triggers(error),
    })?;
    Ok(json!({ "SubscriptionArn": arn::of_subscription(&topic, &confirmed.id) }))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Unsubscribe {
    subscription_arn: String,
}

pub(super) async fn unsubscribe(mut asked: Asked<'_>) -> Answer {
    let input: Unsubscribe = asked.call.read()?;
    let (topic, id) = arn::subscription(&input.subscription_arn)?;
    match asked.parts.triggers.subscription(&topic, id) {
        // It is as it should be.
        Err(triggers::Error::NoSuchSubscription(_)) => return Ok(json!({})),
        Ok(found) if matches!(found.consent, Consent::Asked { .. }) => {
            return Err(invalid(
                "This subscription is pending confirmation and can not be deleted until it is confirmed",
            ));
        }
        found => found.map_err(of_triggers)?,
    };
    match asked.parts.triggers.unsubscribe(&topic, id).await {
        Ok(_) => Ok(json!({})),
        Err(triggers::Error::NoSuchSubscription(_)) => Err(no_subscription()),
        Err(error) => Err(of_triggers(error)),
    }
}
