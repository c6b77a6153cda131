//! Subscriptions: made, agreed to, found, changed, removed.

use std::time::Duration;

use base::{Space, Timestamp};
use store::{Read, Tx};
use topics::{Parcel, Topic};

use crate::publication::Letter;
use crate::schema::subscription::{
    Consent, ENDPOINTS, SUBSCRIPTIONS, Subscription, SubscriptionId, SubscriptionSettings, Way,
    endpoint_key, subscription_key, subscriptions_of,
};
use crate::target::Named;
use crate::{Error, Result, Triggers};

/// How long a token is good.
const ASKED: Duration = Duration::from_secs(2 * 24 * 3_600);
/// A topic's subscriptions that are removed in one transaction.
const AT_ONCE: usize = 1_000;

/// A subscription that is wanted.
#[derive(Clone, Debug)]
pub struct NewSubscription {
    pub topic: Named,
    pub protocol: String,
    pub endpoint: String,
    pub way: Way,
    pub settings: SubscriptionSettings,
    /// Whether the endpoint must be asked.
    pub asks: bool,
}

impl Triggers {
    /// Makes the subscription, and asks the endpoint if it must be asked. One of this endpoint that is there already is
    /// right if it is set like this one; if the endpoint has not agreed yet it is asked again.
    pub async fn subscribe(&self, new: &NewSubscription) -> Result<Subscription> {
        let id = self.random.uuid().to_string();
        let token = self.new_token(&id);
        let now = self.clock.now();
        let consent = match new.asks {
            true => Consent::Asked {
                token,
                until: now + ASKED,
            },
            false => Consent::Given {
                token: None,
                authenticated: true,
            },
        };
        let made = self
            .store
            .write(|tx| {
                let topic = self
                    .topics
                    .topic_in(tx, &new.topic.space, &new.topic.name)?;
                let by_endpoint = endpoint_key(topic.id, &new.protocol, &new.endpoint);
                if let Some(SubscriptionId(id)) = ENDPOINTS.get(tx, &by_endpoint)? {
                    return self.subscribe_again(tx, &topic, &id, new, &consent, now);
                }
                let subscription = Subscription {
                    id: id.clone(),
                    topic: new.topic.clone(),
                    topic_id: topic.id,
                    protocol: new.protocol.clone(),
                    endpoint: new.endpoint.clone(),
                    way: new.way.clone(),
                    consent: consent.clone(),
                    settings: new.settings.clone(),
                    created: now,
                };
                ENDPOINTS.put(tx, by_endpoint, &SubscriptionId(id.clone()));
                put(tx, &subscription);
                self.ask(tx, &topic, &subscription, now)?;
                Ok::<_, Error>(subscription)
            })
            .await?;
        self.subscriptions_changed();
        self.topics.tidy_outbox().await?;
        Ok(made)
    }

    fn subscribe_again(
        &self,
        tx: &mut Tx,
        topic: &Topic,
        id: &str,
        new: &NewSubscription,
        consent: &Consent,
        now: Timestamp,
    ) -> Result<Subscription> {
        let mut there = find(tx, topic, id)?;
        if there.settings != new.settings {
            return Err(Error::SubscriptionDiffers(id.to_owned()));
        }
        if let (Consent::Asked { .. }, Consent::Asked { until, .. }) = (&there.consent, consent) {
            there.consent = Consent::Asked {
                token: self.new_token(id),
                until: *until,
            };
            put(tx, &there);
            self.ask(tx, topic, &there, now)?;
        }
        Ok(there)
    }

    fn ask(
        &self,
        tx: &mut Tx,
        topic: &Topic,
        subscription: &Subscription,
        now: Timestamp,
    ) -> Result<()> {
        let Consent::Asked { token, .. } = &subscription.consent else {
            return Ok(());
        };
        let question = self.wording.question(topic, subscription, token, now);
        let waits = self.wording.waits(topic, subscription);
        self.deliver(tx, &Letter::of(subscription, None, question, waits))
    }

