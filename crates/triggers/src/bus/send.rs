//! Sending an event to what a rule sends to.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Timestamp;
use buses::Event;
use bytes::Bytes;
use serde_json::Value;
use store::Tx;

use super::input::Reserved;
use super::path::Path;
use crate::outgoing::{
    DeadLetter, Ended, Judge, LogLine, Outgoing, Owner, Post, Retries, Undelivered, Waits, Work,
};
use crate::schema::rule::{Input, Place, RetryLimits, Rule, RuleTarget};
use crate::target::{Destination, Message, Named, Refusal, Sent};
use crate::{Dialect, Error, Result, Triggers};

/// How often and how long is tried again where a target does not say otherwise.
const RETRIES: u32 = 185;
const AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// With these, as many retries take about that long.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(480);
/// How long a server has to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// An event, as it is sent and as a value.
pub(super) struct Shown {
    pub(super) whole: Bytes,
    pub(super) value: Value,
}

impl Shown {
    pub(super) fn new(dialect: &dyn Dialect, event: &Event) -> Self {
        let whole = dialect.event(event);
        let value = serde_json::from_slice(&whole).unwrap_or_default();
        Self { whole, value }
    }
}

/// What is sent to one target.
pub(super) struct Sending {
    to: Place,
    message: Message,
    /// What is done outside of the transaction, if that is how it is sent.
    outside: Option<Box<Work>>,
    retries: Option<RetryLimits>,
    dead: Option<DeadLetter>,
    /// The event itself, for another bus.
    event: Option<Box<Event>>,
}

impl Sending {
    pub(super) fn bytes(&self) -> usize {
        let dead = self.dead.as_ref();
        self.message.body.len() + dead.map_or(0, |dead| dead.message.body.len())
    }
}

/// What each of a rule's targets gets of an event.
pub(super) fn sendings(
    dialect: &dyn Dialect,
    rule: &Rule,
    event: &Event,
    shown: &Shown,
) -> Vec<Sending> {
    let targets = rule.targets.iter();
    targets
        .map(|target| sending(dialect, rule, target, event, shown))
        .collect()
}

fn sending(
    dialect: &dyn Dialect,
    rule: &Rule,
    target: &RuleTarget,
    event: &Event,
    shown: &Shown,
) -> Sending {
    let reserved = |name: &str| dialect.placeholder(name, rule, event, &shown.value);
    let body = target
        .input
        .render(&shown.whole, &shown.value, &Reserved(&reserved));
    let message = Message {
        body: body.clone(),
        group: target.group.clone(),
        trigger: "bus".to_owned(),
        trace: event.trace.clone(),
        ..Message::default()
    };
    let dead = target.dead_letters.clone().map(|to| DeadLetter {
        to,
        message: Message {
            body: shown.whole.clone(),
            attributes: dialect.aimed(rule, target),
            trigger: "bus".to_owned(),
            trace: event.trace.clone(),
            ..Message::default()
        },
    });
    let outside = match &target.to {
        Place::Ours(_) => None,
        Place::Address(name) => {
            let post = request(dialect, rule, name, target, body, shown);
            Some(Box::new(Work::Post(post)))
        }
        Place::Log(group) => Some(Box::new(Work::Log(line(rule, group, event, target, &body)))),
    };
    let is_bus = matches!(target.to, Place::Ours(Destination::Bus(_)));
    Sending {
        to: target.to.clone(),
        message,
        outside,
        retries: target.retries,
        dead,
        event: is_bus.then(|| Box::new(event.clone())),
    }
}

