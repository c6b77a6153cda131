//! Tumbling windows.

use super::*;

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
