//! What a feed tells, against what was done to its table.

use std::collections::BTreeSet;

use store::Position;

use super::*;
use crate::schema::{COUNTS, FEEDS, FORGOTTEN};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const HOUR: Duration = Duration::from_secs(60 * 60);

fn told(name: &str, images: Images) -> NewTable {
    NewTable {
        feed: Some(images.into()),
        ..keyed(name, Some(KeyType::String))
    }
}

/// With a clock that the test moves.
fn timed(store: &Store) -> (Tables, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000)));
    let tables = Tables::new(store.clone(), clock.clone(), Random::seeded(9));
    (tables, clock)
}

fn row(p: &str, s: &str, v: &str) -> Item {
    item([("p", text(p)), ("s", text(s)), ("v", text(v))])
}

fn key(p: &str, s: &str) -> Item {
    item([("p", text(p)), ("s", text(s))])
}

fn feed_of(tables: &Tables, table: &str) -> Feed {
    let feeds = tables.feeds(&space(), Some(table), None, 10).unwrap().feeds;
    feeds.into_iter().next_back().unwrap()
}

fn read_shard(tables: &Tables, feed: &Feed, shard: ShardId, limit: usize) -> Vec<ItemChange> {
    let mut all = Vec::new();
    let mut since = Since::Oldest;
    loop {
        let reading = Reading {
            shard,
            since,
            limit,
            bytes: 1 << 20,
        };
        let Changes { changes, next } = tables.changes(feed, &reading).unwrap();
        let none = changes.is_empty();
        all.extend(changes);
        match next {
            Some(next) if !none => since = Since::After(next),
            _ => return all,
        }
    }
}

fn read_all(tables: &Tables, feed: &Feed) -> Vec<ItemChange> {
    let shards = tables.shards(feed).unwrap();
    let mut all: Vec<ItemChange> = shards
        .iter()
        .flat_map(|shard| read_shard(tables, feed, shard.id, 3))
        .collect();
    all.sort_by_key(|change| change.position);
    all
}

async fn put(tables: &Tables, table: &str, row: Item) {
    tables.put(&space(), table, row).await.unwrap();
}

#[tokio::test]
async fn each_view_tells_what_it_says_and_what_changes_nothing_is_not_told() {
    use ItemChangeKind::{Inserted, Modified, Removed};
    for images in [Images::Neither, Images::New, Images::Old, Images::Both] {
        let (tables, _) = fresh();
        tables.create(&space(), told("t", images)).await.unwrap();
        let write = async |write: Write| tables.write(&space(), &write).await.unwrap();
        let (one, two) = (row("p", "s", "one"), row("p", "s", "two"));
        write(Write::delete("t", key("p", "s"))).await;
        write(Write::put("t", one.clone())).await;
        write(Write::put("t", one.clone())).await;
        write(Write::check("t", key("p", "s"))).await;
        let set = |v: &str| Update {
            changes: vec![(Path::attribute("v"), Change::Set(Term::Value(text(v))))],
        };
        write(Write::update("t", key("p", "s"), set("one"))).await;
        write(Write::update("t", key("p", "s"), set("two"))).await;
        write(Write::delete("t", key("p", "s"))).await;

        let changes = read_all(&tables, &feed_of(&tables, "t"));
        let olds = [None, Some(&one), Some(&two)];
        let news = [Some(&one), Some(&two), None];
        let kinds = [Inserted, Modified, Removed];
        assert_eq!(changes.len(), 3, "{images:?}");
        for (at, change) in changes.iter().enumerate() {
            let old = olds[at].filter(|_| matches!(images, Images::Old | Images::Both));
            let new = news[at].filter(|_| matches!(images, Images::New | Images::Both));
            assert_eq!(change.kind, kinds[at]);
            assert_eq!(change.key, key("p", "s"));
            assert_eq!((change.old.as_ref(), change.new.as_ref()), (old, new));
            let images: usize = old.iter().chain(&new).map(|item| item_size(item)).sum();
            assert_eq!(change.bytes, item_size(&change.key) + images);
            assert!(!change.expired);
        }
    }
}

