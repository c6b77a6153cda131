//! One lane: the records of some keys, one batch at a time.

use std::collections::VecDeque;
use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;

use super::progress::{LaneProgress, OpenWindow, Part};
use super::{
    Answer, Batch, Discarded, FailedRecords, Incoming, Outcome, Reason, Rules, Sequence, Shard,
    Window,
};

/// How long a lane waits after a failure; it doubles with each that follows. The real service says no more than that
/// it waits.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// What a window's state may have; the published limit.
const LARGEST_STATE: usize = 1 << 20;
/// How long after a window's end its last record may come: one is told a little after the moment that it bears.
const GRACE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Lane {
    done: Sequence,
    parts: VecDeque<Part>,
    window: Option<OpenWindow>,
    waiting: VecDeque<Waiting>,
    bytes: usize,
    doing: Doing,
    /// Failures since something succeeded.
    failures: u32,
    not_before: Timestamp,
    /// When it last had nothing to do.
    free: Timestamp,
}

#[derive(Debug)]
struct Waiting {
    record: Incoming,
    since: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Nothing,
    /// The first so many records are with the function.
    Delivering(usize),
    /// The function is told that the window is over.
    Closing,
    /// The first so many records are being discarded; with none, it is the window.
    Discarding(usize),
}

/// What a lane does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    Nothing,
    /// Nothing before then.
    At(Timestamp),
    Deliver(usize),
    Close,
    Expire(usize),
}

