//! Telling of subscriptions, and changing them.

use serde::Deserialize;
use serde_json::{Value, json};
use triggers::{Consent, FilterScope, Subscription, Way};

use super::error::{invalid, of_topics, of_triggers};
use super::input::{PAGE, after, page};
use super::{Answer, Asked, arn, attribute, delivery};
use crate::destination;
use crate::place::Place;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    topic_arn: Option<String>,
    next_token: Option<String>,
}

pub(super) fn list(mut asked: Asked<'_>) -> Answer {
    let input: List = asked.call.read()?;
    let after = after(input.next_token.as_deref())?;
    let after = after
        .as_deref()
        .map(|last| last.split_once(':').ok_or_else(|| invalid("NextToken")));
    let space = &asked.context.space;
    let found = asked
        .parts
        .triggers
        .subscriptions_in(space, after.transpose()?, PAGE);
    let found = found.map_err(of_triggers)?;
    let last = found
        .last()
        .map(|one| format!("{}:{}", one.topic.name, one.id));
    let printed = found.iter().map(print).collect();
    Ok(page("Subscriptions", printed, last.as_deref()))
}

pub(super) fn list_by_topic(mut asked: Asked<'_>) -> Answer {
    let input: List = asked.call.read()?;
    let topic = arn::topic(&input.topic_arn.unwrap_or_default(), "TopicArn")?;
    let after = after(input.next_token.as_deref())?;
    let found = asked
        .parts
        .triggers
        .subscriptions(&topic, after.as_deref(), PAGE);
    let found = found.map_err(of_triggers)?;
    let last = found.last().map(|one| one.id.as_str());
    Ok(page(
        "Subscriptions",
        found.iter().map(print).collect(),
        last,
    ))
}

fn print(subscription: &Subscription) -> Value {
    let Subscription {
        topic,
        id,
        protocol,
        endpoint,
        consent,
        ..
    } = subscription;
    let place = Place::of(&topic.space);
    json!({
        "SubscriptionArn": match consent {
            Consent::Given { .. } => arn::of_subscription(topic, id),
            Consent::Asked { .. } => "PendingConfirmation".to_owned(),
        },
        "Owner": place.account,
        "Protocol": protocol,
        "Endpoint": endpoint,
        "TopicArn": place.topic_arn(&topic.name),
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Get {
    subscription_arn: String,
}

pub(super) fn get(mut asked: Asked<'_>) -> Answer {
    let input: Get = asked.call.read()?;
    let (topic, id) = arn::subscription(&input.subscription_arn)?;
    let found = asked.parts.triggers.subscription(&topic, id);
    let subscription = found.map_err(of_triggers)?;
    let mut attributes = print(&subscription);
    let settings = &subscription.settings;
    attributes["SubscriptionArn"] = arn::of_subscription(&topic, id).into();
    attributes["RawMessageDelivery"] = settings.raw.to_string().into();
    let (pending, authenticated) = match subscription.consent {
        Consent::Asked { .. } => (true, false),
        Consent::Given {
            token: None,
            authenticated,
        } => (false, authenticated),
        Consent::Given { authenticated, .. } => (false, authenticated),
    };
    attributes["PendingConfirmation"] = pending.to_string().into();
    attributes["ConfirmationWasAuthenticated"] = authenticated.to_string().into();
    attributes["SubscriptionPrincipal"] =
        format!("arn:aws:iam::{}:root", Place::of(&topic.space).account).into();
    if let Some(filter) = &settings.filter {
        attributes["FilterPolicy"] = filter.text.clone().into();
        attributes["FilterPolicyScope"] = match filter.scope {
            FilterScope::Attributes => "MessageAttributes",
            FilterScope::Body => "MessageBody",
        }
        .into();
    }
    if let Some(queue) = &settings.dead_letters {
        let policy = json!({ "deadLetterTargetArn": destination::arn(queue) });
        attributes["RedrivePolicy"] = policy.to_string().into();
    }
    let own = settings.others.get(attribute::DELIVERY);
    if let Some(own) = own {
        attributes[attribute::DELIVERY] = own.clone().into();
    }
    if let Way::Post(_) = subscription.way {
        let found = asked.parts.topics.topic(&topic.space, &topic.name);
        let topic = found.map_err(of_topics)?;
        let of_topic = topic.settings.get(attribute::DELIVERY);
        attributes["EffectiveDeliveryPolicy"] = delivery::effective_of(of_topic, own).into();
    }
    Ok(json!({ "Attributes": attributes }))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Set {
    subscription_arn: String,
    attribute_name: String,
    #[serde(default)]
    attribute_value: String,
}

pub(super) async fn set(mut asked: Asked<'_>) -> Answer {
    let input: Set = asked.call.read()?;
    let (topic, id) = arn::subscription(&input.subscription_arn)?;
    let found = asked.parts.triggers.subscription(&topic, id);
    let found = found.map_err(of_triggers)?;
    let (name, value) = (&input.attribute_name, &input.attribute_value);
    let call = &asked.call;
    let mut wanted = found.settings.clone();
    let place = attribute::Place {
        topic: &topic.name,
        protocol: &found.protocol,
        endpoint: &found.endpoint,
    };
    attribute::apply(call, place, &mut wanted, name, value)?;
    attribute::check(call, &wanted)?;
    let changed = asked
        .parts
        .triggers
        .change_subscription(&topic, id, |settings| {
            // What is wrong is so whatever else is set, but for a filter and its scope, which were looked at together.
            let _ = attribute::apply(call, place, settings, name, value);
        });
    changed.await.map_err(of_triggers)?;
    Ok(json!({}))
}
