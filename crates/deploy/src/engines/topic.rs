//! Topics and their subscriptions.
//!
//! The engine gives subscriptions ids; a stack knows one by its topic and its endpoint, of which there is one at most.

use topics::{Kind, NewTopic, Ordering};
use triggers::{
    Consent, Destination, FilterPolicy, FilterScope, Named, NewSubscription, SubscriptionSettings,
    Way,
};

use super::{Failure, place};
use crate::Deployer;
use crate::desired::{Subscription, Topic};

/// A topic's subscriptions that are looked through for one endpoint.
const ALL: usize = usize::MAX;

impl Deployer {
    pub(super) async fn put_topic(&self, topic: &Topic, fresh: bool) -> Result<bool, Failure> {
        let (space, topics) = (self.space(), &self.engines.topics);
        let kind = match topic.ordered {
            true => Kind::Ordered(Ordering {
                by_content: topic.by_content,
                per_group: topic.per_group,
            }),
            false => Kind::Standard,
        };
        let there = match topics.topic(&space, &topic.name) {
            Err(topics::Error::NoSuchTopic(_)) => false,
            found => found.map(|_| true)?,
        };
        if there && fresh {
            return Ok(false);
        }
        if !there {
            let new = NewTopic {
                space: space.clone(),
                name: topic.name.clone(),
                kind,
                settings: topic.settings.clone(),
                tags: topic.tags.clone(),
            };
            topics.create(&new).await?;
            return Ok(true);
        }
        let changed = topics.change(&space, &topic.name, |there| {
            there.kind = kind;
            there.settings.clone_from(&topic.settings);
            there.tags.clone_from(&topic.tags);
            Ok::<_, topics::Error>(())
        });
        changed.await?;
        Ok(true)
    }

    pub(super) async fn remove_topic(&self, name: &str) -> Result<(), Failure> {
        let topic = Named {
            space: self.space(),
            name: name.to_owned(),
        };
        Ok(self.engines.triggers.delete_topic(&topic).await?)
    }

    pub(super) async fn put_subscription(&self, wanted: &Subscription) -> Result<bool, Failure> {
        let (topic, way) = self.ends_of(wanted)?;
        let settings = settings(wanted)?;
        let triggers = &self.engines.triggers;
        if let Way::Send(place) = &way {
            triggers.takes(place)?;
        }
        if let Some(there) = self.subscription_named(&wanted.name)? {
            let change = |set: &mut SubscriptionSettings| set.clone_from(&settings);
            let changed = triggers.change_subscription(&topic, &there.id, change);
            changed.await?;
            return Ok(true);
        }
        let new = NewSubscription {
            topic,
            protocol: wanted.protocol.clone(),
            endpoint: wanted.endpoint.clone(),
            asks: matches!(way, Way::Post(_) | Way::Mail { .. }),
            way,
            settings,
        };
        let made = triggers.subscribe(&new).await?;
        if let Consent::Asked { .. } = made.consent {
            tracing::info!(
                endpoint = made.endpoint,
                "a subscription waits until its endpoint has agreed"
            );
        }
        Ok(true)
    }

    pub(super) async fn remove_subscription(&self, name: &str) -> Result<(), Failure> {
        if let Some(there) = self.subscription_named(name)? {
            let triggers = &self.engines.triggers;
            triggers.unsubscribe(&there.topic, &there.id).await?;
        }
        Ok(())
    }

    pub(super) fn subscription_named(
        &self,
        name: &str,
    ) -> Result<Option<triggers::Subscription>, Failure> {
        let parts = name.split_once(" to ").and_then(|(topic, rest)| {
            let (protocol, endpoint) = rest.split_once(' ')?;
            Some((topic, protocol, endpoint))
        });
        let (topic, protocol, endpoint) =
            parts.ok_or_else(|| Failure::invalid(format!("{name} names no subscription")))?;
        let topic = Named {
            space: self.space(),
            name: topic.to_owned(),
        };
        let all = match self.engines.triggers.subscriptions(&topic, None, ALL) {
            Err(triggers::Error::Topics(topics::Error::NoSuchTopic(_))) => return Ok(None),
            all => all?,
        };
        let is_it =
            |one: &triggers::Subscription| one.protocol == protocol && one.endpoint == endpoint;
        Ok(all.into_iter().find(is_it))
    }

    /// The topic, and how its messages get to the endpoint.
    fn ends_of(&self, wanted: &Subscription) -> Result<(Named, Way), Failure> {
        let Some(Destination::Topic(topic)) = place::named(&wanted.topic) else {
            return Err(Failure::invalid(format!("{} is no topic", wanted.topic)));
        };
        let endpoint = &wanted.endpoint;
        let way = match wanted.protocol.as_str() {
            "http" | "https" => Some(Way::Post(endpoint.clone())),
            "email" | "email-json" => Some(Way::Mail {
                to: endpoint.clone(),
                whole: wanted.protocol == "email-json",
            }),
            "sms" => Some(Way::Text(endpoint.clone())),
            _ => place::named(endpoint).map(Way::Send),
        };
        let way = way.ok_or_else(|| Failure::invalid(format!("{endpoint} is no endpoint")))?;
        Ok((topic, way))
    }
}

fn settings(wanted: &Subscription) -> Result<SubscriptionSettings, Failure> {
    let dead_letters = match &wanted.dead_letters {
        Some(arn) => {
            Some(place::named(arn).ok_or_else(|| Failure::invalid(format!("{arn} is no queue")))?)
        }
        None => None,
    };
    let mut settings = SubscriptionSettings {
        raw: wanted.raw,
        filter: wanted.filter.clone().map(|text| FilterPolicy {
            text,
            scope: match wanted.by_body {
                true => FilterScope::Body,
                false => FilterScope::Attributes,
            },
        }),
        dead_letters,
        ..SubscriptionSettings::default()
    };
    if let Some(policy) = &wanted.delivery {
        let name = "DeliveryPolicy".to_owned();
        settings.others.insert(name, policy.clone());
    }
    Ok(settings)
}
