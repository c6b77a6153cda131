use std::time::Duration;

use ledger::{Outcome as Recorded, Settlement};

use super::fake::{World, space};
use crate::AsyncSettings;

fn settled(world: &World) -> Option<Settlement> {
    world.records().last().and_then(|record| record.settlement)
}

#[tokio::test]
async fn a_job_runs_as_soon_as_it_is_committed_and_leaves_only_its_record() {
    let world = World::new();
    world.deploy("echo").await;
    let _stop = world.run_backlog();
    world.settle().await;
    let id = world.enqueue("1").await;
    world
        .until("it is settled", |world| settled(world).is_some())
        .await;
    let record = &world.records()[0];
    assert_eq!(record.request_id, id);
    assert_eq!(record.settlement, Some(Settlement::Success));
    assert_eq!(world.functions.backlog_length(10).unwrap(), 0);
}

#[tokio::test]
async fn a_failing_job_is_run_again_after_one_minute_and_after_two_more() {
    let world = World::new();
    world.deploy("fail").await;
    let _stop = world.run_backlog();
    world.enqueue("1").await;
    let runs = |count: usize| move |world: &World| world.records().len() == count;
    assert_eq!(world.seconds_until("the first", runs(1)).await, 0);
    assert!(world.records()[0].next_attempt.is_some());
    assert_eq!(world.seconds_until("the second", runs(2)).await, 60);
    assert_eq!(world.seconds_until("the third", runs(3)).await, 120);
    assert_eq!(settled(&world), Some(Settlement::RetriesExhausted));
    let attempts: Vec<u32> = world
        .records()
        .iter()
        .map(|record| record.attempt)
        .collect();
    assert_eq!(attempts, [1, 2, 3]);
    assert_eq!(world.functions.backlog_length(10).unwrap(), 0);
}

#[tokio::test]
async fn a_job_whose_lease_runs_out_while_it_runs_is_not_run_twice_at_once() {
    let world = World::new();
    world.deploy("wait").await;
    world
        .functions
        .update_configuration(&space(), "f", None, |configuration| {
            configuration.timeout = Duration::from_secs(9_000);
        })
        .await
        .unwrap();
    let _stop = world.run_backlog();
    world.enqueue("1").await;
    world
        .until("it runs", |world| world.stage.running() == 1)
        .await;
    for _ in 0..3 {
        // The machine sleeps.
        world.clock.advance(Duration::from_secs(1_300));
        world.settle().await;
    }
    assert_eq!(world.stage.handed_over(), 1);
    world.stage.go.notify_waiters();
    world
        .until("it is settled", |world| settled(world).is_some())
        .await;
    assert_eq!(world.records().len(), 1);
    assert_eq!(world.functions.backlog_length(10).unwrap(), 0);
    // It can be run again: nothing is remembered of it.
    world.enqueue("2").await;
    world
        .until("another runs", |world| world.stage.running() == 1)
        .await;
}

#[tokio::test]
async fn a_function_may_ask_for_fewer_retries() {
    let world = World::new();
    world.deploy("fail").await;
    let settings = AsyncSettings {
        retries: Some(0),
        ..AsyncSettings::default()
    };
    world
        .functions
        .set_asynchronous(&space(), "f", None, settings)
        .await
        .unwrap();
    let _stop = world.run_backlog();
    world.enqueue("1").await;
    world
        .until("it is settled", |world| settled(world).is_some())
        .await;
    assert_eq!(world.records().len(), 1);
}

#[tokio::test]
async fn a_throttled_job_is_tried_again_with_growing_waits_until_it_is_too_old() {
    let world = World::new();
    world.deploy("wait").await;
    let settings = AsyncSettings {
        max_age: Some(Duration::from_secs(60)),
        ..AsyncSettings::default()
    };
    world
        .functions
        .set_asynchronous(&space(), "f", None, settings)
        .await
        .unwrap();
    world
        .functions
        .reserve_concurrency(&space(), "f", Some(1))
        .await
        .unwrap();
    world
        .functions
        .update_configuration(&space(), "f", None, |configuration| {
            configuration.timeout = Duration::from_secs(900);
        })
        .await
        .unwrap();
    let running = world.spawn("0");
    world
        .until("it runs", |world| world.stage.running() == 1)
        .await;
    let _stop = world.run_backlog();
    world.enqueue("1").await;
    let seconds = world
        .seconds_until("it is settled", |world| settled(world).is_some())
        .await;
    // At 0, 1, 3, 7, 15 and 31 seconds; the next would be at 63.
    assert_eq!(seconds, 31);
    assert_eq!(settled(&world), Some(Settlement::EventAgeExceeded));
    assert_eq!(world.records().len(), 6);
    world.enqueue("2").await;
    world.settle().await;
    world.stage.go.notify_waiters();
    running.await.unwrap().unwrap();
    world
        .seconds_until("the second runs", |world| world.stage.running() == 1)
        .await;
    world.stage.go.notify_waiters();
    world
        .until("it succeeds", |world| {
            settled(world) == Some(Settlement::Success)
        })
        .await;
}

