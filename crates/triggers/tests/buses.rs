//! From an event on a bus to where its rules say, also through crashes, refusals and time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, ManualClock, Random, Space, Timestamp};
use buses::{Archive, ArchiveChange, BusChange, Buses, DEFAULT, Event, NewReplay, ReplayState};
use functions::{Config, Functions, Launcher};
use ledger::Ledger;
use objects::Objects;
use parking_lot::Mutex;
use serde_json::{Value, json};
use store::{Faults, Position, Simulation, Store};
use tables::Tables;
use tokio_util::sync::CancellationToken;
use triggers::{
    Address, BusFollower, Connection, Destination, Extra, Input, Named, NewRule, NotPut,
    Operations, Parameter, Place, Proof, RequestParts, RetryLimits, RuleState, RuleTarget,
    Triggers, Web,
};
use wire::{Asking, FetchError, Said};

mod world;

use world::mute::Mute;
use world::plain::Plain;

/// What the outside answers to the nth request, the first being 0.
type Answers = Arc<dyn Fn(usize, &Asking) -> u16 + Send + Sync>;
type Seen = Arc<Mutex<Vec<Asking>>>;

struct World {
    buses: Buses,
    triggers: Triggers,
    follower: BusFollower,
    clock: ManualClock,
    store: Store,
    seen: Seen,
    ledger: Ledger,
    stop: CancellationToken,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl World {
    fn new() -> Self {
        Self::open(
            Store::ephemeral(Random::seeded(1)),
            Random::seeded(3),
            Seen::default(),
            Arc::new(|_, _| 200),
        )
    }

    fn open(store: Store, random: Random, seen: Seen, answers: Answers) -> Self {
        let clock = ManualClock::new(Timestamp::from_secs(1_000_000));
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let objects = Objects::new(store.clone(), shared.clone(), random.clone());
        let ledger = Ledger::new(store.clone(), ledger::Limits::default());
        let functions = Functions::open(functions::Parts {
            store: store.clone(),
            ledger: ledger.clone(),
            launcher: Launcher::new(|_, _| async {
                Err(functions::NotLaunched::Host("nothing runs here".into()))
            }),
            dialects: functions::Dialects::new(Arc::new(Mute)),
            clock: shared.clone(),
            random: random.clone(),
            code_dir: PathBuf::from("/nonexistent"),
            config: Config::default(),
        })
        .unwrap();
        let buses = Buses::new(store.clone(), shared.clone(), random.clone());
        let triggers = Triggers::new(triggers::Parts {
            schedules: schedules::Schedules::new(store.clone(), shared.clone(), random.clone()),
            tables: Tables::new(store.clone(), shared.clone(), random.clone()),
            store: store.clone(),
            objects,
            buses: buses.clone(),
            queues: queues::Queues::new(store.clone(), shared.clone(), random.clone()),
            topics: topics::Topics::new(store.clone(), shared.clone(), random.clone()),
            wording: Arc::new(triggers::Bare),
            functions,
            clock: shared,
            random,
        });
        let stop = CancellationToken::new();
        let asked = seen.clone();
        let web = Web::new(move |asking, _| {
            let status = {
                let mut asked = asked.lock();
                asked.push(asking);
                answers(asked.len() - 1, asked.last().unwrap())
            };
            async move { said(status) }
        });
        let (outgoing, until) = (triggers.clone(), stop.clone());
        tokio::spawn(async move {
            outgoing
                .run_outgoing(Arc::new(Plain), web, Operations::none(), until)
                .await
        });
        Self {
            follower: triggers.bus_follower(Arc::new(Plain)).unwrap(),
            buses,
            triggers,
            clock,
            store,
            seen,
            ledger,
            stop,
        }
    }

    async fn put(&self, bus: &str, source: &str, detail: Value) {
        let event = event(source, detail);
        let taken = self.buses.put_alone(&space(), &[(bus.into(), event)]).await;
        assert_eq!(taken.unwrap(), [true]);
    }

    /// Follows the log to its end.
    async fn follow(&mut self) {
        loop {
            let view = self.store.read().unwrap();
            let left = self.buses.happened(&view, Position::START, 1).unwrap();
            if left.is_empty() {
                return;
            }
            self.follower.step().await.unwrap();
        }
    }

    /// Waits until nothing is on its way out that could go now.
    async fn sent(&self, requests: usize) -> Vec<Asking> {
        for _ in 0..100_000 {
            if self.seen.lock().len() >= requests {
                break;
            }
            tokio::task::yield_now().await;
        }
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        let seen = self.seen.lock().clone();
        assert_eq!(seen.len(), requests);
        seen
    }

    async fn address(&self, proof: Proof, rate: u32) {
        let connection = Connection {
            space: space(),
            name: "c".into(),
            id: "1".into(),
            description: None,
            proof: Some(proof),
            extra: Extra {
                headers: vec![parameter("x-extra", "h")],
                query: vec![parameter("q", "a b")],
                body: vec![parameter("added", "yes")],
            },
            created: self.clock.now(),
            modified: self.clock.now(),
            authorized: None,
        };
        self.triggers.create_connection(&connection).await.unwrap();
        let address = Address {
            space: space(),
            name: "out".into(),
            id: "1".into(),
            description: None,
            connection: "c".into(),
            url: "http://outside/*/in".into(),
            method: "PUT".into(),
            rate,
            created: self.clock.now(),
            modified: self.clock.now(),
        };
        self.triggers.create_address(&address).await.unwrap();
    }

    async fn bus(&self, name: &str) {
        let (space, change) = (space(), BusChange::default());
        let made = self.buses.create(&space, name, change, BTreeMap::new());
        made.await.unwrap();
    }

    async fn archive(&self, change: ArchiveChange) -> Archive {
        let space = space();
        let made = self.buses.create_archive(&space, "a", DEFAULT, change);
        made.await.unwrap()
    }

    async fn switch(&self, rule: &str, state: RuleState) {
        let space = space();
        let set = self.triggers.set_rule_state(&space, DEFAULT, rule, state);
        set.await.unwrap();
    }

    async fn remove(&self, bus: &str, rule: &str, ids: &[String]) -> Vec<String> {
        let space = space();
        let removed = self.triggers.remove_targets(&space, bus, rule, ids);
        removed.await.unwrap()
    }

    async fn targets(&self, bus: &str, rule: &str, targets: &[RuleTarget]) -> Result<(), NotPut> {
        let space = space();
        let put = self
            .triggers
            .put_targets(&space, bus, rule, targets, &|_| true);
        put.await.unwrap()
    }

    async fn rule(&self, bus: &str, name: &str, pattern: Value, target: RuleTarget) {
        let rule = rule(bus, name, &pattern);
        self.triggers.put_rule(&rule).await.unwrap();
        self.targets(bus, name, &[target]).await.unwrap();
    }
}

fn said(status: u16) -> Result<Said, FetchError> {
    match status {
        0 => Err(FetchError::TimedOut),
        status => Ok(Said {
            status,
            headers: http::HeaderMap::new(),
            body: Ok(
                json!({"access_token": format!("token {status}"), "expires_in": 100})
                    .to_string()
                    .into(),
            ),
        }),
    }
}

fn parameter(name: &str, value: &str) -> Parameter {
    Parameter {
        name: name.into(),
        value: value.into(),
        is_secret: false,
    }
}

fn space() -> Space {
    Space::new("test")
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "details are written where they are used"
)]
fn event(source: &str, detail: Value) -> Event {
    Event {
        id: format!("{source}-{detail}"),
        space: space(),
        source: source.into(),
        kind: "k".into(),
        resources: Vec::new(),
        detail: detail.to_string().into(),
        at: Timestamp::from_secs(1_000_000),
        taken: Timestamp::from_secs(1_000_000),
        trace: None,
        passed_on: false,
        replayed: None,
    }
}

