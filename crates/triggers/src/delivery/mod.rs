//! Delivering the records of one shard of a stream: what to do next, decided without doing it.
//!
//! A shard's records are read in their order and dealt to *lanes* by their keys, so that those of one key are always in
//! one lane. A lane hands one batch at a time to the function. Batches are formed when they are full, or when the first
//! record has waited long enough, and are not formed anew until they are dealt with: what is to be tried again is kept
//! as *parts*, of which the first is the next batch. A part that fails is tried again, or halved, until it succeeds or is
//! discarded. So a lane goes on from where it is and never over anything.
//!
//! With tumbling windows a batch holds records of one window only; what the function answers comes back to it with the
//! next batch of that window, and once more, without records, when the window is over.
//!
//! [`Delivery::on`] is told what happened and says what to do. All that must not be lost is in [`Progress`], which is to
//! be kept whenever [`Action::Save`] says so; keeping it late only means that records are delivered again.

mod lane;
mod progress;

#[cfg(test)]
mod tests;

use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;

use lane::{Lane, Plan};
pub(crate) use progress::Progress;

/// A record's place in its stream.
pub(crate) type Sequence = u128;

/// What the settings of a mapping mean for each of its shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Records in a batch at most.
    pub(crate) batch: usize,
    /// How long the first record of a batch waits for others.
    pub(crate) wait: Duration,
    /// Bytes in a batch at most.
    pub(crate) payload: usize,
    pub(crate) lanes: usize,
    /// How often a batch is tried again; none for as long as its records are young enough.
    pub(crate) retries: Option<u32>,
    /// Records that are older are discarded.
    pub(crate) age: Duration,
    /// A batch that fails is halved.
    pub(crate) bisect: bool,
    /// The function may say which records failed.
    pub(crate) partial: bool,
    pub(crate) tumbling: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Incoming {
    pub(crate) sequence: Sequence,
    /// A hash of what its order is kept by.
    pub(crate) key: u64,
    pub(crate) at: Timestamp,
    /// As the function sees it.
    pub(crate) body: Bytes,
}

#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// What there is after what was read before, without what nobody wants.
    Read {
        records: Vec<Incoming>,
        upto: Sequence,
        /// Nothing will come after it.
        ended: bool,
    },
    Invoked {
        lane: usize,
        outcome: Outcome,
    },
    /// What was to be discarded has been.
    Discarded {
        lane: usize,
    },
    /// It is later than before.
    Woken,
    /// Nothing more is to be begun.
    Stop,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Answered(Answer),
    /// It failed, or its answer did not read.
    Failed,
    /// It did not get to run.
    Refused,
}

/// What a function said of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub failed: FailedRecords,
    /// What it wants to see again with the next batch of the window.
    pub state: Option<Bytes>,
}

/// Which records of a batch failed, as far as the function says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailedRecords {
    None,
    /// By their places in the stream.
    These(Vec<u128>),
    /// It said something, but not which.
    Unclear,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Read what comes after this, as soon as there is something.
    Read {
        after: Sequence,
    },
    Invoke {
        lane: usize,
        batch: Batch,
    },
    /// Tell whoever wants to know that these are not delivered.
    Discard {
        lane: usize,
        discarded: Discarded,
    },
    Save(Progress),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) records: Vec<Incoming>,
    pub(crate) window: Option<Window>,
}

/// The window that a batch belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    pub start: Timestamp,
    pub end: Timestamp,
    /// What the function last answered; none for the first batch.
    pub state: Option<Bytes>,
    /// Nothing comes after it.
    pub is_final: bool,
    /// It is over before its end, for its state is too large.
    pub ended_early: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Discarded {
    pub(crate) why: Reason,
    pub(crate) records: Vec<Incoming>,
    /// How often they were handed to the function.
    pub(crate) invocations: u32,
}

/// Why records were discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    RetriesExhausted,
    TooOld,
}

/// What all lanes share.
#[derive(Clone, Copy, Debug)]
struct Shard {
    read: Sequence,
    ended: bool,
    /// No more is read until something was delivered.
    full: bool,
}

/// The state of one shard's delivery.
#[derive(Debug)]
pub(crate) struct Delivery {
    rules: Rules,
    lanes: Vec<Lane>,
    read: Sequence,
    ended: bool,
    reading: bool,
    stopping: bool,
    saved: Progress,
    wake: Option<Timestamp>,
}