#[tokio::test]
async fn a_table_without_a_feed_writes_no_more_than_before() {
    let (tables, store) = fresh();
    tables.create(&space(), keyed("t", None)).await.unwrap();
    put(&tables, "t", item([("p", text("a"))])).await;
    let view = store.read().unwrap();
    let logs = store::Key::new(store::Keyspace::Log, 0);
    assert!(view.scan(&logs.range(), 1).unwrap().is_empty());
    assert!(view.scan(&FEEDS.key().range(), 1).unwrap().is_empty());
}

#[tokio::test]
async fn a_feed_is_begun_once_ended_once_and_read_for_a_day_after() {
    let store = Store::ephemeral(Random::seeded(1));
    let (tables, clock) = timed(&store);
    tables
        .create(&space(), keyed("t", Some(KeyType::String)))
        .await
        .unwrap();
    let alter = async |feed: Option<Images>| {
        let feed = Some(feed.map(NewFeed::from));
        let alteration = Alteration {
            feed,
            ..Alteration::default()
        };
        tables.alter(&space(), "t", &alteration).await
    };
    assert!(matches!(alter(None).await, Err(Error::NoFeed(_))));
    put(&tables, "t", row("p", "s", "before")).await;
    alter(Some(Images::New)).await.unwrap();
    assert!(matches!(
        alter(Some(Images::New)).await,
        Err(Error::FeedExists(_))
    ));
    put(&tables, "t", row("p", "s", "within")).await;
    alter(None).await.unwrap();
    put(&tables, "t", row("p", "s", "between")).await;
    // In the same millisecond: it is another feed all the same.
    let again = alter(Some(Images::Both)).await.unwrap();
    put(&tables, "t", row("p", "s", "after")).await;

    let feeds = tables.feeds(&space(), None, None, 1).unwrap();
    assert!(feeds.more);
    let first = &feeds.feeds[0];
    let rest = tables
        .feeds(&space(), None, Some(("t", first.began)), 5)
        .unwrap();
    assert_eq!((rest.feeds.len(), rest.more), (1, false));
    assert_eq!(
        Some(rest.feeds[0].began),
        again.table.feed.map(|feed| feed.began)
    );
    let news = |feed: &Feed| -> Vec<Item> {
        let changes = read_all(&tables, feed);
        changes
            .into_iter()
            .filter_map(|change| change.new)
            .collect()
    };
    assert_eq!(news(first), [row("p", "s", "within")]);
    assert_eq!(news(&rest.feeds[0]), [row("p", "s", "after")]);
    let closed = tables.shards(first).unwrap();
    assert!(closed.iter().all(|shard| shard.end.is_some()));

    tables.drop_table(&space(), "t").await.unwrap();
    assert_eq!(news(&feed_of(&tables, "t")), [row("p", "s", "after")]);
    clock.advance(DAY - Duration::from_secs(1));
    tables.tend_feeds().await.unwrap();
    assert_eq!(news(first).len(), 1);
    clock.advance(Duration::from_secs(1));
    tables.tend_feeds().await.unwrap();
    assert!(
        tables
            .feeds(&space(), None, None, 5)
            .unwrap()
            .feeds
            .is_empty()
    );
    let gone = tables.shards(first);
    assert!(matches!(gone, Err(Error::NoSuchFeed(_))));
    let view = store.read().unwrap();
    let logs = store::Key::new(store::Keyspace::Log, 0);
    for range in [logs.range(), FORGOTTEN.key().range()] {
        assert!(view.scan(&range, 1).unwrap().is_empty());
    }
}

#[tokio::test]
async fn it_is_known_when_there_is_something_to_do_again() {
    let (tables, clock) = timed(&Store::ephemeral(Random::seeded(1)));
    assert_eq!(tables.feeds_due(), None);
    tables
        .create(&space(), told("t", Images::New))
        .await
        .unwrap();
    let began = clock.now();
    // Nobody waits for shards to turn to which nothing was written, but they do.
    assert_eq!(tables.feeds_due(), None);
    clock.advance(5 * HOUR);
    assert_eq!(tables.feeds_due(), Some(began + 4 * HOUR));
    tables.tend_feeds().await.unwrap();
    assert_eq!(tables.feeds_due(), None);
    let began = clock.now();
    put(&tables, "t", row("p", "s", "v")).await;
    assert_eq!(tables.feeds_due(), Some(began + 4 * HOUR));
    clock.advance(21 * HOUR);
    tables.tend_feeds().await.unwrap();
    // Before the next turn there is a change to be forgotten, at the end of its minute.
    let due = tables.feeds_due().unwrap();
    assert_eq!(due, began + DAY + Duration::from_secs(20));
    clock.advance(due.since(clock.now()));
    tables.tend_feeds().await.unwrap();
    assert_eq!(tables.feeds_due(), None);
}

