//! Which lane a record is in.

use super::*;

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
