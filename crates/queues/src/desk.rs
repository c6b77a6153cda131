//! Who takes which message of a queue, and what is known of the queue beside.
//!
//! A desk gives out *claims*: messages that one receiver is about to take and nobody else is offered meanwhile. A claim
//! that is dropped gives its messages back; one that was committed is kept.

pub(crate) mod flight;
pub(crate) mod ordered;
pub(crate) mod pick;
pub(crate) mod plain;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base::Timestamp;
use parking_lot::{Mutex, RwLock};
use store::{Store, View};
use tokio::sync::{Notify, Semaphore};

use crate::desk::ordered::Ordered;
use crate::desk::pick::{Outcome, Pick};
use crate::desk::plain::Plain;
use crate::error::{Error, Result};
use crate::place::Place;
use crate::receive::Attempts;
use crate::schema::{Address, Queue};

pub(crate) struct Desk {
    pub(crate) address: Address,
    queue: RwLock<Arc<Queue>>,
    gone: AtomicBool,
    messages: Mutex<Messages>,
    /// Whose turn it is to listen to the queue's bell. Only one of those who wait does, so that one message does not
    /// wake a thousand; it leaves its place to the next when it has something.
    pub(crate) turn: Semaphore,
    /// Tells the one who listens of what the store's bell does not tell: that a message has come back.
    pub(crate) stirred: Notify,
    pub(crate) attempts: Mutex<Attempts>,
}

/// What is known of a queue's messages. It is read when somebody first receives.
enum Messages {
    Unread,
    Plain(Plain),
    Ordered(Ordered),
}

impl Desk {
    pub(crate) fn new(address: Address, queue: Queue) -> Self {
        Self {
            address,
            queue: RwLock::new(Arc::new(queue)),
            gone: AtomicBool::new(false),
            messages: Mutex::new(Messages::Unread),
            turn: Semaphore::new(1),
            stirred: Notify::new(),
            attempts: Mutex::default(),
        }
    }

    pub(crate) fn queue(&self) -> Arc<Queue> {
        self.queue.read().clone()
    }

    /// The queue, unless it was dropped.
    pub(crate) fn open(&self) -> Result<Arc<Queue>> {
        if self.gone.load(Ordering::Acquire) {
            return Err(Error::NoSuchQueue(self.address.clone()));
        }
        Ok(self.queue())
    }

    pub(crate) fn changed(&self, queue: Queue) {
        *self.queue.write() = Arc::new(queue);
        self.stirred.notify_one();
    }

    pub(crate) fn close(&self) {
        self.gone.store(true, Ordering::Release);
        self.stirred.notify_one();
    }

