//! What is done in the background, and what a table is besides its items.

use super::*;
use crate::schema::EXPIRIES;

struct World {
    tables: Tables,
    store: Store,
    clock: Arc<ManualClock>,
}

async fn world() -> World {
    let store = Store::ephemeral(Random::seeded(1));
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000_000_000)));
    let tables = Tables::new(store.clone(), clock.clone(), Random::seeded(9));
    tables.create(&space(), keyed("t", None)).await.unwrap();
    World {
        tables,
        store,
        clock,
    }
}

impl World {
    async fn put(&self, name: &str, attribute: &str, value: Value) {
        let row = item([("p", text(name)), (attribute, value)]);
        self.tables.put(&space(), "t", row).await.unwrap();
    }

    /// In so many seconds.
    fn at(&self, seconds: i64) -> Value {
        let now = i64::try_from(self.clock.now().as_secs()).unwrap();
        number(&(now + seconds).to_string())
    }

    async fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        while self.tables.build().await.unwrap() {}
        let mut from = Vec::new();
        while self.tables.expire(&mut from).await.unwrap() {}
    }

    fn left(&self) -> String {
        let mut names: Vec<String> = scan_all(&self.tables, "t", None)
            .into_iter()
            .map(|item| match &item["p"] {
                Value::String(name) => name.clone(),
                _ => panic!("names are text"),
            })
            .collect();
        names.sort();
        names.concat()
    }

    fn rows(&self) -> usize {
        let view = self.store.read().unwrap();
        view.scan(&EXPIRIES.key().range(), 1_000).unwrap().len()
    }
}

use base::Clock;

#[tokio::test]
async fn items_end_when_they_say() {
    let world = world().await;
    // One that was there before.
    world.put("a", "end", world.at(5)).await;
    world
        .tables
        .set_expiry(&space(), "t", Some("end"))
        .await
        .unwrap();
    world.put("b", "end", world.at(10)).await;
    world.put("c", "end", world.at(10)).await;
    world.put("d", "end", text("never")).await;
    world.put("e", "other", world.at(1)).await;
    world.put("f", "end", world.at(-6 * 365 * 24 * 3_600)).await;
    world.put("g", "end", world.at(-1)).await;
    world.pass(4).await;
    assert_eq!(world.left(), "abcdef");
    world.pass(1).await;
    assert_eq!(world.left(), "bcdef");
    // It lives on, and its old row with it goes.
    world.put("c", "end", world.at(100)).await;
    world.pass(5).await;
    assert_eq!(world.left(), "cdef");
    assert_eq!(world.tables.describe(&space(), "t").unwrap().count.items, 4);
    world.tables.set_expiry(&space(), "t", None).await.unwrap();
    world.pass(1_000).await;
    assert_eq!(world.left(), "cdef");
    assert_eq!(world.rows(), 0);
    // What was left alone meanwhile is found again.
    world
        .tables
        .set_expiry(&space(), "t", Some("end"))
        .await
        .unwrap();
    world.pass(1).await;
    assert_eq!(world.left(), "def");
}

#[tokio::test]
async fn a_dropped_tables_items_do_not_end() {
    let world = world().await;
    world
        .tables
        .set_expiry(&space(), "t", Some("end"))
        .await
        .unwrap();
    world.pass(0).await;
    world.put("a", "end", world.at(5)).await;
    world.tables.drop_table(&space(), "t").await.unwrap();
    world
        .tables
        .create(&space(), keyed("t", None))
        .await
        .unwrap();
    world.put("a", "end", world.at(5)).await;
    world.pass(10).await;
    assert_eq!(world.left(), "a");
    assert_eq!(world.rows(), 0);
}

#[tokio::test]
async fn a_protected_table_stays() {
    let World { tables, .. } = world().await;
    let protect = |protected| Alteration {
        protected: Some(protected),
        ..Alteration::default()
    };
    tables.alter(&space(), "t", &protect(true)).await.unwrap();
    let refused = tables.drop_table(&space(), "t").await;
    assert!(matches!(refused, Err(Error::Protected(_))));
    tables.alter(&space(), "t", &protect(false)).await.unwrap();
    tables.drop_table(&space(), "t").await.unwrap();
}

#[tokio::test]
async fn a_table_is_paid_otherwise_from_then_on() {
    let World { tables, clock, .. } = world().await;
    clock.advance(Duration::from_secs(9));
    let throughput = Throughput { read: 3, write: 4 };
    let provision = Alteration {
        provisioned: Some(Some(throughput)),
        ..Alteration::default()
    };
    let altered = tables.alter(&space(), "t", &provision).await.unwrap();
    assert_eq!(altered.table.provisioned, Some(throughput));
    assert_eq!(altered.table.paid_since, clock.now());
    assert!(altered.table.created < clock.now());
}

#[tokio::test]
async fn tags_are_kept_with_their_table() {
    let World { tables, .. } = world().await;
    tables
        .set_tags(&space(), "t", |tags| {
            tags.insert("a".into(), "1".into());
            tags.insert("b".into(), "2".into());
        })
        .await
        .unwrap();
    tables
        .set_tags(&space(), "t", |tags| {
            tags.remove("a");
        })
        .await
        .unwrap();
    let tags = tables.tags(&space(), "t").unwrap();
    assert_eq!(
        tags.into_iter().collect::<Vec<_>>(),
        [("b".into(), "2".into())]
    );
    tables.drop_table(&space(), "t").await.unwrap();
    tables.create(&space(), keyed("t", None)).await.unwrap();
    assert!(tables.tags(&space(), "t").unwrap().is_empty());
}