/// An input that is a template may say when it was and what is to be told; else what is sent is what is told.
fn line(rule: &Rule, group: &Named, event: &Event, target: &RuleTarget, body: &Bytes) -> LogLine {
    let mut line = LogLine {
        group: group.clone(),
        stream: rule.name.clone(),
        at: event.taken,
        text: String::from_utf8_lossy(body).into_owned(),
    };
    if let Input::Template { .. } = target.input
        && let Ok(Value::Object(said)) = serde_json::from_slice(body)
        && let (Some(at), Some(message)) = (said.get("timestamp"), said.get("message"))
    {
        line.at = at.as_u64().map_or(line.at, Timestamp::from_millis);
        line.text = match message {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
    }
    line
}

fn request(
    dialect: &dyn Dialect,
    rule: &Rule,
    name: &str,
    target: &RuleTarget,
    body: Bytes,
    shown: &Shown,
) -> Post {
    let value = |text: &String| value(text, &shown.value);
    let pairs = |of: &BTreeMap<String, String>| {
        let pairs = of.iter();
        pairs
            .map(|(name, text)| (name.clone(), value(text)))
            .collect::<Vec<_>>()
    };
    let mut headers = dialect.request_headers();
    headers.extend(pairs(&target.request.headers));
    Post {
        method: String::new(),
        url: String::new(),
        headers,
        query: pairs(&target.request.query),
        body,
        through: Some(Named {
            space: rule.space.clone(),
            name: name.to_owned(),
        }),
        fill: target.request.fill.iter().map(value).collect(),
        patience: PATIENCE,
        // What may be better next time is on the real service's page about such targets.
        judge: Judge {
            good: vec![(200, 299)],
            again: vec![(401, 401), (407, 407), (409, 409), (429, 429), (500, 599)],
        },
    }
}

/// A text that is a path stands for what it leads to.
fn value(text: &str, event: &Value) -> String {
    let found = Path::parse(text).map(|path| path.find(event).unwrap_or_default());
    match found {
        None => text.to_owned(),
        Some(Value::String(text)) => text,
        Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
    }
}

impl Triggers {
    /// Sends an event to all that a rule sends to, with the caller's transaction, whether or not the rule wants it.
    pub fn fire(
        &self,
        tx: &mut Tx,
        dialect: &dyn Dialect,
        rule: &Rule,
        event: &Event,
    ) -> Result<()> {
        let shown = Shown::new(dialect, event);
        for sending in sendings(dialect, rule, event, &shown) {
            self.send_out(tx, dialect, &sending)?;
        }
        Ok(())
    }

    /// Sends, and keeps what is refused as a dead letter.
    pub(super) fn send_out(
        &self,
        tx: &mut Tx,
        dialect: &dyn Dialect,
        sending: &Sending,
    ) -> Result<()> {
        let Err(refusal) = self.try_send(tx, sending)? else {
            return Ok(());
        };
        tracing::warn!(to = ?sending.to, %refusal, "an event was refused");
        if let Some(dead) = &sending.dead {
            let undelivered = Undelivered {
                why: refusal.into(),
                retries: 0,
                ended: Ended::InVain,
            };
            self.bury(tx, dialect, Owner::Rule, dead, &undelivered)?;
        }
        Ok(())
    }

    fn try_send(&self, tx: &mut Tx, sending: &Sending) -> Result<Sent> {
        if let Some(work) = &sending.outside {
            self.post(tx, &self.outgoing_of(sending, work))?;
            return Ok(Ok(()));
        }
        match (&sending.to, &sending.event) {
            (Place::Ours(Destination::Bus(bus)), Some(event)) => self.pass_on(tx, bus, event),
            (Place::Ours(destination), _) => self.send(tx, destination, &sending.message),
            (Place::Address(_) | Place::Log(_), _) => Ok(Err(Refusal::NotBuilt("this"))),
        }
    }

    fn outgoing_of(&self, sending: &Sending, work: &Work) -> Outgoing {
        let limits = sending.retries;
        Outgoing {
            id: self.random.uuid().to_string(),
            owner: Owner::Rule,
            work: work.clone(),
            retries: Retries {
                most: limits.and_then(|limits| limits.most).unwrap_or(RETRIES),
                age: Some(limits.and_then(|limits| limits.age).unwrap_or(AGE)),
                waits: Waits::Doubling {
                    first: FIRST_WAIT,
                    longest: LONGEST_WAIT,
                },
            },
            dead: sending.dead.clone(),
        }
    }

    /// An event goes from one bus to another, and no further: so no ring of buses keeps it going for ever.
    fn pass_on(&self, tx: &mut Tx, bus: &Named, event: &Event) -> Result<Sent> {
        if event.passed_on {
            let refusal = "an event that came from another bus is not sent to a third one";
            return Ok(Err(Refusal::Denied(refusal.to_owned())));
        }
        let mut event = event.clone();
        event.passed_on = true;
        event.replayed = None;
        match self.buses.put(tx, &bus.space, &bus.name, &event) {
            Err(error @ buses::Error::NoSuchBus(_)) => Ok(Err(Refusal::Missing(error.to_string()))),
            put => put.map(Ok).map_err(Error::from),
        }
    }

    /// An event of our own making.
    pub(crate) fn put_on_bus(&self, tx: &mut Tx, bus: &Named, message: &Message) -> Result<Sent> {
        let now = self.clock.now();
        let event = Event {
            id: self.buses.new_id(),
            space: bus.space.clone(),
            source: message.about.source.clone(),
            kind: message.about.kind.clone(),
            resources: message.about.resources.clone(),
            detail: message.body.clone(),
            at: message.about.at.unwrap_or(now),
            taken: now,
            trace: message.trace.clone(),
            passed_on: false,
            replayed: None,
        };
        match self.buses.put(tx, &bus.space, &bus.name, &event) {
            Err(error @ buses::Error::NoSuchBus(_)) => Ok(Err(Refusal::Missing(error.to_string()))),
            put => put.map(Ok).map_err(Error::from),
        }
    }
}
