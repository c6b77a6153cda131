//! What is published reaches whoever has subscribed, through crashes.

#[path = "world/mute.rs"]
mod mute;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::{ManualClock, Random, Space, Timestamp};
use buses::Buses;
use functions::{Config, Functions, Launcher};
use ledger::Ledger;
use mute::Mute;
use objects::Objects;
use store::{Faults, Simulation, Store};
use tables::Tables;
use tokio_util::sync::CancellationToken;
use topics::{Attribute, AttributeValue, Draft, Kind, NewTopic, Ordering, Parcel, Topics};
use triggers::{
    Bare, Consent, Destination, Error, FilterPolicy, FilterScope, Named, NewSubscription,
    SubscriptionSettings, Triggers, Way,
};

struct World {
    topics: Topics,
    triggers: Triggers,
    clock: Arc<ManualClock>,
}

fn named(name: &str) -> Named {
    Named {
        space: Space::new("here"),
        name: name.into(),
    }
}

impl World {
    fn open(store: Store, random: &Random) -> Self {
        let random = random.clone();
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000)));
        let topics = Topics::new(store.clone(), clock.clone(), random.clone());
        let functions = Functions::open(functions::Parts {
            store: store.clone(),
            ledger: Ledger::new(store.clone(), ledger::Limits::default()),
            launcher: Launcher::new(|_, _| async {
                Err(functions::NotLaunched::Host("nothing runs here".into()))
            }),
            dialects: functions::Dialects::new(Arc::new(Mute)),
            clock: clock.clone(),
            random: random.clone(),
            code_dir: PathBuf::from("/nonexistent"),
            config: Config::default(),
        });
        let triggers = Triggers::new(triggers::Parts {
            buses: Buses::new(store.clone(), clock.clone(), random.clone()),
            queues: queues::Queues::new(store.clone(), clock.clone(), random.clone()),
            schedules: schedules::Schedules::new(store.clone(), clock.clone(), random.clone()),
            tables: Tables::new(store.clone(), clock.clone(), random.clone()),
            objects: Objects::new(store.clone(), clock.clone(), random.clone()),
            functions: functions.unwrap(),
            topics: topics.clone(),
            wording: Arc::new(Bare),
            store,
            clock: clock.clone(),
            random,
        });
        Self {
            topics,
            triggers,
            clock,
        }
    }

    async fn topic(&self, name: &str, kind: Kind) {
        let new = NewTopic {
            space: named(name).space,
            name: name.into(),
            kind,
            settings: BTreeMap::new(),
            tags: BTreeMap::new(),
        };
        self.topics.create(&new).await.unwrap();
    }

    async fn subscribe(&self, topic: &str, number: &str, settings: SubscriptionSettings) {
        self.triggers
            .subscribe(&wanted(topic, number, Way::Text(number.into()), settings))
            .await
            .unwrap();
    }

    async fn publish(&self, topic: &str, draft: Draft) -> topics::Result<topics::Published> {
        let topic = named(topic);
        self.topics
            .publish_alone(&topic.space, &topic.name, &draft)
            .await
    }

    /// Texts in the outbox, oldest first: to whom, and what.
    fn texts(&self) -> Vec<(String, String)> {
        let mut sent = self.topics.outbox(10_000).unwrap();
        sent.reverse();
        sent.into_iter()
            .filter_map(|sent| match sent.parcel {
                Parcel::Text { to, body, .. } => Some((to, body)),
                _ => None,
            })
            .collect()
    }

    /// Follows until `done`, or for a while.
    async fn follow(&self, done: impl Fn(&Self) -> bool) {
        let stop = CancellationToken::new();
        let until = async {
            for _ in 0..2_000 {
                if done(self) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = self.triggers.follow_topics(stop.clone()) => {}
            () = until => {}
        }
    }
}

fn wanted(
    topic: &str,
    endpoint: &str,
    way: Way,
    settings: SubscriptionSettings,
) -> NewSubscription {
    NewSubscription {
        topic: named(topic),
        protocol: "text".into(),
        endpoint: endpoint.into(),
        asks: matches!(way, Way::Mail { .. }),
        way,
        settings,
    }
}

fn plain(body: &str) -> Draft {
    Draft {
        body: body.into(),
        ..Draft::default()
    }
}

