use std::time::Duration;

use base::Timestamp;

use crate::error::Result;
use crate::schema::{Address, HELD, Queue};
use crate::{Queues, tally};

/// The longest that a message can be delayed.
const LONGEST_DELAY: Duration = Duration::from_secs(900);
/// How many delayed messages are counted one by one.
const MOST_COUNTED: usize = 100_000;

/// About how many messages a queue has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// To be had now.
    pub visible: u64,
    pub in_flight: u64,
    pub delayed: u64,
}

impl Queues {
    pub fn counts(&self, of: &Address) -> Result<Counts> {
        let desk = self.desk(of)?;
        let queue = desk.open()?;
        let now = self.now();
        let in_flight = desk.in_flight(self.store(), now)? as u64;
        let view = self.store().read()?;
        let total = tally::total(&view, queue.number)?;
        let delayed = delayed(&view, &queue, now)?;
        Ok(Counts {
            visible: total.saturating_sub(in_flight + delayed),
            in_flight,
            delayed,
        })
    }
}

fn delayed(view: &store::View, queue: &Queue, now: Timestamp) -> Result<u64> {
    if queue.ordered {
        return delayed_in_order(view, queue, now);
    }
    let apart = HELD.key().u64(queue.number).u8(1);
    let from = apart.clone().u64((now - LONGEST_DELAY).as_micros());
    let range = apart.range().from(from.as_slice());
    let lately = HELD.scan(view, &range, MOST_COUNTED)?;
    let delayed = lately
        .iter()
        .filter(|(_, held)| held.receives == 0 && held.until > now);
    Ok(delayed.count() as u64)
}

/// Those at the end of the queue that arrived less than its delay ago.
fn delayed_in_order(view: &store::View, queue: &Queue, now: Timestamp) -> Result<u64> {
    use store::Record;
    let delay = Duration::from_secs(queue.settings.delay_s.into());
    if delay.is_zero() {
        return Ok(0);
    }
    const AT_ONCE: usize = 1_000;
    let (mut count, mut before) = (0, None);
    loop {
        let turns = queue.log().read_back(view, before, AT_ONCE)?;
        for turn in &turns {
            let arrived = crate::schema::Turn::decode(&turn.body)?.arrived;
            if arrived + delay <= now || count as usize >= MOST_COUNTED {
                return Ok(count);
            }
            count += 1;
        }
        match turns.last() {
            Some(last) if turns.len() == AT_ONCE => before = Some(last.position.before()),
            _ => return Ok(count),
        }
    }
}
