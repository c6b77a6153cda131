//! Following the topics' log: what was published goes to whoever has subscribed.
//!
//! One transaction moves the cursor and sends: to places of ours at once, and for what leaves the machine as a job that goes
//! on by itself. If it is lost in a crash, cursor and what was sent are lost together and it is done again.

use std::collections::{HashMap, hash_map};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use store::{Position, Read, Record, Tx, View};
use tokio_util::sync::CancellationToken;
use topics::{AttributeValue, Logged, Message, Topic, TopicId};

use crate::filter::Filter;
use crate::schema::subscription::{
    Consent, SUBSCRIPTIONS, Subscription, TOPICS_CURSOR, TopicsCursor, Way, subscriptions_of,
};
use crate::schema::{SetAside, set_aside};
use crate::subscription::parcel;
use crate::target::{self, Destination};
use crate::wording::Notice;
use crate::{Result, Triggers};

/// Messages that are looked at in one step, and what is sent in one at most.
const BATCH: usize = 128;
const MOST_LETTERS: usize = 512;
/// After so many letters it is somebody else's turn: signing one takes milliseconds.
const LETTERS_ON_END: usize = 4;
/// Topics whose subscriptions are remembered.
const MOST_TOPICS: usize = 1_000;
/// How long to wait after a failure before trying again.
const PAUSE: Duration = Duration::from_secs(1);

/// Something for one subscriber.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) way: Way,
    pub(crate) dead_letters: Option<Destination>,
    /// Before each further try to post it.
    pub(crate) waits: Vec<Duration>,
    pub(crate) notice: Notice,
    space: base::Space,
    /// What places of ours get.
    pub(crate) message: target::Message,
}

impl Letter {
    /// `message` is none for what was not published, but comes from the topic itself.
    pub(crate) fn of(
        subscription: &Subscription,
        message: Option<&Message>,
        notice: Notice,
        waits: Vec<Duration>,
    ) -> Self {
        let sent = target::Message {
            body: notice.body.clone(),
            trigger: "topic".to_owned(),
            ..target::Message::default()
        };
        Self {
            way: subscription.way.clone(),
            dead_letters: subscription.settings.dead_letters.clone(),
            waits,
            space: subscription.topic.space.clone(),
            message: match message {
                Some(message) => about(subscription, message, sent),
                None => sent,
            },
            notice,
        }
    }
}

fn about(subscription: &Subscription, message: &Message, sent: target::Message) -> target::Message {
    let attributes = match subscription.settings.raw {
        true => attributes(message),
        // They are in the notice.
        false => Vec::new(),
    };
    target::Message {
        attributes,
        group: message.group.clone(),
        once: message.repeat_id.clone(),
        trace: message.trace.clone(),
        ..sent
    }
}

fn attributes(message: &Message) -> Vec<target::Attribute> {
    let all = message.attributes.iter();
    all.map(|(name, attribute)| target::Attribute {
        name: name.clone(),
        kind: attribute.kind.clone(),
        value: match &attribute.value {
            AttributeValue::Text(text) => text.clone().into(),
            AttributeValue::Bytes(bytes) => bytes.clone(),
        },
    })
    .collect()
}

/// Those who have subscribed to a topic and agreed, in the order of their ids.
type Subscribers = Arc<Vec<Subscriber>>;

struct Subscriber {
    subscription: Subscription,
    filter: Option<Filter>,
    broken: bool,
}

/// Subscriptions as they are, as long as none has changed.
#[derive(Default)]
pub(crate) struct Known {
    as_of: u64,
    topics: HashMap<TopicId, Subscribers>,
}

/// What follows from some entries of the log.
struct Todo {
    letters: Vec<Letter>,
    unreadable: Vec<SetAside>,
    cursor: TopicsCursor,
    done: Vec<Position>,
}

