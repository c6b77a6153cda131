//! When messages that were received make a batch. It decides, and does nothing.

use std::collections::VecDeque;
use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use queues::{Receipt, Received};

pub(super) struct Rules {
    /// Messages of a batch at most.
    pub(super) batch: usize,
    /// How long a batch waits to be full.
    pub(super) wait: Duration,
    /// Bytes of a batch's messages at most; one that is larger is a batch by itself.
    pub(super) payload: usize,
    /// A batch is of one group, and waits for nothing.
    pub(super) by_group: bool,
}

pub(super) struct Waiting {
    pub(super) received: Received,
    /// As the function sees it.
    pub(super) body: Bytes,
}

pub(super) struct Gathering {
    rules: Rules,
    /// In the order in which they came, with when that was.
    waiting: VecDeque<(Timestamp, Waiting)>,
}

impl Gathering {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            waiting: VecDeque::new(),
        }
    }

    pub(super) fn add(&mut self, waiting: Waiting, now: Timestamp) {
        self.waiting.push_back((now, waiting));
    }

    pub(super) fn has_some(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// How many more messages there is use for.
    pub(super) fn room(&self) -> usize {
        self.rules.batch.saturating_sub(self.waiting.len())
    }

    /// When the first ones have waited long enough.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let (since, _) = self.waiting.front()?;
        Some(*since + self.rules.wait)
    }

    /// The next batch, if there is one to be delivered now.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<Vec<Waiting>> {
        let fitting = self.fitting();
        // What does not fit any more is as good as a batch that is full.
        let full = fitting >= self.rules.batch || fitting < self.waiting.len();
        let due = self.deadline().is_some_and(|deadline| deadline <= now);
        if fitting == 0 || !(full || due || self.rules.by_group) {
            return None;
        }
        if self.rules.by_group {
            return Some(self.take_group());
        }
        let batch = self.waiting.drain(..fitting).map(|(_, waiting)| waiting);
        Some(batch.collect())
    }

    /// How many of those at the front make a batch.
    fn fitting(&self) -> usize {
        let mut bytes = 0;
        let fits = |(_, waiting): &&(Timestamp, Waiting)| {
            let first = bytes == 0;
            bytes += waiting.body.len() + 1;
            first || bytes <= self.rules.payload
        };
        let most = self.waiting.iter().take(self.rules.batch);
        most.take_while(fits).count()
    }

    /// All of the first one's group that fit, in their order.
    fn take_group(&mut self) -> Vec<Waiting> {
        let group = |waiting: &Waiting| waiting.received.message.group.clone();
        let first = self.waiting.front().and_then(|(_, first)| group(first));
        let (mut batch, mut rest, mut bytes) = (Vec::new(), VecDeque::new(), 0);
        let mut open = true;
        for (since, waiting) in self.waiting.drain(..) {
            let size = waiting.body.len() + 1;
            let same = group(&waiting) == first;
            let fits = batch.is_empty() || bytes + size <= self.rules.payload;
            if same && open && fits && batch.len() < self.rules.batch {
                bytes += size;
                batch.push(waiting);
            } else {
                // Nothing of the group overtakes what did not fit.
                open = open && !same;
                rest.push_back((since, waiting));
            }
        }
        self.waiting = rest;
        batch
    }

    /// What was gathered and will not be delivered.
    pub(super) fn rest(&self) -> Vec<Receipt> {
        let rest = self.waiting.iter();
        rest.map(|(_, waiting)| waiting.received.receipt).collect()
    }
}
