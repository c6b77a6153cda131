use std::sync::Arc;
use std::time::Duration;

use base::{ManualClock, Timestamp};

use super::world::{World, address, message, receipts, redriven};
use crate::{Allow, Error, MoveState, NewMove, NewQueue, Queues, Receive, Settings};

#[tokio::test]
async fn a_message_is_seen_by_one_at_a_time_until_it_is_settled() {
    let world = World::new();
    let queue = world.plain().await;
    world.send(&queue, "a").await;
    world.send(&queue, "b").await;
    assert_eq!(world.counts(&queue), (2, 0, 0));
    let first = world.receive(&queue, 1).await;
    assert_eq!(first[0].message.body, "a");
    assert_eq!(first[0].receives, 1);
    assert_eq!(world.bodies(&queue, 10).await, ["b"]);
    assert!(world.receive(&queue, 10).await.is_empty());
    assert_eq!(world.counts(&queue), (0, 2, 0));
    world.settle(&queue, &first).await;
    assert_eq!(world.counts(&queue), (0, 1, 0));
    world.pass(30);
    assert_eq!(world.counts(&queue), (1, 0, 0));
    let again = world.receive(&queue, 10).await;
    assert_eq!(again[0].message.body, "b");
    assert_eq!(again[0].receives, 2);
    world.settle(&queue, &again).await;
    world.settle(&queue, &again).await;
    assert_eq!(world.counts(&queue), (0, 0, 0));
    world.pass(3600);
    assert!(world.receive(&queue, 10).await.is_empty());
}

#[tokio::test]
async fn a_receipt_that_another_receive_followed_settles_nothing() {
    let world = World::new();
    let queue = world.plain().await;
    world.send(&queue, "a").await;
    let stale = world.receive(&queue, 1).await;
    world.pass(30);
    let fresh = world.receive(&queue, 1).await;
    world.settle(&queue, &stale).await;
    assert_eq!(world.counts(&queue), (0, 1, 0));
    let hold = world
        .queues
        .hold_for(&queue, stale[0].receipt, Duration::from_secs(1))
        .await;
    assert!(matches!(hold, Err(Error::NotInFlight)));
    world.settle(&queue, &fresh).await;
    assert_eq!(world.counts(&queue), (0, 0, 0));
}

#[tokio::test]
async fn a_message_that_is_late_can_still_be_settled() {
    let world = World::new();
    let queue = world.plain().await;
    world.send(&queue, "a").await;
    let late = world.receive(&queue, 1).await;
    world.pass(31);
    world.settle(&queue, &late).await;
    assert!(world.receive(&queue, 1).await.is_empty());
}

#[tokio::test]
async fn a_message_that_is_late_can_still_be_held_until_another_has_it() {
    let world = World::new();
    let queue = world.plain().await;
    world.send(&queue, "a").await;
    let late = world.receive(&queue, 1).await;
    world.pass(31);
    assert_eq!(world.counts(&queue), (1, 0, 0));
    let hold = || {
        let receipt = late[0].receipt;
        world
            .queues
            .hold_for(&queue, receipt, Duration::from_secs(10))
    };
    hold().await.unwrap();
    assert_eq!(world.counts(&queue), (0, 1, 0));
    assert!(world.receive(&queue, 1).await.is_empty());
    world.pass(10);
    assert_eq!(world.counts(&queue), (1, 0, 0));
    let again = world.receive(&queue, 1).await;
    assert_eq!(again[0].receives, 2);
    assert!(matches!(hold().await, Err(Error::NotInFlight)));
    world.settle(&queue, &again).await;
    assert!(matches!(hold().await, Err(Error::NotInFlight)));
}

#[tokio::test]
async fn holding_is_shortened_and_lengthened_and_has_an_end() {
    let world = World::new();
    let queue = world.plain().await;
    world.send(&queue, "a").await;
    let got = world.receive(&queue, 1).await;
    let hold = |secs| {
        world
            .queues
            .hold_for(&queue, got[0].receipt, Duration::from_secs(secs))
    };
    hold(100).await.unwrap();
    world.pass(99);
    assert!(world.receive(&queue, 1).await.is_empty());
    assert!(matches!(
        hold(12 * 3600).await,
        Err(Error::HeldTooLong { .. })
    ));
    hold(0).await.unwrap();
    assert_eq!(world.counts(&queue), (1, 0, 0));
    assert_eq!(world.bodies(&queue, 1).await, ["a"]);
}