    /// Takes up to `want` messages off everybody else's view, until `until` if the claim is kept.
    pub(crate) fn claim(
        self: &Arc<Self>,
        store: &Store,
        want: usize,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Claim> {
        let queue = self.open()?;
        let mut messages = self.messages.lock();
        let view = store.read()?;
        messages.load(&view, &queue, now)?;
        let picks = match &mut *messages {
            Messages::Plain(plain) => plain.pick(&view, &queue, want, now)?,
            Messages::Ordered(ordered) => ordered.pick(&view, &queue, want, now, until)?,
            Messages::Unread => Vec::new(),
        };
        Ok(Claim {
            desk: self.clone(),
            queue,
            picks,
            until,
            open: true,
        })
    }

    /// How many messages are in flight.
    pub(crate) fn in_flight(&self, store: &Store, now: Timestamp) -> Result<usize> {
        let mut messages = self.messages.lock();
        if matches!(&*messages, Messages::Unread) {
            messages.load(&store.read()?, &self.queue(), now)?;
        }
        Ok(match &mut *messages {
            Messages::Unread => 0,
            Messages::Plain(plain) => plain.flight.count(now),
            Messages::Ordered(ordered) => ordered.in_flight(now),
        })
    }

    /// When something that is not to be had at `now` will be.
    pub(crate) fn next(&self, store: &Store, now: Timestamp) -> Result<Option<Timestamp>> {
        let queue = self.open()?;
        let view = store.read()?;
        let messages = self.messages.lock();
        Ok(match &*messages {
            Messages::Unread => None,
            Messages::Plain(plain) => plain.next(&view, &queue)?,
            Messages::Ordered(ordered) => ordered.next(&view, &queue, now)?,
        })
    }

    /// Notes that a message that was held until `before` is now held until `after`, or no longer there.
    pub(crate) fn moved(
        &self,
        store: &Store,
        place: Place,
        before: Timestamp,
        after: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<()> {
        match &mut *self.messages.lock() {
            Messages::Unread => {}
            Messages::Plain(plain) => {
                plain.flight.leave(before, now);
                if let Some(after) = after {
                    plain.flight.enter(after, now);
                }
            }
            Messages::Ordered(ordered) => {
                let view = store.read()?;
                ordered.moved(&view, &self.queue(), place, after)?;
            }
        }
        if after.is_none_or(|after| after < before) {
            self.stirred.notify_one();
        }
        Ok(())
    }

    /// Notes that there is nothing to be had up to here, and says which of these places somebody is about to take.
    pub(crate) fn passed(&self, upto: Place) {
        if let (Messages::Plain(plain), Place::Log(position)) = (&mut *self.messages.lock(), upto) {
            plain.passed(position);
        }
    }

    pub(crate) fn is_being_taken(&self, place: Place) -> bool {
        match &*self.messages.lock() {
            Messages::Unread => false,
            Messages::Plain(plain) => plain.is_being_taken(place),
            Messages::Ordered(ordered) => ordered.is_being_taken(place),
        }
    }

    /// Before which all messages were received or are gone, for the next start.
    pub(crate) fn cursor(&self) -> Option<store::Position> {
        match &*self.messages.lock() {
            Messages::Plain(plain) => Some(plain.cursor()),
            Messages::Unread | Messages::Ordered(_) => None,
        }
    }
}

impl Messages {
    fn load(&mut self, view: &View, queue: &Queue, now: Timestamp) -> store::Result<()> {
        if matches!(self, Self::Unread) {
            *self = if queue.ordered {
                Self::Ordered(Ordered::load(view, queue, now)?)
            } else {
                Self::Plain(Plain::load(view, queue, now)?)
            };
        }
        Ok(())
    }
}

/// Messages that one receiver is about to take.
pub(crate) struct Claim {
    pub(crate) desk: Arc<Desk>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) picks: Vec<Pick>,
    pub(crate) until: Timestamp,
    open: bool,
}

impl Claim {
    /// Notes what was committed, and what became of each pick.
    pub(crate) fn keep(
        &mut self,
        store: &Store,
        outcomes: &[Outcome],
        now: Timestamp,
    ) -> Result<()> {
        self.open = false;
        match &mut *self.desk.messages.lock() {
            Messages::Unread => {}
            Messages::Plain(plain) => {
                for (pick, outcome) in self.picks.iter().zip(outcomes) {
                    plain.taken(pick);
                    if *outcome == Outcome::InFlight {
                        plain.flight.enter(self.until, now);
                    }
                }
            }
            Messages::Ordered(ordered) => {
                let view = store.read()?;
                for (pick, outcome) in self.picks.iter().zip(outcomes) {
                    ordered.taken(&view, &self.queue, pick.place, *outcome)?;
                }
            }
        }
        Ok(())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.open || self.picks.is_empty() {
            return;
        }
        match &mut *self.desk.messages.lock() {
            Messages::Unread => {}
            Messages::Plain(plain) => self.picks.iter().for_each(|pick| plain.give_back(pick)),
            Messages::Ordered(ordered) => {
                for pick in &self.picks {
                    ordered.give_back(pick.place);
                }
            }
        }
        self.desk.stirred.notify_one();
    }
}
