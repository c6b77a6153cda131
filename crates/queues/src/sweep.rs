//! Removing from the front of a queue what is over: it is too old, or the queue was emptied.

use std::sync::Arc;

use base::Timestamp;
use store::{Position, Record, Tx, View};

use crate::desk::Desk;
use crate::desk::ordered::{of_group, turn};
use crate::desk::plain::message;
use crate::error::{Error, Result};
use crate::message::is_over;
use crate::place::Place;
use crate::remove::remove;
use crate::schema::{APART, HELD, Held, Message, Queue, Turn};
use crate::{Queues, tally};

/// How many messages are looked at, and removed, at once.
const AT_ONCE: usize = 512;

impl Queues {
    /// Removes some; says whether there may be more.
    pub(crate) async fn sweep(&self, desk: &Arc<Desk>, now: Timestamp) -> Result<bool> {
        let queue = desk.open()?;
        let over = over(&self.store().read()?, &queue, now)?;
        let full = over.len() >= AT_ONCE;
        if let Some(last) = over.iter().rfind(|place| matches!(place, Place::Log(_))) {
            // Before they are removed, so that nobody begins to take them meanwhile.
            desk.passed(*last);
        }
        let free = over
            .into_iter()
            .filter(|place| !desk.is_being_taken(*place));
        let free: Vec<Place> = free.collect();
        if free.is_empty() {
            return Ok(false);
        }
        let gone = self
            .store()
            .write_buffered(|tx| {
                let mut gone = Vec::new();
                for place in &free {
                    if let Some(held) = one(tx, &queue, *place)? {
                        gone.push((*place, held));
                    }
                }
                let count = i64::try_from(gone.len()).unwrap_or(i64::MAX);
                tally::add(tx, queue.number, -count);
                Ok::<_, Error>(gone)
            })
            .await?;
        for (place, held) in &gone {
            if let Some(held) = held {
                desk.moved(self.store(), *place, held.until, None, now)?;
            }
        }
        Ok(full)
    }
}

/// Removes one that is still there, and says how it was held.
fn one(tx: &mut Tx, queue: &Queue, place: Place) -> Result<Option<Option<Held>>> {
    let there = match place {
        Place::Log(position) if queue.ordered => turn(tx, queue, position)?.is_some(),
        place => message(tx, queue, place)?.is_some(),
    };
    if !there {
        return Ok(None);
    }
    let held = HELD.get(tx, &queue.held(place))?;
    remove(tx, queue, place, held)?;
    Ok(Some(held))
}

/// Some that are over, from the front.
fn over(view: &View, queue: &Queue, now: Timestamp) -> Result<Vec<Place>> {
    let mut over = Vec::new();
    for entry in queue.log().read(view, Position::START, AT_ONCE)? {
        if queue.ordered {
            let arrived = Turn::decode(&entry.body)?.arrived;
            if !is_over(queue, arrived, arrived, now) {
                break;
            }
            over.push(Place::Log(of_group(entry.position)));
        } else {
            if !Message::decode(&entry.body)?.is_over(queue, now) {
                break;
            }
            over.push(Place::Log(entry.position));
        }
    }
    let apart = APART.key().u64(queue.number);
    for (key, message) in APART.scan_front(view, &apart, None, AT_ONCE)? {
        if !message.is_over(queue, now) {
            break;
        }
        over.extend(place(&key));
    }
    Ok(over)
}

/// Where the message is that was sent by itself and has this key.
fn place(key: &[u8]) -> Option<Place> {
    let mut reader = store::KeyReader::new(key)?;
    reader.u64()?;
    Place::read(&mut reader)
}
