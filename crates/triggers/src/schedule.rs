//! Doing what schedules are for.
//!
//! What is due is sent in the transaction that takes it and sets the schedule's next time. A place that refuses for now
//! is asked again, as often and as long as the schedule says; this is kept apart from the schedule, which goes on
//! meanwhile.

use std::sync::Arc;
use std::time::Duration;

use base::{Space, Timestamp};
use schedules::{Occasion, Owner, Retries, Schedules, Whose};
use serde::{Deserialize, Serialize};
use store::{Record, Timers, Tx};
use tokio_util::sync::CancellationToken;

use crate::call::Call;
use crate::outgoing::{self, DeadLetter, Ended, Outgoing, Trouble, Undelivered, Waits, Work};
use crate::schema::rule::RuleState;
use crate::target::{Destination, Message, Refusal};
use crate::{Dialect, Result, Triggers};

/// Occasions dealt with in one transaction.
const BATCH: usize = 32;
/// Before the first retry; doubled each time. At its longest, the most retries that there are take the longest time.
const RETRY: Duration = Duration::from_secs(10);
const LONGEST_RETRY: Duration = Duration::from_secs(8 * 60);

/// What a place did not take yet.
fn late() -> Timers {
    Timers::new("triggers/schedules")
}

/// How one cloud words what a schedule sends.
pub trait Orders: Send + Sync {
    /// What is sent at this attempt, the first of which is 1.
    fn orders(&self, occasion: &Occasion, attempt: u32)
    -> std::result::Result<Vec<Order>, Refusal>;

    /// Where what was not delivered goes, if anywhere.
    fn dead_letter(&self, occasion: &Occasion, undelivered: &Undelivered) -> Option<Order>;

    /// The operation that is called, where nothing is sent.
    fn call(&self, _: &Occasion) -> std::result::Result<Option<Called>, Refusal> {
        Ok(None)
    }
}

/// A call, and where it goes if it is in vain. Why it was in vain, the dialect adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    pub call: Call,
    pub dead: Option<DeadLetter>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub to: Destination,
    pub message: Message,
}

/// An occasion that was not dealt with at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Late {
    occasion: Occasion,
    /// Attempts that failed.
    failures: u32,
    /// Orders that were carried out.
    done: usize,
}

impl Record for Late {}

impl Triggers {
    /// Does what schedules are for, as it comes due, until `stop`. One of these runs for each store.
    pub async fn run_schedules(
        &self,
        schedules: Schedules,
        dialect: Arc<dyn Dialect>,
        orders: Arc<dyn Orders>,
        stop: CancellationToken,
    ) {
        let mut bells = [schedules.bell(), self.store.timer_bell(&late())];
        if let Err(error) = schedules.finish_groups().await {
            tracing::warn!(%error, "groups of schedules that were being deleted are still there");
        }
        let some = || async {
            let done = self.do_due(&schedules, dialect.as_ref(), orders.as_ref());
            let done = stop.run_until_cancelled(done).await;
            let done = done.unwrap_or(Ok(Some(Timestamp::MAX)));
            done.inspect_err(|error| {
                tracing::error!(%error, "what schedules are for was not done; trying again");
            })
        };
        store::attend(&mut bells, &*self.clock, stop.cancelled(), some).await;
    }

    /// Deals with some of what is due; says when something will be, if nothing is.
    pub async fn do_due(
        &self,
        schedules: &Schedules,
        dialect: &dyn Dialect,
        orders: &dyn Orders,
    ) -> Result<Option<Timestamp>> {
        let found = self
            .store
            .write(|tx| {
                let mut all: Vec<Late> = Vec::new();
                for taken in late().take(tx, self.clock.now(), BATCH)? {
                    all.push(Late::decode(&taken.body)?);
                }
                let occasions = schedules.take_due(tx, BATCH)?;
                all.extend(occasions.into_iter().map(|occasion| Late {
                    occasion,
                    failures: 0,
                    done: 0,
                }));
                let found = !all.is_empty();
                for one in all {
                    self.attend_to(tx, schedules, dialect, orders, one)?;
                }
                Ok::<_, crate::Error>(found)
            })
            .await?;
        if found {
            return Ok(None);
        }
        let late = late().next(&self.store.read()?)?;
        let next = schedules.next_due()?.into_iter().chain(late).min();
        Ok(Some(next.unwrap_or(Timestamp::MAX)))
    }

