//! Deliveries, told what happened by hand.

mod batches;
mod crashes;
mod lanes;
mod retries;
mod windows;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use base::Random;

use super::*;

fn rules() -> Rules {
    Rules {
        batch: 100,
        wait: Duration::ZERO,
        payload: 6 << 20,
        lanes: 1,
        retries: None,
        age: Duration::from_secs(86_400),
        bisect: false,
        partial: false,
        tumbling: None,
    }
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(1_000_000 + seconds)
}

/// A delivery, and what it was told to do that is still to be done.
struct Run {
    delivery: Delivery,
    now: Timestamp,
    todo: VecDeque<Action>,
    saved: Progress,
    /// Up to where it asked to read on.
    reading: Option<Sequence>,
}

impl Run {
    fn new(rules: Rules) -> Self {
        Self::resume(rules, Progress::from(0))
    }

    fn resume(rules: Rules, progress: Progress) -> Self {
        let mut run = Self {
            delivery: Delivery::resume(rules, progress.clone()),
            now: at(0),
            todo: VecDeque::new(),
            saved: progress,
            reading: None,
        };
        run.tell(Event::Woken);
        run
    }

    fn tell(&mut self, event: Event) {
        for action in self.delivery.on(event, self.now) {
            match action {
                Action::Save(progress) => self.saved = progress,
                Action::Read { after } => self.reading = Some(after),
                other => self.todo.push_back(other),
            }
        }
    }

    /// Records with these numbers, all of one key.
    fn read(&mut self, sequences: impl IntoIterator<Item = Sequence>) {
        let now = self.now;
        let records = sequences.into_iter().map(|n| record(n, 0, now));
        self.read_records(records.collect());
    }

    fn read_records(&mut self, records: Vec<Incoming>) {
        assert!(self.reading.take().is_some(), "nothing was to be read");
        let upto = records.last().map_or(0, |last| last.sequence);
        self.tell(Event::Read {
            records,
            upto,
            ended: false,
        });
    }

    fn end(&mut self) {
        self.tell(Event::Read {
            records: Vec::new(),
            upto: 0,
            ended: true,
        });
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.tell(Event::Woken);
    }

    /// Lets time pass until it is to be woken.
    fn wait(&mut self) -> Duration {
        let wake = self.delivery.wake().expect("it waits for something");
        let time = wake.since(self.now);
        self.pass(time);
        time
    }

    fn batch(&mut self) -> Batch {
        match self.todo.pop_front() {
            Some(Action::Invoke { batch, .. }) => batch,
            other => panic!("no batch, but {other:?}"),
        }
    }

    fn numbers(&mut self) -> Vec<Sequence> {
        numbers(&self.batch().records)
    }

    fn discard(&mut self) -> (Reason, Vec<Sequence>, u32) {
        match self.todo.pop_front() {
            Some(Action::Discard { lane, discarded }) => {
                self.tell(Event::Discarded { lane });
                let records = numbers(&discarded.records);
                (discarded.why, records, discarded.invocations)
            }
            other => panic!("nothing is discarded, but {other:?}"),
        }
    }

    fn ends(&mut self, outcome: Outcome) {
        self.tell(Event::Invoked { lane: 0, outcome });
    }

    fn succeeds(&mut self) {
        self.ends(good());
    }

    fn fails(&mut self) {
        self.ends(Outcome::Failed);
    }

    fn nothing(&self) {
        assert!(self.todo.is_empty(), "{:?}", self.todo);
    }
}

fn record(sequence: Sequence, key: u64, at: Timestamp) -> Incoming {
    Incoming {
        sequence,
        key,
        at,
        body: Bytes::from(sequence.to_string()),
    }
}

fn numbers(records: &[Incoming]) -> Vec<Sequence> {
    records.iter().map(|record| record.sequence).collect()
}

fn good() -> Outcome {
    Outcome::Answered(Answer {
        failed: FailedRecords::None,
        state: None,
    })
}

fn partly(failed: FailedRecords) -> Outcome {
    Outcome::Answered(Answer {
        failed,
        state: None,
    })
}

fn state(state: &'static str) -> Outcome {
    Outcome::Answered(Answer {
        failed: FailedRecords::None,
        state: Some(Bytes::from_static(state.as_bytes())),
    })
}
