//! From a message in a queue to a function.

use super::*;

fn queue() -> Address {
    Address::new(&space(), "q")
}

async fn world(ordered: bool) -> World {
    let world = World::new().await;
    let new = NewQueue {
        ordered,
        settings: queues::Settings {
            once_by_content: ordered,
            ..queues::Settings::default()
        },
        ..NewQueue::default()
    };
    world.queues.create(&queue(), new, |_| None).await.unwrap();
    world
}

async fn map(world: &World, change: impl Fn(&mut MappingSettings)) -> Mapping {
    let mut settings = MappingSettings {
        batch: 10,
        lanes: 0,
        ..settings()
    };
    change(&mut settings);
    let new = NewMapping {
        source: MappingSource::Queue { queue: "q".into() },
        settings,
        ..world.new_mapping()
    };
    world.triggers.create_mapping(new).await.unwrap()
}

async fn send(world: &World, body: &str, group: Option<&str>) {
    let message = queues::NewMessage {
        body: body.into(),
        group: group.map(Into::into),
        ..queues::NewMessage::default()
    };
    let sent = world
        .queues
        .send_all(&queue(), vec![message])
        .await
        .unwrap();
    assert!(sent.iter().all(Result::is_ok));
}

fn counts(world: &World) -> (u64, u64) {
    let counts = world.queues.counts(&queue()).unwrap();
    (counts.visible, counts.in_flight)
}

/// The bodies of each batch.
#[derive(Clone, Default)]
struct Batches(Arc<Mutex<Vec<Vec<String>>>>);

impl Batches {
    fn note(&self, batch: &Value) -> Vec<Value> {
        let records = batch["records"].as_array().unwrap().clone();
        let bodies = records
            .iter()
            .map(|record| record["body"].as_str().unwrap().to_owned());
        self.0.lock().unwrap().push(bodies.collect());
        records
    }

    fn answering(
        &self,
        answer: impl Fn(&[Value]) -> functions::Result<Value> + Send + Sync + 'static,
    ) -> Does {
        let batches = self.clone();
        Arc::new(move |batch| answer(&batches.note(batch)))
    }