#[tokio::test]
async fn shards_turn_and_each_goes_on_from_its_parent() {
    let (tables, clock) = timed(&Store::ephemeral(Random::seeded(1)));
    tables
        .create(&space(), told("t", Images::New))
        .await
        .unwrap();
    let feed = feed_of(&tables, "t");
    let put_some = async |v: &str| {
        for p in 0..20 {
            put(&tables, "t", row(&p.to_string(), "s", v)).await;
        }
    };
    put_some("one").await;
    clock.advance(4 * HOUR - Duration::from_secs(1));
    tables.tend_feeds().await.unwrap();
    let before = tables.shards(&feed).unwrap();
    assert_eq!(before.len(), 4);
    assert!(
        before
            .iter()
            .all(|shard| shard.parent.is_none() && shard.end.is_none())
    );
    clock.advance(Duration::from_secs(1));
    tables.tend_feeds().await.unwrap();
    tables.tend_feeds().await.unwrap();
    put_some("two").await;

    let shards = tables.shards(&feed).unwrap();
    let (old, new) = shards.split_at(4);
    assert_eq!(new.len(), 4);
    for (old, new) in old.iter().zip(new) {
        assert_eq!(new.parent, Some(old.id));
        assert_eq!(old.end, Some(new.start));
        assert_eq!(new.end, None);
    }
    for (shards, v) in [(old, "one"), (new, "two")] {
        let mut seen = BTreeSet::new();
        for shard in shards {
            let changes = read_shard(&tables, &feed, shard.id, 100);
            assert!(!changes.is_empty(), "20 keys fall into all 4 partitions");
            for change in changes {
                let new = change.new.unwrap();
                assert_eq!(new["v"], text(v));
                seen.insert(new["p"].clone());
            }
        }
        assert_eq!(seen.len(), 20, "each key is in one shard");
    }
    let end = tables.newest_change(&feed, old[0].id).unwrap();
    let reading = Reading {
        shard: old[0].id,
        since: Since::After(end),
        limit: 10,
        bytes: 1 << 20,
    };
    let page = tables.changes(&feed, &reading).unwrap();
    assert_eq!(
        (page.changes.len(), page.next),
        (0, None),
        "closed and read"
    );
}

#[tokio::test]
async fn changes_are_kept_for_a_day_and_then_a_reader_is_told_that_it_is_late() {
    let store = Store::ephemeral(Random::seeded(1));
    let (tables, clock) = timed(&store);
    tables
        .create(&space(), told("t", Images::New))
        .await
        .unwrap();
    let feed = feed_of(&tables, "t");
    // Of one key, and so in one partition; more than are forgotten at once.
    for n in 0..50 {
        put(&tables, "t", row("p", "s", &n.to_string())).await;
    }
    let all = read_all(&tables, &feed);
    assert_eq!(all.len(), 50);
    clock.advance(HOUR);
    put(&tables, "t", row("p", "s", "late")).await;
    clock.advance(23 * HOUR - Duration::from_secs(1));
    tables.tend_feeds().await.unwrap();
    assert_eq!(read_all(&tables, &feed).len(), 51);
    clock.advance(Duration::from_secs(1));
    tables.tend_feeds().await.unwrap();
    let kept = read_all(&tables, &feed);
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].new.as_ref().unwrap()["v"], text("late"));

    let shard = tables
        .shards(&feed)
        .unwrap()
        .into_iter()
        .find(|shard| !read_shard(&tables, &feed, shard.id, 1).is_empty())
        .unwrap();
    let reading = |since| Reading {
        shard: shard.id,
        since,
        limit: 10,
        bytes: 1 << 20,
    };
    for late in [Since::After(all[48].position), Since::At(all[49].position)] {
        let late = tables.changes(&feed, &reading(late));
        assert!(matches!(late, Err(Error::Forgotten)));
    }
    for in_time in [
        Since::After(all[49].position),
        Since::At(kept[0].position),
        Since::Oldest,
    ] {
        let page = tables.changes(&feed, &reading(in_time)).unwrap();
        assert_eq!(page.changes, kept);
    }
    clock.advance(DAY);
    tables.tend_feeds().await.unwrap();
    let gone = tables.changes(&feed, &reading(Since::Oldest));
    assert!(matches!(gone, Err(Error::NoSuchShard)), "closed a day ago");
    let shards = tables.shards(&feed).unwrap();
    assert!(shards.iter().all(|shard| shard.parent.is_some()));
}