fn rule(bus: &str, name: &str, pattern: &Value) -> NewRule {
    NewRule {
        space: space(),
        bus: bus.into(),
        name: name.into(),
        pattern: Some(pattern.to_string()),
        schedule: None,
        state: RuleState::Enabled,
        description: None,
        role: None,
        tags: BTreeMap::new(),
    }
}

fn target(to: Place) -> RuleTarget {
    RuleTarget {
        id: "t".into(),
        to,
        named: "named".into(),
        role: None,
        input: Input::Whole,
        retries: None,
        dead_letters: None,
        group: None,
        request: RequestParts::default(),
    }
}

fn outside() -> RuleTarget {
    target(Place::Address("out".into()))
}

fn bus(name: &str) -> Destination {
    Destination::Bus(Named {
        space: space(),
        name: name.into(),
    })
}

fn password() -> Proof {
    Proof::Password {
        user: "u".into(),
        password: "p".into(),
    }
}

fn body(asking: &Asking) -> Value {
    serde_json::from_slice(&asking.body).unwrap()
}

#[tokio::test]
async fn an_event_goes_to_the_targets_of_the_rules_that_want_it_as_they_say() {
    let mut world = World::new();
    world.address(password(), u32::MAX).await;
    let mut filled = outside();
    filled.input = Input::Template {
        paths: [("n".to_owned(), "$.detail.n".to_owned())].into(),
        template: "{\"n\": <n>, \"rule\": \"<rule>\"}".into(),
    };
    filled.request = RequestParts {
        fill: vec!["$.source".into()],
        headers: [("X-Kind".to_owned(), "$.kind".to_owned())].into(),
        query: [("fixed".to_owned(), "1".to_owned())].into(),
    };
    world
        .rule(DEFAULT, "r", json!({"source": ["a/b"]}), filled)
        .await;
    world.put(DEFAULT, "other", json!({"n": 1})).await;
    world.put(DEFAULT, "a/b", json!({"n": 2})).await;
    world.follow().await;
    let sent = world.sent(1).await;
    let asked = &sent[0];
    assert_eq!(asked.method, "PUT");
    assert_eq!(asked.url, "http://outside/a%2Fb/in?fixed=1&q=a%20b");
    assert_eq!(body(asked), json!({"n": 2, "rule": "r", "added": "yes"}));
    for (name, value) in [
        ("authorization", "Basic dTpw"),
        ("content-type", "application/json"),
        ("x-kind", "k"),
        ("x-extra", "h"),
    ] {
        assert_eq!(asked.headers.get(name).unwrap(), value);
    }
    assert_eq!(world.triggers.outgoing(10).unwrap(), 0);
}