    fn seen(&self) -> Vec<Vec<String>> {
        self.0.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn messages_are_delivered_and_are_gone() {
    let (mut world, batches) = (world(false).await, Batches::default());
    let mapping = map(&world, |_| ()).await;
    send(&world, "1", None).await;
    send(&world, "2", None).await;
    world.run(batches.answering(|_| Ok(json!({}))));
    quiet().await;
    assert_eq!(batches.seen(), [["1", "2"]]);
    send(&world, "3", None).await;
    quiet().await;
    assert_eq!(batches.seen()[1], ["3"]);
    assert_eq!(counts(&world), (0, 0));
    assert_eq!(world.result(&mapping), Some(LastResult::Ok));
}

#[tokio::test]
async fn time_that_is_moved_waits_for_a_batch_but_not_for_messages_that_wait() {
    let (mut world, batches) = (world(false).await, Batches::default());
    map(&world, |settings| settings.wait = Duration::from_secs(5)).await;
    let (clock, held) = (world.clock.clone(), Arc::new(Mutex::new(Vec::new())));
    let noted = held.clone();
    world.run(batches.answering(move |_| {
        noted.lock().unwrap().push(clock.held());
        Ok(json!({}))
    }));
    send(&world, "1", None).await;
    quiet().await;
    assert_eq!(counts(&world), (0, 1));
    assert_eq!(
        world.clock.held(),
        0,
        "it waits for more by the clock itself"
    );
    world.pass(5).await;
    assert_eq!(*held.lock().unwrap(), [1]);
    assert_eq!(world.clock.held(), 0);
}

#[tokio::test]
async fn a_batch_waits_to_be_full_and_no_longer_than_it_may() {
    let (mut world, batches) = (world(false).await, Batches::default());
    map(&world, |settings| {
        settings.batch = 3;
        settings.wait = Duration::from_secs(5);
    })
    .await;
    world.run(batches.answering(|_| Ok(json!({}))));
    for body in ["1", "2"] {
        send(&world, body, None).await;
        quiet().await;
    }
    world.pass(4).await;
    assert!(batches.seen().is_empty());
    world.pass(1).await;
    assert_eq!(batches.seen(), [["1", "2"]]);
    for body in ["3", "4", "5"] {
        send(&world, body, None).await;
        quiet().await;
    }
    assert_eq!(batches.seen()[1], ["3", "4", "5"]);
}

#[tokio::test]
async fn what_fails_is_seen_again_when_the_queue_says_so() {
    let (mut world, batches) = (world(false).await, Batches::default());
    let mapping = map(&world, |_| ()).await;
    let failures = Arc::new(Mutex::new(1));
    world.run(batches.answering(move |_| {
        let mut failures = failures.lock().unwrap();
        if *failures > 0 {
            *failures -= 1;
            return Ok(json!({ "error": true }));
        }
        Ok(json!({}))
    }));
    send(&world, "1", None).await;
    quiet().await;
    assert_eq!(world.result(&mapping), Some(LastResult::FunctionFailed));
    assert_eq!(counts(&world), (0, 1));
    world.pass(29).await;
    assert_eq!(batches.seen().len(), 1);
    world.pass(1).await;
    assert_eq!(batches.seen().len(), 2);
    assert_eq!(counts(&world), (0, 0));
}

#[tokio::test]
async fn a_function_says_which_messages_failed() {
    for (answer, left) in [
        (json!({}), 0),
        (json!({ "failed": [] }), 0),
        (json!({ "failed": ["?first"] }), 1),
        (json!({ "failed": ["nobody's"] }), 2),
        (json!({ "failed": "nonsense" }), 2),
    ] {
        let (mut world, batches) = (world(false).await, Batches::default());
        map(&world, |settings| settings.partial = true).await;
        send(&world, "1", None).await;
        send(&world, "2", None).await;
        let said = answer.clone();
        world.run(batches.answering(move |records| {
            let first = records[0]["id"].as_str().unwrap();
            let said = said.to_string().replace("?first", first);
            Ok(serde_json::from_str(&said).unwrap())
        }));
        quiet().await;
        assert_eq!(batches.seen(), [["1", "2"]]);
        assert_eq!(counts(&world), (0, left), "{answer}");
    }
}

#[tokio::test]
async fn what_no_filter_wants_is_removed() {
    let (mut world, batches) = (world(false).await, Batches::default());
    map(&world, |settings| {
        settings.filters = vec![r#"{"body": {"kind": ["wanted"]}}"#.into()];
    })
    .await;
    send(&world, r#"{"kind": "wanted"}"#, None).await;
    send(&world, r#"{"kind": "other"}"#, None).await;
    send(&world, "wanted", None).await;
    world.run(batches.answering(|_| Ok(json!({}))));
    quiet().await;
    assert_eq!(batches.seen(), [[r#"{"kind": "wanted"}"#]]);
    assert_eq!(counts(&world), (0, 0));
}

#[tokio::test]
async fn a_function_that_is_throttled_gets_them_later() {
    let (mut world, batches) = (world(false).await, Batches::default());
    let mapping = map(&world, |_| ()).await;
    let refusals = Arc::new(Mutex::new(2));
    world.run(batches.answering(move |_| {
        let mut refusals = refusals.lock().unwrap();
        if *refusals > 0 {
            *refusals -= 1;
            return Err(functions::Error::Throttled(functions::Throttle::Account));
        }
        Ok(json!({}))
    }));
    send(&world, "1", None).await;
    quiet().await;
    assert_eq!(world.result(&mapping), Some(LastResult::FunctionThrottled));
    assert_eq!(counts(&world), (0, 1), "nobody sees it for a second");
    world.pass(1).await;
    assert_eq!(batches.seen().len(), 2);
    world.pass(2).await;
    assert_eq!(batches.seen().len(), 3);
    assert_eq!(counts(&world), (0, 0));
}

#[tokio::test]
async fn batches_of_an_ordered_queue_are_of_one_group_and_in_order() {
    let (mut world, batches) = (world(true).await, Batches::default());
    map(&world, |_| ()).await;
    for (group, body) in [("a", "a1"), ("b", "b1"), ("a", "a2"), ("b", "b2")] {
        send(&world, body, Some(group)).await;
    }
    world.run(batches.answering(|_| Ok(json!({}))));
    quiet().await;
    let mut seen = batches.seen();
    // Those of two groups run at once.
    seen.sort();
    assert_eq!(seen, [["a1", "a2"], ["b1", "b2"]]);
    assert_eq!(counts(&world), (0, 0));
}

/// Refuses a batch as the engine of functions does, by its messages' bodies.
fn refusing(records: &[Value]) -> functions::Result<Value> {
    match records.iter().any(|record| record["body"] == "round") {
        true => Err(functions::Error::Looping),
        false => Ok(json!({})),
    }
}

#[tokio::test]
async fn what_goes_round_is_refused_until_it_is_a_dead_letter_and_takes_along_only_what_must_wait_for_it()
 {
    for ordered in [false, true] {
        let (mut world, batches) = (world(ordered).await, Batches::default());
        let dead = Address::new(&space(), "dead");
        let new = NewQueue {
            ordered,
            ..NewQueue::default()
        };
        world.queues.create(&dead, new, |_| None).await.unwrap();
        let to = dead.clone();
        let redrive = move |settings: &mut queues::Settings| {
            settings.redrive = Some(queues::Redrive {
                to: to.clone(),
                max_receives: 2,
            });
        };
        world.queues.change(&queue(), redrive).await.unwrap();
        map(&world, |_| ()).await;
        for body in ["1", "round", "2"] {
            let message = queues::NewMessage {
                body: body.into(),
                group: ordered.then(|| "g".into()),
                trace: Some(body.into()),
                ..queues::NewMessage::default()
            };
            let sent = world.queues.send_all(&queue(), vec![message]).await;
            assert!(sent.unwrap().iter().all(Result::is_ok));
        }
        world.run(batches.answering(refusing));
        quiet().await;
        // What comes after it keeps its place, if places are kept.
        let expected = match ordered {
            false => [vec!["1", "2"], vec!["round"]],
            true => [vec!["1"], vec!["round", "2"]],
        };
        // The two are called at once.
        let mut seen = batches.seen();
        seen.sort();
        assert_eq!(seen, expected);
        world.pass(70).await;
        let dead = world.queues.counts(&dead).unwrap();
        assert_eq!(dead.visible, if ordered { 2 } else { 1 });
        assert_eq!(counts(&world), (0, 0));
    }
}

#[tokio::test]
async fn a_queue_must_give_the_function_its_time() {
    let world = world(false).await;
    let short = |settings: &mut queues::Settings| settings.visibility_s = 2;
    world.queues.change(&queue(), short).await.unwrap();
    let new = NewMapping {
        source: MappingSource::Queue { queue: "q".into() },
        ..world.new_mapping()
    };
    assert!(matches!(
        world.triggers.create_mapping(new.clone()).await,
        Err(Error::VisibilityTooShort {
            visibility_s: 2,
            timeout_s: 3
        })
    ));
    let nowhere = NewMapping {
        source: MappingSource::Queue {
            queue: "nowhere".into(),
        },
        ..new
    };
    assert!(matches!(
        world.triggers.create_mapping(nowhere).await,
        Err(Error::Queues(queues::Error::NoSuchQueue(_)))
    ));
}

#[tokio::test]
async fn a_mapping_that_ends_gives_back_what_it_had_gathered() {
    let (mut world, batches) = (world(false).await, Batches::default());
    let mapping = map(&world, |settings| settings.wait = Duration::from_secs(60)).await;
    world.run(batches.answering(|_| Ok(json!({}))));
    send(&world, "1", None).await;
    quiet().await;
    assert_eq!(counts(&world), (0, 1));
    world
        .triggers
        .delete_mapping(&space(), &mapping.id)
        .await
        .unwrap();
    quiet().await;
    assert_eq!(counts(&world), (1, 0));
    assert!(batches.seen().is_empty());
}