    /// What was asked with `token` is agreed to.
    pub async fn confirm(
        &self,
        topic: &Named,
        token: &str,
        authenticated: bool,
    ) -> Result<Subscription> {
        let now = self.clock.now();
        let confirmed = self
            .store
            .write(|tx| {
                let topic = self.topics.topic_in(tx, &topic.space, &topic.name)?;
                let mut subscription = with_token(tx, &topic, token)?;
                match &subscription.consent {
                    Consent::Asked { until, .. } if *until <= now => {
                        return Err(Error::TokenTooOld);
                    }
                    Consent::Given { .. } => return Ok(subscription),
                    Consent::Asked { .. } => {}
                }
                subscription.consent = Consent::Given {
                    token: Some(token.to_owned()),
                    authenticated,
                };
                put(tx, &subscription);
                Ok::<_, Error>(subscription)
            })
            .await?;
        self.subscriptions_changed();
        Ok(confirmed)
    }

    pub fn subscription(&self, topic: &Named, id: &str) -> Result<Subscription> {
        let view = self.store.read()?;
        let topic = self.topics.topic_in(&view, &topic.space, &topic.name);
        find(&view, &gone(topic, id)?, id)
    }

    /// Up to `limit` of a topic's subscriptions after the one with this id.
    pub fn subscriptions(
        &self,
        topic: &Named,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Subscription>> {
        let view = self.store.read()?;
        let topic = self.topics.topic_in(&view, &topic.space, &topic.name)?;
        list(&view, &topic, after, limit)
    }

    /// Up to `limit` of a space's subscriptions after the one of this topic with this id.
    pub fn subscriptions_in(
        &self,
        space: &Space,
        after: Option<(&str, &str)>,
        limit: usize,
    ) -> Result<Vec<Subscription>> {
        let view = self.store.read()?;
        let mut found = Vec::new();
        if let Some((name, id)) = after
            && let Ok(topic) = self.topics.topic_in(&view, space, name)
        {
            found.extend(list(&view, &topic, Some(id), limit)?);
        }
        let rest = self
            .topics
            .topics(space, after.map(|(name, _)| name), usize::MAX)?;
        for topic in rest {
            if found.len() >= limit {
                break;
            }
            found.extend(list(&view, &topic, None, limit - found.len())?);
        }
        Ok(found)
    }

    /// How many there are of a topic: those that were agreed to, and those that were not yet.
    pub fn count_subscriptions(&self, topic: &Named) -> Result<(usize, usize)> {
        let all = self.subscriptions(topic, None, usize::MAX)?;
        let given = |one: &&Subscription| matches!(one.consent, Consent::Given { .. });
        let confirmed = all.iter().filter(given).count();
        Ok((confirmed, all.len() - confirmed))
    }

    /// Changes what is set. `change` may run several times.
    pub async fn change_subscription(
        &self,
        topic: &Named,
        id: &str,
        change: impl Fn(&mut SubscriptionSettings),
    ) -> Result<Subscription> {
        let changed = self
            .store
            .write(|tx| {
                let topic = self.topics.topic_in(tx, &topic.space, &topic.name);
                let mut subscription = find(tx, &gone(topic, id)?, id)?;
                change(&mut subscription.settings);
                put(tx, &subscription);
                Ok::<_, Error>(subscription)
            })
            .await?;
        self.subscriptions_changed();
        Ok(changed)
    }

    /// Removes the subscription; says which it was. That there is none is no error.
    pub async fn unsubscribe(&self, topic: &Named, id: &str) -> Result<Option<Subscription>> {
        let removed = self
            .store
            .write(|tx| {
                let topic = match self.topics.topic_in(tx, &topic.space, &topic.name) {
                    Err(topics::Error::NoSuchTopic(_)) => return Ok(None),
                    topic => topic?,
                };
                let found = SUBSCRIPTIONS.get(tx, &subscription_key(topic.id, id))?;
                if let Some(subscription) = &found {
                    remove(tx, subscription);
                }
                Ok::<_, Error>(found)
            })
            .await?;
        self.subscriptions_changed();
        Ok(removed)
    }

    /// Removes a topic and all of its subscriptions. That there is none is no error.
    pub async fn delete_topic(&self, topic: &Named) -> Result<()> {
        let Named { space, name } = topic;
        // Nobody finds the subscriptions of a topic that is gone, so the rest need not go with it in one step.
        let deleted = self
            .store
            .write(|tx| Ok::<_, Error>(self.topics.delete(tx, space, name)?));
        let Some(topic) = deleted.await? else {
            return Ok(());
        };
        loop {
            let removed = self
                .store
                .write_buffered(|tx| {
                    let some = list(tx, &topic, None, AT_ONCE)?;
                    for subscription in &some {
                        remove(tx, subscription);
                    }
                    Ok::<_, Error>(some.len())
                })
                .await?;
            if removed < AT_ONCE {
                self.subscriptions_changed();
                return Ok(());
            }
        }
    }

    /// Nobody can guess it, and it says which subscription it is for.
    fn new_token(&self, id: &str) -> String {
        let chance: [u8; 48] = self.random.bytes();
        let chance: String = chance.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}{chance}", id.replace('-', ""))
    }

