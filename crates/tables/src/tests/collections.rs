use super::*;
use crate::collection::{MAX_COLLECTION, SHARDS, parts};
use crate::schema::{COLLECTIONS, Collection};

async fn with_local_index() -> (Tables, Store) {
    let (tables, store) = fresh();
    let index = NewIndex {
        name: "by-v".into(),
        key: KeySchema {
            partition: attribute("p", KeyType::String),
            sort: Some(attribute("v", KeyType::String)),
        }
        .into(),
        local: true,
        projected: Projected::Keys,
        provisioned: None,
    };
    let table = NewTable {
        indexes: vec![index],
        ..keyed("t", Some(KeyType::String))
    };
    tables.create(&space(), table).await.unwrap();
    (tables, store)
}

/// Lets the partition `p` be of this size, as if its items were there.
async fn fill(tables: &Tables, store: &Store, size: u64) {
    let table = tables.table(&space(), "t").unwrap();
    store
        .write(|tx| {
            for part in 0..SHARDS {
                let bytes = size / u64::from(SHARDS);
                let row = parts(&table, b"p").u8(part);
                COLLECTIONS.put(tx, row, &Collection { bytes });
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

fn row(s: &str, v: &str) -> Item {
    item([("p", text("p")), ("s", text(s)), ("v", text(v))])
}

#[tokio::test]
async fn a_partition_with_local_indexes_grows_up_to_its_limit() {
    let (tables, store) = with_local_index().await;
    fill(&tables, &store, MAX_COLLECTION - 160).await;
    let put = |s: &str, v: &str| Write::put("t", row(s, v));
    let long = "x".repeat(100);
    // The item and its entry.
    let refused = tables.write(&space(), &put("a", &long)).await;
    assert!(matches!(refused, Err(Error::CollectionTooLarge { .. })));
    tables.write(&space(), &put("a", "x")).await.unwrap();
    // One that is as large, and one that is smaller, are no growth.
    tables.write(&space(), &put("a", "y")).await.unwrap();
    tables.write(&space(), &put("a", "")).await.unwrap_err();
    let key = item([("p", text("p")), ("s", text("a"))]);
    tables
        .write(&space(), &Write::delete("t", key))
        .await
        .unwrap();
    let size = tables.collection_size(&space(), "t", &text("p")).unwrap();
    assert_eq!(size, Some(MAX_COLLECTION - 160));
    // Another partition is another collection.
    let other = item([("p", text("q")), ("s", text("a")), ("v", text(&long))]);
    tables
        .write(&space(), &Write::put("t", other))
        .await
        .unwrap();
    // In a transaction it is the reason.
    let both = [put("b", "x"), put("c", &long)];
    let Err(Error::Cancelled(reasons)) = tables.transact(&space(), None, &both).await else {
        panic!("it is done, or fails otherwise");
    };
    assert!(matches!(
        reasons.as_slice(),
        [None, Some(Error::CollectionTooLarge { .. })]
    ));
}

#[tokio::test]
async fn a_table_without_local_indexes_counts_no_partitions() {
    let (tables, store) = fresh();
    let table = keyed("t", Some(KeyType::String));
    tables.create(&space(), table).await.unwrap();
    tables
        .write(&space(), &Write::put("t", row("a", "b")))
        .await
        .unwrap();
    let size = tables.collection_size(&space(), "t", &text("p")).unwrap();
    assert_eq!(size, None);
    let rows = store
        .read()
        .unwrap()
        .scan(&COLLECTIONS.key().range(), 1)
        .unwrap();
    assert!(rows.is_empty());
}

#[tokio::test]
async fn a_dropped_tables_partitions_are_forgotten() {
    let (tables, store) = with_local_index().await;
    tables
        .write(&space(), &Write::put("t", row("a", "b")))
        .await
        .unwrap();
    tables.drop_table(&space(), "t").await.unwrap();
    while tables.reap().await.unwrap() {}
    let rows = store
        .read()
        .unwrap()
        .scan(&COLLECTIONS.key().range(), 1)
        .unwrap();
    assert!(rows.is_empty());
}