#[tokio::test]
async fn an_event_meets_the_rules_of_its_time() {
    let mut world = World::new();
    world.address(password(), u32::MAX).await;
    world.put(DEFAULT, "s", json!({"n": 0})).await;
    world
        .rule(DEFAULT, "r", json!({"source": ["s"]}), outside())
        .await;
    world.put(DEFAULT, "s", json!({"n": 1})).await;
    world.switch("r", RuleState::Disabled).await;
    world.put(DEFAULT, "s", json!({"n": 2})).await;
    world.follow().await;
    world.switch("r", RuleState::Enabled).await;
    world.put(DEFAULT, "s", json!({"n": 3})).await;
    world.follow().await;
    let both = ["t".into(), "x".into()];
    assert_eq!(world.remove(DEFAULT, "r", &both).await, ["x"]);
    world.put(DEFAULT, "s", json!({"n": 4})).await;
    world.follow().await;
    let numbers: Vec<Value> = world
        .sent(1)
        .await
        .iter()
        .map(|asked| body(asked)["detail"]["n"].clone())
        .collect();
    // What was not followed before the rule was switched off meets it as it is.
    assert_eq!(numbers, [json!(3)]);
}

#[tokio::test]
async fn a_rule_with_targets_stays_and_so_does_its_bus() {
    let world = World::new();
    world.bus("own").await;
    world
        .rule(
            "own",
            "r",
            json!({"source": ["s"]}),
            target(Place::Ours(bus(DEFAULT))),
        )
        .await;
    let refused = world.triggers.delete_rule(&space(), "own", "r").await;
    assert!(matches!(refused, Err(triggers::Error::RuleHasTargets(_))));
    let refused = world.triggers.delete_bus(&space(), "own").await;
    assert!(matches!(refused, Err(triggers::Error::BusHasRules(_))));
    let (space, change) = (space(), BusChange::default());
    let refused = world.buses.create(&space, "own", change, BTreeMap::new());
    assert!(matches!(refused.await, Err(buses::Error::BusExists(_))));
    let many: Vec<RuleTarget> = (0..6)
        .map(|n| RuleTarget {
            id: n.to_string(),
            ..outside()
        })
        .collect();
    let put = world.targets("own", "r", &many).await;
    assert_eq!(put, Err(NotPut::TooMany));
    world.remove("own", "r", &["t".into()]).await;
    world
        .triggers
        .delete_rule(&space, "own", "r")
        .await
        .unwrap();
    assert!(world.triggers.delete_bus(&space, "own").await.unwrap());
}

