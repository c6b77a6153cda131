//! What happens to batches that fail.

use super::*;

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