/// What is read ahead at least, in records and bytes, however small the batches are.
const LEAST_AHEAD: usize = 1_000;
const LEAST_BYTES_AHEAD: usize = 2 << 20;

impl Delivery {
    /// Goes on from where `progress` was saved.
    pub(crate) fn resume(rules: Rules, progress: Progress) -> Self {
        let saved = progress.with_lanes(rules.lanes);
        let lanes = saved.lanes.iter().cloned().map(Lane::new).collect();
        Self {
            read: saved.least(),
            rules,
            lanes,
            ended: false,
            reading: false,
            stopping: false,
            saved,
            wake: None,
        }
    }

    pub(crate) fn on(&mut self, event: Event, now: Timestamp) -> Vec<Action> {
        let mut actions = Vec::new();
        let mut settled = false;
        match event {
            Event::Read {
                records,
                upto,
                ended,
            } => self.take(records, upto, ended, now),
            Event::Invoked { lane, outcome } => {
                settled = true;
                let discarded = self.lanes[lane].invoked(&self.rules, outcome, now);
                actions.extend(discarded.map(|discarded| Action::Discard { lane, discarded }));
            }
            Event::Discarded { lane } => {
                settled = true;
                self.lanes[lane].discarded(now);
            }
            Event::Woken => {}
            Event::Stop => self.stopping = true,
        }
        self.go_on(now, &mut actions);
        let progress = self.progress();
        let idle = self.lanes.iter().all(Lane::is_empty);
        if (settled || idle) && progress != self.saved {
            self.saved = progress.clone();
            // First, so that it is on its way when the next batch is.
            actions.insert(0, Action::Save(progress));
        }
        actions
    }

    /// When to say that it is later than before.
    pub(crate) fn wake(&self) -> Option<Timestamp> {
        self.wake
    }

    /// Whether nothing is under way.
    pub(crate) fn is_quiet(&self) -> bool {
        !self.lanes.iter().any(Lane::is_busy)
    }

    /// Whether everything that there will ever be was delivered.
    pub(crate) fn is_over(&self) -> bool {
        self.ended && self.lanes.iter().all(Lane::is_over)
    }

    fn take(&mut self, records: Vec<Incoming>, upto: Sequence, ended: bool, now: Timestamp) {
        self.reading = false;
        self.read = self.read.max(upto);
        self.ended = ended;
        let lanes = self.lanes.len() as u64;
        for record in records {
            let lane = usize::try_from(record.key % lanes).unwrap_or(0);
            self.lanes[lane].take(record, now);
        }
    }

    /// Begins whatever can be.
    fn go_on(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        self.wake = None;
        if self.stopping {
            return;
        }
        let shard = Shard {
            read: self.read,
            ended: self.ended,
            full: self.is_full(),
        };
        for (number, lane) in self.lanes.iter_mut().enumerate() {
            match lane.plan(&self.rules, shard, now) {
                Plan::Nothing => {}
                Plan::At(at) => self.wake = Some(self.wake.map_or(at, |wake| wake.min(at))),
                Plan::Deliver(count) => actions.push(Action::Invoke {
                    lane: number,
                    batch: lane.deliver(&self.rules, count),
                }),
                Plan::Close => actions.push(Action::Invoke {
                    lane: number,
                    batch: lane.close(),
                }),
                Plan::Expire(count) => actions.push(Action::Discard {
                    lane: number,
                    discarded: lane.expire(count),
                }),
            }
        }
        if !self.reading && !self.ended && !shard.full {
            self.reading = true;
            actions.push(Action::Read { after: self.read });
        }
    }

    fn is_full(&self) -> bool {
        let records: usize = self.lanes.iter().map(Lane::len).sum();
        let bytes: usize = self.lanes.iter().map(Lane::bytes).sum();
        let lanes = self.lanes.len();
        records >= (2 * lanes * self.rules.batch).max(LEAST_AHEAD)
            || bytes >= (2 * lanes * self.rules.payload).max(LEAST_BYTES_AHEAD)
    }

    fn progress(&self) -> Progress {
        let lanes = self.lanes.iter();
        Progress {
            lanes: lanes.map(|lane| lane.progress(self.read)).collect(),
        }
    }
}