#[tokio::test]
async fn what_was_acknowledged_reaches_every_subscription_through_any_crash() {
    const NUMBERS: [&str; 3] = ["+1", "+2", "+3"];
    for seed in 0..30 {
        let random = Random::seeded(seed);
        let faults = Faults {
            conflict: 0.2,
            failed_sync: 0.05,
        };
        let simulation = Simulation::new(random.clone(), faults);
        let mut acknowledged = Vec::new();
        let mut ready = false;
        for life in 0..6 {
            let world = World::open(simulation.open(), &random);
            if !ready {
                // The first commits may fail too; then there is another life to do it in.
                let new = NewTopic {
                    space: named("t").space,
                    name: "t".into(),
                    kind: Kind::Standard,
                    settings: BTreeMap::new(),
                    tags: BTreeMap::new(),
                };
                ready = world.topics.create(&new).await.is_ok();
                for number in NUMBERS {
                    let way = Way::Text(number.into());
                    let new = wanted("t", number, way, SubscriptionSettings::default());
                    ready &= world.triggers.subscribe(&new).await.is_ok();
                }
            }
            for n in 0..4 {
                let body = format!("{life}-{n}");
                if ready && world.publish("t", plain(&body)).await.is_ok() {
                    acknowledged.push(body);
                }
                if random.chance(0.5) {
                    let before = world.texts().len();
                    world.follow(|world| world.texts().len() > before).await;
                }
            }
            simulation.crash();
        }
        let calm = World::open(simulation.open(), &random);
        let missing = |world: &World| {
            let texts = world.texts();
            let mut missing = Vec::new();
            for body in &acknowledged {
                for number in NUMBERS {
                    if !texts.contains(&(number.to_owned(), body.clone())) {
                        missing.push((number, body.clone()));
                    }
                }
            }
            missing
        };
        for _ in 0..20 {
            calm.follow(|world| missing(world).is_empty()).await;
            calm.clock.advance(Duration::from_secs(1));
        }
        // The store may have failed for good in its last life as well.
        if !missing(&calm).is_empty() {
            simulation.crash();
            let world = World::open(simulation.open(), &random);
            world.follow(|world| missing(world).is_empty()).await;
            assert!(
                missing(&world).is_empty(),
                "seed {seed}: {:?}",
                missing(&world)
            );
        }
    }
}

#[tokio::test]
async fn what_keeps_order_arrives_once_and_in_order() {
    for seed in 0..20 {
        let random = Random::seeded(seed);
        let faults = Faults {
            conflict: 0.3,
            failed_sync: 0.0,
        };
        let simulation = Simulation::new(random.clone(), faults);
        let mut wanted_order: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let world = World::open(simulation.open(), &random);
        world.topic("t", Kind::Ordered(Ordering::default())).await;
        world
            .subscribe("t", "+1", SubscriptionSettings::default())
            .await;
        let mut world = world;
        for n in 0..30 {
            let group = format!("g{}", random.below(3));
            let body = format!("{group}:{n}");
            let draft = Draft {
                body: body.clone(),
                group: Some(group.clone()),
                repeat_id: Some(n.to_string()),
                ..Draft::default()
            };
            // Told twice, it counts once.
            for _ in 0..=random.below(2) {
                world.publish("t", draft.clone()).await.unwrap();
            }
            wanted_order.entry(group).or_default().push(body);
            if random.chance(0.4) {
                let before = world.texts().len();
                world.follow(|world| world.texts().len() > before).await;
            }
            if random.chance(0.2) {
                simulation.crash();
                world = World::open(simulation.open(), &random);
            }
        }
        let count = wanted_order.values().map(Vec::len).sum::<usize>();
        world.follow(|world| world.texts().len() >= count).await;
        let mut order: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (_, body) in world.texts() {
            let group = body.split(':').next().unwrap().to_owned();
            order.entry(group).or_default().push(body);
        }
        assert_eq!(order, wanted_order, "seed {seed}");
    }
}

#[tokio::test]
async fn many_subscriptions_are_dealt_with_in_several_steps() {
    let random = Random::seeded(1);
    let world = World::open(Store::ephemeral(random.clone()), &random);
    world.topic("t", Kind::Standard).await;
    for n in 0..1_100 {
        let number = format!("+{n}");
        world
            .subscribe("t", &number, SubscriptionSettings::default())
            .await;
    }
    for body in ["a", "b"] {
        world.publish("t", plain(body)).await.unwrap();
    }
    world.follow(|world| world.texts().len() >= 2_200).await;
    let mut texts = world.texts();
    assert_eq!(texts.len(), 2_200);
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), 2_200, "each once");
}

