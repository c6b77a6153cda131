use std::collections::BTreeMap;
use std::time::Duration;

use base::{ManualClock, Random, Space, Timestamp};
use store::Position;

use super::*;

struct World {
    topics: Topics,
    clock: ManualClock,
}

fn world() -> World {
    let clock = ManualClock::new(Timestamp::from_secs(1_000));
    let random = Random::seeded(7);
    let store = Store::ephemeral(random.clone());
    World {
        topics: Topics::new(store, Arc::new(clock.clone()), random),
        clock,
    }
}

fn here() -> Space {
    Space::new("here")
}

fn new(name: &str, kind: Kind) -> NewTopic {
    NewTopic {
        space: here(),
        name: name.into(),
        kind,
        settings: BTreeMap::new(),
        tags: BTreeMap::new(),
    }
}

fn draft(group: &str, body: &str, repeat_id: Option<&str>) -> Draft {
    Draft {
        body: body.into(),
        group: Some(group.into()),
        repeat_id: repeat_id.map(str::to_owned),
        ..Draft::default()
    }
}

impl World {
    async fn publish(&self, topic: &str, draft: Draft) -> Result<Published> {
        self.topics.publish_alone(&here(), topic, &draft).await
    }

    fn bodies(&self) -> Vec<String> {
        let view = self.topics.store.read().unwrap();
        let all = self.topics.messages(&view, Position::START, 1_000).unwrap();
        all.into_iter()
            .map(|one| one.message.unwrap().body)
            .collect()
    }
}

#[tokio::test]
async fn what_is_published_is_in_the_log_in_its_order() {
    let world = world();
    world
        .topics
        .create(&new("t", Kind::Standard))
        .await
        .unwrap();
    for body in ["a", "b", "a"] {
        world.publish("t", draft("g", body, None)).await.unwrap();
    }
    assert_eq!(world.bodies(), ["a", "b", "a"]);
    let missing = world.publish("u", Draft::default()).await;
    assert!(matches!(missing, Err(Error::NoSuchTopic(_))));
    let told = world.publish("t", draft("g", "x", Some("1"))).await;
    assert!(matches!(told, Err(Error::NotOrdered)));
}

#[tokio::test]
async fn several_are_published_together_or_not_at_all() {
    let world = world();
    world
        .topics
        .create(&new("t.fifo", Kind::Ordered(Ordering::default())))
        .await
        .unwrap();
    let publish = async |drafts: &[Draft]| {
        let topics = &world.topics;
        topics.publish_all(&here(), "t.fifo", drafts).await
    };
    let good = [draft("g", "a", Some("1")), draft("g", "b", Some("2"))];
    let without_id = [good[0].clone(), draft("g", "x", None)];
    assert!(matches!(publish(&without_id).await, Err(Error::NoRepeatId)));
    let without_group = [good[0].clone(), Draft::default()];
    assert!(matches!(publish(&without_group).await, Err(Error::NoGroup)));
    assert!(world.bodies().is_empty());
    assert_eq!(publish(&good).await.unwrap().len(), 2);
    assert_eq!(world.bodies(), ["a", "b"]);
}

#[tokio::test]
async fn what_is_published_twice_within_five_minutes_counts_once() {
    let world = world();
    let kind = Kind::Ordered(Ordering::default());
    world.topics.create(&new("t", kind)).await.unwrap();
    let first = world
        .publish("t", draft("g", "a", Some("1")))
        .await
        .unwrap();
    let again = world
        .publish("t", draft("h", "b", Some("1")))
        .await
        .unwrap();
    assert_eq!(first, again, "the whole topic is asked");
    world.clock.advance(Duration::from_secs(5 * 60));
    let later = world
        .publish("t", draft("g", "c", Some("1")))
        .await
        .unwrap();
    assert_ne!(first.id, later.id);
    assert!(first.sequence < later.sequence);
    assert_eq!(world.bodies(), ["a", "c"]);
    let nameless = world.publish("t", draft("g", "a", None)).await;
    assert!(matches!(nameless, Err(Error::NoRepeatId)));
    let single = Draft {
        group: None,
        ..draft("g", "a", Some("2"))
    };
    assert!(matches!(
        world.publish("t", single).await,
        Err(Error::NoGroup)
    ));
}