#[tokio::test]
async fn a_delayed_message_is_seen_when_its_time_has_come() {
    let world = World::new();
    let queue = world.plain().await;
    let mut delayed = message("later");
    delayed.delay = Some(Duration::from_secs(10));
    world.send_message(&queue, delayed).await;
    world.send(&queue, "now").await;
    assert_eq!(world.counts(&queue), (1, 0, 1));
    assert_eq!(world.bodies(&queue, 10).await, ["now"]);
    world.pass(10);
    let got = world.receive(&queue, 10).await;
    assert_eq!(got[0].message.body, "later");
    assert_eq!(got[0].receives, 1);
    world.settle(&queue, &got).await;
    assert_eq!(world.counts(&queue), (0, 1, 0));
}

#[tokio::test]
async fn what_was_received_too_often_is_a_dead_letter() {
    let world = World::new();
    let grave = world.create("grave", false, Settings::default()).await;
    let queue = world.create("work", false, redriven(&grave, 2)).await;
    world.send(&queue, "a").await;
    let sent = world.receive(&queue, 1).await[0].message.sent;
    world.pass(30);
    assert_eq!(world.receive(&queue, 1).await[0].receives, 2);
    world.pass(30);
    assert!(world.receive(&queue, 1).await.is_empty());
    assert_eq!(world.counts(&queue), (0, 0, 0));
    assert_eq!(world.counts(&grave), (1, 0, 0));
    let dead = world.receive(&grave, 1).await;
    assert_eq!(dead[0].message.sent, sent, "it is as old as it was");
    assert_eq!(dead[0].receives, 3);
    assert_eq!(dead[0].message.source.as_ref(), Some(&queue));
}

#[tokio::test]
async fn dead_letters_go_only_where_they_are_taken() {
    let world = World::new();
    let grave = world.create("grave", false, Settings::default()).await;
    world
        .queues
        .change(&grave, |settings| {
            settings.allow = Allow::Only(vec![address("one")]);
        })
        .await
        .unwrap();
    let create = |name: &'static str, ordered| {
        let new = NewQueue {
            ordered,
            settings: redriven(&grave, 1),
            ..NewQueue::default()
        };
        let world = &world;
        async move { world.queues.create(&address(name), new, |_| None).await }
    };
    create("one", false).await.unwrap();
    assert!(matches!(
        create("two", false).await,
        Err(Error::NotAllowed(_))
    ));
    assert!(matches!(create("three", true).await, Err(Error::OtherKind)));
    assert_eq!(
        world.queues.sources(&grave, None, 10).unwrap().names,
        ["one"]
    );
    world.queues.drop_queue(&address("one")).await.unwrap();
    assert!(
        world
            .queues
            .sources(&grave, None, 10)
            .unwrap()
            .names
            .is_empty()
    );
}

#[tokio::test]
async fn what_is_too_old_is_over_and_is_removed() {
    let world = World::new();
    let settings = Settings {
        retention_s: 60,
        ..Settings::default()
    };
    let queue = world.create("short", false, settings).await;
    world.send(&queue, "old").await;
    let mut delayed = message("apart");
    delayed.delay = Some(Duration::from_secs(1));
    world.send_message(&queue, delayed).await;
    world.pass(59);
    world.send(&queue, "young").await;
    world.pass(1);
    assert_eq!(world.bodies(&queue, 10).await, ["young"]);
    world.queues.round().await.unwrap();
    assert_eq!(world.counts(&queue), (0, 1, 0));
}

