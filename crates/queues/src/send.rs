//! Sending: one row for the message, and for those that are delayed or in order what finds them again.

use std::time::Duration;

use base::Timestamp;
use store::{Record, Tx};

use crate::error::Result;
use crate::message::{NewMessage, Sent, SequenceNumber};
use crate::once::{self, Once};
use crate::place::Place;
use crate::schema::{APART, Address, DUE, Due, HELD, Held, Message, Queue, Turn};
use crate::{Queues, tally};

/// How a message enters a queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Enlisting {
    /// Until when nobody sees it.
    pub(crate) delay: Duration,
    /// Tells a message that is sent by itself from the others of its moment.
    pub(crate) chance: u64,
    pub(crate) repetitions_told: bool,
}

impl Enlisting {
    /// Of a message that comes from another queue.
    pub(crate) fn moved() -> Self {
        Self {
            delay: Duration::ZERO,
            chance: 0,
            repetitions_told: false,
        }
    }
}

impl Queues {
    /// Sends within the caller's transaction: there is one message more if it commits and if this does not repeat one.
    ///
    /// May run as often as the transaction does. When the message will be seen is the same as for [`Queues::send_all`].
    pub fn send(&self, tx: &mut Tx, to: &Address, new: NewMessage) -> Result<Sent> {
        let queue = self.desk(to)?.open()?;
        new.check(&queue)?;
        let (message, enlisting) = self.prepare(&queue, new);
        let sent = enlist(tx, &queue, &message, enlisting)?;
        if !sent.repeated {
            tally::add(tx, queue.number, 1);
        }
        Ok(sent)
    }

    /// Sends some messages in one transaction; those that the queue can't have are left out. Returns for each what
    /// became of it once it is durable, in an ordered queue with its number.
    pub async fn send_all(
        &self,
        to: &Address,
        new: Vec<NewMessage>,
    ) -> Result<Vec<Result<(Sent, Option<SequenceNumber>)>>> {
        let desk = self.desk(to)?;
        let queue = desk.open()?;
        let prepared: Vec<_> = new
            .into_iter()
            .map(|new| {
                new.check(&queue)?;
                Ok(self.prepare(&queue, new))
            })
            .collect();
        let sent = self.commit(&queue, &prepared).await?;
        let mut sent = sent.into_iter();
        let view = queue.ordered.then(|| self.store().read()).transpose()?;
        prepared
            .into_iter()
            .map(|prepared| {
                let outcome = prepared.map(|(message, _)| message).and_then(|message| {
                    let sent = sent.next().expect("each that was prepared was sent");
                    let once = view
                        .as_ref()
                        .map(|view| Once::get(view, &once::key(&queue, &message)));
                    let once = once.transpose()?.flatten();
                    let sequence = once
                        .filter(|once| once.id == sent.id)
                        .and_then(Once::sequence);
                    Ok((sent, sequence))
                });
                Ok(outcome)
            })
            .collect()
    }

    async fn commit(
        &self,
        queue: &Queue,
        prepared: &[Result<(Message, Enlisting)>],
    ) -> Result<Vec<Sent>> {
        if prepared.iter().all(Result::is_err) {
            return Ok(Vec::new());
        }
        self.store()
            .write(|tx| {
                let mut sent = Vec::with_capacity(prepared.len());
                for (message, enlisting) in prepared.iter().flatten() {
                    sent.push(enlist(tx, queue, message, *enlisting)?);
                }
                let count = sent.iter().filter(|sent| !sent.repeated).count();
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                tally::add(tx, queue.number, count);
                Ok(sent)
            })
            .await
    }

    fn prepare(&self, queue: &Queue, new: NewMessage) -> (Message, Enlisting) {
        let own = Duration::from_secs(queue.settings.delay_s.into());
        // An ordered queue's delay is that of whoever looks, and so applies to what is in it already.
        let delay = if queue.ordered {
            Duration::ZERO
        } else {
            new.delay.unwrap_or(own)
        };
        let id = self.shared.random.uuid();
        let enlisting = Enlisting {
            delay,
            chance: id.as_u64_pair().1,
            repetitions_told: true,
        };
        (new.into_message(queue, id, self.now()), enlisting)
    }
}

pub(crate) fn enlist(
    tx: &mut Tx,
    queue: &Queue,
    message: &Message,
    enlisting: Enlisting,
) -> Result<Sent> {
    let id = message.id;
    if queue.ordered {
        return in_order(tx, queue, message, enlisting);
    }
    if enlisting.delay.is_zero() {
        queue.log().append(tx, message.encode());
    } else {
        apart(tx, queue, message, enlisting);
    }
    let repeated = false;
    Ok(Sent { id, repeated })
}

fn in_order(tx: &mut Tx, queue: &Queue, message: &Message, enlisting: Enlisting) -> Result<Sent> {
    let key = once::key(queue, message);
    if enlisting.repetitions_told
        && let Some(first) = Once::get(tx, &key)?
        && first.until > message.arrived
    {
        let (id, repeated) = (first.id, true);
        return Ok(Sent { id, repeated });
    }
    let group = message.group.clone().unwrap_or_default();
    let turn = Turn {
        group,
        arrived: message.arrived,
    };
    // In this order: where the one is says where the other is.
    queue.log().append(tx, turn.encode());
    let index = queue.group(&turn.group).append(tx, message.encode());
    if enlisting.repetitions_told {
        Once::new(message.arrived, message.id, index).put(tx, queue, &key);
    }
    let (id, repeated) = (message.id, false);
    Ok(Sent { id, repeated })
}

/// A message that nobody sees for a while.
fn apart(tx: &mut Tx, queue: &Queue, message: &Message, enlisting: Enlisting) {
    let place = Place::Apart {
        at: message.arrived,
        chance: enlisting.chance,
    };
    let until = message.arrived + enlisting.delay;
    let held = Held {
        until,
        receives: 0,
        first_received: Timestamp::default(),
        last_received: Timestamp::default(),
        token: 0,
    };
    APART.put(tx, place.put(APART.key().u64(queue.number)), message);
    HELD.put(tx, queue.held(place), &held);
    DUE.put(tx, queue.due(until, place), &Due);
    // Whoever waits for the next that is due has to look again.
    queue.log().ring(tx);
}