/// Two buses that send each other all they get.
#[tokio::test]
async fn buses_in_a_ring_come_to_an_end_and_say_where() {
    let mut world = World::new();
    world.address(password(), u32::MAX).await;
    for name in ["left", "right", "dead"] {
        world.bus(name).await;
    }
    let any = json!({"source": [{"exists": true}]});
    for (from, to) in [("left", "right"), ("right", "left")] {
        let mut pass = target(Place::Ours(bus(to)));
        pass.dead_letters = Some(bus("dead"));
        world.rule(from, "pass", any.clone(), pass).await;
        world.rule(from, "out", any.clone(), outside()).await;
    }
    world
        .rule(
            "dead",
            "out",
            json!({"detail": {"source": ["s"]}}),
            outside(),
        )
        .await;
    world.put("left", "s", json!({})).await;
    world.follow().await;
    let sent = world.sent(3).await;
    let detail = |asked: &Asking| body(asked)["detail"].clone();
    let letters = sent.iter().filter(|asked| detail(asked)["source"] == "s");
    assert_eq!(
        letters.count(),
        1,
        "of the event that was to go to a third bus"
    );
}

#[tokio::test]
async fn what_fails_outside_is_tried_again_until_it_is_too_old_or_too_often() {
    for (status, limits, attempts, ended) in [
        (500, Some((Some(2), None)), 3, "TooOften"),
        (429, Some((Some(0), None)), 1, "TooOften"),
        (0, Some((None, Some(60))), 6, "TooOld"),
        (400, None, 1, "InVain"),
        (302, None, 1, "InVain"),
    ] {
        let answers = move |_: usize, asked: &Asking| match asked.url.contains("dead") {
            true => 200,
            false => status,
        };
        let store = Store::ephemeral(Random::seeded(1));
        let mut world = World::open(store, Random::seeded(3), Seen::default(), Arc::new(answers));
        world.address(password(), u32::MAX).await;
        world.bus("dead").await;
        let mut failing = outside();
        failing.retries = limits.map(|(most, age)| RetryLimits {
            most,
            age: age.map(Duration::from_secs),
        });
        failing.dead_letters = Some(bus("dead"));
        let mut letters = outside();
        letters.request.fill = vec!["dead".into()];
        world
            .rule(DEFAULT, "r", json!({"source": ["s"]}), failing)
            .await;
        let any = json!({"source": [{"exists": true}]});
        world.rule("dead", "r", any, letters).await;
        world.put(DEFAULT, "s", json!({"n": 1})).await;
        world.follow().await;
        for made in 1..attempts {
            world.sent(made).await;
            // As long as it takes to the next attempt.
            world.clock.advance(Duration::from_secs(1 << (made - 1)));
        }
        world.sent(attempts).await;
        assert_eq!(world.triggers.outgoing(10).unwrap(), 0, "{status} {ended}");
        world.follow().await;
        let sent = world.sent(attempts + 1).await;
        let letter = body(sent.last().unwrap());
        assert_eq!(letter["detail"]["detail"]["n"], 1, "{status} {ended}");
    }
}

#[tokio::test]
async fn time_that_is_moved_waits_for_who_is_asked_outside_but_not_for_the_next_attempt() {
    let held = Arc::new(Mutex::new(Vec::new()));
    let clock: Arc<Mutex<Option<ManualClock>>> = Arc::default();
    let (noted, seen) = (held.clone(), clock.clone());
    let answers = move |nth: usize, _: &Asking| {
        let clock = seen
            .lock()
            .clone()
            .expect("it is there before anything is sent");
        noted.lock().push(clock.held());
        if nth == 0 { 500 } else { 200 }
    };
    let store = Store::ephemeral(Random::seeded(1));
    let mut world = World::open(store, Random::seeded(3), Seen::default(), Arc::new(answers));
    *clock.lock() = Some(world.clock.clone());
    world.address(password(), u32::MAX).await;
    let wanted = json!({"source": ["s"]});
    world.rule(DEFAULT, "r", wanted, outside()).await;
    world.put(DEFAULT, "s", json!({})).await;
    world.follow().await;
    world.sent(1).await;
    assert_eq!(world.clock.held(), 0);
    world.clock.advance(Duration::from_secs(1));
    world.sent(2).await;
    assert_eq!(*held.lock(), [1, 1]);
    assert_eq!(world.clock.held(), 0);
}