#[tokio::test]
async fn a_page_ends_at_its_count_and_at_its_bytes() {
    let (tables, _) = fresh();
    tables
        .create(&space(), told("t", Images::New))
        .await
        .unwrap();
    let feed = feed_of(&tables, "t");
    for n in 0..40 {
        put(
            &tables,
            "t",
            row("p", &format!("{n:02}"), &"x".repeat(1_000)),
        )
        .await;
    }
    let shard = read_all(&tables, &feed)[0].position;
    let shard = tables
        .shards(&feed)
        .unwrap()
        .into_iter()
        .find(|at| {
            read_shard(&tables, &feed, at.id, 1)
                .first()
                .map(|c| c.position)
                == Some(shard)
        })
        .unwrap();
    let page = |limit, bytes| {
        let reading = Reading {
            shard: shard.id,
            since: Since::Oldest,
            limit,
            bytes,
        };
        tables.changes(&feed, &reading).unwrap()
    };
    assert_eq!(page(7, 1 << 20).changes.len(), 7);
    assert_eq!(page(1_000, 1 << 20).changes.len(), 40);
    let each = page(1, 1 << 20).changes[0].bytes;
    assert_eq!(page(1_000, each * 20).changes.len(), 20);
    assert_eq!(page(1_000, each * 21 - 1).changes.len(), 20);
    assert_eq!(page(1_000, 1).changes.len(), 1, "one is read in any case");
    let first = page(1_000, each * 20);
    let last = first.changes.last().map(|change| change.position);
    assert_eq!(first.next, last);
}

#[tokio::test]
async fn what_ends_by_itself_is_told_as_such() {
    let (tables, clock) = timed(&Store::ephemeral(Random::seeded(1)));
    tables
        .create(&space(), told("t", Images::Old))
        .await
        .unwrap();
    tables
        .set_expiry(&space(), "t", Some("ends"))
        .await
        .unwrap();
    while tables.build().await.unwrap() {}
    let mut mortal = row("p", "s", "v");
    mortal.insert("ends".into(), number("1010"));
    put(&tables, "t", mortal.clone()).await;
    clock.advance(Duration::from_secs(20));
    while tables.expire(&mut Vec::new()).await.unwrap() {}
    let changes = read_all(&tables, &feed_of(&tables, "t"));
    let last = changes.last().unwrap();
    assert_eq!((last.kind, last.expired), (ItemChangeKind::Removed, true));
    assert_eq!(last.old, Some(mortal));
    assert_eq!(last.at, Timestamp::from_secs(1_020));
}

