//! Telling messages of ordered topics apart, and numbering them.
//!
//! What was published is remembered for five minutes. Each publication forgets a few of those that are due, so that no
//! worker has to, and there are never many more of them than there should be.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use aws_lc_rs::digest;
use store::{Key, Read, Tx};

use crate::publish::Draft;
use crate::schema::{Nothing, Ordering, REPEAT_ENDS, REPEATS, Repeat, SEQUENCES, Sequence, Topic};
use crate::{Error, Result, Topics};

/// How long a message is remembered.
const REMEMBERED: Duration = Duration::from_secs(5 * 60);
/// How many are forgotten at once: more than are remembered at once, so that they become fewer.
const FORGOTTEN: usize = 4;
/// Groups share this many counters: with one each there would be counters for ever, with one in all every publication
/// would meet every other.
const LANES: u64 = 64;

pub(crate) enum Told {
    Repeated {
        id: String,
        sequence: u64,
    },
    New {
        repeat_id: String,
        id: String,
        sequence: u64,
    },
}

impl Topics {
    pub(crate) fn tell_apart(
        &self,
        tx: &mut Tx,
        topic: &Topic,
        ordering: Ordering,
        group: &str,
        draft: &Draft,
    ) -> Result<Told> {
        let repeat_id = match &draft.repeat_id {
            Some(id) => id.clone(),
            None if ordering.by_content => hashed(&draft.body),
            None => return Err(Error::NoRepeatId),
        };
        let scope = if ordering.per_group { group } else { "" };
        let key = REPEATS
            .key()
            .raw(topic.id.as_bytes())
            .str(scope)
            .str(&repeat_id);
        let now = self.clock.now();
        if let Some(Repeat {
            id,
            sequence,
            until,
        }) = REPEATS.get(tx, &key)?
        {
            if until > now {
                return Ok(Told::Repeated { id, sequence });
            }
            REPEAT_ENDS.delete(tx, end_key(until, &key));
        }
        let id = self.random.uuid().to_string();
        let sequence = next_number(tx, topic, group)?;
        let repeat = Repeat {
            id: id.clone(),
            sequence,
            until: now + REMEMBERED,
        };
        forget(tx, now)?;
        REPEAT_ENDS.put(tx, end_key(repeat.until, &key), &Nothing);
        REPEATS.put(tx, key, &repeat);
        Ok(Told::New {
            repeat_id,
            id,
            sequence,
        })
    }
}

fn end_key(until: base::Timestamp, repeat: &Key) -> Key {
    REPEAT_ENDS
        .key()
        .u64(until.as_micros())
        .raw(repeat.as_slice())
}

/// Forgets some of what is due.
fn forget(tx: &mut Tx, now: base::Timestamp) -> Result<()> {
    let table = REPEAT_ENDS.key();
    let due = table.clone().u64(now.as_micros());
    let skip = due.as_slice().len();
    for (key, _) in tx.scan_front(&table, Some(due.as_slice()), FORGOTTEN)? {
        let repeat = key[skip..].to_vec();
        tx.delete(key);
        tx.delete(repeat);
    }
    Ok(())
}

/// Numbers grow within a lane, and so within each of its groups.
fn next_number(tx: &mut Tx, topic: &Topic, group: &str) -> Result<u64> {
    let lane = lane(group);
    let key = SEQUENCES.key().raw(topic.id.as_bytes()).u64(lane);
    let Sequence(last) = SEQUENCES.get(tx, &key)?.unwrap_or_default();
    SEQUENCES.put(tx, key, &Sequence(last + 1));
    Ok((last + 1) * LANES + lane)
}

fn lane(group: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    group.hash(&mut hasher);
    hasher.finish() % LANES
}

fn hashed(body: &str) -> String {
    let hash = digest::digest(&digest::SHA256, body.as_bytes());
    hash.as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