#[tokio::test]
async fn a_log_group_is_told_the_event_or_what_a_template_makes_of_it() {
    let mut world = World::new();
    let group = Named {
        space: space(),
        name: "/events/g".into(),
    };
    let whole = target(Place::Log(group.clone()));
    let mut worded = whole.clone();
    let paths = [("n", "$.detail.n")].map(|(name, path)| (name.into(), path.into()));
    worded.input = Input::Template {
        paths: paths.into(),
        template: r#"{"timestamp": 7000, "message": "there are <n>"}"#.into(),
    };
    let wanted = json!({"source": ["s"]});
    world.rule(DEFAULT, "a", wanted.clone(), whole).await;
    world.rule(DEFAULT, "b", wanted, worded).await;
    world.put(DEFAULT, "s", json!({"n": 3})).await;
    world.follow().await;
    for _ in 0..10_000 {
        if world.triggers.outgoing(10).unwrap() == 0 {
            break;
        }
        tokio::task::yield_now().await;
    }
    let group = ledger::Group {
        space: space(),
        name: "/events/g".into(),
    };
    let mut lines = world.ledger.newest_lines(&group, 10).unwrap();
    lines.sort_by(|a, b| a.stream.cmp(&b.stream));
    let told = lines.iter().map(|line| line.line.text.as_str());
    let told: Vec<&str> = told.collect();
    assert_eq!(told.len(), 2);
    let event: Value = serde_json::from_str(told[0]).unwrap();
    assert_eq!(event["detail"]["n"], 3);
    assert_eq!(told[1], "there are 3");
    assert_eq!(lines[1].line.at, Timestamp::from_secs(7));
}