#[tokio::test]
async fn a_purged_queue_has_only_what_was_sent_after() {
    let world = World::new();
    let queue = world.plain().await;
    for n in 0..1_200 {
        world.send(&queue, &n.to_string()).await;
    }
    let held = world.receive(&queue, 10).await;
    world.queues.purge(&queue).await.unwrap();
    assert_eq!(world.counts(&queue), (0, 0, 0));
    world.settle(&queue, &held).await;
    world.pass(1);
    world.send(&queue, "after").await;
    assert!(matches!(
        world.queues.purge(&queue).await,
        Err(Error::PurgedJustNow(_))
    ));
    assert_eq!(world.bodies(&queue, 10).await, ["after"]);
    world.pass(60);
    world.queues.purge(&queue).await.unwrap();
    assert!(world.receive(&queue, 10).await.is_empty());
}

#[tokio::test]
async fn a_dropped_queue_leaves_nothing_and_its_name_rests() {
    let world = World::new();
    let queue = world.plain().await;
    world.send(&queue, "a").await;
    let got = world.receive(&queue, 1).await;
    world.queues.drop_queue(&queue).await.unwrap();
    let gone = world.queues.settle(&queue, &receipts(&got)).await;
    assert!(matches!(gone, Err(Error::NoSuchQueue(_))));
    let again = || world.queues.create(&queue, NewQueue::default(), |_| None);
    assert!(matches!(again().await, Err(Error::DroppedJustNow(_))));
    world.pass(60);
    world.queues.round().await.unwrap();
    again().await.unwrap();
    assert_eq!(world.counts(&queue), (0, 0, 0));
    assert!(world.receive(&queue, 1).await.is_empty());
    assert!(matches!(
        world.queues.settle(&queue, &receipts(&got)).await.unwrap()[0],
        Err(Error::NoReceipt)
    ));
}