impl Lane {
    pub(super) fn new(progress: LaneProgress) -> Self {
        Self {
            done: progress.done,
            parts: progress.parts,
            window: progress.window,
            waiting: VecDeque::new(),
            bytes: 0,
            doing: Doing::Nothing,
            failures: 0,
            not_before: Timestamp::from_micros(0),
            free: Timestamp::from_micros(0),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_busy(&self) -> bool {
        self.doing != Doing::Nothing
    }

    /// Whether all records that were read are dealt with.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && !self.is_busy()
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_empty() && self.window.is_none()
    }

    pub(super) fn progress(&self, read: Sequence) -> LaneProgress {
        let unread = self.parts.back().is_some_and(|part| part.upto > read);
        LaneProgress {
            done: if self.waiting.is_empty() && !unread {
                self.done.max(read)
            } else {
                self.done
            },
            parts: self.parts.clone(),
            window: self.window.clone(),
        }
    }

    pub(super) fn take(&mut self, record: Incoming, now: Timestamp) {
        // It was delivered already, when other lanes were further behind.
        if record.sequence <= self.done {
            return;
        }
        self.bytes += record.body.len();
        self.waiting.push_back(Waiting { record, since: now });
    }

    pub(super) fn plan(&mut self, rules: &Rules, shard: Shard, now: Timestamp) -> Plan {
        if self.is_busy() {
            return Plan::Nothing;
        }
        if now < self.not_before {
            return Plan::At(self.not_before);
        }
        self.forget_empty_parts(shard.read);
        match self.parts.front() {
            Some(part) if part.upto > shard.read && !shard.full => Plan::Nothing,
            Some(part) => {
                let upto = part.upto;
                let all = self.waiting.iter();
                let count = all
                    .take_while(|waiting| waiting.record.sequence <= upto)
                    .count();
                self.deliver_or_expire(rules, count, now)
            }
            None => self.plan_anew(rules, shard, now),
        }
    }

    /// Their records are gone, or wanted no more.
    fn forget_empty_parts(&mut self, read: Sequence) {
        let first = self.waiting.front();
        let first = first.map_or(Sequence::MAX, |waiting| waiting.record.sequence);
        while self
            .parts
            .front()
            .is_some_and(|part| part.upto <= read && part.upto < first)
        {
            self.parts.pop_front();
        }
    }

    fn deliver_or_expire(&self, rules: &Rules, count: usize, now: Timestamp) -> Plan {
        let old = self.waiting.iter().take(count);
        let old = old
            .take_while(|waiting| now.since(waiting.record.at) > rules.age)
            .count();
        match (count, old) {
            (0, _) => Plan::Nothing,
            (_, 0) => Plan::Deliver(count),
            _ => Plan::Expire(old),
        }
    }

    /// What to do when no batch is formed.
    fn plan_anew(&self, rules: &Rules, shard: Shard, now: Timestamp) -> Plan {
        let first = self.waiting.front();
        if let Some(window) = &self.window {
            let over = match first {
                _ if window.ended_early || rules.tumbling.is_none() => true,
                Some(first) => first.record.at >= window.end,
                None => shard.ended || now >= window.end + GRACE,
            };
            if over {
                return Plan::Close;
            }
            if first.is_none() {
                return Plan::At(window.end + GRACE);
            }
        }
        let Some(first) = first else {
            return Plan::Nothing;
        };
        let end = self.window_end(rules, &first.record);
        let (count, full) = self.next_batch(rules, end);
        let waits_until = first.since.max(self.free) + rules.wait;
        let waits_until = end.map_or(waits_until, |end| waits_until.min(end));
        let plan = self.deliver_or_expire(rules, count, now);
        let ready = full || shard.ended || shard.full || now >= waits_until;
        match plan {
            Plan::Deliver(_) if !ready => Plan::At(waits_until),
            plan => plan,
        }
    }

    fn window_end(&self, rules: &Rules, first: &Incoming) -> Option<Timestamp> {
        let length = rules.tumbling?;
        let open = self.window.as_ref().map(|window| window.end);
        Some(open.unwrap_or_else(|| window_start(first.at, length) + length))
    }

    /// How many records the next batch has, and whether it can have no more.
    fn next_batch(&self, rules: &Rules, window_end: Option<Timestamp>) -> (usize, bool) {
        let state = self
            .window
            .as_ref()
            .and_then(|window| window.state.as_ref());
        let mut bytes = state.map_or(0, Bytes::len);
        for (count, waiting) in self.waiting.iter().enumerate() {
            let record = &waiting.record;
            // And a comma.
            bytes += record.body.len() + 1;
            let later = window_end.is_some_and(|end| record.at >= end);
            if count >= rules.batch || later || count > 0 && bytes > rules.payload {
                return (count, true);
            }
        }
        (self.waiting.len(), self.waiting.len() >= rules.batch)
    }

    /// Begins to hand over the first `count` records.
    pub(super) fn deliver(&mut self, rules: &Rules, count: usize) -> Batch {
        self.doing = Doing::Delivering(count);
        let records = self.first(count);
        if let Some(last) = records.last()
            && self
                .parts
                .front()
                .is_none_or(|part| part.upto > last.sequence)
        {
            let before = self.parts.front().copied();
            self.parts.push_front(Part {
                upto: last.sequence,
                failures: before.map_or(0, |part| part.failures),
                invocations: before.map_or(0, |part| part.invocations),
            });
        }
        if let Some(part) = self.parts.front_mut() {
            part.invocations += 1;
        }
        if let (None, Some(length), Some(first)) = (&self.window, rules.tumbling, records.first()) {
            let start = window_start(first.at, length);
            self.window = Some(OpenWindow {
                start,
                end: start + length,
                state: None,
                ended_early: false,
                failures: 0,
            });
        }
        let window = rules.tumbling.and_then(|_| self.seen(false));
        Batch { records, window }
    }

    /// Begins to tell the function that the window is over.
    pub(super) fn close(&mut self) -> Batch {
        self.doing = Doing::Closing;
        Batch {
            records: Vec::new(),
            window: self.seen(true),
        }
    }

    pub(super) fn expire(&mut self, count: usize) -> Discarded {
        self.discard(count, Reason::TooOld)
    }

    fn seen(&self, is_final: bool) -> Option<Window> {
        self.window.as_ref().map(|window| Window {
            start: window.start,
            end: window.end,
            state: window.state.clone(),
            is_final,
            ended_early: window.ended_early,
        })
    }

    fn first(&self, count: usize) -> Vec<Incoming> {
        let first = self.waiting.iter().take(count);
        first.map(|waiting| waiting.record.clone()).collect()
    }

    fn discard(&mut self, count: usize, why: Reason) -> Discarded {
        self.doing = Doing::Discarding(count);
        Discarded {
            why,
            records: self.first(count),
            invocations: self.parts.front().map_or(0, |part| part.invocations),
        }
    }

    /// Takes note of how an invocation ended. What is to be discarded for it is said.
    pub(super) fn invoked(
        &mut self,
        rules: &Rules,
        outcome: Outcome,
        now: Timestamp,
    ) -> Option<Discarded> {
        let doing = std::mem::replace(&mut self.doing, Doing::Nothing);
        self.free = now;
        match (doing, outcome) {
            (_, Outcome::Refused) => {
                self.pause(now);
                None
            }
            (Doing::Delivering(count), Outcome::Answered(answer)) => {
                self.answered(rules, count, answer, now)
            }
            (Doing::Delivering(count), Outcome::Failed) => self.failed(rules, count, now),
            (Doing::Closing, Outcome::Answered(_)) => {
                self.succeeded();
                self.window = None;
                None
            }
            (Doing::Closing, Outcome::Failed) => self.not_closed(rules, now),
            (Doing::Nothing | Doing::Discarding(_), _) => {
                debug_assert!(false, "nothing was with the function");
                None
            }
        }
    }

    fn answered(
        &mut self,
        rules: &Rules,
        count: usize,
        answer: Answer,
        now: Timestamp,
    ) -> Option<Discarded> {
        // Without a state there is nothing to go on with: the real service takes it for a failure, too.
        if self.window.is_some() && rules.tumbling.is_some() && answer.state.is_none() {
            return self.failed(rules, count, now);
        }
        let good = match &answer.failed {
            _ if !rules.partial => Some(count),
            FailedRecords::None => Some(count),
            FailedRecords::These(failed) => self.first_failed(count, failed),
            FailedRecords::Unclear => None,
        };
        let Some(good) = good.filter(|good| *good > 0) else {
            return self.failed(rules, count, now);
        };
        if let (Some(window), Some(state)) = (&mut self.window, answer.state) {
            window.ended_early = state.len() > LARGEST_STATE;
            window.state = Some(state);
        }
        self.complete(good);
        self.succeeded();
        if good == count {
            return None;
        }
        // To cut off what was good is to halve, which is not counted.
        self.failed_again(rules, count - good, !rules.bisect, now)
    }

    /// None if it names what was not in the batch.
    fn first_failed(&self, count: usize, failed: &[Sequence]) -> Option<usize> {
        let place = |sequence: &Sequence| {
            let mut batch = self.waiting.iter().take(count);
            batch.position(|waiting| waiting.record.sequence == *sequence)
        };
        let places: Option<Vec<usize>> = failed.iter().map(place).collect();
        places.map(|places| places.into_iter().min().unwrap_or(count))
    }

    fn failed(&mut self, rules: &Rules, count: usize, now: Timestamp) -> Option<Discarded> {
        if !rules.bisect || count < 2 {
            return self.failed_again(rules, count, true, now);
        }
        // Halving is not counted as a retry, so that a bad record is alone before it is given up.
        if let Some(part) = self.parts.front() {
            let upto = self.waiting[count / 2 - 1].record.sequence;
            let half = Part { upto, ..*part };
            self.parts.push_front(half);
        }
        self.pause(now);
        None
    }

    fn failed_again(
        &mut self,
        rules: &Rules,
        count: usize,
        counts: bool,
        now: Timestamp,
    ) -> Option<Discarded> {
        let part = self.parts.front_mut()?;
        part.failures += u32::from(counts);
        if rules.retries.is_some_and(|retries| part.failures > retries) {
            return Some(self.discard(count, Reason::RetriesExhausted));
        }
        self.pause(now);
        None
    }

    fn not_closed(&mut self, rules: &Rules, now: Timestamp) -> Option<Discarded> {
        let window = self.window.as_mut()?;
        window.failures += 1;
        let exhausted = rules.retries.is_some_and(|most| window.failures > most);
        let why = if exhausted {
            Reason::RetriesExhausted
        } else if now.since(window.end) > rules.age {
            Reason::TooOld
        } else {
            self.pause(now);
            return None;
        };
        let invocations = window.failures;
        self.doing = Doing::Discarding(0);
        Some(Discarded {
            why,
            records: Vec::new(),
            invocations,
        })
    }

    pub(super) fn discarded(&mut self, now: Timestamp) {
        self.free = now;
        match std::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Discarding(0) => self.window = None,
            Doing::Discarding(count) => self.complete(count),
            doing => {
                debug_assert!(false, "nothing was being discarded");
                self.doing = doing;
            }
        }
    }

    /// The first `count` records are dealt with.
    fn complete(&mut self, count: usize) {
        for waiting in self.waiting.drain(..count) {
            self.bytes -= waiting.record.body.len();
            self.done = waiting.record.sequence;
        }
        while self
            .parts
            .front()
            .is_some_and(|part| part.upto <= self.done)
        {
            self.parts.pop_front();
        }
    }

    fn succeeded(&mut self) {
        self.failures = 0;
        self.not_before = Timestamp::from_micros(0);
    }

    fn pause(&mut self, now: Timestamp) {
        let doubled = FIRST_PAUSE * (1 << self.failures.min(16));
        self.failures += 1;
        self.not_before = now + doubled.min(LONGEST_PAUSE);
    }
}

/// Windows lie side by side from the beginning of time on.
fn window_start(at: Timestamp, length: Duration) -> Timestamp {
    let length = u64::try_from(length.as_micros()).unwrap_or(u64::MAX).max(1);
    Timestamp::from_micros(at.as_micros() / length * length)
}
