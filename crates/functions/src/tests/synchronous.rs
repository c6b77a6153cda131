use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ledger::Outcome as Recorded;

use super::fake::{World, space};
use crate::errand::Watch;
use crate::invoke::{Answer, Heard};
use crate::{Error, Throttle};

#[tokio::test]
async fn a_call_that_waits_to_start_an_instance_takes_one_that_is_given_back() {
    let world = World::new();
    world.deploy("as-told").await;
    let first = world.spawn("\"wait\"");
    world
        .until("the first runs", |world| world.stage.running() == 1)
        .await;
    let turns = world.functions.shared.turns.take_all();
    let waiting = [world.spawn("\"which\""), world.spawn("\"which\"")];
    world.settle().await;
    assert_eq!((world.stage.launches(), world.stage.handed_over()), (1, 1));
    world.stage.go.notify_waiters();
    assert!(first.await.unwrap().unwrap().start.is_some());
    for (call, served) in waiting.into_iter().zip(["0/2", "0/3"]) {
        let outcome = call.await.unwrap().unwrap();
        assert_eq!(outcome.result.unwrap(), served);
        assert!(outcome.start.is_none(), "it is a call like any other");
    }
    assert_eq!(world.stage.launches(), 1);
    // Nobody waits any more: it is idle.
    drop(turns);
    assert_eq!(
        world.invoke("\"which\"").await.unwrap().result.unwrap(),
        "0/4"
    );
    let busy = world.spawn("\"wait\"");
    world
        .until("it runs", |world| world.stage.running() == 1)
        .await;
    assert_eq!(
        world.invoke("\"which\"").await.unwrap().result.unwrap(),
        "1/1"
    );
    world.stage.go.notify_waiters();
    busy.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_invocation_is_answered_logged_and_recorded() {
    let world = World::new();
    world.deploy("echo").await;
    let outcome = world.invoke_with_log("{\"a\":1}").await.unwrap();
    assert_eq!(outcome.result.as_deref().unwrap(), b"{\"a\":1}");
    assert_eq!(
        outcome.log_tail,
        "START\nprinted\nwithout end\nEND\nREPORT Some(17)\n"
    );
    world
        .until("a record", |world| !world.records().is_empty())
        .await;
    let record = &world.records()[0];
    assert_eq!(record.outcome, Recorded::Ok);
    assert_eq!(record.request_id, outcome.request_id);
    assert!(record.phases.init.is_some());
    let all = [
        "FIRST",
        "init",
        "START",
        "printed",
        "without end",
        "END",
        "REPORT Some(17)",
    ];
    world.until("the lines", |world| world.lines() == all).await;
    let warm = world.invoke("2").await.unwrap();
    assert_eq!(warm.result.as_deref().unwrap(), b"2");
    world
        .until("a record", |world| world.records().len() == 2)
        .await;
    let warm = world
        .records()
        .into_iter()
        .find(|record| record.phases.init.is_none());
    assert!(warm.is_some(), "the second call was warm");
}

#[tokio::test]
async fn calls_at_once_run_in_instances_of_their_own_and_the_last_used_one_is_lent_first() {
    let world = World::new();
    world.deploy("as-told").await;
    let calls: Vec<_> = (0..3).map(|_| world.spawn("\"wait\"")).collect();
    world
        .until("three run", |world| world.stage.running() == 3)
        .await;
    assert_eq!(world.stage.launches(), 3);
    world.stage.go.notify_waiters();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(world.invoke("\"which\"").await.unwrap().result.unwrap());
    }
    assert_eq!(world.stage.launches(), 3, "no instance was started anew");
    let first = |answer: &bytes::Bytes| answer[0];
    assert!(seen.iter().all(|answer| first(answer) == first(&seen[0])));
}

#[tokio::test]
async fn a_function_that_takes_too_long_is_killed_and_the_next_call_is_cold() {
    let world = World::new();
    world.deploy("as-told").await;
    let call = world.spawn("\"hang\"");
    world
        .until("it runs", |world| world.stage.running() == 1)
        .await;
    world.clock.advance(Duration::from_millis(2_999));
    world.settle().await;
    assert!(!call.is_finished());
    world.clock.advance(Duration::from_millis(1));
    let outcome = call.await.unwrap().unwrap();
    assert_eq!(outcome.result.unwrap_err().message, "TimedOut(3s)");
    world
        .until("it is dead", |world| {
            world.stage.alive.load(Ordering::SeqCst) == 0
        })
        .await;
    world
        .until("a record", |world| !world.records().is_empty())
        .await;
    assert!(matches!(world.records()[0].outcome, Recorded::TimedOut(_)));
    assert_eq!(world.records()[0].phases.run, Duration::from_secs(3));
    world.invoke("\"echo\"").await.unwrap().result.unwrap();
    assert_eq!(world.stage.launches(), 2);
}