#[tokio::test]
async fn who_waits_is_woken_by_a_send_a_delay_and_a_message_that_comes_back() {
    let world = World::new();
    let queue = world.plain().await;
    let wait = || {
        let (queues, queue) = (world.queues.clone(), queue.clone());
        let how = Receive {
            most: 1,
            wait: Some(Duration::from_secs(20)),
            ..Receive::default()
        };
        tokio::spawn(async move { queues.receive(&queue, how).await.unwrap() })
    };
    let (one, two) = (wait(), wait());
    settle_down().await;
    world.send(&queue, "a").await;
    world.send(&queue, "b").await;
    let got = [one.await.unwrap(), two.await.unwrap()].concat();
    let mut bodies = super::world::bodies(&got);
    bodies.sort();
    assert_eq!(bodies, ["a", "b"]);

    let three = wait();
    settle_down().await;
    world
        .queues
        .hold_for(&queue, got[0].receipt, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(three.await.unwrap().len(), 1);

    let four = wait();
    settle_down().await;
    let mut delayed = message("later");
    delayed.delay = Some(Duration::from_secs(5));
    world.send_message(&queue, delayed).await;
    settle_down().await;
    world.pass(5);
    assert_eq!(super::world::bodies(&four.await.unwrap()), ["later"]);

    let five = wait();
    settle_down().await;
    world.pass(20);
    assert!(five.await.unwrap().is_empty(), "nobody waits for ever");
}

#[tokio::test]
async fn who_waits_does_so_by_the_hosts_clock_and_what_he_waits_for_comes_by_the_clouds() {
    let host = ManualClock::new(Timestamp::from_secs(1_700_000_000));
    let mut world = World::new();
    world.clock = world.clock.beside(&host);
    world.queues = Queues::new(
        world.disk.open(),
        Arc::new(world.clock.clone()),
        world.random.clone(),
    );
    let queue = world.plain().await;
    let wait = || {
        let (queues, queue) = (world.queues.clone(), queue.clone());
        let how = Receive {
            most: 1,
            wait: Some(Duration::from_secs(20)),
            ..Receive::default()
        };
        tokio::spawn(async move { queues.receive(&queue, how).await.unwrap() })
    };
    // An advance of an hour ends nobody's wait before its time.
    let one = wait();
    settle_down().await;
    world.pass(3_600);
    settle_down().await;
    assert!(!one.is_finished());
    // One that stands keeps nobody waiting.
    host.advance(Duration::from_secs(20));
    assert!(one.await.unwrap().is_empty());

    let two = wait();
    settle_down().await;
    let mut delayed = message("later");
    delayed.delay = Some(Duration::from_secs(60));
    world.send_message(&queue, delayed).await;
    world.pass(60);
    assert_eq!(super::world::bodies(&two.await.unwrap()), ["later"]);
}

async fn settle_down() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn dead_letters_are_moved_back_or_elsewhere_at_a_rate_and_over_a_crash() {
    let mut world = World::new();
    let grave = world.create("grave", false, Settings::default()).await;
    let queue = world.create("work", false, redriven(&grave, 1)).await;
    for n in 0..150 {
        world.send(&queue, &n.to_string()).await;
    }
    while !world.receive(&queue, 100).await.is_empty() {}
    world.pass(30);
    assert!(world.receive(&queue, 100).await.is_empty());
    while world.counts(&queue).0 > 0 {
        world.receive(&queue, 100).await;
    }
    assert_eq!(world.counts(&grave), (150, 0, 0));
    let back = NewMove {
        from: grave.clone(),
        to: None,
        per_second: Some(50),
    };
    let not_dead = NewMove {
        from: queue.clone(),
        ..back.clone()
    };
    let refused = world.queues.start_move(not_dead).await;
    assert!(matches!(refused, Err(Error::NotForDeadLetters(_))));
    let id = world.queues.start_move(back.clone()).await.unwrap();
    assert!(matches!(
        world.queues.start_move(back).await,
        Err(Error::Moving(_))
    ));
    let stop = tokio_util::sync::CancellationToken::new();
    let run = |world: &World| {
        let (queues, stop) = (world.queues.clone(), stop.clone());
        tokio::spawn(async move { queues.run_moves(stop).await })
    };
    let first = run(&world);
    settle_down().await;
    assert_eq!(world.counts(&queue).0, 50);
    first.abort();
    world.crash();
    let _second = run(&world);
    settle_down().await;
    assert_eq!(world.counts(&queue).0, 100);
    world.pass(1);
    settle_down().await;
    world.pass(1);
    settle_down().await;
    assert_eq!(world.counts(&queue).0, 150);
    assert_eq!(world.counts(&grave).0, 0);
    let known = world.queues.moves(&grave, 10).unwrap();
    assert_eq!(known[0].id, id);
    assert_eq!(
        (known[0].state, known[0].moved),
        (MoveState::Completed, 150)
    );
    assert!(matches!(
        world.queues.cancel_move(&grave, id).await,
        Err(Error::MoveIsOver)
    ));
    let got = world.receive(&queue, 1).await;
    assert_eq!(got[0].receives, 1, "a moved message is a new one");
}

#[tokio::test]
async fn counts_are_right_after_a_crash() {
    let mut world = World::new();
    let queue = world.plain().await;
    for n in 0..20 {
        world.send(&queue, &n.to_string()).await;
    }
    let got = world.receive(&queue, 7).await;
    world.settle(&queue, &got[..3]).await;
    world.queues.store().sync().await.unwrap();
    world.crash();
    assert_eq!(world.counts(&queue), (13, 4, 0));
    assert_eq!(world.receive(&queue, 100).await.len(), 13);
    world.settle(&queue, &got[3..]).await;
    assert_eq!(world.counts(&queue), (0, 13, 0));
}

#[tokio::test]
async fn a_send_within_anothers_transaction_happens_with_it() {
    let world = World::new();
    let queue = world.plain().await;
    let send = |abandon: bool| {
        let (queues, queue) = (world.queues.clone(), queue.clone());
        async move {
            let store = queues.store().clone();
            store
                .write(|tx| {
                    queues.send(tx, &queue, message("within"))?;
                    if abandon { Err(Error::NoGroup) } else { Ok(()) }
                })
                .await
        }
    };
    send(true).await.unwrap_err();
    assert_eq!(world.counts(&queue), (0, 0, 0));
    send(false).await.unwrap();
    assert_eq!(world.counts(&queue), (1, 0, 0));
    assert_eq!(world.bodies(&queue, 10).await, ["within"]);
}
