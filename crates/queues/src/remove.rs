//! Removing a message and whatever says something of it.

use store::Tx;

use crate::desk::ordered::{of_turn, turn};
use crate::place::Place;
use crate::schema::{APART, DUE, HELD, Held, Queue};

/// Removes the message at this place. An ordered queue's is found through its turn; without one it is gone already.
pub(crate) fn remove(
    tx: &mut Tx,
    queue: &Queue,
    place: Place,
    held: Option<Held>,
) -> store::Result<()> {
    match place {
        Place::Log(position) if queue.ordered => {
            if let Some(turn) = turn(tx, queue, position)? {
                queue.group(&turn.group).forget(tx, [position]);
                queue.log().forget(tx, [of_turn(position)]);
            }
        }
        Place::Log(position) => queue.log().forget(tx, [position]),
        Place::Apart { .. } => APART.delete(tx, place.put(APART.key().u64(queue.number))),
    }
    if let Some(held) = held {
        HELD.delete(tx, queue.held(place));
        if !queue.ordered {
            DUE.delete(tx, queue.due(held.until, place));
        }
    }
    Ok(())
}