    fn attend_to(
        &self,
        tx: &mut Tx,
        schedules: &Schedules,
        dialect: &dyn Dialect,
        orders: &dyn Orders,
        mut late: Late,
    ) -> Result<()> {
        let occasion = &late.occasion;
        let retries = match (&occasion.whose, &occasion.owner) {
            (Whose::Rule { space, bus, rule }, _) => {
                return self.ring_rule(tx, dialect, space, bus, rule, occasion);
            }
            (_, Owner::Rule) => return Ok(()),
            (_, Owner::Schedule(settings)) => settings.retries,
        };
        let refusal = match occasion.is_stale {
            true => Refusal::Missing("there was no server at that time".to_owned()),
            false => match self.carry_out(tx, orders, &mut late)? {
                Ok(()) => return Ok(schedules.end(tx, &late.occasion)?),
                Err(refusal) => refusal,
            },
        };
        match decide(&late, &refusal, retries, self.clock.now()) {
            Ok(again) => self.put_off(tx, again, late),
            Err(ended) => {
                let undelivered = Undelivered {
                    why: Trouble::Refused(refusal),
                    retries: late.failures,
                    ended,
                };
                self.let_go_of(tx, orders, &late.occasion, &undelivered)?;
                Ok(schedules.end(tx, &late.occasion)?)
            }
        }
    }

    /// Sends what is not sent yet.
    fn carry_out(
        &self,
        tx: &mut Tx,
        orders: &dyn Orders,
        late: &mut Late,
    ) -> Result<std::result::Result<(), Refusal>> {
        match orders.call(&late.occasion) {
            Ok(None) => {}
            Ok(Some(called)) => return self.ask_for(tx, &late.occasion, called).map(Ok),
            Err(refusal) => return Ok(Err(refusal)),
        }
        let all = match orders.orders(&late.occasion, late.failures + 1) {
            Ok(all) => all,
            Err(refusal) => return Ok(Err(refusal)),
        };
        for order in all.iter().skip(late.done) {
            if let Err(refusal) = self.send(tx, &order.to, &order.message)? {
                return Ok(Err(refusal));
            }
            late.done += 1;
        }
        Ok(Ok(()))
    }

    /// Has an operation called. It is a job of its own from here on, with the schedule's retries.
    fn ask_for(&self, tx: &mut Tx, occasion: &Occasion, called: Called) -> Result<()> {
        let Owner::Schedule(settings) = &occasion.owner else {
            return Ok(());
        };
        let outgoing = Outgoing {
            id: format!("schedule/{:032x}", occasion.execution),
            owner: outgoing::Owner::Schedule,
            work: Work::Call(called.call),
            retries: outgoing::Retries {
                most: settings.retries.most,
                age: Some(settings.retries.age),
                waits: Waits::Doubling {
                    first: RETRY,
                    longest: LONGEST_RETRY,
                },
            },
            dead: called.dead,
        };
        self.post(tx, &outgoing)
    }

    fn put_off(&self, tx: &mut Tx, until: Timestamp, late_one: Late) -> Result<()> {
        let id = late_one.occasion.execution.to_be_bytes();
        let late_one = Late {
            failures: late_one.failures + 1,
            ..late_one
        };
        late().set(tx, &id, until, late_one.encode())?;
        Ok(())
    }

    fn let_go_of(
        &self,
        tx: &mut Tx,
        orders: &dyn Orders,
        occasion: &Occasion,
        undelivered: &Undelivered,
    ) -> Result<()> {
        let schedule = &occasion.whose;
        tracing::warn!(?schedule, why = %undelivered.why, retries = undelivered.retries, "what a schedule is for could not be done");
        let Some(Order { to, message }) = orders.dead_letter(occasion, undelivered) else {
            return Ok(());
        };
        if let Err(refusal) = self.send(tx, &to, &message)? {
            tracing::warn!(place = ?to, %refusal, "what could not be delivered could not be kept");
        }
        Ok(())
    }

    /// A rule is due: what it sends to gets an event that is on no bus.
    fn ring_rule(
        &self,
        tx: &mut Tx,
        dialect: &dyn Dialect,
        space: &Space,
        bus: &str,
        rule: &str,
        occasion: &Occasion,
    ) -> Result<()> {
        let rule = self.find_rule(tx, space, bus, rule)?;
        let Some(rule) = rule.filter(|rule| rule.state != RuleState::Disabled) else {
            return Ok(());
        };
        let event = dialect.rung(&rule, occasion);
        self.fire(tx, dialect, &rule, &event)
    }
}

/// When it is tried again, or why it is not.
fn decide(
    late: &Late,
    refusal: &Refusal,
    retries: Retries,
    now: Timestamp,
) -> std::result::Result<Timestamp, Ended> {
    if late.occasion.is_stale {
        return Err(Ended::TooOld);
    }
    match refusal {
        // It may come to be.
        Refusal::Missing(_) => {}
        Refusal::Denied(_) | Refusal::Invalid(_) | Refusal::NotBuilt(_) => {
            return Err(Ended::InVain);
        }
    }
    if late.failures >= retries.most {
        return Err(Ended::TooOften);
    }
    let doubled = 1_u32 << late.failures.min(10);
    let again = now + RETRY.saturating_mul(doubled).min(LONGEST_RETRY);
    match again.since(late.occasion.scheduled) > retries.age {
        true => Err(Ended::TooOld),
        false => Ok(again),
    }
}