#[tokio::test]
async fn whoever_waits_hears_of_a_change_and_of_the_end() {
    let (tables, clock) = timed(&Store::ephemeral(Random::seeded(1)));
    let one = NewTable {
        provisioned: Some(Throughput { read: 5, write: 5 }),
        ..told("t", Images::New)
    };
    tables.create(&space(), one).await.unwrap();
    let feed = feed_of(&tables, "t");
    let shards = tables.shards(&feed).unwrap();
    assert_eq!(
        shards.len(),
        1,
        "as few partitions as it is provisioned for"
    );
    let shard = shards[0].id;
    let newest = tables.newest_change(&feed, shard).unwrap();
    let (waited, ()) = tokio::join!(tables.changed(&feed, shard, newest), async {
        put(&tables, "t", row("p", "s", "v")).await;
    });
    waited.unwrap();
    let after = tables.newest_change(&feed, shard).unwrap();
    assert!(after > newest);
    let mut waiting = Box::pin(tables.changed(&feed, shard, after));
    tokio::select! {
        biased;
        _ = &mut waiting => panic!("nothing has happened"),
        () = tokio::task::yield_now() => {}
    }
    clock.advance(4 * HOUR);
    let (waited, tended) = tokio::join!(waiting, tables.tend_feeds());
    waited.unwrap();
    tended.unwrap();
    assert_eq!(
        tables.newest_change(&feed, shard).unwrap(),
        after.max(tables.shards(&feed).unwrap()[0].end.unwrap())
    );
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8, u8),
    Delete(u8),
    Move(u8, u8, u8),
    Many(Vec<(u8, u8)>),
    Later(u16),
    Tend,
    Crash,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..12_u8, 0..3_u8).prop_map(|(k, v)| Step::Put(k, v)),
        2 => (0..12_u8).prop_map(Step::Delete),
        2 => (0..12_u8, 0..12_u8, 0..3_u8).prop_map(|(a, b, v)| Step::Move(a, b, v)),
        1 => proptest::collection::vec((0..12_u8, 0..3_u8), 1..5).prop_map(Step::Many),
        2 => (0..400_u16).prop_map(Step::Later),
        2 => Just(Step::Tend),
        1 => Just(Step::Crash),
    ]
}

/// What was told so far, by somebody who reads on from where it stopped in each shard.
#[derive(Default)]
struct Reader {
    cursors: BTreeMap<ShardId, Since>,
    table: BTreeMap<Item, Item>,
    last: BTreeMap<Item, Position>,
    lost: bool,
}

impl Reader {
    fn catch_up(&mut self, tables: &Tables, feed: &Feed) {
        for shard in tables.shards(feed).unwrap() {
            let since = *self.cursors.entry(shard.id).or_insert(Since::Oldest);
            self.lost |= since == Since::Oldest
                && shard.id.generation > 0
                && shard
                    .parent
                    .is_some_and(|parent| !self.cursors.contains_key(&parent));
            let mut since = since;
            loop {
                let reading = Reading {
                    shard: shard.id,
                    since,
                    limit: 3,
                    bytes: 1 << 20,
                };
                let page = tables.changes(feed, &reading).unwrap();
                let none = page.changes.is_empty();
                for change in page.changes {
                    self.hear(change);
                }
                match page.next {
                    Some(next) => since = Since::After(next),
                    None => since = Since::After(shard.end.unwrap()),
                }
                if none || page.next.is_none() {
                    break;
                }
            }
            self.cursors.insert(shard.id, since);
        }
    }

    fn hear(&mut self, change: ItemChange) {
        let ItemChange {
            key,
            old,
            new,
            kind,
            position,
            ..
        } = change;
        let before = self.last.insert(key.clone(), position);
        assert!(
            before.is_none_or(|before| before < position),
            "an item's changes are in order"
        );
        assert_eq!(
            self.table.get(&key),
            old.as_ref(),
            "each goes on from the one before"
        );
        assert_ne!(old, new);
        assert_eq!(
            kind,
            match (&old, &new) {
                (None, _) => ItemChangeKind::Inserted,
                (_, None) => ItemChangeKind::Removed,
                _ => ItemChangeKind::Modified,
            }
        );
        match new {
            Some(new) => self.table.insert(key, new),
            None => self.table.remove(&key),
        };
    }
}

fn numbered(k: u8, v: u8) -> Item {
    row(&(k / 2).to_string(), &(k % 2).to_string(), &v.to_string())
}

fn numbered_key(k: u8) -> Item {
    key(&(k / 2).to_string(), &(k % 2).to_string())
}