    fn subscriptions_changed(&self) {
        self.subscriptions.send_modify(|count| *count += 1);
    }
}

pub(crate) fn list(
    from: &impl Read,
    topic: &Topic,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Subscription>> {
    let all = subscriptions_of(topic.id).range();
    let rest = match after {
        Some(after) => all.after(subscription_key(topic.id, after).as_slice()),
        None => all,
    };
    let found = SUBSCRIPTIONS.scan(from, &rest, limit)?;
    Ok(found.into_iter().map(|(_, one)| one).collect())
}

fn find(from: &impl Read, topic: &Topic, id: &str) -> Result<Subscription> {
    SUBSCRIPTIONS
        .get(from, &subscription_key(topic.id, id))?
        .ok_or_else(|| Error::NoSuchSubscription(id.to_owned()))
}

/// A topic that is gone has taken its subscriptions with it.
fn gone(topic: topics::Result<Topic>, id: &str) -> Result<Topic> {
    topic.map_err(|error| match error {
        topics::Error::NoSuchTopic(_) => Error::NoSuchSubscription(id.to_owned()),
        error => error.into(),
    })
}

fn with_token(tx: &Tx, topic: &Topic, token: &str) -> Result<Subscription> {
    let id = token
        .get(..32)
        .and_then(|id| uuid::Uuid::try_parse(id).ok());
    let id = id.ok_or(Error::NoSuchToken)?.to_string();
    let found = SUBSCRIPTIONS.get(tx, &subscription_key(topic.id, &id))?;
    let has = |one: &Subscription| match &one.consent {
        Consent::Asked { token: own, .. } => own == token,
        Consent::Given { token: own, .. } => own.as_deref() == Some(token),
    };
    found.filter(has).ok_or(Error::NoSuchToken)
}

fn put(tx: &mut Tx, subscription: &Subscription) {
    let key = subscription_key(subscription.topic_id, &subscription.id);
    SUBSCRIPTIONS.put(tx, key, subscription);
}

fn remove(tx: &mut Tx, subscription: &Subscription) {
    let Subscription {
        id,
        topic_id,
        protocol,
        endpoint,
        ..
    } = subscription;
    SUBSCRIPTIONS.delete(tx, subscription_key(*topic_id, id));
    ENDPOINTS.delete(tx, endpoint_key(*topic_id, protocol, endpoint));
}

/// What goes to people as it stands.
pub(crate) fn parcel(way: &Way, subject: &str, body: String, token: String) -> Option<Parcel> {
    Some(match way {
        Way::Send(_) | Way::Post(_) => return None,
        Way::Mail { to, .. } => Parcel::Mail {
            to: to.clone(),
            subject: subject.to_owned(),
            body,
        },
        Way::Text(to) => Parcel::Text {
            to: to.clone(),
            // A topic's texts are from its name, which stands before them.
            sender: None,
            body,
        },
        Way::Notice {
            platform,
            app,
            device,
        } => Parcel::Notice {
            platform: platform.clone(),
            app: app.clone(),
            device: device.clone(),
            token,
            body,
        },
    })
}