#[tokio::test]
async fn only_what_is_wanted_and_agreed_to_is_sent() {
    let random = Random::seeded(1);
    let world = World::open(Store::ephemeral(random.clone()), &random);
    world.topic("t", Kind::Standard).await;
    let filter = FilterPolicy {
        text: r#"{"kind": ["x"]}"#.into(),
        scope: FilterScope::Attributes,
    };
    let filtered = SubscriptionSettings {
        filter: Some(filter),
        ..SubscriptionSettings::default()
    };
    world.subscribe("t", "+1", filtered).await;
    let mail = Way::Mail {
        to: "a@b".into(),
        whole: false,
    };
    let asked = wanted("t", "a@b", mail, SubscriptionSettings::default());
    let asked = world.triggers.subscribe(&asked).await.unwrap();
    let Consent::Asked { token, .. } = &asked.consent else {
        panic!("it was not asked");
    };
    let kind = |kind: &str| {
        let attribute = Attribute {
            kind: "String".into(),
            value: AttributeValue::Text(kind.into()),
        };
        BTreeMap::from([("kind".to_owned(), attribute)])
    };
    for (body, of) in [("a", "x"), ("b", "y"), ("c", "x")] {
        let draft = Draft {
            attributes: kind(of),
            ..plain(body)
        };
        world.publish("t", draft).await.unwrap();
    }
    world.follow(|world| world.texts().len() >= 2).await;
    let bodies: Vec<String> = world.texts().into_iter().map(|(_, body)| body).collect();
    assert_eq!(bodies, ["a", "c"]);
    let mails = |world: &World| {
        let sent = world.topics.outbox(100).unwrap();
        let mails = sent
            .iter()
            .filter(|one| matches!(one.parcel, Parcel::Mail { .. }));
        mails.count()
    };
    assert_eq!(mails(&world), 1, "only the question");
    let late = world.triggers.confirm(&named("t"), "0123", false).await;
    assert!(matches!(late, Err(Error::NoSuchToken)));
    world
        .triggers
        .confirm(&named("t"), token, false)
        .await
        .unwrap();
    world.publish("t", plain("d")).await.unwrap();
    world.follow(|world| mails(world) == 2).await;
    assert_eq!(mails(&world), 2);
}

#[tokio::test]
async fn a_token_is_good_for_two_days() {
    let random = Random::seeded(1);
    let world = World::open(Store::ephemeral(random.clone()), &random);
    world.topic("t", Kind::Standard).await;
    let mail = Way::Mail {
        to: "a@b".into(),
        whole: false,
    };
    let asked = wanted("t", "a@b", mail, SubscriptionSettings::default());
    let asked = world.triggers.subscribe(&asked).await.unwrap();
    let Consent::Asked { token, .. } = asked.consent else {
        panic!("it was not asked");
    };
    world.clock.advance(Duration::from_secs(2 * 24 * 3_600));
    let late = world.triggers.confirm(&named("t"), &token, false).await;
    assert!(matches!(late, Err(Error::TokenTooOld)));
}

#[tokio::test]
async fn what_is_not_taken_goes_to_the_dead_letters() {
    let random = Random::seeded(1);
    let world = World::open(Store::ephemeral(random.clone()), &random);
    world.topic("t", Kind::Standard).await;
    world.topic("dead", Kind::Standard).await;
    world
        .subscribe("dead", "+9", SubscriptionSettings::default())
        .await;
    let gone = Way::Send(Destination::Topic(named("gone")));
    let settings = SubscriptionSettings {
        dead_letters: Some(Destination::Topic(named("dead"))),
        ..SubscriptionSettings::default()
    };
    world
        .triggers
        .subscribe(&wanted("t", "gone", gone, settings))
        .await
        .unwrap();
    world.publish("t", plain("a")).await.unwrap();
    world.follow(|world| !world.texts().is_empty()).await;
    assert_eq!(world.texts(), [("+9".to_owned(), "a".to_owned())]);
}

#[tokio::test]
async fn a_topic_takes_its_subscriptions_along() {
    let random = Random::seeded(1);
    let world = World::open(Store::ephemeral(random.clone()), &random);
    world.topic("t", Kind::Standard).await;
    world
        .subscribe("t", "+1", SubscriptionSettings::default())
        .await;
    world.triggers.delete_topic(&named("t")).await.unwrap();
    world.topic("t", Kind::Standard).await;
    assert!(
        world
            .triggers
            .subscriptions(&named("t"), None, 9)
            .unwrap()
            .is_empty()
    );
    world.publish("t", plain("a")).await.unwrap();
    world
        .subscribe("t", "+2", SubscriptionSettings::default())
        .await;
    world.publish("t", plain("b")).await.unwrap();
    world
        .follow(|world| world.texts().iter().any(|(_, body)| body == "b"))
        .await;
    assert!(world.texts().iter().all(|(to, _)| to == "+2"));
}
