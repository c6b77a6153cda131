//! Custom resources: what a function of the user's makes, changes and takes away when it is asked to, as CloudFormation
//! asks.
//!
//! A request is written down together with the call that brings it, and its answer where the request is, so that neither
//! is lost when the server dies: the next deployment waits for the same answer. Only what can have no answer any more,
//! because its call is over, is given up and asked for again.

mod answers;
mod modules;
mod record;
mod request;
mod settle;

use base::Timestamp;
use functions::{Event, Job};
use serde::Serialize;
use store::Tx;
use triggers::{Destination, Message};

pub use answers::{Answers, NotTaken};
pub(crate) use modules::beside;
pub(crate) use record::{Answer, CUSTOMS, answer_of};

use self::record::{ASKED, Asked, Kept, Tried, Verb, asked_key, custom_key};
use self::request::{Request, secret};
use crate::Deployer;
use crate::engines::{Failure, is_there, place};

/// A resource that is made by whoever its token names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Custom {
    /// Of the resource as the stack has it; what its maker calls it is known when it is made.
    pub name: String,
    pub stack: String,
    pub stack_id: String,
    pub logical_id: String,
    /// As in `Custom::Thing`.
    pub resource_type: String,
    /// The ARN of the function or the topic that is asked.
    pub token: String,
    pub timeout_s: u32,
    /// JSON, with every scalar as a string.
    pub properties: String,
    /// Whether what is replaced is left to itself.
    pub keeps_replaced: bool,
}

/// What this call asks with, if it asks.
struct Fresh {
    id: String,
    secret: String,
    now: Timestamp,
}

/// What a step of the way asks for, and of whom.
struct Ask<'a> {
    verb: Verb,
    physical: Option<&'a str>,
    properties: &'a str,
    old: Option<&'a str>,
}

impl Deployer {
    /// Has it made or changed, unless it is as it should be.
    pub(crate) async fn put_custom(&self, wanted: &Custom) -> Result<bool, Failure> {
        while let Some(id) = self.next_for(wanted).await? {
            self.finish(&id, Some(&wanted.properties)).await?;
        }
        Ok(true)
    }

    /// Has it taken away. What nobody is left to take away is forgotten.
    pub(crate) async fn remove_custom(&self, name: &str) -> Result<(), Failure> {
        while let Some(id) = self.next_against(name).await? {
            self.finish(&id, None).await?;
        }
        Ok(())
    }

    pub(crate) fn has_custom(&self, name: &str) -> Result<bool, Failure> {
        let view = self.engines.store.read()?;
        Ok(CUSTOMS.get(&view, &custom_key(name))?.is_some())
    }

    pub(crate) fn maker_is_there(&self, token: &str) -> Result<bool, Failure> {
        let Some(place) = place::named(token) else {
            return Ok(false);
        };
        is_there(self.engines.triggers.takes(&place))
    }

    /// The request whose answer brings the resource nearer to what is wanted; none if it is that.
    async fn next_for(&self, wanted: &Custom) -> Result<Option<String>, Failure> {
        let fresh = self.fresh();
        let write = self.engines.store.write(|tx| {
            let kept = CUSTOMS.get(tx, &custom_key(&wanted.name))?;
            let mut kept = kept.unwrap_or_else(|| Kept::new(wanted));
            if let Some(id) = self.under_way(tx, &wanted.name, &mut kept)? {
                return Ok(Some(id));
            }
            let (made, tried) = (kept.made.clone(), kept.tried.clone());
            let ask = match (&made, &tried) {
                (Some(made), None) if made.properties == wanted.properties => return Ok(None),
                (Some(made), tried) => {
                    let tried = tried.as_ref().map(|tried| tried.properties.as_str());
                    // It may be half of what was tried last.
                    let other = tried.filter(|tried| *tried != wanted.properties);
                    Ask {
                        verb: Verb::Update,
                        physical: Some(&made.physical),
                        properties: &wanted.properties,
                        old: Some(other.unwrap_or(&made.properties)),
                    }
                }
                // What is left of an attempt goes before the next one, as it goes when a stack is rolled back.
                (None, Some(tried)) => delete_tried(&wanted.name, tried),
                (None, None) => Ask {
                    verb: Verb::Create,
                    physical: None,
                    properties: &wanted.properties,
                    old: None,
                },
            };
            kept.follow(wanted);
            self.ask(tx, &wanted.name, kept, &ask, &fresh)?;
            Ok(Some(fresh.id.clone()))
        });
        write.await
    }

    /// The request whose answer brings the resource nearer to its end; none if it is gone.
    async fn next_against(&self, name: &str) -> Result<Option<String>, Failure> {
        let fresh = self.fresh();
        let write = self.engines.store.write(|tx| {
            let Some(mut kept) = CUSTOMS.get(tx, &custom_key(name))? else {
                return Ok(None);
            };
            if let Some(id) = self.under_way(tx, name, &mut kept)? {
                return Ok(Some(id));
            }
            let (made, tried) = (kept.made.clone(), kept.tried.clone());
            let ask = match (&made, &tried) {
                (Some(made), _) => Ask {
                    verb: Verb::Delete,
                    physical: Some(&made.physical),
                    properties: &made.properties,
                    old: None,
                },
                (None, Some(tried)) => delete_tried(name, tried),
                (None, None) => {
                    CUSTOMS.delete(tx, custom_key(name));
                    return Ok(None);
                }
            };
            if !self.maker_is_there(&kept.token)? {
                CUSTOMS.delete(tx, custom_key(name));
                return Ok(None);
            }
            self.ask(tx, name, kept, &ask, &fresh)?;
            Ok::<_, Failure>(Some(fresh.id.clone()))
        });
        write.await
    }

