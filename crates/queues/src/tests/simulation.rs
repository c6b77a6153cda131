//! Producers, consumers, crashes and jumps of the clock, over seeds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use store::Faults;

use super::world::{World, in_group, message, redriven};
use crate::{Address, Receive, Received, Settings};

const SEEDS: u64 = 25;
const STEPS: usize = 400;

/// What one run saw.
#[derive(Default)]
struct Seen {
    /// Told to be sent.
    sent: BTreeSet<String>,
    /// Told to be settled.
    settled: BTreeSet<String>,
    held: Vec<Received>,
}

async fn receive(world: &World, from: &Address, most: usize) -> Vec<Received> {
    let how = Receive {
        most,
        visibility: Some(Duration::from_secs(20)),
        ..Receive::default()
    };
    world.queues.receive(from, how).await.unwrap_or_default()
}

/// All that can still be received, however long that takes.
async fn drain(world: &World, from: &Address) -> BTreeMap<String, usize> {
    let mut left = BTreeMap::new();
    for _ in 0..4 {
        world.pass(901);
        loop {
            let got = receive(world, from, 50).await;
            if got.is_empty() {
                break;
            }
            for one in &got {
                *left.entry(one.message.body.clone()).or_default() += 1;
            }
            world.settle(from, &got).await;
        }
    }
    left
}

fn total(world: &World, of: &Address) -> u64 {
    let (visible, in_flight, delayed) = world.counts(of);
    visible + in_flight + delayed
}

async fn run(seed: u64, ordered: bool) {
    let faults = Faults {
        conflict: 0.05,
        failed_sync: 0.0,
    };
    let mut world = World::with(seed, faults);
    let grave = world
        .create(
            "grave",
            ordered,
            Settings {
                once_by_content: true,
                ..Settings::default()
            },
        )
        .await;
    let queue = world.create("work", ordered, redriven(&grave, 4)).await;
    let chance = base::Random::seeded(seed ^ 0xabcd);
    let mut seen = Seen::default();
    for step in 0..STEPS {
        match chance.below(100) {
            0..40 => {
                let body = format!("{seed}-{step}");
                let group = format!("g{}", chance.below(4));
                let mut new = if ordered {
                    in_group(&group, &body)
                } else {
                    message(&body)
                };
                if !ordered && chance.chance(0.2) {
                    new.delay = Some(Duration::from_secs(chance.below(30)));
                }
                world.send_message(&queue, new).await;
                seen.sent.insert(body);
            }
            40..65 => {
                let most = 1 + usize::try_from(chance.below(5)).unwrap();
                seen.held.extend(receive(&world, &queue, most).await);
            }
            65..85 => {
                if !seen.held.is_empty() {
                    let at = usize::try_from(chance.below(seen.held.len() as u64)).unwrap();
                    let one = seen.held.swap_remove(at);
                    let before = total(&world, &queue);
                    let done = world.queues.settle(&queue, &[one.receipt]).await.unwrap();
                    // One that somebody else has by now is not settled by it, which is no error.
                    if done[0].is_ok() && total(&world, &queue) < before {
                        seen.settled.insert(one.message.body);
                    }
                }
            }
            85..93 => world.pass(chance.below(25)),
            93..95 => {
                if let Some(one) = seen.held.last() {
                    let _ = world
                        .queues
                        .hold_for(&queue, one.receipt, Duration::from_secs(chance.below(40)))
                        .await;
                }
            }
            95..97 => drop(world.queues.round().await.unwrap()),
            _ => {
                // What was given out is forgotten by whoever had it, or not.
                if chance.chance(0.5) {
                    seen.held.clear();
                }
                world.crash();
            }
        }
    }
    let left = drain(&world, &queue).await;
    let dead = drain(&world, &grave).await;
    for body in &seen.sent {
        let found = usize::from(seen.settled.contains(body))
            + left.get(body).copied().unwrap_or(0)
            + dead.get(body).copied().unwrap_or(0);
        assert!(found >= 1, "seed {seed}: {body} is lost");
        assert!(
            !(left.contains_key(body) && dead.contains_key(body)),
            "seed {seed}: {body} is dead and alive"
        );
    }
    for body in left.keys().chain(dead.keys()) {
        assert!(
            !seen.settled.contains(body),
            "seed {seed}: {body} was settled and came back"
        );
        assert!(
            seen.sent.contains(body),
            "seed {seed}: {body} was never sent"
        );
    }
    assert!(
        left.values().chain(dead.values()).all(|times| *times == 1),
        "seed {seed}: seen again after it was settled"
    );
    assert_eq!(world.counts(&queue), (0, 0, 0), "seed {seed}");
    assert_eq!(world.counts(&grave), (0, 0, 0), "seed {seed}");
}

#[tokio::test]
async fn plain_queues_lose_nothing() {
    for seed in 0..SEEDS {
        run(seed, false).await;
    }
}

#[tokio::test]
async fn ordered_queues_lose_nothing() {
    for seed in 0..SEEDS {
        run(seed, true).await;
    }
}

/// A consumer that settles what it gets sees each group in the order in which it was sent, and each message once.
#[tokio::test]
async fn groups_come_in_order_and_once_through_crashes() {
    for seed in 0..SEEDS {
        let mut world = World::with(
            seed,
            Faults {
                conflict: 0.05,
                failed_sync: 0.0,
            },
        );
        let queue = world.ordered().await;
        let chance = base::Random::seeded(seed ^ 0x1234);
        let mut next: BTreeMap<String, u64> = BTreeMap::new();
        let mut done: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for _ in 0..300 {
            match chance.below(10) {
                0..5 => {
                    let group = format!("g{}", chance.below(3));
                    let number = next.entry(group.clone()).or_default();
                    *number += 1;
                    let body = format!("{group}/{number}");
                    // As by a sender that was told nothing and tries again.
                    for _ in 0..=chance.below(2) {
                        world.send_in(&queue, &group, &body).await;
                    }
                }
                5..9 => {
                    let got = receive(
                        &world,
                        &queue,
                        1 + usize::try_from(chance.below(4)).unwrap(),
                    )
                    .await;
                    if chance.chance(0.2) {
                        // It takes too long.
                        world.pass(20);
                        continue;
                    }
                    for one in &got {
                        let (group, number) = one.message.body.split_once('/').unwrap();
                        done.entry(group.into())
                            .or_default()
                            .push(number.parse().unwrap());
                    }
                    world.settle(&queue, &got).await;
                }
                _ => world.crash(),
            }
        }
        world.pass(20);
        loop {
            let got = receive(&world, &queue, 10).await;
            if got.is_empty() {
                break;
            }
            for one in &got {
                let (group, number) = one.message.body.split_once('/').unwrap();
                done.entry(group.into())
                    .or_default()
                    .push(number.parse().unwrap());
            }
            world.settle(&queue, &got).await;
        }
        for (group, last) in next {
            let expected: Vec<u64> = (1..=last).collect();
            assert_eq!(done.get(&group), Some(&expected), "seed {seed}, {group}");
        }
    }
}