impl Triggers {
    /// Sends on what is published until `stop`. One of these runs for each store.
    pub async fn follow_topics(&self, stop: CancellationToken) {
        let mut known = Known::default();
        loop {
            let step = async {
                if let Err(error) = self.publication_step(&mut known).await {
                    tracing::error!(%error, "what was published could not be sent on; trying again");
                    self.clock.sleep(PAUSE).await;
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = step => {}
            }
        }
    }

    /// Waits for something that was published and sends it on.
    pub(crate) async fn publication_step(&self, known: &mut Known) -> Result<()> {
        let log = self.topics.log();
        let cursor = self.topics_cursor(&self.store.read()?)?;
        self.store.appended(&log, cursor.done).await?;
        let view = self.store.read()?;
        let entries = self.topics.messages(&view, cursor.done, BATCH)?;
        if entries.is_empty() {
            return Ok(());
        }
        // In this order: whoever subscribed before something was published that is seen here has rung before this look.
        let as_of = *self.subscriptions.borrow();
        if known.as_of != as_of || known.topics.len() > MOST_TOPICS {
            *known = Known {
                as_of,
                topics: HashMap::new(),
            };
        }
        let todo = self.letters(view, &cursor, &entries, known).await?;
        let has_parcels = todo.letters.iter().any(|letter| {
            matches!(
                letter.way,
                Way::Mail { .. } | Way::Text(_) | Way::Notice { .. }
            )
        });
        self.store
            .write_buffered(|tx| {
                if self.topics_cursor(tx)? != cursor {
                    // Somebody else has dealt with them.
                    return Ok(());
                }
                for letter in &todo.letters {
                    self.deliver(tx, letter)?;
                }
                for entry in &todo.unreadable {
                    set_aside().append(tx, entry.encode());
                }
                TOPICS_CURSOR.put(tx, TOPICS_CURSOR.key(), &todo.cursor);
                // Nobody else reads them.
                log.forget(tx, todo.done.iter().copied());
                Ok::<_, crate::Error>(())
            })
            .await?;
        if has_parcels {
            self.topics.tidy_outbox().await?;
        }
        Ok(())
    }

    fn topics_cursor(&self, from: &impl Read) -> Result<TopicsCursor> {
        let stored = TOPICS_CURSOR.get(from, &TOPICS_CURSOR.key())?;
        Ok(stored.unwrap_or(TopicsCursor {
            done: Position::START,
            within: None,
        }))
    }

    async fn letters(
        &self,
        view: View,
        cursor: &TopicsCursor,
        entries: &[Logged],
        known: &mut Known,
    ) -> Result<Todo> {
        let mut topics = HashMap::new();
        let mut todo = Todo {
            letters: Vec::new(),
            unreadable: Vec::new(),
            cursor: cursor.clone(),
            done: Vec::new(),
        };
        for entry in entries {
            let within = todo.cursor.within.take();
            match &entry.message {
                Ok(message) => {
                    let topic = match topics.entry(message.topic) {
                        hash_map::Entry::Occupied(known) => known.into_mut(),
                        hash_map::Entry::Vacant(new) => new.insert(self.topic_of(&view, message)?),
                    };
                    let subscribers = self.subscribers(&view, message.topic, known)?;
                    let last = match topic {
                        Some(topic) => {
                            let (published, after) = ((&*topic, message), within.as_deref());
                            self.letters_of(published, &subscribers, after, &mut todo.letters)
                                .await
                        }
                        None => None,
                    };
                    if last.is_some() {
                        todo.cursor.within = last;
                        return Ok(todo);
                    }
                }
                Err(cause) => {
                    let position = entry.position;
                    tracing::error!(%position, %cause, "something that was published does not read, and nobody will get it; it is kept aside");
                    let body = entry.body.clone();
                    todo.unreadable.push(SetAside { position, body });
                }
            }
            todo.cursor.done = entry.position;
            todo.done.push(entry.position);
        }
        Ok(todo)
    }

    /// Says which subscription was the last if there were too many for one step.
    async fn letters_of(
        &self,
        (topic, message): (&Topic, &Message),
        subscribers: &[Subscriber],
        after: Option<&str>,
        letters: &mut Vec<Letter>,
    ) -> Option<String> {
        for subscriber in subscribers {
            let subscription = &subscriber.subscription;
            if after.is_some_and(|after| subscription.id.as_str() <= after) {
                continue;
            }
            if subscriber.wants(message) {
                letters.push(self.letter(topic, subscription, message));
                if letters.len().is_multiple_of(LETTERS_ON_END) {
                    tokio::task::yield_now().await;
                }
                if letters.len() >= MOST_LETTERS {
                    return Some(subscription.id.clone());
                }
            }
        }
        None
    }

    fn letter(&self, topic: &Topic, subscription: &Subscription, message: &Message) -> Letter {
        let variant = message.variants.get(self.wording.variant(subscription));
        let body = variant.unwrap_or(&message.body);
        let notice = self.wording.notice(topic, subscription, message, body);
        let waits = match subscription.way {
            Way::Post(_) => self.wording.waits(topic, subscription),
            _ => Vec::new(),
        };
        Letter::of(subscription, Some(message), notice, waits)
    }

    /// None if it is gone, or another has its name; then nobody is subscribed any more.
    fn topic_of(&self, view: &View, message: &Message) -> Result<Option<Topic>> {
        let found = self
            .topics
            .topic_in(view, &message.space, &message.topic_name);
        match found {
            Ok(topic) => Ok(Some(topic).filter(|topic| topic.id == message.topic)),
            Err(topics::Error::NoSuchTopic(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn subscribers(&self, view: &View, topic: TopicId, known: &mut Known) -> Result<Subscribers> {
        if let Some(known) = known.topics.get(&topic) {
            return Ok(known.clone());
        }
        let all = SUBSCRIPTIONS.scan(view, &subscriptions_of(topic).range(), usize::MAX)?;
        let agreed = all
            .into_iter()
            .map(|(_, subscription)| subscription)
            .filter(|one| matches!(one.consent, Consent::Given { .. }));
        let subscribers = Arc::new(agreed.map(Subscriber::of).collect::<Vec<_>>());
        known.topics.insert(topic, subscribers.clone());
        Ok(subscribers)
    }

    /// With the transaction.
    pub(crate) fn deliver(&self, tx: &mut Tx, letter: &Letter) -> Result<()> {
        if let Some(why) = &letter.notice.refused {
            return self.give_up(tx, letter, why);
        }
        match &letter.way {
            Way::Send(place) => self.send_letter(tx, place, letter),
            Way::Post(url) => self.post_letter(tx, url, letter),
            people => {
                let token = match people {
                    Way::Notice {
                        platform,
                        app,
                        device,
                    } => match self.device(tx, letter, (platform, app), device)? {
                        Ok(token) => token,
                        Err(why) => return self.give_up(tx, letter, &why),
                    },
                    _ => String::new(),
                };
                let body = text(&letter.notice.body);
                if let Some(parcel) = parcel(people, &letter.notice.subject, body, token) {
                    self.topics.send(tx, &letter.space, &parcel);
                }
                Ok(())
            }
        }
    }

    /// The token of a device that can be reached.
    fn device(
        &self,
        tx: &Tx,
        letter: &Letter,
        app: (&str, &str),
        device: &str,
    ) -> Result<std::result::Result<String, String>> {
        match self.topics.device_in(tx, &letter.space, app, device) {
            Ok(found) if found.enabled => Ok(Ok(found.token)),
            Ok(_) => Ok(Err(format!("the endpoint {device} is disabled"))),
            Err(error @ (topics::Error::NoSuchApp(_) | topics::Error::NoSuchDevice(_))) => {
                Ok(Err(error.to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn send_letter(&self, tx: &mut Tx, place: &Destination, letter: &Letter) -> Result<()> {
        match self.send(tx, place, &letter.message)? {
            Ok(()) => Ok(()),
            Err(refusal) => self.give_up(tx, letter, &refusal.to_string()),
        }
    }

    /// What the endpoint does not take goes to the dead letters, if there are any.
    fn give_up(&self, tx: &mut Tx, letter: &Letter, why: &str) -> Result<()> {
        let Some(place) = &letter.dead_letters else {
            tracing::warn!(why, "a subscriber does not take what was published");
            return Ok(());
        };
        let id = self.functions.new_request_id();
        let mut dead = letter.message.clone();
        dead.attributes.extend(self.wording.refused(why, &id));
        if let Err(refusal) = self.send(tx, place, &dead)? {
            tracing::error!(%refusal, why, "a subscriber does not take what was published, and nor do the dead letters");
        }
        Ok(())
    }
}

impl Subscriber {
    fn of(subscription: Subscription) -> Self {
        let filter = subscription.settings.filter.as_ref().map(Filter::read);
        let broken = matches!(filter, Some(Err(_)));
        if let Some(Err(error)) = &filter {
            let id = &subscription.id;
            tracing::error!(%error, id, "a subscription's filter does not read, so it gets nothing");
        }
        Self {
            subscription,
            filter: filter.and_then(std::result::Result::ok),
            broken,
        }
    }

    fn wants(&self, message: &Message) -> bool {
        !self.broken
            && self
                .filter
                .as_ref()
                .is_none_or(|filter| filter.wants(message))
    }
}

fn text(body: &Bytes) -> String {
    String::from_utf8_lossy(body).into_owned()
}