    /// A request that was sent before and still may be answered, or is. One that cannot be is given up.
    fn under_way(
        &self,
        tx: &mut Tx,
        name: &str,
        kept: &mut Kept,
    ) -> Result<Option<String>, Failure> {
        let Some(id) = kept.asked.clone() else {
            return Ok(None);
        };
        if let Some(asked) = ASKED.get(tx, &asked_key(&id))? {
            let is_over =
                || Ok::<_, Failure>(asked.is_job && !self.engines.functions.has_job(tx, &id)?);
            let is_late = self.clock.now() >= asked.deadline;
            if asked.answer.is_some() || !(is_late || is_over()?) {
                return Ok(Some(id));
            }
            kept.gave_up(&asked);
        }
        kept.asked = None;
        ASKED.delete(tx, asked_key(&id));
        CUSTOMS.put(tx, custom_key(name), kept);
        Ok(None)
    }

    /// Writes a request down and sends it, together.
    fn ask(
        &self,
        tx: &mut Tx,
        name: &str,
        mut kept: Kept,
        ask: &Ask<'_>,
        fresh: &Fresh,
    ) -> Result<(), Failure> {
        let timeout = std::time::Duration::from_secs(kept.timeout_s.into());
        let place = place::named(&kept.token).ok_or_else(|| no_maker(&kept.token))?;
        let request = Request {
            ask,
            kept: &kept,
            fresh,
            address: self.answer_address(&place)?,
            region: &self.region,
        };
        let body = request.event();
        let is_job = matches!(place, Destination::Function(_));
        self.send(tx, &place, &fresh.id, body)?;
        let asked = Asked {
            name: name.to_owned(),
            verb: ask.verb,
            secret: fresh.secret.clone(),
            deadline: fresh.now + timeout,
            properties: ask.properties.to_owned(),
            is_job,
            answer: None,
        };
        ASKED.put(tx, asked_key(&fresh.id), &asked);
        kept.asked = Some(fresh.id.clone());
        CUSTOMS.put(tx, custom_key(name), &kept);
        Ok(())
    }

    fn send(
        &self,
        tx: &mut Tx,
        place: &Destination,
        id: &str,
        body: String,
    ) -> Result<(), Failure> {
        const TRIGGER: &str = "stack";
        self.engines.triggers.takes(place)?;
        if let Destination::Function(target) = place {
            // Under the request's own id, so that it can be said whether it is over.
            let job = Job {
                request_id: id.to_owned(),
                space: target.space.clone(),
                function: target.function.clone(),
                qualifier: target.qualifier.clone(),
                event: Event::Raw(body.into()),
                trigger: TRIGGER.to_owned(),
                client_context: None,
                trace: Some(self.engines.functions.new_trace(&target.space)),
            };
            return Ok(self.engines.functions.enqueue(tx, &job)?);
        }
        let message = Message {
            body: body.into(),
            subject: Some("AWS CloudFormation custom resource request".to_owned()),
            trigger: TRIGGER.to_owned(),
            ..Message::default()
        };
        let sent = self.engines.triggers.send(tx, place, &message)?;
        sent.map_err(|refusal| Failure::from(triggers::Error::from(refusal)))
    }

    /// Where whoever is asked can reach us, if that is not by the cloud's own name, as functions can whose connections
    /// are redirected.
    fn answer_address(&self, place: &Destination) -> Result<Option<&str>, Failure> {
        let Destination::Function(target) = place else {
            return Ok(None);
        };
        let qualifier = target.qualifier.as_deref();
        let functions = &self.engines.functions;
        let function = functions.resolve(&target.space, &target.function, qualifier)?;
        let language = runtimes::check(&function.configuration.runtime);
        let is_redirected = language.is_ok_and(runtimes::Language::is_redirected);
        Ok((!is_redirected).then_some(self.endpoint.as_str()))
    }

    /// Waits for an answer and keeps what it says. A failure counts if it is of what is wanted now.
    async fn finish(&self, id: &str, wanted: Option<&str>) -> Result<(), Failure> {
        let answer = self.answers.wait(id).await?;
        let settled = self
            .engines
            .store
            .write(|tx| settle::settle(tx, id, answer.as_deref()));
        let Some(settled) = settled.await? else {
            return Ok(());
        };
        let counts = settled.verb == Verb::Delete || Some(settled.properties.as_str()) == wanted;
        match settled.refused {
            Some(why) if counts => Err(Failure::invalid(why)),
            _ => Ok(()),
        }
    }

    fn fresh(&self) -> Fresh {
        Fresh {
            id: self.random.uuid().to_string(),
            secret: secret(&self.random),
            now: self.clock.now(),
        }
    }
}

/// It has the name that its maker gave it, or else ours.
fn delete_tried<'a>(name: &'a str, tried: &'a Tried) -> Ask<'a> {
    Ask {
        verb: Verb::Delete,
        physical: Some(tried.physical.as_deref().unwrap_or(name)),
        properties: &tried.properties,
        old: None,
    }
}

fn no_maker(token: &str) -> Failure {
    Failure::invalid(format!("nobody can be asked by way of {token}"))
}

#[cfg(test)]
pub(crate) mod tests;
