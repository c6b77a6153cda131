use base::{Space, Timestamp};
use ledger::{Group, Line};

use super::*;
use crate::Target;

fn group(name: &str) -> Group {
    Group {
        space: Space::new("here"),
        name: name.into(),
    }
}

fn subscription(name: &str, pattern: &str) -> LineSubscription {
    LineSubscription {
        group: group("g"),
        name: name.into(),
        pattern: pattern.into(),
        target: Target {
            space: Space::new("here"),
            function: "fed".into(),
            qualifier: None,
        },
        created: Timestamp::from_secs(1),
        others: BTreeMap::new(),
    }
}

fn logged(function: &str, stream: &str, text: &str) -> Logged {
    Logged {
        position: Position::new(1, 0),
        group: group("g"),
        stream: stream.into(),
        function: function.into(),
        line: Line {
            at: Timestamp::from_secs(1),
            text: text.into(),
        },
        index: 0,
    }
}

#[test]
fn a_function_gets_what_it_wants_and_nothing_that_it_printed() {
    let lines = vec![
        logged("other", "s", "an ERROR"),
        logged("other", "s", "fine"),
        logged("fed", "s", "my ERROR"),
    ];
    let texts = |pattern: &str| -> Vec<String> {
        let lines = wanted(&subscription("n", pattern), lines.clone());
        lines.into_iter().map(|logged| logged.line.text).collect()
    };
    assert_eq!(texts("ERROR"), ["an ERROR"]);
    assert_eq!(texts(""), ["an ERROR", "fine"]);
    assert!(texts("[a, b]").is_empty());
}

#[test]
fn a_batch_is_of_one_stream_and_not_too_large() {
    let half = "x".repeat(LARGEST / 2);
    let large = "y".repeat(LARGEST + 1);
    let lines = vec![
        logged("f", "b", "1"),
        logged("f", "a", &half),
        logged("f", "b", "2"),
        logged("f", "a", &half),
        logged("f", "a", "3"),
        logged("f", "b", &large),
        logged("f", "b", "4"),
    ];
    let told: Vec<(String, Vec<usize>)> = batches(lines)
        .into_iter()
        .map(|batch| {
            let sizes = batch.iter().map(|logged| logged.line.text.len());
            (batch[0].stream.clone(), sizes.collect())
        })
        .collect();
    let a = || "a".to_owned();
    let b = || "b".to_owned();
    assert_eq!(
        told,
        [
            (a(), vec![half.len(), half.len()]),
            (a(), vec![1]),
            (b(), vec![1, 1]),
            (b(), vec![large.len()]),
            (b(), vec![1]),
        ]
    );
}
