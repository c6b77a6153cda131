//! Settling: a message is done, or is to be seen again at another time.

use std::time::Duration;

use base::Timestamp;
use store::Tx;

use crate::desk::ordered::turn;
use crate::desk::plain::message;
use crate::error::{Error, Result};
use crate::place::Place;
use crate::receipt::Receipt;
use crate::remove::remove;
use crate::schema::{Address, DUE, Due, HELD, Held, Queue};
use crate::{MAX_HELD_S, Queues, tally};

/// What settling one message came to.
enum Done {
    /// It is gone; it had been held until then.
    Gone(Option<Timestamp>),
    /// It is not there, or is another's.
    Nothing,
}

impl Queues {
    /// Removes messages that were received, in one transaction; returns for each what became of it. One that is gone
    /// already is settled; so is, in a queue without order, one that somebody else has received meanwhile, who keeps it.
    pub async fn settle(&self, of: &Address, receipts: &[Receipt]) -> Result<Vec<Result<()>>> {
        let desk = self.desk(of)?;
        let queue = desk.open()?;
        let now = self.now();
        let done = self
            .store()
            .write(|tx| {
                let mut done = Vec::with_capacity(receipts.len());
                for receipt in receipts {
                    match settle(tx, &queue, *receipt, now) {
                        Err(Error::Store(error)) => return Err(error.into()),
                        other => done.push(other),
                    }
                }
                let gone = done.iter().filter(|done| matches!(done, Ok(Done::Gone(_))));
                let gone = i64::try_from(gone.count()).unwrap_or(i64::MAX);
                tally::add(tx, queue.number, -gone);
                Ok::<_, Error>(done)
            })
            .await?;
        let outcomes = done.into_iter().zip(receipts).map(|(done, receipt)| {
            if let Done::Gone(Some(until)) = done? {
                desk.moved(self.store(), receipt.place, until, None, now)?;
            }
            Ok(())
        });
        Ok(outcomes.collect())
    }

    /// Lets a message that was received be seen again after so long from now.
    pub async fn hold_for(&self, of: &Address, receipt: Receipt, how_long: Duration) -> Result<()> {
        let desk = self.desk(of)?;
        let queue = desk.open()?;
        receipt.check(&queue)?;
        let now = self.now();
        let until = now + how_long;
        let held = self
            .store()
            .write_buffered(|tx| {
                let held = held(tx, &queue, receipt, now)?;
                if until.since(held.last_received) > Duration::from_secs(MAX_HELD_S.into()) {
                    return Err(Error::HeldTooLong {
                        limit_s: MAX_HELD_S,
                    });
                }
                hold(tx, &queue, receipt.place, held, until);
                Ok(held)
            })
            .await?;
        desk.moved(self.store(), receipt.place, held.until, Some(until), now)
    }

    /// Gives messages back that whoever received them can do nothing with now: as though nobody had received them.
    pub async fn give_back(
        &self,
        of: &Address,
        receipts: &[Receipt],
        after: Duration,
    ) -> Result<()> {
        for receipt in receipts {
            match self.hold_for(of, *receipt, after).await {
                // It has come back by itself.
                Ok(()) | Err(Error::NotInFlight | Error::ReceiptExpired) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn hold(tx: &mut Tx, queue: &Queue, place: Place, held: Held, until: Timestamp) {
    HELD.put(tx, queue.held(place), &Held { until, ..held });
    if !queue.ordered {
        DUE.delete(tx, queue.due(held.until, place));
        DUE.put(tx, queue.due(until, place), &Due);
    }
}

fn held(tx: &Tx, queue: &Queue, receipt: Receipt, now: Timestamp) -> Result<Held> {
    let held = HELD.get(tx, &queue.held(receipt.place))?;
    match held {
        Some(held) if queue.ordered => match held.token == receipt.token && held.until > now {
            true => Ok(held),
            false => Err(Error::ReceiptExpired),
        },
        // It may be late: as long as nobody else has received it, it is still theirs.
        Some(held) if held.token == receipt.token && held.receives > 0 => Ok(held),
        _ => Err(Error::NotInFlight),
    }
}

fn settle(tx: &mut Tx, queue: &Queue, receipt: Receipt, now: Timestamp) -> Result<Done> {
    receipt.check(queue)?;
    let place = receipt.place;
    let held = HELD.get(tx, &queue.held(place))?;
    match held {
        Some(held) if queue.ordered && (held.token != receipt.token || held.until <= now) => {
            return Err(Error::ReceiptExpired);
        }
        Some(held) if held.token != receipt.token => return Ok(Done::Nothing),
        Some(_) => {}
        // That it was received was lost in a crash; or it is settled.
        None if !is_there(tx, queue, place)? => return Ok(Done::Nothing),
        None => {}
    }
    remove(tx, queue, place, held)?;
    Ok(Done::Gone(held.map(|held| held.until)))
}

fn is_there(tx: &Tx, queue: &Queue, place: Place) -> Result<bool> {
    match place {
        Place::Log(position) if queue.ordered => Ok(turn(tx, queue, position)?.is_some()),
        place => Ok(message(tx, queue, place)?.is_some()),
    }
}