#[tokio::test]
async fn messages_are_told_apart_by_content_and_within_groups_where_that_is_wanted() {
    let world = world();
    let kind = Kind::Ordered(Ordering {
        by_content: true,
        per_group: true,
    });
    world.topics.create(&new("t", kind)).await.unwrap();
    for (group, body) in [("g", "a"), ("h", "a"), ("g", "a"), ("g", "b")] {
        world.publish("t", draft(group, body, None)).await.unwrap();
    }
    assert_eq!(world.bodies(), ["a", "a", "b"]);
}

#[tokio::test]
async fn what_is_remembered_is_forgotten_in_time() {
    use store::Read;
    let world = world();
    let kind = Kind::Ordered(Ordering::default());
    world.topics.create(&new("t", kind)).await.unwrap();
    for n in 0..10 {
        let id = n.to_string();
        world
            .publish("t", draft("g", "a", Some(&id)))
            .await
            .unwrap();
    }
    world.clock.advance(Duration::from_secs(301));
    for n in 10..14 {
        let id = n.to_string();
        world
            .publish("t", draft("g", "a", Some(&id)))
            .await
            .unwrap();
    }
    let view = world.topics.store.read().unwrap();
    for table in [schema::REPEATS.key(), schema::REPEAT_ENDS.key()] {
        assert_eq!(view.scan(&table.range(), 100).unwrap().len(), 4);
    }
}

#[tokio::test]
async fn a_topic_that_is_there_is_the_one_if_it_is_like_it() {
    let world = world();
    let made = world
        .topics
        .create(&new("t", Kind::Standard))
        .await
        .unwrap();
    let again = world
        .topics
        .create(&new("t", Kind::Standard))
        .await
        .unwrap();
    assert_eq!(made, again);
    let mut other = new("t", Kind::Standard);
    other.settings.insert("a".into(), "b".into());
    let differs = world.topics.create(&other).await;
    assert!(matches!(differs, Err(Error::TopicDiffers { .. })));
    let mut tagged = new("t", Kind::Standard);
    tagged.tags.insert("a".into(), "b".into());
    let differs = world.topics.create(&tagged).await;
    assert!(matches!(
        differs,
        Err(Error::TopicDiffers { what: "tags", .. })
    ));
}

#[tokio::test]
async fn the_outbox_keeps_the_newest() {
    let world = world();
    let text = |n: usize| Parcel::Text {
        to: "+1".into(),
        sender: None,
        body: n.to_string(),
    };
    let topics = &world.topics;
    topics
        .store
        .write(|tx| {
            for n in 0..11_000 {
                topics.send(tx, &here(), &text(n));
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    topics.tidy_outbox().await.unwrap();
    let left = topics.outbox(20_000).unwrap();
    assert_eq!(left.len(), 10_000);
    assert_eq!(left[0].parcel, text(10_999));
}

#[tokio::test]
async fn a_device_with_a_token_that_is_known_is_the_same() {
    let world = world();
    let topics = &world.topics;
    let app = NewApp {
        space: here(),
        platform: "P".into(),
        name: "a".into(),
        settings: BTreeMap::new(),
    };
    let app = topics.set_app(&app).await.unwrap();
    let wanted = |note: Option<&str>| NewDevice {
        token: "t".into(),
        enabled: None,
        note: note.map(str::to_owned),
    };
    let made = topics.add_device(&app, &wanted(Some("x"))).await.unwrap();
    assert_eq!(topics.add_device(&app, &wanted(None)).await.unwrap(), made);
    let differs = topics.add_device(&app, &wanted(Some("y"))).await;
    assert!(matches!(differs, Err(Error::DeviceDiffers(_))));
    topics.delete_app(&here(), "P", "a").await.unwrap();
    assert!(matches!(
        topics.device(&app, &made.id),
        Err(Error::NoSuchDevice(_))
    ));
    assert!(matches!(
        topics.app(&here(), "P", "a"),
        Err(Error::NoSuchApp(_))
    ));
}

#[tokio::test]
async fn a_number_is_proven_by_the_code_in_the_text() {
    let world = world();
    let topics = &world.topics;
    topics
        .add_number(&here(), "+1", str::to_owned)
        .await
        .unwrap();
    let Parcel::Text { body: code, .. } = topics.outbox(1).unwrap()[0].parcel.clone() else {
        panic!("no text");
    };
    let wrong = topics.prove_number(&here(), "+1", "x").await;
    assert!(matches!(wrong, Err(Error::WrongCode)));
    topics.prove_number(&here(), "+1", &code).await.unwrap();
    assert!(topics.numbers(&here()).unwrap()[0].proven);
}
