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

#[test]
fn batches_have_no_more_records_than_they_may() {
    let mut run = Run::new(Rules {
        batch: 2,
        ..rules()
    });
    run.read(1..=5);
    for expected in [vec![1, 2], vec![3, 4], vec![5]] {
        assert_eq!(run.numbers(), expected);
        run.nothing();
        run.succeeds();
    }
    run.nothing();
    assert_eq!(run.saved.least(), 5);
}

#[test]
fn batches_have_no_more_bytes_than_they_may() {
    let large = |sequence| Incoming {
        body: Bytes::from(vec![b'x'; 400]),
        ..record(sequence, 0, at(0))
    };
    let mut run = Run::new(Rules {
        payload: 1_000,
        ..rules()
    });
    run.read_records((1..=3).map(large).collect());
    assert_eq!(run.numbers(), [1, 2]);
    run.succeeds();
    assert_eq!(run.numbers(), [3]);
    // One that is too large by itself is handed over all the same: nobody else will.
    let mut run = Run::new(Rules {
        payload: 100,
        ..rules()
    });
    run.read_records((1..=2).map(large).collect());
    assert_eq!(run.numbers(), [1]);
}

#[test]
fn a_batch_waits_for_more_records_as_long_as_it_may() {
    let wait = Duration::from_secs(10);
    let mut run = Run::new(Rules {
        batch: 3,
        wait,
        ..rules()
    });
    run.read([1]);
    run.nothing();
    run.pass(Duration::from_secs(6));
    run.read([2]);
    run.nothing();
    assert_eq!(run.wait(), Duration::from_secs(4), "from the first record");
    assert_eq!(run.numbers(), [1, 2]);
    // A full one does not wait; what remains does, from when the function was done with the one before.
    run.read(3..=6);
    run.pass(Duration::from_secs(100));
    run.succeeds();
    assert_eq!(run.numbers(), [3, 4, 5]);
    run.pass(Duration::from_secs(7));
    run.succeeds();
    run.nothing();
    assert_eq!(run.wait(), wait);
    assert_eq!(run.numbers(), [6]);
    run.succeeds();
    // At the end of the shard nothing more can come.
    run.read([7]);
    run.nothing();
    run.end();
    assert_eq!(run.numbers(), [7]);
}

