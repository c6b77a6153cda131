//! Committing a claim: what was picked is now held, buried as a dead letter, or removed.

use std::sync::Arc;

use base::Timestamp;
use store::Tx;

use crate::desk::pick::{Fate, Outcome, Pick};
use crate::desk::{Claim, Desk};
use crate::error::Result;
use crate::message::{Received, SequenceNumber};
use crate::place::Place;
use crate::receipt::Receipt;
use crate::remove::remove;
use crate::schema::{Address, DUE, Due, HELD, Held, Message, Queue};
use crate::send::{Enlisting, enlist};
use crate::{Queues, tally};

/// What a transaction made of the picks.
#[derive(Default)]
struct Settled {
    outcomes: Vec<Outcome>,
    buried: i64,
    gone: i64,
}

impl Queues {
    /// Holds what was claimed and returns what is to be delivered.
    pub(crate) async fn hold(&self, mut claim: Claim, now: Timestamp) -> Result<Vec<Received>> {
        let token = self.shared.random.u64();
        let grave = self.grave(&mut claim);
        let shared = &claim;
        let done = self
            .store()
            .write_buffered(|tx| {
                let mut done = Settled::default();
                for (index, pick) in (0..).zip(&shared.picks) {
                    done.one(
                        tx,
                        shared,
                        pick,
                        token.wrapping_add(index),
                        grave.as_ref(),
                        now,
                    )?;
                }
                tally::add(tx, shared.queue.number, -done.gone - done.buried);
                if let Some(grave) = &grave {
                    tally::add(tx, grave.queue().number, done.buried);
                }
                Ok::<_, crate::Error>(done)
            })
            .await?;
        claim.keep(self.store(), &done.outcomes, now)?;
        Ok(deliver(&mut claim, &done.outcomes, token, now))
    }

    /// Where dead letters go. If there is no such place they are delivered once more.
    fn grave(&self, claim: &mut Claim) -> Option<Arc<Desk>> {
        let redrive = claim.queue.settings.redrive.as_ref()?;
        let grave = self.desk(&redrive.to).ok();
        let grave = grave.filter(|grave| grave.queue().ordered == claim.queue.ordered);
        if grave.is_none() {
            for pick in &mut claim.picks {
                if pick.fate == Fate::Bury {
                    pick.fate = Fate::Deliver;
                }
            }
        }
        grave
    }
}

impl Settled {
    fn one(
        &mut self,
        tx: &mut Tx,
        claim: &Claim,
        pick: &Pick,
        token: u64,
        grave: Option<&Arc<Desk>>,
        now: Timestamp,
    ) -> Result<()> {
        let queue = &claim.queue;
        let outcome = if pick.verify && HELD.get(tx, &queue.held(pick.place))? != pick.held {
            Outcome::Skipped
        } else {
            match (pick.fate, &pick.message, grave) {
                (Fate::Deliver, Some(_), _) => {
                    hold(tx, queue, pick, token, claim.until, now);
                    Outcome::InFlight
                }
                (Fate::Bury, Some(message), Some(grave)) => {
                    remove(tx, queue, pick.place, pick.held)?;
                    bury(tx, &claim.desk.address, grave, message, pick.held, now)?;
                    self.buried += 1;
                    Outcome::Gone
                }
                (_, Some(_), _) => {
                    remove(tx, queue, pick.place, pick.held)?;
                    self.gone += 1;
                    Outcome::Gone
                }
                (_, None, _) => {
                    forget(tx, queue, pick);
                    Outcome::Gone
                }
            }
        };
        self.outcomes.push(outcome);
        Ok(())
    }
}

fn hold(tx: &mut Tx, queue: &Queue, pick: &Pick, token: u64, until: Timestamp, now: Timestamp) {
    let held = held(pick, token, until, now);
    HELD.put(tx, queue.held(pick.place), &held);
    if queue.ordered {
        return;
    }
    if let Some(due) = pick.due {
        DUE.delete(tx, queue.due(due, pick.place));
    }
    DUE.put(tx, queue.due(until, pick.place), &Due);
}

fn held(pick: &Pick, token: u64, until: Timestamp, now: Timestamp) -> Held {
    let before = pick.held.filter(|held| held.receives > 0);
    Held {
        until,
        receives: before.map_or(0, |held| held.receives) + 1,
        first_received: before.map_or(now, |held| held.first_received),
        last_received: now,
        token,
    }
}

/// Removes what says that a message is held which is not there, or is held until another time.
pub(crate) fn forget(tx: &mut Tx, queue: &Queue, pick: &Pick) {
    if let Some(due) = pick.due {
        DUE.delete(tx, queue.due(due, pick.place));
        if pick.held.is_some_and(|held| held.until == due) {
            HELD.delete(tx, queue.held(pick.place));
        }
    }
}

/// Makes a message a dead letter.
fn bury(
    tx: &mut Tx,
    from: &Address,
    grave: &Arc<Desk>,
    message: &Message,
    held: Option<Held>,
    now: Timestamp,
) -> Result<()> {
    let grave = grave.open()?;
    let mut message = message.clone();
    message.source = Some(from.clone());
    message.arrived = now;
    message.earlier_receives += held.map_or(0, |held| held.receives);
    message.first_received = message
        .first_received
        .or(held.map(|held| held.first_received));
    // It has been told from its repetitions; among dead letters it must not be taken for one.
    enlist(tx, &grave, &message, Enlisting::moved())?;
    Ok(())
}

fn deliver(claim: &mut Claim, outcomes: &[Outcome], token: u64, now: Timestamp) -> Vec<Received> {
    let queue = claim.queue.clone();
    let until = claim.until;
    let mut received = Vec::with_capacity(outcomes.len());
    for ((index, pick), outcome) in (0..).zip(&mut claim.picks).zip(outcomes) {
        let Some(message) = pick.message.take() else {
            continue;
        };
        if *outcome != Outcome::InFlight {
            continue;
        }
        let token = token.wrapping_add(index);
        let held = held(pick, token, until, now);
        received.push(Received {
            receipt: Receipt {
                queue: queue.number,
                place: pick.place,
                token,
            },
            receives: message.earlier_receives + held.receives,
            first_received: message.first_received.unwrap_or(held.first_received),
            sequence: match pick.place {
                Place::Log(position) if queue.ordered => Some(SequenceNumber::of(position)),
                _ => None,
            },
            until,
            message,
        });
    }
    received
}
