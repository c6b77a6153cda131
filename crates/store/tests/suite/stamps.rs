//! Values that say in which commit they were written.

use crate::*;

on_every_back_end! {
    a_stamp_tells_where_an_appended_entry_has_come_to_be
    what_is_written_over_a_stamped_value_stays
}

/// The value, and the number that stands behind it.
fn stamped(from: &impl Read, name: &str) -> (Vec<u8>, u64) {
    let stored = get(from, name).unwrap();
    let (value, number) = stored.split_last_chunk().unwrap();
    (value.to_vec(), u64::from_be_bytes(*number))
}

async fn a_stamp_tells_where_an_appended_entry_has_come_to_be(disk: Disk) {
    let store = disk.open();
    let log = Log::new("stamped");
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (store, log) = (store.clone(), log.clone());
            tokio::spawn(async move {
                for n in 0..10 {
                    let name = format!("{writer} {n}");
                    store
                        .write(|tx| {
                            log.append(tx, name.clone().into_bytes());
                            let value = name.clone().into_bytes();
                            tx.put_stamped(key(&name).into_vec(), value.clone());
                            // Nobody knows the number yet.
                            assert_eq!(get(tx, &name).unwrap(), value);
                            Ok::<_, Error>(())
                        })
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let check = |store: &Store| {
        let view = store.read().unwrap();
        let entries = log.read(&view, Position::START, 100).unwrap();
        assert_eq!(entries.len(), 40);
        for entry in entries {
            let name = String::from_utf8(entry.body.to_vec()).unwrap();
            let (value, number) = stamped(&view, &name);
            assert_eq!(value, name.as_bytes());
            assert_eq!(number, entry.position.commit());
        }
    };
    check(&store);
    drop(store);
    check(&disk.open());
}

async fn what_is_written_over_a_stamped_value_stays(disk: Disk) {
    let store = disk.open();
    let stamp =
        |tx: &mut store::Tx, name: &str| tx.put_stamped(key(name).into_vec(), b"old".to_vec());
    store
        .write(|tx| {
            for name in ["put", "deleted", "stamped"] {
                stamp(tx, name);
            }
            tx.put(key("put").into_vec(), "new");
            tx.delete(key("deleted").into_vec());
            tx.put_stamped(key("stamped").into_vec(), b"new".to_vec());
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let view = store.read().unwrap();
    assert_eq!(get(&view, "put").unwrap(), "new");
    assert_eq!(get(&view, "deleted"), None);
    assert_eq!(stamped(&view, "stamped").0, b"new");
}
