//! How an ordered queue tells repetitions: what was sent in the last five minutes is not sent again.
//!
//! An entry ends in the number of the commit that sent the message, which with the place within the commit is the
//! message's sequence number; so a repetition is told the same one.

use std::time::Duration;

use base::Timestamp;
use store::{Key, Keyspace, Position, Read, Tx};
use uuid::Uuid;

use crate::message::SequenceNumber;
use crate::schema::{Due, Message, ONCE, ONCE_UNTIL, Queue};

const WINDOW: Duration = Duration::from_secs(5 * 60);

/// A message that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Once {
    pub(crate) until: Timestamp,
    pub(crate) id: Uuid,
    index: u32,
    /// Unknown within the transaction that sent it.
    commit: Option<u64>,
}

impl Once {
    pub(crate) fn new(now: Timestamp, id: Uuid, index: u32) -> Self {
        Self {
            until: now + WINDOW,
            id,
            index,
            commit: None,
        }
    }

    pub(crate) fn get(from: &impl Read, key: &Key) -> store::Result<Option<Self>> {
        let Some(stored) = from.get(key.as_slice())? else {
            return Ok(None);
        };
        let damaged = || store::Error::Damaged("what tells repetitions does not read".into());
        Self::decode(&stored).ok_or_else(damaged).map(Some)
    }

    /// Remembers that what `key` tells was sent.
    pub(crate) fn put(self, tx: &mut Tx, queue: &Queue, key: &Key) {
        tx.put_stamped(key.clone().into_vec(), self.encode());
        let until = ONCE_UNTIL
            .key()
            .u64(queue.number)
            .u64(self.until.as_micros());
        ONCE_UNTIL.put(tx, until.raw(tail(key)), &Due);
    }

    pub(crate) fn sequence(self) -> Option<SequenceNumber> {
        let commit = self.commit?;
        Some(SequenceNumber::of(Position::new(commit, self.index)))
    }

    fn encode(self) -> Vec<u8> {
        let mut stored = Vec::with_capacity(36);
        stored.extend_from_slice(&self.until.as_micros().to_be_bytes());
        stored.extend_from_slice(self.id.as_bytes());
        stored.extend_from_slice(&self.index.to_be_bytes());
        stored
    }

    fn decode(stored: &[u8]) -> Option<Self> {
        let (until, rest) = stored.split_first_chunk()?;
        let (id, rest) = rest.split_first_chunk()?;
        let (index, commit) = rest.split_first_chunk()?;
        Some(Self {
            until: Timestamp::from_micros(u64::from_be_bytes(*until)),
            id: Uuid::from_bytes(*id),
            index: u32::from_be_bytes(*index),
            commit: commit
                .first_chunk()
                .map(|commit| u64::from_be_bytes(*commit)),
        })
    }
}

/// What tells repetitions of this message.
pub(crate) fn key(queue: &Queue, message: &Message) -> Key {
    let group = match &message.group {
        Some(group) if queue.settings.once_per_group => group,
        _ => "",
    };
    let once = message.once.as_deref().unwrap_or_default();
    all(queue.number).str(group).str(once)
}

fn all(number: u64) -> Key {
    Key::new(Keyspace::Queues, ONCE).u64(number)
}

/// What follows the queue's number in such a key.
fn tail(key: &Key) -> &[u8] {
    &key.as_slice()[all(0).as_slice().len()..]
}

/// Forgets up to `limit` of what was sent too long ago to matter; returns how many.
pub(crate) fn forget(
    tx: &mut Tx,
    number: u64,
    now: Timestamp,
    limit: usize,
) -> store::Result<usize> {
    let prefix = ONCE_UNTIL.key().u64(number);
    let end = prefix.clone().u64(now.as_micros().saturating_add(1));
    let over = tx.scan_front(&prefix, Some(end.as_slice()), limit)?;
    let count = over.len();
    for (row, _) in over {
        let told = row.get(end.as_slice().len()..).unwrap_or_default();
        let key = all(number).raw(told);
        // It may have been sent again meanwhile.
        if Once::get(tx, &key)?.is_some_and(|once| once.until <= now) {
            tx.delete(key.into_vec());
        }
        tx.delete(row);
    }
    Ok(count)
}
