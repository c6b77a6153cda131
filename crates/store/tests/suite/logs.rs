//! Logs, and who reads them.

use crate::*;

on_every_back_end! {
    log_entries_are_in_commit_order_and_a_cursor_sees_each_once
    a_waiter_hears_of_an_append
    a_log_is_read_back_from_its_end
}

async fn log_entries_are_in_commit_order_and_a_cursor_sees_each_once(disk: Disk) {
    let store = disk.open();
    let log = Log::new("changes");
    let writers: Vec<_> = (0..4_u8)
        .map(|writer| {
            let (store, log) = (store.clone(), log.clone());
            tokio::spawn(async move {
                for n in 0..25_u8 {
                    store
                        .write(|tx| {
                            log.append(tx, vec![writer, n, 0]);
                            log.append(tx, vec![writer, n, 1]);
                            Ok::<_, Error>(())
                        })
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    let (mut cursor, mut seen) = (Position::START, Vec::new());
    while seen.len() < 200 {
        store.appended(&log, cursor).await.unwrap();
        for entry in log.read(&store.read().unwrap(), cursor, 7).unwrap() {
            assert!(entry.position > cursor);
            cursor = entry.position;
            seen.push(entry.body);
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    for writer in 0..4_u8 {
        let of_writer: Vec<_> = seen
            .iter()
            .filter(|body| body[0] == writer)
            .map(|body| (body[1], body[2]))
            .collect();
        let wanted: Vec<_> = (0..25).flat_map(|n| [(n, 0), (n, 1)]).collect();
        assert_eq!(of_writer, wanted);
    }
    drop(store);
    let store = disk.open();
    put(&store, "a", "1").await;
    store
        .write(|tx| {
            log.append(tx, "after reopening");
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let rest = log.read(&store.read().unwrap(), cursor, 10).unwrap();
    assert_eq!(rest.len(), 1, "positions go on growing after a restart");
    assert_eq!(
        log.newest(&store.read().unwrap()).unwrap(),
        Some(rest[0].position)
    );
    let newest = rest[0].position;
    for (after, found) in [(cursor, Some(newest)), (newest, None)] {
        let view = store.read().unwrap();
        assert_eq!(log.newest_after(&view, after).unwrap(), found);
    }
    assert!(newest.before() < newest && newest.before() > cursor);
    assert!(newest.number() > cursor.number());
    assert_eq!(Position::from_number(newest.number()), Some(newest));
    assert_eq!(Position::from_number(u128::MAX), None);
    let trimmed = store.write(|tx| log.trim(tx, cursor, 1_000)).await.unwrap();
    assert_eq!(trimmed, 200);
    assert_eq!(
        log.read(&store.read().unwrap(), Position::START, 10)
            .unwrap(),
        rest
    );
    store
        .write(|tx| {
            log.append(tx, "the last");
            log.forget(tx, rest.iter().map(|entry| entry.position));
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let left = log.read(&store.read().unwrap(), Position::START, 10);
    let left: Vec<Bytes> = left.unwrap().into_iter().map(|entry| entry.body).collect();
    assert_eq!(left, ["the last"]);
}

async fn a_waiter_hears_of_an_append(disk: Disk) {
    let store = disk.open();
    let log = Log::new("quiet");
    let waiter = {
        let (store, log) = (store.clone(), log.clone());
        tokio::spawn(async move { store.appended(&log, Position::START).await })
    };
    tokio::task::yield_now().await;
    store
        .write_buffered(|tx| {
            log.append(tx, "news");
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    waiter.await.unwrap().unwrap();
}

async fn a_log_is_read_back_from_its_end(disk: Disk) {
    let store = disk.open();
    let log = Log::new("lines");
    for n in 0..5_u8 {
        store
            .write(|tx| {
                log.append(tx, vec![n]);
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }
    let view = store.read().unwrap();
    let bodies = |entries: &[store::Entry]| -> Vec<u8> {
        entries.iter().map(|entry| entry.body[0]).collect()
    };
    let newest = log.read_back(&view, None, 2).unwrap();
    assert_eq!(bodies(&newest), [4, 3]);
    let older = log.read_back(&view, Some(newest[1].position), 9).unwrap();
    assert_eq!(bodies(&older), [3, 2, 1, 0]);
}
