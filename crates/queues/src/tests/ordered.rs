use std::time::Duration;

use super::world::{World, bodies, in_group, redriven};
use crate::{Error, Receive, Settings};

#[tokio::test]
async fn a_group_is_locked_while_a_message_of_it_is_in_flight() {
    let world = World::new();
    let queue = world.ordered().await;
    for (group, body) in [
        ("a", "a1"),
        ("a", "a2"),
        ("b", "b1"),
        ("a", "a3"),
        ("b", "b2"),
    ] {
        world.send_in(&queue, group, body).await;
    }
    let first = world.receive(&queue, 2).await;
    assert_eq!(bodies(&first), ["a1", "a2"]);
    let second = world.receive(&queue, 1).await;
    assert_eq!(bodies(&second), ["b1"]);
    assert!(world.receive(&queue, 10).await.is_empty());
    world.settle(&queue, &first[..1]).await;
    assert!(
        world.receive(&queue, 10).await.is_empty(),
        "a2 is in flight"
    );
    world.settle(&queue, &first[1..]).await;
    let third = world.receive(&queue, 10).await;
    assert_eq!(bodies(&third), ["a3"]);
    world.settle(&queue, &second).await;
    assert_eq!(world.bodies(&queue, 10).await, ["b2"]);
    assert_eq!(world.counts(&queue), (0, 2, 0));
}

#[tokio::test]
async fn what_comes_back_comes_first() {
    let world = World::new();
    let queue = world.ordered().await;
    for body in ["1", "2", "3", "4"] {
        world.send_in(&queue, "g", body).await;
    }
    assert_eq!(world.bodies(&queue, 2).await, ["1", "2"]);
    world.pass(30);
    let again = world.receive(&queue, 3).await;
    assert_eq!(bodies(&again), ["1", "2", "3"]);
    assert_eq!(
        again.iter().map(|got| got.receives).collect::<Vec<_>>(),
        [2, 2, 1]
    );
    assert!(
        again
            .windows(2)
            .all(|two| two[0].sequence < two[1].sequence)
    );
    world.pass(30);
    let late = world
        .queues
        .settle(&queue, &[again[0].receipt])
        .await
        .unwrap();
    assert!(matches!(late[0], Err(Error::ReceiptExpired)));
}

#[tokio::test]
async fn a_repetition_within_five_minutes_is_not_sent() {
    let world = World::new();
    let queue = world.ordered().await;
    let send = |body: &'static str, once: Option<&'static str>| {
        let mut message = in_group("g", body);
        message.once = once.map(Into::into);
        let (queues, queue) = (&world.queues, &queue);
        async move {
            let sent = queues
                .send_all(queue, vec![message])
                .await
                .unwrap()
                .remove(0);
            sent.unwrap()
        }
    };
    let (first, number) = send("x", None).await;
    let (second, again) = send("x", None).await;
    assert_eq!((second.id, second.repeated), (first.id, true));
    assert!(number.is_some());
    assert_eq!(number, again);
    assert!(!send("x", Some("other")).await.0.repeated);
    let got = world.receive(&queue, 10).await;
    assert_eq!(got[0].sequence, number);
    world.settle(&queue, &got).await;
    world.pass(269);
    assert!(send("x", None).await.0.repeated, "also when it is settled");
    world.pass(31);
    world.queues.round().await.unwrap();
    assert!(!send("x", None).await.0.repeated);
    let once_only = Settings {
        once_per_group: true,
        ..super::world::by_content()
    };
    world
        .queues
        .change(&queue, |settings| *settings = once_only.clone())
        .await
        .unwrap();
    let both = vec![
        in_group("g1", "y"),
        in_group("g2", "y"),
        in_group("g1", "y"),
    ];
    let sent = world.queues.send_all(&queue, both).await.unwrap();
    let repeated: Vec<bool> = sent
        .into_iter()
        .map(|sent| sent.unwrap().0.repeated)
        .collect();
    assert_eq!(repeated, [false, false, true]);
}

#[tokio::test]
async fn what_an_ordered_queue_needs_is_asked_for() {
    let world = World::new();
    let queue = world.create("strict", true, Settings::default()).await;
    let refused = |message| {
        let (queues, queue) = (&world.queues, &queue);
        async move {
            queues
                .send_all(queue, vec![message])
                .await
                .unwrap()
                .remove(0)
        }
    };
    let no_group = super::world::message("x");
    assert!(matches!(refused(no_group).await, Err(Error::NoGroup)));
    let untold = in_group("g", "x");
    assert!(matches!(
        refused(untold.clone()).await,
        Err(Error::NothingTellsRepetitions)
    ));
    let mut delayed = untold;
    delayed.once = Some("1".into());
    delayed.delay = Some(Duration::from_secs(1));
    assert!(matches!(
        refused(delayed).await,
        Err(Error::DelayWithinOrder)
    ));
}

#[tokio::test]
async fn the_dead_make_room_for_those_behind_them() {
    let world = World::new();
    let grave = world.create("grave", true, Settings::default()).await;
    let queue = world.create("work", true, redriven(&grave, 1)).await;
    world.send_in(&queue, "g", "bad").await;
    world.send_in(&queue, "g", "good").await;
    assert_eq!(world.bodies(&queue, 1).await, ["bad"]);
    world.pass(30);
    assert_eq!(world.bodies(&queue, 1).await, ["good"]);
    let dead = world.receive(&grave, 10).await;
    assert_eq!(bodies(&dead), ["bad"]);
    assert_eq!(dead[0].message.group.as_deref(), Some("g"));
    assert_eq!(world.counts(&queue), (0, 1, 0));
}

#[tokio::test]
async fn a_delay_holds_the_whole_queue_back() {
    let world = World::new();
    let delayed = Settings {
        delay_s: 10,
        ..super::world::by_content()
    };
    let queue = world.create("slow", true, delayed).await;
    world.send_in(&queue, "g", "1").await;
    world.pass(5);
    world.send_in(&queue, "g", "2").await;
    assert_eq!(world.counts(&queue), (0, 0, 2));
    assert!(world.receive(&queue, 10).await.is_empty());
    world.pass(5);
    let first = world.receive(&queue, 10).await;
    assert_eq!(bodies(&first), ["1"]);
    world.settle(&queue, &first).await;
    assert!(world.receive(&queue, 10).await.is_empty());
    world.pass(5);
    assert_eq!(world.bodies(&queue, 10).await, ["2"]);
}

#[tokio::test]
async fn a_receive_that_is_repeated_gets_the_same() {
    let world = World::new();
    let queue = world.ordered().await;
    world.send_in(&queue, "g", "1").await;
    let receive = || {
        let how = Receive {
            most: 10,
            attempt: Some("once".into()),
            ..Receive::default()
        };
        world.queues.receive(&queue, how)
    };
    let first = receive().await.unwrap();
    let second = receive().await.unwrap();
    assert_eq!(first[0].receipt, second[0].receipt);
    world.settle(&queue, &first).await;
    assert!(receive().await.unwrap().is_empty());
}

#[tokio::test]
async fn locks_are_known_after_a_crash() {
    let mut world = World::new();
    let queue = world.ordered().await;
    for (group, body) in [("a", "a1"), ("a", "a2"), ("b", "b1")] {
        world.send_in(&queue, group, body).await;
    }
    let first = world.receive(&queue, 1).await;
    world.queues.store().sync().await.unwrap();
    world.crash();
    assert_eq!(world.bodies(&queue, 10).await, ["b1"]);
    world.settle(&queue, &first).await;
    assert_eq!(world.bodies(&queue, 10).await, ["a2"]);
}