async fn take(tables: &Tables, clock: &ManualClock, step: Step) {
    match step {
        Step::Put(k, v) => put(tables, "t", numbered(k, v)).await,
        Step::Delete(k) => {
            let delete = Write::delete("t", numbered_key(k));
            tables.write(&space(), &delete).await.unwrap();
        }
        Step::Move(a, b, v) => {
            let exists = Condition::Exists(Path::attribute("v"));
            let writes = [
                Write::delete("t", numbered_key(a)).when(Some(exists)),
                Write::put("t", numbered(b, v)),
            ];
            match tables.transact(&space(), None, &writes).await {
                Ok(_) | Err(Error::Cancelled(_) | Error::RepeatedItem) => {}
                Err(error) => panic!("{error}"),
            }
        }
        Step::Many(rows) => {
            let rows: BTreeMap<u8, u8> = rows.into_iter().collect();
            let puts = rows
                .into_iter()
                .map(|(k, v)| Write::put("t", numbered(k, v)));
            let puts: Vec<Write> = puts.collect();
            tables.write_many(&space(), &puts).await.unwrap();
        }
        Step::Later(minutes) => clock.advance(Duration::from_secs(60 * u64::from(minutes))),
        Step::Tend | Step::Crash => unreachable!("that is the world's to do"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_feed_replayed_is_its_table(
        steps in proptest::collection::vec(any_step(), 1..80),
        seed: u64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let faults = Faults { conflict: 0.2, failed_sync: 0.0 };
            let simulation = Simulation::new(Random::seeded(seed), faults);
            let mut store = simulation.open();
            let (mut tables, clock) = timed(&store);
            tables.create(&space(), told("t", Images::Both)).await.unwrap();
            let feed = feed_of(&tables, "t");
            let mut reader = Reader::default();
            for step in steps {
                match step {
                    Step::Crash => {
                        simulation.crash();
                        store = simulation.open();
                        tables = Tables::new(store.clone(), clock.clone(), Random::seeded(seed));
                    }
                    Step::Tend => {
                        // A crash must not undo what somebody outside has read.
                        store.sync().await.unwrap();
                        reader.catch_up(&tables, &feed);
                        tables.tend_feeds().await.unwrap();
                    }
                    step => take(&tables, &clock, step).await,
                }
            }
            reader.catch_up(&tables, &feed);
            prop_assert!(!reader.lost, "who reads before each trim misses nothing");
            let mut items: Vec<Item> = reader.table.into_values().collect();
            items.sort();
            let mut stored = scan_all(&tables, "t", None);
            stored.sort();
            prop_assert_eq!(items, stored);
            Ok(())
        })?;
    }
}

/// `docs/storage.md` says these numbers.
#[tokio::test]
async fn a_write_costs_what_is_written_down() {
    let store = Store::ephemeral(Random::seeded(1));
    let (tables, _) = timed(&store);
    let index = NewIndex {
        name: "by".into(),
        key: KeySchema {
            partition: attribute("v", KeyType::String),
            sort: None,
        }
        .into(),
        local: false,
        projected: Projected::Keys,
        provisioned: None,
    };
    let table = NewTable {
        indexes: vec![index],
        ..told("t", Images::Both)
    };
    tables.create(&space(), table).await.unwrap();
    // Keys of 16 and 8 bytes, and a hundred bytes of text.
    let item = row(&"p".repeat(16), &"s".repeat(8), &"v".repeat(100));
    assert_eq!(item_size(&item), 127);
    put(&tables, "t", item).await;
    let view = store.read().unwrap();
    let bytes = |range: store::KeyRange| -> Vec<(usize, usize)> {
        let rows = view.scan(&range, 9).unwrap();
        rows.into_iter()
            .map(|(key, value)| (key.len(), value.len()))
            .collect()
    };
    let of_table = |tag: u8| {
        let prefix = tables.table(&space(), "t").unwrap().prefix();
        ITEMS.key().u64(prefix).u8(tag).range()
    };
    let feed = feed_of(&tables, "t");
    let logs = store::Key::new(store::Keyspace::Log, 0);
    let changes: Vec<_> = (0..4)
        .flat_map(|partition| {
            bytes(
                logs.clone()
                    .str(&format!("tables/{:016x}/{partition}", feed.id))
                    .range(),
            )
        })
        .collect();
    assert_eq!(bytes(of_table(0)), [(41, 138)]);
    assert_eq!(bytes(of_table(1)), [(147, 138)]);
    // The table's, and its index'.
    assert_eq!(bytes(COUNTS.key().range()), [(11, 17), (15, 17)]);
    assert_eq!(changes, [(41, 148)]);
}
