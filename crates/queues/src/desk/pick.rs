use base::Timestamp;

use crate::place::Place;
use crate::schema::{Held, Message, Queue};

/// A message that is about to be taken.
pub(crate) struct Pick {
    pub(crate) place: Place,
    /// None: it is gone, and what still says that it is held is to go too.
    pub(crate) message: Option<Message>,
    /// As it was held when it was picked.
    pub(crate) held: Option<Held>,
    /// Under which time it was found to be due.
    pub(crate) due: Option<Timestamp>,
    /// Somebody else may have settled or taken it since it was seen, so the transaction must look again.
    pub(crate) verify: bool,
    pub(crate) fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Deliver,
    /// It was received too often.
    Bury,
    /// It is over, or was never really there.
    Remove,
}

/// What became of a pick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    InFlight,
    Gone,
    /// Somebody else had changed it.
    Skipped,
}

impl Pick {
    pub(crate) fn new(
        queue: &Queue,
        place: Place,
        message: Option<Message>,
        held: Option<Held>,
        now: Timestamp,
    ) -> Self {
        let fate = match &message {
            None => Fate::Remove,
            Some(message) if message.is_over(queue, now) => Fate::Remove,
            Some(_) if is_dead(queue, held) => Fate::Bury,
            Some(_) => Fate::Deliver,
        };
        Self {
            place,
            message,
            held,
            due: None,
            verify: true,
            fate,
        }
    }
}

fn is_dead(queue: &Queue, held: Option<Held>) -> bool {
    let receives = held.map_or(0, |held| held.receives);
    let redrive = queue.settings.redrive.as_ref();
    redrive.is_some_and(|redrive| receives >= redrive.max_receives)
}