#[tokio::test]
async fn an_address_is_not_asked_faster_than_its_rate() {
    let mut world = World::new();
    world.address(password(), 2).await;
    world
        .rule(DEFAULT, "r", json!({"source": ["s"]}), outside())
        .await;
    for n in 0..3 {
        world.put(DEFAULT, "s", json!({"n": n})).await;
    }
    world.follow().await;
    for sent in 1..=3 {
        world.sent(sent).await;
        world.clock.advance(Duration::from_millis(500));
    }
    assert_eq!(world.triggers.outgoing(10).unwrap(), 0);
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_again_when_it_is_refused() {
    // Asked for a token, used; used again and refused; asked for anew, used.
    let answers = |n: usize, asked: &Asking| match (n, asked.url.contains("token")) {
        (_, true) => 201,
        (2, _) => 401,
        _ => 200,
    };
    let store = Store::ephemeral(Random::seeded(1));
    let mut world = World::open(store, Random::seeded(3), Seen::default(), Arc::new(answers));
    let proof = Proof::Token {
        url: "http://outside/token".into(),
        method: "POST".into(),
        client: "id".into(),
        secret: "secret".into(),
        extra: Extra {
            body: vec![parameter("scope", "a b")],
            ..Extra::default()
        },
    };
    world.address(proof, u32::MAX).await;
    world
        .rule(DEFAULT, "r", json!({"source": ["s"]}), outside())
        .await;
    world.put(DEFAULT, "s", json!({"n": 0})).await;
    world.follow().await;
    world.sent(2).await;
    world.put(DEFAULT, "s", json!({"n": 1})).await;
    world.follow().await;
    world.sent(3).await;
    world.clock.advance(Duration::from_secs(1));
    let sent = world.sent(5).await;
    assert_eq!(sent[0].headers["authorization"], "Basic aWQ6c2VjcmV0");
    assert_eq!(
        sent[0].body,
        "scope=a%20b&grant%5Ftype=client%5Fcredentials"
    );
    for used in [1, 2, 4] {
        assert_eq!(sent[used].headers["authorization"], "Bearer token 201");
    }
    assert!(sent[3].url.ends_with("/token"));
}

#[tokio::test]
async fn an_archive_keeps_what_it_should_and_a_replay_puts_it_on_the_bus_again() {
    let mut world = World::new();
    world.address(password(), u32::MAX).await;
    world
        .rule(DEFAULT, "one", json!({"source": ["s"]}), outside())
        .await;
    world
        .rule(DEFAULT, "two", json!({"source": ["s"]}), outside())
        .await;
    let change = ArchiveChange {
        pattern: Some(Some(json!({"detail": {"keep": [true]}}).to_string())),
        days: Some(Some(1)),
        ..ArchiveChange::default()
    };
    let archive = world.archive(change).await;
    for n in 0..200 {
        world
            .put(DEFAULT, "s", json!({"n": n, "keep": n % 2 == 0}))
            .await;
    }
    world.follow().await;
    world.sent(400).await;
    assert_eq!(world.buses.holdings(&archive).unwrap().events, 100);
    let replay = NewReplay {
        space: space(),
        name: "again".into(),
        description: None,
        archive: "a".into(),
        bus: DEFAULT.into(),
        rules: vec!["two".into()],
        from: Timestamp::from_secs(0),
        to: Timestamp::from_secs(2_000_000),
    };
    world.buses.start_replay(&replay).await.unwrap();
    while world.buses.replay_some().await.unwrap() {}
    world.follow().await;
    let sent = world.sent(500).await;
    let replayed = sent[400..].iter().map(body);
    let replayed: Vec<Value> = replayed
        .filter(|event| event["replay"] == "again")
        .collect();
    assert_eq!(replayed.len(), 100, "one rule gets each once");
    let state = world.buses.replay(&space(), "again").unwrap().state;
    assert_eq!(state, ReplayState::Completed);
    // What was replayed is not kept a second time.
    assert_eq!(world.buses.holdings(&archive).unwrap().events, 100);
    world.clock.advance(Duration::from_secs(24 * 60 * 60));
    while world.buses.expire_some().await.unwrap().is_none() {}
    assert_eq!(world.buses.holdings(&archive).unwrap().events, 0);
}

#[tokio::test]
async fn a_replay_can_be_cancelled_and_needs_the_bus_of_its_archive() {
    let mut world = World::new();
    world.archive(ArchiveChange::default()).await;
    world.put(DEFAULT, "s", json!({})).await;
    world.follow().await;
    let replay = |name: &str, bus: &str| NewReplay {
        space: space(),
        name: name.into(),
        description: None,
        archive: "a".into(),
        bus: bus.into(),
        rules: Vec::new(),
        from: Timestamp::from_secs(0),
        to: Timestamp::from_secs(2_000_000),
    };
    let refused = world.buses.start_replay(&replay("x", "other")).await;
    assert!(matches!(refused, Err(buses::Error::OtherBus)));
    world
        .buses
        .start_replay(&replay("x", DEFAULT))
        .await
        .unwrap();
    world.buses.cancel_replay(&space(), "x").await.unwrap();
    while world.buses.replay_some().await.unwrap() {}
    let state = world.buses.replay(&space(), "x").unwrap().state;
    assert_eq!(state, ReplayState::Cancelled);
    let over = world.buses.cancel_replay(&space(), "x").await;
    assert!(matches!(over, Err(buses::Error::ReplayOver(_))));
}

/// Events that were acknowledged, through crashes that take back whatever was not synced.
#[tokio::test]
async fn an_acknowledged_event_reaches_every_target_that_wants_it_through_any_crash() {
    for seed in 0..40 {
        let random = Random::seeded(seed);
        let faults = Faults {
            conflict: 0.2,
            failed_sync: 0.0,
        };
        let simulation = Simulation::new(random.clone(), faults);
        let seen = Seen::default();
        let ok: Answers = Arc::new(|_, _| 200);
        let mut world = World::open(simulation.open(), random.clone(), seen.clone(), ok.clone());
        world.address(password(), 1_000).await;
        for n in 0..3 {
            let wants = json!({"detail": {"for": [n]}});
            let mut target = outside();
            target.request.fill = vec![n.to_string()];
            world.rule(DEFAULT, &format!("r{n}"), wants, target).await;
        }
        let mut wanted = BTreeSet::new();
        for n in 0..20 {
            let to = random.below(4);
            world.put(DEFAULT, "s", json!({"n": n, "for": to})).await;
            if to < 3 {
                wanted.insert((n, to));
            }
            if random.chance(0.5) {
                world.follow().await;
            }
            for _ in 0..random.below(20) {
                tokio::task::yield_now().await;
            }
            if random.chance(0.3) {
                simulation.crash();
                drop(world);
                world = World::open(simulation.open(), random.clone(), seen.clone(), ok.clone());
            }
        }
        world.follow().await;
        for _ in 0..10_000 {
            if world.triggers.outgoing(1).unwrap() == 0 {
                break;
            }
            // Some wait for their turn.
            world.clock.advance(Duration::from_millis(10));
            tokio::task::yield_now().await;
        }
        let got: BTreeSet<(u64, u64)> = seen
            .lock()
            .iter()
            .map(|asked| {
                let detail = body(asked)["detail"].clone();
                (
                    detail["n"].as_u64().unwrap(),
                    detail["for"].as_u64().unwrap(),
                )
            })
            .collect();
        assert_eq!(got, wanted, "seed {seed}");
    }
}
