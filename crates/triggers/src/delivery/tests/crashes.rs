//! What arrives, whatever happens.

use super::*;

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
