//! Dropping a queue. Its name rests for a while, and what it leaves behind is removed after that: until then somebody who
//! had found the queue before may still be sending to it.

use base::Timestamp;
use store::{Key, Keyspace, Read, Tx};

use crate::create::{NAME_RESTS, put_source};
use crate::error::{Error, Result};
use crate::place::Place;
use crate::remove::remove;
use crate::schema::{
    APART, Address, CURSORS, DROPPED, DUE, Dropped, GONE, HELD, ONCE, ONCE_UNTIL, QUEUES, Queue,
    Settings, TAGS, TALLIES, gone, log, row,
};
use crate::{Queues, desk, tally};

/// How many rows are removed in one transaction.
const AT_ONCE: usize = 512;

impl Queues {
    pub async fn drop_queue(&self, address: &Address) -> Result<()> {
        let at = self.now();
        self.store()
            .write(|tx| {
                let queue = QUEUES.get(tx, &row(address))?;
                let queue = queue.ok_or_else(|| Error::NoSuchQueue(address.clone()))?;
                let dropped = Dropped {
                    at,
                    number: queue.number,
                    ordered: queue.ordered,
                };
                put_source(tx, address, Some(&queue.settings), None);
                QUEUES.delete(tx, row(address));
                TAGS.delete(tx, TAGS.key().u64(queue.number));
                DROPPED.put(tx, DROPPED.key().u64(queue.number), &dropped);
                GONE.put(tx, gone(address), &dropped);
                Ok::<_, Error>(())
            })
            .await?;
        self.refresh(address)?;
        self.shared.upkeep.notify_one();
        Ok(())
    }

    /// Removes what dropped queues left behind. Returns when there is more to do.
    pub(crate) async fn bury_dropped(&self, now: Timestamp) -> Result<Option<Timestamp>> {
        let mut next = None;
        let dropped = DROPPED.scan(&self.store().read()?, &DROPPED.key().range(), AT_ONCE)?;
        for (key, dropped) in dropped {
            let due = dropped.at + NAME_RESTS;
            if due > now {
                next = next.into_iter().chain(Some(due)).min();
                continue;
            }
            while self.store().write_buffered(|tx| clear(tx, dropped)).await? {}
            self.store()
                .write_buffered(|tx| {
                    tx.delete(key.clone());
                    Ok::<_, Error>(())
                })
                .await?;
        }
        self.free_names(now).await?;
        Ok(next)
    }

    async fn free_names(&self, now: Timestamp) -> Result<()> {
        let gone = GONE.scan(&self.store().read()?, &GONE.key().range(), AT_ONCE)?;
        let free: Vec<_> = gone
            .into_iter()
            .filter(|(_, gone)| gone.at + NAME_RESTS <= now)
            .collect();
        if free.is_empty() {
            return Ok(());
        }
        self.store()
            .write_buffered(|tx| {
                for (key, gone) in &free {
                    if tx.get(key)?.is_some_and(|stored| {
                        <Dropped as store::Record>::decode(&stored).is_ok_and(|now| now == *gone)
                    }) {
                        tx.delete(key.clone());
                    }
                }
                Ok::<_, Error>(())
            })
            .await
    }
}

/// Removes some of what a dropped queue left behind; says whether there may be more.
fn clear(tx: &mut Tx, dropped: Dropped) -> Result<bool> {
    let number = dropped.number;
    if dropped.ordered {
        let queue = Queue {
            number,
            created: dropped.at,
            modified: dropped.at,
            ordered: true,
            purged: None,
            settings: Settings::default(),
        };
        let turns = log(number).read(tx, store::Position::START, AT_ONCE)?;
        for turn in &turns {
            let place = Place::Log(desk::ordered::of_group(turn.position));
            remove(tx, &queue, place, None)?;
        }
        if turns.len() == AT_ONCE {
            return Ok(true);
        }
    } else if log(number).trim(tx, store::Position::END, AT_ONCE)? == AT_ONCE {
        return Ok(true);
    }
    let rest = [
        APART.key().u64(number),
        HELD.key().u64(number),
        DUE.key().u64(number),
        Key::new(Keyspace::Queues, ONCE).u64(number),
        ONCE_UNTIL.key().u64(number),
        TALLIES.key().u64(number),
        tally::counted(number),
        CURSORS.key().u64(number),
    ];
    for prefix in rest {
        let rows = tx.scan(&prefix.range(), AT_ONCE)?;
        let full = rows.len() == AT_ONCE;
        for (key, _) in rows {
            tx.delete(key);
        }
        if full {
            return Ok(true);
        }
    }
    Ok(false)
}