#[test]
fn records_of_one_key_are_always_in_one_lane() {
    let mut run = Run::new(Rules {
        lanes: 3,
        batch: 2,
        ..rules()
    });
    let records = (1..=9).map(|n| record(n, n as u64 % 3, at(0)));
    run.read_records(records.collect());
    let lanes: Vec<(usize, Vec<Sequence>)> = run
        .todo
        .drain(..)
        .map(|action| match action {
            Action::Invoke { lane, batch } => (lane, numbers(&batch.records)),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(lanes, [(0, vec![3, 6]), (1, vec![1, 4]), (2, vec![2, 5])]);
    // One lane goes on while the others wait; what it did is not done again after a crash.
    run.tell(Event::Invoked {
        lane: 1,
        outcome: good(),
    });
    assert_eq!(run.numbers(), [7]);
    let rules = run.delivery.rules.clone();
    let mut again = Run::resume(rules, run.saved.clone());
    assert_eq!(again.reading, Some(0));
    again.read_records((1..=9).map(|n| record(n, n as u64 % 3, at(0))).collect());
    let mut delivered = Vec::new();
    while let Some(Action::Invoke { lane, batch }) = again.todo.pop_front() {
        delivered.extend(numbers(&batch.records));
        again.tell(Event::Invoked {
            lane,
            outcome: good(),
        });
    }
    delivered.sort_unstable();
    assert_eq!(delivered, [2, 3, 5, 6, 7, 8, 9]);
}

#[test]
fn with_another_number_of_lanes_all_go_on_from_the_last() {
    let mut run = Run::new(Rules {
        lanes: 2,
        ..rules()
    });
    run.read_records(vec![record(1, 0, at(0)), record(2, 1, at(0))]);
    run.tell(Event::Invoked {
        lane: 1,
        outcome: good(),
    });
    let mut again = Run::resume(rules(), run.saved.clone());
    again.read(1..=2);
    assert_eq!(again.numbers(), [1, 2]);
}

#[test]
fn a_batch_is_tried_again_as_often_as_it_may_be() {
    for retries in [0, 1, 3] {
        let mut run = Run::new(Rules {
            retries: Some(retries),
            ..rules()
        });
        run.read([1, 2]);
        for _ in 0..retries {
            assert_eq!(run.numbers(), [1, 2]);
            run.fails();
            run.nothing();
            run.read([run.delivery.read + 1]);
            run.wait();
        }
        assert_eq!(run.numbers(), [1, 2], "nothing joins a batch that failed");
        run.fails();
        let (why, records, invocations) = run.discard();
        assert_eq!(why, Reason::RetriesExhausted);
        assert_eq!(records, [1, 2]);
        assert_eq!(invocations, retries + 1);
        if retries > 0 {
            assert_eq!(run.numbers()[0], 3, "the rest goes on");
        }
    }
}

#[test]
fn without_a_limit_a_batch_is_tried_until_it_is_too_old() {
    let mut run = Run::new(Rules {
        age: Duration::from_secs(100),
        ..rules()
    });
    run.read_records(vec![record(1, 0, at(0)), record(2, 0, at(40))]);
    let mut tries = 0;
    while let Some(Action::Invoke { batch, .. }) = run.todo.pop_front() {
        assert_eq!(numbers(&batch.records), [1, 2]);
        tries += 1;
        run.fails();
        run.wait();
        if run.now > at(100) {
            break;
        }
    }
    let (why, records, invocations) = run.discard();
    assert_eq!((why, records), (Reason::TooOld, vec![1]));
    assert_eq!(invocations, tries);
    assert_eq!(run.numbers(), [2], "what is younger goes on");
}

#[test]
fn what_is_too_old_is_not_even_tried() {
    let mut run = Run::new(Rules {
        age: Duration::from_secs(60),
        wait: Duration::from_secs(5),
        ..rules()
    });
    run.pass(Duration::from_secs(61));
    run.read_records(vec![record(1, 0, at(0)), record(2, 0, at(1))]);
    assert_eq!(run.discard(), (Reason::TooOld, vec![1], 0));
    assert_eq!(run.wait(), Duration::from_secs(5));
    assert_eq!(run.discard(), (Reason::TooOld, vec![2], 0));
}

#[test]
fn pauses_double_and_end_with_a_success() {
    let mut run = Run::new(rules());
    run.read([1]);
    let mut pauses = Vec::new();
    for _ in 0..8 {
        run.batch();
        run.fails();
        pauses.push(run.wait().as_millis());
    }
    assert_eq!(
        pauses,
        [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]
    );
    run.batch();
    run.succeeds();
    run.read([2]);
    run.batch();
    run.fails();
    assert_eq!(run.wait().as_millis(), 500);
}

#[test]
fn what_did_not_get_to_run_is_no_try() {
    let mut run = Run::new(Rules {
        retries: Some(0),
        bisect: true,
        ..rules()
    });
    run.read([1, 2]);
    for _ in 0..5 {
        assert_eq!(run.numbers(), [1, 2]);
        run.ends(Outcome::Refused);
        run.nothing();
        run.wait();
    }
    assert_eq!(run.numbers(), [1, 2]);
}

#[test]
fn halving_finds_the_record_that_fails() {
    for bad in 1..=7 {
        let mut run = Run::new(Rules {
            bisect: true,
            retries: Some(1),
            ..rules()
        });
        run.read(1..=7);
        let mut delivered = Vec::new();
        let mut alone = 0;
        let discarded = loop {
            match run.todo.front() {
                Some(Action::Invoke { .. }) => {
                    let batch = run.numbers();
                    if batch.contains(&bad) {
                        alone += u32::from(batch.len() == 1);
                        run.fails();
                    } else {
                        delivered.extend(batch);
                        run.succeeds();
                    }
                }
                Some(Action::Discard { .. }) => break run.discard(),
                _ => {
                    run.wait();
                }
            }
        };
        assert_eq!(alone, 2, "halving is no retry");
        assert_eq!(
            (discarded.0, discarded.1),
            (Reason::RetriesExhausted, vec![bad])
        );
        while !run.todo.is_empty() {
            delivered.extend(run.numbers());
            run.succeeds();
        }
        let expected: Vec<Sequence> = (1..=7).filter(|n| *n != bad).collect();
        assert_eq!(delivered, expected, "in order");
        assert_eq!(run.saved.least(), 7);
    }
}

#[test]
fn a_function_may_say_which_records_failed() {
    let partial = Rules {
        partial: true,
        retries: Some(5),
        ..rules()
    };
    // What it said, and which records come again.
    for (said, again) in [
        (FailedRecords::None, vec![]),
        (FailedRecords::These(vec![]), vec![]),
        (FailedRecords::These(vec![3]), vec![3, 4]),
        (FailedRecords::These(vec![4, 2]), vec![2, 3, 4]),
        (FailedRecords::These(vec![1]), vec![1, 2, 3, 4]),
        (FailedRecords::These(vec![3, 9]), vec![1, 2, 3, 4]),
        (FailedRecords::Unclear, vec![1, 2, 3, 4]),
    ] {
        let mut run = Run::new(partial.clone());
        run.read(1..=4);
        run.batch();
        run.ends(partly(said.clone()));
        let done = again.first().map_or(4, |first| first - 1);
        assert_eq!(run.saved.least(), done, "{said:?}");
        if again.is_empty() {
            run.nothing();
            continue;
        }
        run.wait();
        assert_eq!(run.numbers(), again, "{said:?}");
        // The setting is what makes the difference.
        let mut run = Run::new(rules());
        run.read(1..=4);
        run.batch();
        run.ends(partly(said));
        run.nothing();
        assert_eq!(run.saved.least(), 4);
    }
}

#[test]
fn what_partly_fails_is_a_try_but_if_it_is_halved() {
    let partial = Rules {
        partial: true,
        retries: Some(1),
        ..rules()
    };
    let mut run = Run::new(partial.clone());
    run.read(1..=3);
    run.batch();
    run.ends(partly(FailedRecords::These(vec![2])));
    run.wait();
    assert_eq!(run.numbers(), [2, 3]);
    run.ends(partly(FailedRecords::These(vec![3])));
    assert_eq!(run.discard(), (Reason::RetriesExhausted, vec![3], 2));
    // Halved where it says.
    let mut run = Run::new(Rules {
        bisect: true,
        retries: Some(0),
        ..partial
    });
    run.read(1..=4);
    run.batch();
    run.ends(partly(FailedRecords::These(vec![2])));
    run.wait();
    assert_eq!(run.numbers(), [2, 3, 4]);
    run.ends(partly(FailedRecords::These(vec![2])));
    run.wait();
    assert_eq!(run.numbers(), [2]);
    run.fails();
    assert_eq!(run.discard().1, [2]);
    assert_eq!(run.numbers(), [3, 4]);
}

#[test]
fn windows_hold_what_happened_in_them_and_carry_their_state() {
    let mut run = Run::new(Rules {
        tumbling: Some(Duration::from_secs(10)),
        batch: 2,
        ..rules()
    });
    let records = [(1, 0), (2, 3), (3, 9), (4, 10), (5, 25)];
    let records = records.map(|(n, second)| record(n, 0, at(second)));
    run.read_records(records.to_vec());
    let mut seen = Vec::new();
    let states = ["{1}", "{2}", "dropped", "{3}", "dropped", "{4}"];
    for answer in states {
        let batch = run.batch();
        let window = batch.window.unwrap();
        seen.push((
            numbers(&batch.records),
            (window.start, window.end),
            window.state,
            window.is_final,
        ));
        assert!(!window.ended_early);
        run.ends(state(answer));
    }
    let some = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
    let first = (at(0), at(10));
    let second = (at(10), at(20));
    assert_eq!(
        seen,
        [
            (vec![1, 2], first, None, false),
            (vec![3], first, some("{1}"), false),
            (vec![], first, some("{2}"), true),
            (vec![4], second, None, false),
            (vec![], second, some("{3}"), true),
            (vec![5], (at(20), at(30)), None, false),
        ]
    );
    // Nothing comes any more: the clock ends it, a moment later.
    run.nothing();
    assert_eq!(run.wait(), Duration::from_secs(31));
    assert!(run.batch().window.unwrap().is_final);
    run.succeeds();
    assert_eq!(
        run.delivery.wake(),
        None,
        "and nobody is woken for empty windows"
    );
}

#[test]
fn a_window_ends_with_its_shard() {
    let mut run = Run::new(Rules {
        tumbling: Some(Duration::from_secs(900)),
        ..rules()
    });
    run.read([1]);
    run.batch();
    run.ends(state("{}"));
    run.nothing();
    run.end();
    assert!(!run.delivery.is_over());
    assert!(run.batch().window.unwrap().is_final);
    run.succeeds();
    assert!(run.delivery.is_over());
}

#[test]
fn a_windows_records_do_not_wait_past_its_end() {
    let mut run = Run::new(Rules {
        tumbling: Some(Duration::from_secs(10)),
        wait: Duration::from_secs(300),
        ..rules()
    });
    run.read([1]);
    assert_eq!(run.wait(), Duration::from_secs(10));
    assert_eq!(run.numbers(), [1]);
}

#[test]
fn a_state_must_be_answered_and_must_not_be_too_large() {
    let mut run = Run::new(Rules {
        tumbling: Some(Duration::from_secs(10)),
        batch: 1,
        ..rules()
    });
    run.read([1, 2]);
    run.batch();
    run.succeeds();
    run.nothing();
    run.wait();
    assert_eq!(run.numbers(), [1], "without a state it failed");
    run.ends(state("{}"));
    assert_eq!(run.numbers(), [2]);
    let large = Bytes::from(vec![b'x'; LARGEST + 1]);
    run.ends(Outcome::Answered(Answer {
        failed: FailedRecords::None,
        state: Some(large.clone()),
    }));
    let window = run.batch().window.unwrap();
    assert!(window.is_final && window.ended_early);
    assert_eq!(window.state, Some(large));
    run.succeeds();
    run.nothing();
    const LARGEST: usize = 1 << 20;
}

#[test]
fn a_windows_last_invocation_is_tried_again_like_any_other() {
    let mut run = Run::new(Rules {
        tumbling: Some(Duration::from_secs(10)),
        retries: Some(1),
        ..rules()
    });
    run.read([1]);
    run.batch();
    run.ends(state("{}"));
    run.wait();
    for _ in 0..2 {
        assert!(run.batch().window.unwrap().is_final);
        run.fails();
        if run.todo.is_empty() {
            run.wait();
        }
    }
    assert_eq!(run.discard(), (Reason::RetriesExhausted, vec![], 2));
    run.nothing();
}

#[test]
fn a_window_that_is_switched_off_is_closed() {
    let tumbling = Rules {
        tumbling: Some(Duration::from_secs(900)),
        ..rules()
    };
    let mut run = Run::new(tumbling);
    run.read([1]);
    run.batch();
    run.ends(state("{}"));
    let mut run = Run::resume(rules(), run.saved.clone());
    assert!(run.batch().window.unwrap().is_final);
    run.succeeds();
    run.read([2]);
    assert_eq!(run.batch().window, None);
}

#[test]
fn what_nobody_wants_is_passed_over() {
    let mut run = Run::new(rules());
    run.reading.take();
    run.tell(Event::Read {
        records: Vec::new(),
        upto: 70,
        ended: false,
    });
    assert_eq!(run.saved.least(), 70);
    assert_eq!(run.reading, Some(70));
}

#[test]
fn after_stop_nothing_is_begun() {
    let mut run = Run::new(Rules {
        batch: 1,
        ..rules()
    });
    run.read([1, 2]);
    run.batch();
    run.tell(Event::Stop);
    assert!(!run.delivery.is_quiet());
    run.succeeds();
    run.nothing();
    assert!(run.delivery.is_quiet());
    assert_eq!(run.saved.least(), 1);
}

#[test]
fn no_more_is_read_ahead_than_is_of_use() {
    let mut run = Run::new(Rules {
        batch: 600,
        ..rules()
    });
    run.read(1..=600);
    run.read(601..=1_199);
    run.read([1_200]);
    assert_eq!(run.reading, None);
    run.batch();
    run.succeeds();
    assert!(run.reading.is_some());
    let mut run = Run::new(Rules {
        payload: 2 << 20,
        ..rules()
    });
    let large = |sequence| Incoming {
        body: Bytes::from(vec![0; 1 << 20]),
        ..record(sequence, 0, at(0))
    };
    run.read_records((1..=4).map(large).collect());
    assert_eq!(run.reading, None);
}

#[test]
fn a_batch_larger_than_what_is_read_ahead_now_is_no_dead_end() {
    let mut run = Run::new(Rules {
        batch: 5_000,
        ..rules()
    });
    run.read(1..=5_000);
    run.batch();
    run.fails();
    let mut run = Run::resume(rules(), run.saved.clone());
    run.read(1..=1_000);
    assert_eq!(run.numbers().len(), 1_000);
    run.succeeds();
    run.read(1_001..=5_000);
    assert_eq!(run.numbers().len(), 4_000);
    run.succeeds();
    assert_eq!(run.saved.least(), 5_000);
}

/// Runs a delivery of random records, under random rules, with a function that fails at random and crashes at any
/// step, and checks what arrived.
#[test]
fn through_any_crash_every_record_arrives_in_the_order_of_its_key() {
    for seed in 0..1_500 {
        let random = Random::seeded(seed);
        let rules = Rules {
            batch: 1 + random.below(6) as usize,
            wait: Duration::from_secs(random.below(3)),
            payload: 40,
            lanes: 1 + random.below(4) as usize,
            bisect: random.chance(0.5),
            partial: random.chance(0.5),
            tumbling: random.chance(0.3).then(|| Duration::from_secs(4)),
            ..rules()
        };
        let count = 1 + random.below(30) as Sequence;
        let all: Vec<Incoming> = (1..=count)
            .map(|n| record(n, random.below(5), at(u64::try_from(n).unwrap() / 3)))
            .collect();
        let mut arrived: BTreeMap<u64, Vec<Sequence>> = BTreeMap::new();
        let mut run = Run::new(rules.clone());
        let mut under_way: Vec<(usize, Batch)> = Vec::new();
        let mut steps = 0;
        while !run.delivery.is_over() {
            steps += 1;
            assert!(
                steps < 20_000,
                "seed {seed} does not end: {:?}",
                run.delivery
            );
            if random.chance(0.02) {
                let now = run.now;
                run = Run::resume(rules.clone(), run.saved.clone());
                run.now = now;
                under_way.clear();
            }
            while let Some(action) = run.todo.pop_front() {
                match action {
                    Action::Invoke { lane, batch } => under_way.push((lane, batch)),
                    other => panic!("seed {seed}: {other:?}"),
                }
            }
            match random.below(3) {
                0 => {
                    if let Some(after) = run.reading.take() {
                        let limit = 1 + random.below(8) as usize;
                        let rest = all.iter().filter(|record| record.sequence > after);
                        let records: Vec<Incoming> = rest.take(limit).cloned().collect();
                        let upto = records.last().map_or(after, |last| last.sequence);
                        let ended = upto == count;
                        run.tell(Event::Read {
                            records,
                            upto,
                            ended,
                        });
                    }
                }
                1 if !under_way.is_empty() => {
                    let (lane, batch) =
                        under_way.swap_remove(random.below(under_way.len() as u64) as usize);
                    check(&rules, &batch, seed);
                    let outcome = outcome(&random, &rules, &batch, &mut arrived);
                    run.tell(Event::Invoked { lane, outcome });
                }
                _ => {
                    if let Some(wake) = run.delivery.wake() {
                        let time = wake.since(run.now);
                        run.pass(time);
                    }
                }
            }
        }
        for (key, arrived) in &arrived {
            let expected: Vec<Sequence> = all
                .iter()
                .filter(|record| record.key == *key)
                .map(|record| record.sequence)
                .collect();
            assert_eq!(first_arrivals(arrived), expected, "seed {seed}, key {key}");
        }
        let total: usize = arrived.values().map(|a| first_arrivals(a).len()).sum();
        assert_eq!(total as Sequence, count, "seed {seed}");
        assert_eq!(run.saved.least(), count, "seed {seed}");
    }
}

fn check(rules: &Rules, batch: &Batch, seed: u64) {
    assert!(batch.records.len() <= rules.batch, "seed {seed}");
    let bytes: usize = batch.records.iter().map(|r| r.body.len() + 1).sum();
    assert!(bytes <= rules.payload, "seed {seed}");
    if let Some(window) = &batch.window {
        let inside = |record: &Incoming| record.at >= window.start && record.at < window.end;
        assert!(batch.records.iter().all(inside), "seed {seed}");
    }
}

fn outcome(
    random: &Random,
    rules: &Rules,
    batch: &Batch,
    arrived: &mut BTreeMap<u64, Vec<Sequence>>,
) -> Outcome {
    let mut arrive = |records: &[Incoming]| {
        for record in records {
            arrived.entry(record.key).or_default().push(record.sequence);
        }
    };
    let answer = |failed| {
        let state = Some(Bytes::from_static(b"{}"));
        Outcome::Answered(Answer { failed, state })
    };
    match random.below(5) {
        0 => Outcome::Refused,
        1 => Outcome::Failed,
        2 if rules.partial && !batch.records.is_empty() => {
            let first = random.below(batch.records.len() as u64) as usize;
            arrive(&batch.records[..first]);
            answer(FailedRecords::These(vec![batch.records[first].sequence]))
        }
        _ => {
            arrive(&batch.records);
            answer(FailedRecords::None)
        }
    }
}

/// The order in which the records were first there.
fn first_arrivals(arrived: &[Sequence]) -> Vec<Sequence> {
    let mut known = BTreeSet::new();
    let first = arrived.iter().filter(|sequence| known.insert(**sequence));
    first.copied().collect()
}