/// There is always something to read from it, which must not keep us from looking at the clock.
#[tokio::test]
async fn a_function_that_floods_us_with_requests_is_killed_in_time_all_the_same() {
    let world = World::new();
    world.deploy("as-told").await;
    for flood in ["\"flood\"", "\"answer-and-flood\""] {
        let call = world.spawn(flood);
        world
            .until("it runs", |world| world.stage.running() == 1)
            .await;
        world.settle().await;
        assert!(!call.is_finished());
        world.clock.advance(Duration::from_secs(3));
        world.until("it is over", |_| call.is_finished()).await;
        let outcome = call.await.unwrap().unwrap();
        match flood {
            "\"flood\"" => assert_eq!(outcome.result.unwrap_err().message, "TimedOut(3s)"),
            _ => assert_eq!(outcome.result.unwrap(), flood),
        }
        world
            .until("it is dead", |world| {
                world.stage.alive.load(Ordering::SeqCst) == 0
            })
            .await;
    }
    assert_eq!(world.stage.launches(), 2);
}

#[tokio::test]
async fn a_process_that_ends_is_an_outcome_and_the_next_call_is_cold() {
    let world = World::new();
    world.deploy("as-told").await;
    let outcome = world.invoke("\"exit\"").await.unwrap();
    assert_eq!(outcome.result.unwrap_err().message, "Exited(Code(3))");
    world
        .until("a record", |world| !world.records().is_empty())
        .await;
    assert!(matches!(world.records()[0].outcome, Recorded::Crashed(_)));
    world.invoke("\"echo\"").await.unwrap().result.unwrap();
    assert_eq!(world.stage.launches(), 2);
}

#[tokio::test]
async fn an_answer_counts_even_if_the_process_ends_with_it() {
    let world = World::new();
    world.deploy("as-told").await;
    for n in 1..=20 {
        let outcome = world.invoke("\"answer-and-exit\"").await.unwrap();
        assert_eq!(outcome.result.as_deref().unwrap(), b"\"answer-and-exit\"");
        assert_eq!(world.stage.launches(), n);
    }
}

#[tokio::test]
async fn an_instance_that_died_while_idle_is_not_lent() {
    let world = World::new();
    world.deploy("as-told").await;
    world.invoke("\"die-idle\"").await.unwrap().result.unwrap();
    world
        .until("it is dead", |world| {
            world.stage.alive.load(Ordering::SeqCst) == 0
        })
        .await;
    world.invoke("\"echo\"").await.unwrap().result.unwrap();
    assert_eq!(world.stage.launches(), 2);
}