#[tokio::test]
async fn a_job_of_a_function_that_is_switched_off_is_given_up() {
    let world = World::new();
    world.deploy("echo").await;
    world
        .functions
        .reserve_concurrency(&space(), "f", Some(0))
        .await
        .unwrap();
    let _stop = world.run_backlog();
    world.enqueue("1").await;
    world
        .until("it is settled", |world| settled(world).is_some())
        .await;
    assert_eq!(settled(&world), Some(Settlement::ZeroReservedConcurrency));
}

#[tokio::test]
async fn a_job_whose_function_is_gone_is_forgotten() {
    let world = World::new();
    world.enqueue("1").await;
    let _stop = world.run_backlog();
    world
        .until("it is gone", |world| {
            world.functions.backlog_length(10).unwrap() == 0
        })
        .await;
}

#[tokio::test]
async fn what_waited_when_the_server_died_is_delivered_by_the_next() {
    let world = World::new();
    world.deploy("hang").await;
    world.enqueue("1").await;
    let stop = world.run_backlog();
    world
        .until("it runs", |world| world.stage.running() == 1)
        .await;
    world.enqueue("2").await;
    world
        .until("both run", |world| world.stage.running() == 2)
        .await;
    stop.cancel();
    world.functions.shutdown().await;
    assert!(
        world.records().is_empty(),
        "a stopped server says nothing about the function"
    );
    let next = world.restarted();
    let _stop = next.run_backlog();
    next.until("both are delivered again", |next| {
        next.stage.handed_over() == 2
    })
    .await;
}

#[tokio::test]
async fn many_jobs_run_at_once_and_each_once() {
    let world = World::new();
    world.deploy("echo").await;
    for _ in 0..300 {
        world.enqueue("1").await;
    }
    let _stop = world.run_backlog();
    let all = |world: &World| {
        world
            .ledger
            .invocations(&space(), Some("f"), 1_000)
            .unwrap()
    };
    world
        .until("all are settled", |world| all(world).len() == 300)
        .await;
    assert_eq!(world.stage.handed_over(), 300);
    assert!(
        all(&world)
            .iter()
            .all(|record| record.outcome == Recorded::Ok)
    );
}

#[tokio::test]
async fn how_a_call_ended_is_in_a_log_where_somebody_is_told() {
    let world = World::new();
    world.deploy("fail").await;
    let told = |world: &World| {
        let view = world.functions.shared.store.read().unwrap();
        let all = world.functions.settled(&view, store::Position::START, 10);
        let all = all.unwrap().into_iter();
        all.map(|entry| entry.settled.unwrap()).collect::<Vec<_>>()
    };
    let _stop = world.run_backlog();
    let settings = |on_failure: Option<&str>| AsyncSettings {
        retries: Some(0),
        on_success: Some("good".into()),
        on_failure: on_failure.map(str::to_owned),
        ..AsyncSettings::default()
    };
    for on_failure in [None, Some("bad")] {
        let space = space();
        let set = world
            .functions
            .set_asynchronous(&space, "f", None, settings(on_failure));
        set.await.unwrap();
        let before = world.records().len();
        world.enqueue("1").await;
        world
            .until("it is settled", |world| world.records().len() > before)
            .await;
    }
    let told = told(&world);
    assert_eq!(told.len(), 1, "nobody is told of the first");
    assert_eq!(told[0].settlement, Settlement::RetriesExhausted);
    assert_eq!((told[0].runs, told[0].tell.as_deref()), (1, Some("bad")));
    assert_eq!(told[0].keep, None);
    let answer = told[0].answer.as_ref().unwrap();
    assert!(answer.failed.is_some() && !answer.payload.is_empty());
}
