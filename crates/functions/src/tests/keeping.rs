//! How long idle instances are kept.

use std::sync::atomic::Ordering;
use std::time::Duration;

use base::Clock;

use super::fake::World;
use crate::Policy;

const MINUTE: Duration = Duration::from_secs(60);

fn alive(world: &World) -> usize {
    world.stage.alive.load(Ordering::SeqCst)
}

/// The worker, when it has nothing to do any more.
async fn run_retirement(world: &World) -> tokio_util::sync::CancellationToken {
    let stop = world.run_retirement();
    let next = &world.functions.shared.pools.next;
    world
        .until("it waits", |_| next.load(Ordering::Relaxed) != u64::MAX)
        .await;
    stop
}

async fn seconds_until_retired(world: &World) -> u64 {
    world
        .seconds_until("it is retired", |world| alive(world) == 0)
        .await
}

/// Calls it, with so long in between.
async fn call_every(world: &World, period: Duration, times: u32) {
    for _ in 0..times {
        world.invoke("1").await.unwrap();
        world.settle().await;
        // In steps: whoever sleeps wakes on the way.
        for _ in 0..period.as_secs() / 60 {
            world.clock.advance(MINUTE);
            world.settle().await;
            // Some of what it does then waits for a disk, which knows nothing of these minutes.
            world.until("the worker is done", is_done).await;
        }
    }
}

/// Whether the worker waits for what is still to come.
fn is_done(world: &World) -> bool {
    let pools = &world.functions.shared.pools;
    let next = pools.next.load(Ordering::Relaxed);
    next > world.clock.now().as_micros() && !pools.is_starting()
}

#[tokio::test]
async fn a_fixed_time_is_kept_to_the_second() {
    for seconds in [7, 600] {
        let world = World::keeping(Policy::Fixed(Duration::from_secs(seconds)), false);
        world.deploy("echo").await;
        let stop = run_retirement(&world).await;
        world.invoke("1").await.unwrap();
        assert_eq!(seconds_until_retired(&world).await, seconds);
        stop.cancel();
    }
}

#[tokio::test]
async fn another_call_begins_the_time_anew() {
    let world = World::keeping(Policy::Fixed(10 * MINUTE), false);
    world.deploy("echo").await;
    let stop = run_retirement(&world).await;
    call_every(&world, 9 * MINUTE, 5).await;
    assert_eq!(world.stage.launches(), 1);
    assert_eq!(seconds_until_retired(&world).await, 60);
    stop.cancel();
}

#[tokio::test]
async fn what_is_called_often_is_kept_for_a_short_time_once_that_is_known() {
    let world = World::keeping(Policy::Odds, false);
    world.deploy("echo").await;
    let stop = run_retirement(&world).await;
    world.invoke("1").await.unwrap();
    world.settle().await;
    // Nothing is known yet.
    world.clock.advance(50 * MINUTE);
    world.settle().await;
    assert_eq!(alive(&world), 1);
    for _ in 0..200 {
        world.invoke("1").await.unwrap();
        world.clock.advance(Duration::from_secs(1));
    }
    let seconds = seconds_until_retired(&world).await;
    assert!(seconds <= 120, "{seconds}");
    stop.cancel();
}

#[tokio::test]
async fn an_instance_is_started_ahead_of_a_call_that_is_expected_if_that_is_wanted() {
    for (ahead, launches) in [(true, 9..=12), (false, 8..=8)] {
        let world = World::keeping(Policy::Odds, ahead);
        world.deploy("echo").await;
        let stop = run_retirement(&world).await;
        call_every(&world, 600 * MINUTE, 8).await;
        if ahead {
            // There already, before the ninth call.
            world.until("it is there", |world| alive(world) == 1).await;
        }
        let found = world.stage.launches();
        assert!(launches.contains(&found), "{ahead}: {found}");
        assert_eq!(alive(&world), usize::from(ahead));
        let cold = world
            .caught_up()
            .await
            .records()
            .iter()
            .filter(|one| one.phases.init.is_some())
            .count();
        assert_eq!(cold < 5, ahead, "{cold} of 8 were cold");
        if ahead {
            // Nobody calls: it goes, and is not started again.
            seconds_until_retired(&world).await;
            world.clock.advance(6_000 * MINUTE);
            world.settle().await;
            assert_eq!(world.stage.launches(), found);
        }
        stop.cancel();
    }
}

#[tokio::test]
async fn what_was_needed_beside_others_is_kept_for_a_minute_while_the_function_is_busy() {
    let world = World::keeping(Policy::Fixed(Duration::ZERO), false);
    world.deploy("as-told").await;
    let stop = run_retirement(&world).await;
    let held = world.spawn("\"hang\"");
    world
        .until("it runs", |world| world.stage.running() == 1)
        .await;
    world.invoke("\"echo\"").await.unwrap();
    world.settle().await;
    assert_eq!(alive(&world), 2);
    held.abort();
    stop.cancel();
}
