//! What a batch is, and how far is read for it.

use super::*;

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