#[tokio::test]
async fn a_failing_handler_is_an_outcome_and_its_instance_is_used_again() {
    let world = World::new();
    world.deploy("as-told").await;
    let outcome = world.invoke("\"fail\"").await.unwrap();
    assert_eq!(outcome.result.unwrap_err().payload, "\"no\"");
    world
        .until("a record", |world| !world.records().is_empty())
        .await;
    assert!(matches!(world.records()[0].outcome, Recorded::Failed(_)));
    world.invoke("\"echo\"").await.unwrap().result.unwrap();
    assert_eq!(world.stage.launches(), 1);
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_a_failure_and_its_instance_is_used_again() {
    let world = World::new();
    world.deploy("as-told").await;
    let outcome = world.invoke("\"large\"").await.unwrap();
    let message = outcome.result.unwrap_err().message;
    assert_eq!(
        message,
        "ResponseTooLarge { size: 7340032, limit: 6291556 }"
    );
    world.invoke("\"echo\"").await.unwrap().result.unwrap();
    assert_eq!(world.stage.launches(), 1);
}

#[tokio::test]
async fn an_init_that_fails_is_run_again_once() {
    let world = World::new();
    world.deploy("init-error").await;
    let outcome = world.invoke("1").await.unwrap();
    assert_eq!(outcome.result.unwrap_err().payload, "\"bad init\"");
    assert_eq!(world.stage.launches(), 2);
    let once = World::new();
    once.deploy("init-error-once").await;
    once.invoke("1").await.unwrap().result.unwrap();
    assert_eq!(once.stage.launches(), 2);
    let platforms = ["FIRST", "INIT FAILED false", "AGAIN", "START"];
    once.until("the lines", |world| {
        let lines = world.lines();
        let found = lines
            .iter()
            .filter(|line| platforms.contains(&line.as_str()));
        found.eq(&platforms)
    })
    .await;
    let exit = World::new();
    exit.deploy("init-exit").await;
    let outcome = exit.invoke("1").await.unwrap();
    assert_eq!(outcome.result.unwrap_err().message, "Exited(Code(7))");
}

#[tokio::test]
async fn an_init_that_hangs_is_given_ten_seconds_and_then_the_functions_own_time() {
    let world = World::new();
    world.deploy("init-hang").await;
    let call = world.spawn("1");
    world
        .until("the first", |world| world.stage.launches() == 1)
        .await;
    assert_eq!(
        world
            .seconds_until("the second", |world| world.stage.launches() == 2)
            .await,
        10
    );
    let seconds = world.seconds_until("the end", |_| call.is_finished()).await;
    assert_eq!(seconds, 3);
    let outcome = call.await.unwrap().unwrap();
    assert_eq!(outcome.result.unwrap_err().message, "TimedOut(3s)");
}

#[tokio::test]
async fn reserved_concurrency_throttles() {
    let world = World::new();
    world.deploy("wait").await;
    let here = space();
    let reserve = |amount| world.functions.reserve_concurrency(&here, "f", amount);
    reserve(Some(1)).await.unwrap();
    let call = world.spawn("1");
    world
        .until("it runs", |world| world.stage.running() == 1)
        .await;
    let refused = world.invoke("2").await;
    assert!(matches!(refused, Err(Error::Throttled(Throttle::Reserved))));
    world
        .until("a record", |world| !world.records().is_empty())
        .await;
    assert!(matches!(world.records()[0].outcome, Recorded::Throttled(_)));
    world.stage.go.notify_waiters();
    call.await.unwrap().unwrap();
    assert!(matches!(
        reserve(Some(901)).await,
        Err(Error::ReservesTooMuch { least: 100 })
    ));
    reserve(Some(900)).await.unwrap();
    assert_eq!(world.functions.unreserved_concurrency(&space()), 100);
    let restarted = world.restarted();
    assert_eq!(restarted.functions.unreserved_concurrency(&space()), 100);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_end_the_function() {
    let world = World::new();
    world.deploy("wait").await;
    let call = world.spawn("1");
    world
        .until("it runs", |world| world.stage.running() == 1)
        .await;
    call.abort();
    world.settle().await;
    world.stage.go.notify_waiters();
    world
        .until("a record", |world| !world.records().is_empty())
        .await;
    assert_eq!(world.records()[0].outcome, Recorded::Ok);
}

#[tokio::test]
async fn shutting_down_kills_what_runs_and_refuses_what_comes() {
    let world = World::new();
    world.deploy("as-told").await;
    world.invoke("\"echo\"").await.unwrap();
    let call = world.spawn("\"hang\"");
    world
        .until("it runs", |world| world.stage.running() == 1)
        .await;
    world.functions.shutdown().await;
    assert_eq!(world.stage.alive.load(Ordering::SeqCst), 0);
    assert!(call.await.unwrap().unwrap().result.is_err());
    assert!(matches!(world.invoke("1").await, Err(Error::Stopping)));
}

#[tokio::test]
async fn who_wants_no_log_is_answered_before_it_is_whole_and_calls_stay_in_order() {
    let world = World::new();
    world.deploy("echo").await;
    for n in 0..20 {
        let outcome = world.invoke("1").await.unwrap();
        assert_eq!(outcome.log_tail, "");
        // The instance is to be had, and so is its place.
        assert_eq!(world.stage.launches(), 1, "call {n}");
    }
    world
        .until("the records", |world| world.records().len() == 20)
        .await;
    let lines = world.lines();
    let calls: Vec<&[String]> = lines[2..].chunks(5).collect();
    assert_eq!(calls.len(), 20);
    for call in calls {
        let [start, printed, without_end, end, report] = call else {
            panic!("{call:?}");
        };
        assert_eq!(
            [start, printed, without_end, end],
            ["START", "printed", "without end", "END"]
        );
        assert!(report.starts_with("REPORT"), "{report}");
    }
}

#[tokio::test]
async fn code_that_has_nothing_to_start_is_the_functions_failure() {
    let world = World::new();
    world.deploy("no-entrypoint").await;
    for _ in 0..2 {
        let outcome = world.invoke("1").await.unwrap();
        let failed = outcome.result.unwrap_err();
        assert_eq!(failed.message, "NoEntrypoint(\"nothing to start\")");
        assert!(
            outcome.log_tail.starts_with("INIT FAILED AGAIN\nSTART\n"),
            "{}",
            outcome.log_tail
        );
    }
    world
        .until("the records", |world| world.records().len() == 2)
        .await;
    assert!(matches!(world.records()[0].outcome, Recorded::Crashed(_)));
}

#[tokio::test]
async fn a_worker_that_speaks_out_of_turn_is_put_right_and_used_again() {
    let world = World::new();
    world.deploy("as-told").await;
    for (told, answer) in [
        ("\"ask-twice\"", "true"),
        ("\"misdirect\"", "\"misdirect\""),
        ("\"answer-twice\"", "\"answer-twice\""),
        ("\"echo\"", "\"echo\""),
    ] {
        let outcome = world.invoke(told).await.unwrap();
        assert_eq!(outcome.result.unwrap(), answer);
    }
    assert_eq!(world.stage.launches(), 1);
}

#[tokio::test]
async fn a_call_takes_little_room() {
    let world = World::new();
    let function = world.deploy("echo").await;
    let (answer, _answered) = tokio::sync::oneshot::channel();
    let answer = Answer::new(answer, Watch::default());
    let call = world.functions.invoke_and_record(
        world.call("1"),
        Arc::new(function),
        Heard::AtItsEnd { with_log: false },
        answer,
    );
    // It is moved some times before it runs, and once when it is done.
    let room = size_of_val(&call);
    assert!(room <= 8 << 10, "{room} bytes");
}
