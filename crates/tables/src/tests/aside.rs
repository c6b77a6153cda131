//! Copies that are kept beside tables.

use super::*;
use crate::schema::{DROPPED, Direction, PRIMARY, Progress, State, prefix};

fn transfer(id: &str, direction: Direction) -> Transfer {
    let at = Timestamp::from_secs(1_000);
    Transfer {
        id: id.into(),
        direction,
        table: "t".into(),
        table_id: uuid::Uuid::from_u128(u128::from(u64::MAX) << 64),
        at,
        started: at,
        ended: None,
        asked: String::new(),
        token: None,
        state: State::Running,
        progress: Progress::default(),
    }
}

async fn end(tables: &Tables, transfer: &mut Transfer, state: State) {
    transfer.end(state, Timestamp::from_secs(2_000));
    tables.keep_transfer(&space(), transfer).await.unwrap();
}

fn copied(store: &Store, transfer: &Transfer) -> usize {
    let rows = ITEMS.key().u64(prefix(transfer.table_id)).u8(PRIMARY);
    store
        .read()
        .unwrap()
        .scan(&rows.range(), 1_000)
        .unwrap()
        .len()
}

async fn put(tables: &Tables, names: std::ops::Range<u32>) {
    for name in names {
        let row = item([("p", text(&name.to_string()))]);
        tables.put(&space(), "t", row).await.unwrap();
    }
}

#[tokio::test]
async fn a_copy_is_what_was_frozen_and_nothing_of_an_attempt_before() {
    let (tables, store) = fresh();
    tables.create(&space(), keyed("t", None)).await.unwrap();
    put(&tables, 0..200).await;
    let mut copy = transfer("copy", Direction::Aside);
    tables.begin_transfer(&space(), &copy).await.unwrap();
    let first = tables.freeze(&space(), "t").unwrap();
    tables.set_aside(&mut copy, first).await.unwrap();
    assert_eq!((copied(&store, &copy), copy.progress.items), (200, 200));
    for name in 0..150 {
        let key = item([("p", text(&name.to_string()))]);
        tables
            .write(&space(), &Write::delete("t", key))
            .await
            .unwrap();
    }
    let second = tables.freeze(&space(), "t").unwrap();
    put(&tables, 300..310).await;
    tables.set_aside(&mut copy, second).await.unwrap();
    assert_eq!((copied(&store, &copy), copy.progress.items), (50, 50));
}

#[tokio::test]
async fn a_copy_is_not_dropped_while_it_is_made_or_a_table_is_made_of_it() {
    let (tables, store) = fresh();
    tables.create(&space(), keyed("t", None)).await.unwrap();
    put(&tables, 0..10).await;
    let mut copy = transfer("copy", Direction::Aside);
    tables.begin_transfer(&space(), &copy).await.unwrap();
    let in_use = |result: Result<Transfer>| assert!(matches!(result, Err(Error::CopyInUse(_))));
    in_use(tables.drop_copy(&space(), "copy").await);
    let restored = || keyed("restored", None);
    let back = transfer("back", Direction::Back);
    in_use(
        tables
            .create_from(&space(), restored(), &back, "copy")
            .await,
    );
    let frozen = tables.freeze(&space(), "t").unwrap();
    tables.set_aside(&mut copy, frozen).await.unwrap();
    end(&tables, &mut copy, State::Done).await;

    let begun = tables
        .create_from(&space(), restored(), &back, "copy")
        .await;
    let mut back = begun.unwrap();
    in_use(tables.drop_copy(&space(), "copy").await);
    tables.bring_back(&space(), &mut back).await.unwrap();
    assert_eq!(back.progress.items, 10);
    end(&tables, &mut back, State::Done).await;
    let described = tables.describe(&space(), "restored").unwrap();
    assert_eq!(
        (described.count.items, described.settings.filled_by),
        (10, None)
    );

    tables.drop_copy(&space(), "copy").await.unwrap();
    while tables.reap().await.unwrap() {}
    assert_eq!(copied(&store, &copy), 0);
    assert_eq!(scan_all(&tables, "restored", None).len(), 10);
    let missing = tables
        .create_from(&space(), keyed("u", None), &back, "copy")
        .await;
    assert!(matches!(missing, Err(Error::NoSuchCopy(_))));
}

#[tokio::test]
async fn a_table_is_filled_with_what_another_one_was_and_is_none_if_that_fails() {
    let (tables, _) = fresh();
    tables.create(&space(), keyed("t", None)).await.unwrap();
    put(&tables, 0..200).await;
    let frozen = tables.freeze(&space(), "t").unwrap();
    put(&tables, 300..310).await;
    let over = transfer("over", Direction::Over);
    let place = space();
    let begun = tables.create_filled(&place, keyed("u", None), over);
    let mut over = begun.await.unwrap();
    let filled = tables.bring_over(&place, &mut over, frozen);
    filled.await.unwrap();
    assert_eq!(over.progress.items, 200);
    assert_eq!(scan_all(&tables, "u", None).len(), 200);

    let failed = State::Failed {
        code: "none".into(),
        message: String::new(),
    };
    end(&tables, &mut over, failed).await;
    let gone = tables.table(&space(), "u");
    assert!(matches!(gone, Err(Error::NoSuchTable(_))));
}

#[tokio::test]
async fn a_table_that_nothing_came_into_is_dropped() {
    let (tables, store) = fresh();
    let filling = transfer("in", Direction::In);
    let begun = tables
        .create_filled(&space(), keyed("t", None), filling)
        .await;
    let mut begun = begun.unwrap();
    let failed = State::Failed {
        code: "none".into(),
        message: String::new(),
    };
    end(&tables, &mut begun, failed).await;
    let gone = tables.table(&space(), "t");
    assert!(matches!(gone, Err(Error::NoSuchTable(_))));
    let dropped = DROPPED
        .scan(&store.read().unwrap(), &DROPPED.key().range(), 9)
        .unwrap();
    assert_eq!(dropped.len(), 1);
}
